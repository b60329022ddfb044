/* The axes of a nest that is lifted: loops over elements are opened, arrays and reductions name block axes. */
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/auto_tile_cells.h"
#include "transforms/lift.h"

enum {
    LOOP_TILES = 4,
    PANEL_TILES = 8
}; /* of loops over elements and of reductions that become loops over blocks */

/* ---- names ---- */

struct held *held_find(struct lifter *l, const char *name) {
    for (size_t i = l->held_count; i-- > 0;)
        if (strcmp(l->held[i].name, name) == 0)
            return &l->held[i];
    return NULL;
}

size_t lifted_find(const struct lifter *l, const char *name) {
    for (size_t i = 0; i < l->axis_count; i++)
        if (strcmp(l->axes[i].name, name) == 0)
            return i;
    return LIFT_AXES;
}

size_t lifted_add(struct lifter *l, struct lifted_axis axis) {
    if (l->axis_count == LIFT_AXES) {
        lift_fail(l, axis.span, "more than %d axes stand in this nest", LIFT_AXES);
        return 0;
    }
    l->axes[l->axis_count] = axis;
    return l->axis_count++;
}

static bool is_open(const struct lifter *l, size_t axis) {
    for (size_t i = 0; i < l->open_count; i++)
        if (l->opened[i].axis == axis)
            return true;
    return false;
}

static bool open_push(struct lifter *l, size_t axis, bool elements, const struct node *body) {
    if (l->open_count == OPEN_LIMIT)
        return !lift_fail(l, l->span, "loops and folds are nested more than %d deep", OPEN_LIMIT);
    l->opened[l->open_count++] = (struct opened){axis, elements, body};
    return true;
}

/* ---- what varies along them ---- */

/* What counts matrices is a number. */
static uint64_t varying_bit(const struct lifter *l, size_t axis) {
    return axis < LIFT_AXES && l->axes[axis].kind != LIFTED_MATRICES ? lifted_bit(axis) : 0;
}

/* The axes that its range depends on. */
static uint64_t range_varies(struct lifter *l, size_t axis) {
    if (axis == LIFT_AXES || l->axes[axis].kind != LIFTED_BLOCK)
        return 0;
    return lift_varies(l, l->axes[axis].lower) | lift_varies(l, l->axes[axis].upper);
}

uint64_t lift_varies(struct lifter *l, const struct node *value) {
    uint64_t found = 0;
    for_each_node (node, value) {
        const struct node_reduction *reduction = node_as(node, reduction);
        const char *name = mentioned_name(node);
        struct held *held = name ? held_find(l, name) : NULL;
        if (is_block_place(node))
            skip_below(node);
        else if (held)
            found |= held->varies;
        else if (node->kind == NODE_REFERENCE)
            found |= varying_bit(l, lifted_find(l, name));
        else if (reduction) {
            uint64_t inside = lift_varies(l, reduction->body);
            for (size_t i = 0; i < reduction->axes.count; i++) {
                size_t axis = lifted_find(l, node_as(reduction->axes.items[i], axis)->name);
                inside &= ~lifted_bit(axis);
                found |= range_varies(l, axis);
            }
            found |= inside;
            skip_below(node);
        }
    }
    return found;
}

/* ---- whole axes ---- */

static bool has_range(const struct lifter *l, size_t axis, const struct node_axis *range) {
    const struct lifted_axis *a = &l->axes[axis];
    return relations_equal_sizes(l->t->relations, a->lower, range->lower) &&
           relations_equal_sizes(l->t->relations, a->upper, range->upper);
}

/* A whole axis of this range that is free here; LIFT_AXES when there is none. */
static size_t find_whole(const struct lifter *l, const struct node_axis *range) {
    for (size_t i = 0; i < l->axis_count; i++)
        if (l->axes[i].kind == LIFTED_WHOLE && !is_open(l, i) && has_range(l, i, range))
            return i;
    return LIFT_AXES;
}

static size_t add_whole(struct lifter *l, const struct node_axis *range) {
    int64_t lower, upper;
    struct span span = range->base.span.line ? range->base.span : l->span;
    if (!integer_value(range->lower, &lower) || lower != 0) {
        lift_fail(l, span, "the elements of %s begin at %s, and a block that is kept whole begins at 0",
                  range->name, node_text(l->arena, range->lower));
        return 0;
    }
    struct node *step = range->upper;
    if (integer_value(step, &upper) && upper > 0)
        step = make_integer(l->arena, (upper + TILE_EDGE - 1) / TILE_EDGE * TILE_EDGE);
    return lifted_add(
        l, (struct lifted_axis){LIFTED_WHOLE, range->name, range->lower, range->upper, step, span});
}

static void fail_as_across(struct lifter *l, struct span span, const char *name) {
    if (lift_fail(l, span, "%s is read across its axes, and what a core keeps is read at its own axes", name))
        tile_help(l->t, "gather what is read so in a second array, with the axes in that order");
}

/* The axis that arrays which are read or written at this one have; LIFT_AXES: there is none. */
static size_t axis_of_arrays(struct lifter *l, const struct node_axis *axis, const struct node *body) {
    size_t found = LIFT_AXES;
    for_each (access, access, body) {
        struct held *held = held_find(l, access->name);
        for (size_t i = 0; held && i < access->subscripts.count && i < held->own_count; i++) {
            struct node_reference *reference = node_as(access->subscripts.items[i], reference);
            if (!reference || strcmp(reference->name, axis->name) != 0)
                continue;
            if (found != LIFT_AXES && found != held->own[i]) {
                fail_as_across(l, access->base.span, held->name);
                return found;
            }
            found = held->own[i];
        }
    }
    if (found == LIFT_AXES || l->t->failed)
        return found;
    struct span span = axis->base.span.line ? axis->base.span : l->span;
    if (is_open(l, found))
        fail_as_across(l, span, "an array");
    else if (l->axes[found].kind == LIFTED_WHOLE && !has_range(l, found, axis))
        lift_fail(
            l, span,
            "%s runs over %s..%s, but the array that is read at it has the elements %s..%s: blocks are taken whole",
            axis->name, node_text(l->arena, axis->lower), node_text(l->arena, axis->upper),
            node_text(l->arena, l->axes[found].lower), node_text(l->arena, l->axes[found].upper));
    return found;
}

/* `x in j`: the block whose elements the axis visits; LIFT_AXES when it has a range of its own. */
static size_t visited_block(const struct lifter *l, const struct node_axis *axis) {
    struct node_call *low = node_as(axis->lower, call);
    struct node_reference *block =
        low && strcmp(low->function, "lo") == 0 ? node_as(low->arguments.items[0], reference) : NULL;
    return block ? lifted_find(l, block->name) : LIFT_AXES;
}

/* ---- expressions ---- */

static size_t folded_axis(struct lifter *l, const struct node_reduction *reduction,
                          const struct node_axis *axis) {
    size_t found = visited_block(l, axis);
    if (found == LIFT_AXES)
        found = axis_of_arrays(l, axis, reduction->body);
    if (found == LIFT_AXES)
        found = find_whole(l, axis);
    if (found == LIFT_AXES && !folds_by_parts(reduction->op))
        found = add_whole(l, axis);
    if (found == LIFT_AXES)
        found = lifted_add(l, (struct lifted_axis){LIFTED_BLOCK, axis->name, axis->lower, axis->upper,
                                                   make_integer(l->arena, PANEL_TILES * TILE_EDGE),
                                                   axis->base.span});
    return found;
}

static struct node *settle_expression(struct node *node, void *context) {
    struct lifter *l = context;
    struct node_reduction *reduction = node_as(node, reduction);
    if (!reduction || l->t->failed)
        return l->t->failed ? node : node_map_children(l->arena, node, settle_expression, l);
    struct node_reduction settled = *reduction;
    struct list_builder axes = {0};
    size_t mark = l->open_count;
    for (size_t i = 0; i < reduction->axes.count && !l->t->failed; i++) {
        struct node_axis axis = *node_as(reduction->axes.items[i], axis);
        if (axis.lower) {
            size_t found = folded_axis(l, &settled, &axis);
            if (l->t->failed || !open_push(l, found, false, NULL))
                break;
            const char *name = l->axes[found].name;
            if (strcmp(name, axis.name) != 0)
                settled.body = substitute(l->arena, settled.body, axis.name, make_reference(l->arena, name));
            axis.name = name;
            if (l->axes[found].kind != LIFTED_BLOCK || visited_block(l, &axis) != LIFT_AXES)
                axis.lower = axis.upper = NULL;
        }
        builder_add(l->arena, &axes, arena_copy(l->arena, &axis, sizeof axis));
    }
    settled.axes = builder_list(&axes);
    settled.body = settle_expression(settled.body, l);
    l->open_count = mark;
    return arena_copy(l->arena, &settled, sizeof settled);
}

/* ---- declarations ---- */

static struct node_list settle_own_axes(struct lifter *l, struct held *held, struct node_list list,
                                        struct node **value) {
    struct list_builder axes = {0};
    size_t mark = l->open_count;
    if (list.count > sizeof held->own / sizeof *held->own) {
        lift_fail(l, held->span,
                  "%s has %zu axes of its own: what a core keeps is a matrix of tiles or a vector",
                  held->name, list.count);
        return list;
    }
    for (size_t i = 0; i < list.count && !l->t->failed; i++) {
        const struct node_axis *axis = node_as(list.items[i], axis);
        size_t found = axis->lower ? find_whole(l, axis) : lifted_find(l, axis->name);
        if (found == LIFT_AXES)
            found = add_whole(l, axis);
        const char *name = l->axes[found].name;
        if (*value && strcmp(name, axis->name) != 0)
            *value = substitute(l->arena, *value, axis->name, make_reference(l->arena, name));
        held->own[held->own_count++] = found;
        open_push(l, found, false, NULL);
        builder_add(l->arena, &axes, make_axis(l->arena, name, NULL, NULL, NULL));
    }
    if (*value && !l->t->failed)
        *value = settle_expression(*value, l);
    l->open_count = mark;
    return builder_list(&axes);
}

static struct node *settle_declaration(struct lifter *l, struct node *node) {
    struct node_let *let = node_as(node, let);
    struct node_var *var = node_as(node, var);
    struct held held = {.name = let ? let->name : var->name,
                        .span = node->span,
                        .variable = var != NULL,
                        .dtype = let ? let->dtype : var->dtype,
                        .opened = l->open_count};
    struct node *value = let ? let->value : var->value;
    struct node_list axes = settle_own_axes(l, &held, let ? let->axes : var->axes, &value);
    if (l->held_count == LIFT_NAMES)
        lift_fail(l, node->span, "this nest has more than %d lets and vars", LIFT_NAMES);
    if (l->t->failed)
        return node;
    l->held[l->held_count++] = held;
    if (let)
        return node_new(l->arena, let, LET, node->span, .name = held.name, .axes = axes, .dtype = held.dtype,
                        .value = value);
    return node_new(l->arena, var, VAR, node->span, .name = held.name, .axes = axes, .dtype = held.dtype,
                    .value = value);
}

/* ---- assignments ---- */

/* The loops over elements around an assignment of which its target has no axis: it gathers over them. */
static struct node_list gathered_axes(struct lifter *l, const struct node *target) {
    struct held *held = held_find(l, target_name(target));
    struct list_builder axes = {0};
    for (size_t i = held ? held->opened : 0; i < l->open_count; i++) {
        const char *name = l->axes[l->opened[i].axis].name;
        if (l->opened[i].elements && !mentions(target, name))
            builder_add(l->arena, &axes, make_axis(l->arena, name, NULL, NULL, NULL));
    }
    return builder_list(&axes);
}

/* Does the loop over these elements read what it gathers? */
static bool is_read_on_the_way(const struct lifter *l, const char *axis, const char *name) {
    for (size_t i = 0; i < l->open_count; i++)
        if (l->opened[i].elements && strcmp(l->axes[l->opened[i].axis].name, axis) == 0)
            return is_read_in(l->opened[i].body, name);
    return false;
}

static struct node *gathering(struct lifter *l, const struct node_assign *assign, struct node_list axes) {
    struct update update = as_update(assign);
    const char *loop = node_as(axes.items[0], axis)->name, *name = target_name(assign->target);
    struct span span = assign->base.span;
    bool carried = mentions(update.value, name) || is_read_on_the_way(l, loop, name);
    if (update.op == ASSIGN_SET || carried) {
        if (lift_fail(
                l, span,
                carried
                    ? "%s carries a value from one iteration of %s to the next: a loop over elements may only add up, or find a maximum or minimum"
                    : "%s is overwritten by every iteration of %s: only the last would count",
                name, loop))
            tile_help(
                l->t,
                carried
                    ? "along a leading dimension an element may change it in any way: give the tensors that have %s this order, as in X[%s, i, o]"
                    : "to add them up write %s += ...",
                carried ? loop : name, loop);
        return assign->target;
    }
    struct node *value = update.negative ? make_negation(l->arena, update.value) : update.value;
    struct node *fold =
        node_new(l->arena, reduction, REDUCTION, span, .op = fold_of_update(update.op), .axes = axes, .body = value);
    return node_new(l->arena, assign, ASSIGN, span, .target = assign->target, .op = update.op, .value = fold);
}

static struct node *settle_assign(struct lifter *l, const struct node_assign *assign,
                                  struct node *condition) {
    struct node_assign settled = *assign;
    const char *name = target_name(assign->target);
    settled.value = settle_expression(assign->value, l);
    if (condition) {
        if (!held_find(l, name) &&
            lift_fail(l, assign->base.span,
                      "%s is written under a condition, and blocks of a tensor are written whole", name))
            tile_help(l->t, "choose what is written: %s = select(condition, value, other)",
                      node_text(l->arena, assign->target));
        struct node *value = make_update(l->arena, settled.op, settled.target, settled.value);
        settled.value = make_call(l->arena, "select", LIST(l->arena, condition, value, settled.target));
        settled.op = ASSIGN_SET;
    }
    struct held *held = held_find(l, name);
    for (size_t i = held ? held->opened : 0; held && i < l->open_count; i++)
        held->follows |= range_varies(l, l->opened[i].axis);
    struct node_list axes = gathered_axes(l, assign->target);
    return axes.count && !l->t->failed ? gathering(l, &settled, axes)
                                       : arena_copy(l->arena, &settled, sizeof settled);
}

/* ---- statements ---- */

static void settle_list(struct lifter *l, struct node *body, struct node *condition,
                        struct list_builder *out);

/* Tiles of a block of the loop: what runs by other folds than sums of floats takes one. */
static int64_t loop_tiles(struct lifter *l, struct node *body) {
    for_each (assign, assign, body) {
        struct update update = as_update(assign);
        struct held *held = held_find(l, target_name(assign->target));
        bool whole = held && held->dtype != DTYPE_NONE && fragment_type(held->dtype) != DTYPE_F32;
        if (held && update.op != ASSIGN_SET && (update.op != ASSIGN_ADD || whole) && is_read_in(body, held->name))
            return 1;
    }
    return LOOP_TILES;
}

/* One axis of a loop after another; what is left of it. */
static void settle_loop(struct lifter *l, struct node_for *loop, size_t index, struct node *body,
                        struct list_builder *out) {
    if (index == loop->axes.count) {
        settle_list(l, body, NULL, out);
        return;
    }
    const struct node_axis *axis = node_as(loop->axes.items[index], axis);
    struct span span = axis->base.span.line ? axis->base.span : loop->base.span;
    int64_t step = 1;
    bool elements = !axis->step || (integer_value(axis->step, &step) && step == 1);
    size_t found = elements ? visited_block(l, axis) : LIFT_AXES;
    if (elements && found == LIFT_AXES)
        found = axis_of_arrays(l, axis, body);
    if (l->t->failed)
        return;
    bool opened = found != LIFT_AXES,
         matrices = !opened && elements && counts_matrices(l->t->kernel, axis->name);
    struct node *blocks = elements ? make_integer(l->arena, loop_tiles(l, body) * TILE_EDGE) : axis->step;
    if (!opened)
        found = lifted_add(l, (struct lifted_axis){matrices ? LIFTED_MATRICES : LIFTED_BLOCK, axis->name,
                                                   axis->lower, axis->upper, matrices ? NULL : blocks, span});
    if (l->t->failed)
        return;
    const char *name = l->axes[found].name;
    if (strcmp(name, axis->name) != 0)
        body = substitute(l->arena, body, axis->name, make_reference(l->arena, name));
    if (!open_push(l, found, elements && !matrices, body))
        return;
    struct list_builder inner = {0};
    settle_loop(l, loop, index + 1, body, opened ? out : &inner);
    l->open_count--;
    if (opened || l->t->failed)
        return;
    struct node *range = make_axis(l->arena, name, axis->lower, axis->upper, l->axes[found].step);
    struct node *made = node_new(l->arena, for, FOR, span, .axes = LIST(l->arena, node_with_span(l->arena, range, span)),
                                 .body = make_block(l->arena, span, builder_list(&inner)));
    builder_add(l->arena, out, node_with_attributes(l->arena, made, loop->base.attributes));
}

static struct node *both(struct arena *arena, struct node *a, struct node *b) {
    return a ? make_binary(arena, BINARY_AND, a, b) : b;
}

/* Statements of a branch are values chosen by its condition, one after another: what they change of it is kept as it was
 * before the branch. */
static struct node *settle_condition(struct lifter *l, struct node_if *branch, struct list_builder *out) {
    struct node *condition = branch->condition;
    for (size_t i = 0, count = l->held_count; i < count && !l->t->failed; i++) {
        const char *name = l->held[i].name;
        if (!mentions(condition, name) || !is_assigned(&branch->base, name))
            continue;
        const char *kept = name_fresh(&l->t->names, arena_printf(l->arena, "%s_before", name));
        struct node *let = node_new(l->arena, let, LET, branch->condition->span, .name = kept,
                                    .dtype = l->held[i].dtype, .value = make_reference(l->arena, name));
        if (l->held[i].own_count)
            lift_fail(l, branch->base.span,
                      "this branch changes %s, which its condition reads element by element", name);
        builder_add(l->arena, out, settle_declaration(l, let));
        condition = substitute(l->arena, condition, name, make_reference(l->arena, kept));
    }
    return settle_expression(condition, l);
}

static void settle_branches(struct lifter *l, struct node_if *branch, struct node *around,
                            struct list_builder *out) {
    struct node *condition = settle_condition(l, branch, out);
    settle_list(l, branch->then, both(l->arena, around, condition), out);
    if (!branch->otherwise)
        return;
    struct node *otherwise =
        node_new(l->arena, unary, UNARY, condition->span, .op = UNARY_NOT, .operand = condition);
    settle_list(l, branch->otherwise, both(l->arena, around, otherwise), out);
}

static void settle_statement(struct lifter *l, struct node *node, struct node *condition,
                             struct list_builder *out) {
    l->span = node->span.line ? node->span : l->span;
    switch (node->kind) {
    case NODE_BLOCK:
        settle_list(l, node, condition, out);
        return;
    case NODE_LET:
    case NODE_VAR:
        builder_add(l->arena, out, settle_declaration(l, node));
        return;
    case NODE_ASSIGN:
        builder_add(l->arena, out, settle_assign(l, node_as(node, assign), condition));
        return;
    case NODE_FOR:
        if (!condition) {
            struct list_builder lets = {0};
            struct node *body = lift_hoisted(l, node_as(node, for), node_as(node, for)->body, &lets);
            for (size_t i = 0; i < lets.count; i++)
                builder_add(l->arena, out, settle_declaration(l, lets.items[i]));
            settle_loop(l, node_as(node, for), 0, body, out);
            return;
        }
        if (lift_fail(l, node->span,
                      "this loop stands under a condition, and all elements of a block run the same loops"))
            tile_help(l->t, "run it without, and choose behind it: s = select(condition, s, 0)");
        return;
    case NODE_IF:
        settle_branches(l, node_as(node, if), condition, out);
        return;
    default:
        if (lift_fail(
                l, node->span,
                "buffers and tile statements stand under a `grid` of blocks, and this nest runs over elements"))
            tile_help(l->t,
                      "of elements it is `var`, `let` and =; for blocks write `grid i in M by 32, ...`");
    }
}

/* The axis of the loop whose elements hand on what the statement, one of its own, changes; NULL: they do not. */
static const char *running_axis(struct lifter *l, struct node *statement, struct node *condition) {
    struct node_assign *assign = node_as(statement, assign);
    struct held *held = assign ? held_find(l, target_name(assign->target)) : NULL;
    struct update update = held ? as_update(assign) : (struct update){.op = ASSIGN_SET};
    const struct opened *loop = l->open_count ? &l->opened[l->open_count - 1] : NULL;
    if (update.op == ASSIGN_SET || condition || !held->variable || mentions(update.value, held->name) ||
        !loop->elements || !is_read_in(loop->body, held->name))
        return NULL;
    struct node_list axes = gathered_axes(l, assign->target);
    const char *axis = axes.count == 1 ? node_as(axes.items[0], axis)->name : NULL;
    return axis && strcmp(axis, l->axes[loop->axis].name) == 0 ? axis : NULL;
}

/* What an element reads before it changes it is what the one before it left. */
static bool check_running(struct lifter *l, const struct node_assign *assign, const char *axis,
                          struct node_list before) {
    const char *name = target_name(assign->target);
    for (size_t i = 0; i < before.count; i++) {
        if (!mentions(before.items[i], name))
            continue;
        if (lift_fail(l, before.items[i]->span,
                      "%s is read here as the iteration of %s before left it, and the device has it as this one leaves it",
                      name, axis))
            tile_help(l->t, "change %s first; along a leading dimension it may be read before: give the tensors that have %s this order, as in X[%s, i, o]",
                      name, axis, axis);
        return false;
    }
    return true;
}

/* The statement, and those behind it, which read the value at each element. */
static struct node_list settle_running(struct lifter *l, struct node_assign *assign, const char *axis,
                                       struct node_list rest, struct list_builder *out) {
    const char *name = target_name(assign->target);
    struct running running = lift_running(l, assign, axis);
    builder_add(l->arena, out, settle_declaration(l, running.let));
    builder_add(l->arena, out, running.end);
    struct list_builder behind = {0};
    for (size_t i = 0; i < rest.count; i++)
        builder_add(l->arena, &behind, substitute(l->arena, rest.items[i], name, make_reference(l->arena, running.at)));
    return builder_list(&behind);
}

static void settle_list(struct lifter *l, struct node *body, struct node *condition,
                        struct list_builder *out) {
    struct node_block *block = node_as(body, block);
    struct node_list list = block ? block->statements : LIST(l->arena, body);
    struct list_builder before = {0};
    struct span span = l->span;
    while (list.count && !l->t->failed) {
        struct node *statement = list.items[0];
        const char *axis = running_axis(l, statement, condition);
        list = (struct node_list){list.count - 1, list.items + 1};
        l->span = statement->span.line ? statement->span : l->span;
        if (axis && !check_running(l, node_as(statement, assign), axis, builder_list(&before)))
            break;
        builder_add(l->arena, &before, statement);
        if (axis)
            list = settle_running(l, node_as(statement, assign), axis, list, out);
        else
            settle_statement(l, statement, condition, out);
    }
    l->span = span;
}

struct node *lift_axes_of(struct lifter *l, struct node *body) {
    struct list_builder out = {0};
    settle_list(l, body, NULL, &out);
    return make_block(l->arena, body->span, builder_list(&out));
}
