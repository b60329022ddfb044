/* Finds nests that carry state over loops of blocks, and writes the tile program around what they become. */
#include "transforms/lift.h"

#include <stdarg.h>
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"

enum {
    ROWS = 32,
    ROWS_OF_TWO = 64 /* of a block of the grid: where one axis lies in tiles, and where two do */
};

bool lift_fail(struct lifter *l, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vprintf(l->arena, format, arguments);
    va_end(arguments);
    return tile_fail(l->t, span, "%s", text);
}

/* ---- which kernels ---- */

static bool is_element(const struct node_axis *axis) {
    int64_t step = 1;
    return axis->lower && (!axis->step || (integer_value(axis->step, &step) && step == 1));
}

/* Does the bound follow from a loop variable, and not from data? */
static bool follows_elements(const struct node_kernel *kernel, struct node *bound) {
    if (find_kind(bound, NODE_ACCESS))
        return false;
    for_each_node (node, bound) {
        struct node_reference *reference = node_as(node, reference);
        if (is_block_place(node))
            skip_below(node);
        else if (reference)
            for_each (axis, axis, kernel->body)
                if (is_element(axis) && strcmp(axis->name, reference->name) == 0)
                    return true;
    }
    return false;
}

/* Is a result written along the axis? Its elements are then chosen by the range (auto_tile_parts.c). */
static bool is_written_along(const struct node_kernel *kernel, const struct node_axis *axis) {
    for_each (assign, assign, kernel->body) {
        struct node_access *target = node_as(assign->target, access);
        if (target && mentions(assign->target, axis->name) &&
            find_parameter((struct node *)(uintptr_t)&kernel->base, target->name))
            return true;
    }
    return false;
}

bool lift_wanted(const struct node_kernel *kernel) {
    struct node_block *block = node_as(kernel->body, block);
    bool nest = false;
    for (size_t i = 0; block && i < block->statements.count; i++) {
        struct node_for *loop = node_as(block->statements.items[i], for);
        nest |= loop && is_element(node_as(loop->axes.items[0], axis));
    }
    if (nest && lift_runs(kernel))
        return true;
    for_each (axis, axis, kernel->body) {
        if (!nest || !axis->lower)
            continue;
        if (!is_element(axis) ||
            (!is_written_along(kernel, axis) && (follows_elements(kernel, axis->lower) ||
                                                 follows_elements(kernel, axis->upper))))
            return true;
    }
    return false;
}

/* ---- the axes of the grid ---- */

/* Does the axis lie in tiles of a tensor; does it count matrices of one? */
struct places {
    bool tiles, matrices;
};

static void add_places(struct lifter *l, struct places *places, const struct node *tree, const char *name) {
    for_each (access, access, tree) {
        size_t rank = access->subscripts.count;
        bool tensor = relations_tensor(l->t->relations, access->name) != NULL;
        for (size_t i = 0; tensor && i < rank; i++) {
            bool varies = mentions(access->subscripts.items[i], name);
            places->tiles |= varies && i + 2 >= rank;
            places->matrices |= varies && i + 2 < rank;
        }
    }
}

static void open_outer(struct lifter *l, struct node_axis *axis, struct node *body) {
    struct places places = {false, false};
    add_places(l, &places, body, axis->name);
    struct span span = axis->base.span.line ? axis->base.span : l->span;
    if (places.tiles && places.matrices) {
        if (lift_fail(l, span, "%s counts matrices of one tensor and lies in the tiles of another",
                      axis->name))
            tile_help(l->t, "give all tensors that have %s the same order of dimensions", axis->name);
    } else if (places.tiles) {
        lifted_add(l, (struct lifted_axis){LIFTED_ROW, axis->name, axis->lower, axis->upper, NULL, span});
    } else if (l->matrix_count < AXIS_LIMIT) {
        l->matrices[l->matrix_count++] = axis;
    }
}

/* The only loop of the list, where nothing but lets of numbers and values stands before it; NULL otherwise. */
static struct node_for *only_loop(struct node_list list) {
    for (size_t i = 0; i + 1 < list.count; i++)
        if (list.items[i]->kind != NODE_LET)
            return NULL;
    struct node_for *loop = list.count ? node_as(list.items[list.count - 1], for) : NULL;
    for (size_t i = 0; loop && i < loop->axes.count; i++)
        if (!is_element(node_as(loop->axes.items[i], axis)))
            return NULL;
    return loop;
}

static struct node_list statements_of(struct arena *arena, struct node *body) {
    struct node_block *block = node_as(body, block);
    return block ? block->statements : LIST(arena, body);
}

/* Opens the loops over elements that stand around everything. What is left in them, the lets between them first. */
static struct node *open_nest(struct lifter *l, struct node_list list) {
    struct list_builder body = {0};
    struct node_for *loop;
    while ((loop = only_loop(list)) && !l->t->failed) {
        l->span = loop->base.span;
        for (size_t i = 0; i + 1 < list.count; i++)
            builder_add(l->arena, &body, list.items[i]);
        for (size_t i = 0; i < loop->axes.count; i++)
            open_outer(l, node_as(loop->axes.items[i], axis), l->t->kernel->body);
        list = statements_of(l->arena, loop->body);
    }
    builder_add_all(l->arena, &body, list);
    return make_block(l->arena, l->span, builder_list(&body));
}

/* ---- the program ---- */

static struct node *grid_around(struct lifter *l, struct node_list body, struct span span) {
    struct list_builder axes = {0}, whole = {0};
    for (size_t i = 0; i < l->matrix_count; i++)
        builder_add(
            l->arena, &axes,
            make_axis(l->arena, l->matrices[i]->name, l->matrices[i]->lower, l->matrices[i]->upper, NULL));
    for (size_t i = 0; i < l->axis_count; i++) {
        const struct lifted_axis *axis = &l->axes[i];
        struct node *made = node_with_span(
            l->arena, make_axis(l->arena, axis->name, axis->lower, axis->upper, axis->step), axis->span);
        if (axis->kind == LIFTED_ROW || axis->kind == LIFTED_WHOLE)
            builder_add(l->arena, axis->kind == LIFTED_ROW ? &axes : &whole, made);
    }
    if (whole.count)
        body = LIST(l->arena, node_new(l->arena, for, FOR, span, .axes = builder_list(&whole),
                                       .body = make_block(l->arena, span, body)));
    return node_new(l->arena, grid, GRID, span, .axes = builder_list(&axes),
                    .body = make_block(l->arena, span, body));
}

/* A var of the kernel itself: its statements are those of one row. */
static bool is_one_row(struct node_list list) {
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i]->kind == NODE_VAR)
            return true;
    return false;
}

/* The row that the kernel is: its vars have the only element of an axis of their own. */
static struct node *open_row(struct lifter *l, struct node_list list) {
    l->row = axis_fresh(l->t, "row");
    lifted_add(l, (struct lifted_axis){LIFTED_ROW, l->row, make_integer(l->arena, 0), make_integer(l->arena, 1), NULL, l->span});
    return make_block(l->arena, l->span, list);
}

/* ---- nests beside each other ---- */

/* Does one of the nests read what the other writes? */
static bool depends(const struct node *reader, const struct node *writer) {
    for_each (assign, assign, writer) {
        const char *name = target_name(assign->target);
        if (name && mentions(reader, name))
            return true;
    }
    return false;
}

/* What the loop does for one iteration of its first axis, called `name`. */
static struct node *of_first_axis(struct arena *arena, const struct node_for *loop, const char *name) {
    struct node_for rest = *loop;
    rest.axes = (struct node_list){loop->axes.count - 1, loop->axes.items + 1};
    struct node *body = rest.axes.count ? arena_copy(arena, &rest, sizeof rest) : loop->body;
    return substitute(arena, body, node_as(loop->axes.items[0], axis)->name, make_reference(arena, name));
}

/* Nests over the same range of a first axis, of which none reads what another writes, are one. */
static struct node_list nests_joined(struct lifter *l, struct node_list list) {
    struct list_builder body = {0};
    struct node_for *first = list.count > 1 ? node_as(list.items[0], for) : NULL;
    struct node_axis *axis = first ? node_as(first->axes.items[0], axis) : NULL;
    for (size_t i = 0; i < list.count; i++) {
        struct node_for *loop = node_as(list.items[i], for);
        struct node_axis *own = loop ? node_as(loop->axes.items[0], axis) : NULL;
        if (!axis || !own || !is_element(own) || loop->base.attributes.count ||
            !relations_equal_sizes(l->t->relations, own->lower, axis->lower) ||
            !relations_equal_sizes(l->t->relations, own->upper, axis->upper))
            return list;
        for (size_t k = 0; k < list.count; k++)
            if (k != i && depends(list.items[i], list.items[k]))
                return list;
        builder_add(l->arena, &body, of_first_axis(l->arena, loop, axis->name));
    }
    struct node_for joined = *first;
    joined.axes = LIST(l->arena, &axis->base);
    joined.body = make_block(l->arena, first->base.span, builder_list(&body));
    return LIST(l->arena, arena_copy(l->arena, &joined, sizeof joined));
}

struct node *lift_nest(struct tiler *t) {
    struct lifter *l = arena_allocate(t->arena, sizeof *l);
    *l = (struct lifter){.t = t, .arena = t->arena, .span = t->kernel->base.span};
    struct node_list list = statements_of(t->arena, t->kernel->body);
    while (list.count == 1 && list.items[0]->kind == NODE_BLOCK)
        list = statements_of(t->arena, list.items[0]);
    list = nests_joined(l, list);
    struct node_for *loop = only_loop(list);
    bool row = !loop && is_one_row(list);
    t->names = names_of(t->arena, &t->kernel->base);
    if (!loop && !row) {
        if (lift_fail(
                l, list.count ? list.items[list.count - 1]->span : l->span,
                "kernel %s has several nests, and one of them has loops over blocks or ranges that depend on elements",
                t->kernel->name))
            tile_help(t, "write each nest as a kernel of its own, and launch them from a program");
        return NULL;
    }
    struct span span = row ? list.items[0]->span : loop->base.span;
    struct node *body = row ? open_row(l, list) : open_nest(l, list);
    size_t rows = l->axis_count;
    for (size_t i = 0; i < rows; i++)
        l->axes[i].step = make_integer(t->arena, rows > 1 ? ROWS_OF_TWO : ROWS);
    if (!t->failed && !rows && !l->matrix_count)
        lift_fail(
            l, span,
            "nothing says which blocks cores share: no loop variable of the nest selects elements of a tensor");
    body = t->failed ? body : lift_axes_of(l, body);
    if (!t->failed)
        lift_shapes(l, body);
    struct list_builder statements = {0};
    l->out = &statements;
    if (!t->failed)
        lift_list(l, statements_of(t->arena, body));
    if (t->failed)
        return NULL;
    return make_block(t->arena, t->kernel->body->span,
                      LIST(t->arena, grid_around(l, builder_list(&statements), span)));
}
