/* Views of tensors, made where a nest does not read or write a tensor by its tiles, and written out behind the tiling.
 *
 *     Y[b, j] = sum(i in 0..M: X[b, i, j + 3])    =>    Y_view[b, one, j] = sum(i in 0..M: X_view[b, i, j])
 *
 *     =>    shared X_view_in[i, j]: bf16 = X[b, i, j + 3]
 *           Y[b, j] = sum(i: X_view_in[i, j])
 */
#include "transforms/auto_tile_views.h"

#include <string.h>

#include "ir/build.h"
#include "ir/query.h"

static struct view *view_named(const struct tiler *t, const char *name) {
    for (size_t i = 0; i < t->view_count; i++)
        if (strcmp(t->views[i].name, name) == 0)
            return &t->views[i];
    return NULL;
}

static struct node *extent_node(struct tiler *t, const char *axis) {
    return axis ? axis_named(t, axis)->upper : make_integer(t->arena, 1);
}

/* To the tiler a view is a tensor of the kernel. */
static void declare_view(struct tiler *t, struct view view, const struct node_parameter *tensor) {
    if (t->view_count == t->view_capacity) {
        t->view_capacity = t->view_capacity ? 2 * t->view_capacity : 8;
        struct view *views = arena_allocate(t->arena, t->view_capacity * sizeof *views);
        if (t->view_count)
            memcpy(views, t->views, t->view_count * sizeof *views);
        t->views = views;
    }
    t->views[t->view_count++] = view;
    struct node_parameter parameter = *tensor;
    struct list_builder dimensions = {0};
    for (size_t i = 0; i < view.axis_count; i++)
        builder_add(t->arena, &dimensions, extent_node(t, view.axes[i]));
    parameter.name = view.name;
    parameter.dimensions = builder_list(&dimensions);
    struct node_kernel kernel = *t->relations->kernel;
    struct node *declared = arena_copy(t->arena, &parameter, sizeof parameter);
    kernel.parameters = list_concat(t->arena, kernel.parameters, LIST(t->arena, declared));
    t->relations->kernel = arena_copy(t->arena, &kernel, sizeof kernel);
}

/* A view's name, told in messages as the tensor's. */
static const char *view_name(struct tiler *t, const char *tensor) {
    const char *name = name_fresh(&t->names, arena_printf(t->arena, "%s_view", tensor));
    diagnostics_rename(t->compilation->diagnostics, name, tensor);
    return name;
}

static struct node *access_of_view(struct tiler *t, const struct view *view, struct span span) {
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < view->axis_count; i++)
        builder_add(t->arena, &subscripts,
                    view->axes[i] ? make_reference(t->arena, view->axes[i]) : make_integer(t->arena, 0));
    return node_with_span(t->arena, make_access(t->arena, view->name, builder_list(&subscripts)), span);
}

/* ---- reading ---- */

struct viewing {
    struct tiler *t;
    const struct equation *equation;
    struct tiled_axes tiled;
};

static bool add_view_axis(struct tiler *t, struct view *view, const char *axis, struct span span) {
    if (view->axis_count == AXIS_LIMIT)
        return tile_fail(t, span, "an element here depends on more than %d loops", AXIS_LIMIT) && false;
    view->axes[view->axis_count++] = axis;
    return true;
}

/* Axes that are counted stand first; then those in tiles, with a dimension of one element where there is one. */
bool view_of_access(struct tiler *t, const struct equation *equation, struct node_access *access,
                    const struct tiled_axes *tiled, struct view *view) {
    const char *axes[AXIS_LIMIT];
    size_t count = axes_of_view(equation, access, tiled, axes);
    *view = (struct view){.access = access};
    if (count > 2) {
        if (tile_fail(t, access->base.span.line ? access->base.span : equation->span,
                      "what is read of %s here differs along three axes that lie in tiles, and a block has two",
                      access->name))
            tile_help(t, "write what is folded in this statement as a kernel of its own, and launch both from a program");
        return false;
    }
    for (size_t i = 0; i < t->axis_count && !t->failed; i++)
        if (!is_tiled_name(tiled, t->axis_names[i]) && match_varies(&access->base, t->axis_names[i]))
            add_view_axis(t, view, t->axis_names[i], access->base.span);
    for (size_t i = view->axis_count || !count ? count : 2; i < 2; i++)
        add_view_axis(t, view, NULL, access->base.span);
    for (size_t i = 0; i < count; i++)
        add_view_axis(t, view, axes[i], access->base.span);
    return !t->failed;
}

static bool is_same_view(const struct view *a, const struct view *b) {
    bool same = a->axis_count == b->axis_count && node_equal(&a->access->base, &b->access->base);
    for (size_t i = 0; same && i < a->axis_count; i++)
        same = a->axes[i] == b->axes[i] || (a->axes[i] && b->axes[i] && strcmp(a->axes[i], b->axes[i]) == 0);
    return same;
}

static struct node *view_read(struct viewing *v, struct node_access *access) {
    struct tiler *t = v->t;
    struct view view;
    if (!view_of_access(t, v->equation, access, &v->tiled, &view))
        return &access->base;
    for (size_t i = 0; i < t->view_count; i++)
        if (is_same_view(&t->views[i], &view))
            return access_of_view(t, &t->views[i], access->base.span);
    view.name = view_name(t, access->name);
    declare_view(t, view, relations_tensor(t->relations, access->name));
    return access_of_view(t, &view, access->base.span);
}

/* A fold over part of a range, as one over as many elements from 0 on. */
static struct node_reduction from_zero(struct viewing *v, const struct node_reduction *fold) {
    struct tiler *t = v->t;
    struct node_reduction moved = *fold;
    struct list_builder axes = {0};
    for (size_t i = 0; i < fold->axes.count; i++) {
        struct node_axis axis = *node_as(fold->axes.items[i], axis);
        int64_t lower;
        bool begins = !axis.lower || (integer_value(axis.lower, &lower) && lower == 0);
        if (!begins && is_tiled_name(&v->tiled, axis.name)) {
            struct range range = *axis_named(t, axis.name);
            range.name = axis_fresh(t, axis.name);
            struct node *end = relations_at_least(t->relations, range.upper, range.lower)
                                   ? range.upper
                                   : make_max(t->arena, range.upper, range.lower);
            range.upper = simplify(t->arena, make_sub(t->arena, end, range.lower));
            range.lower = make_integer(t->arena, 0);
            axis_declare(t, range);
            struct node *place = make_add(t->arena, make_reference(t->arena, range.name), axis.lower);
            moved.body = substitute(t->arena, moved.body, axis.name, place);
            v->tiled.names[v->tiled.count++] = range.name;
            axis.name = range.name;
            axis.lower = range.lower;
            axis.upper = range.upper;
        }
        builder_add(t->arena, &axes, arena_copy(t->arena, &axis, sizeof axis));
    }
    moved.axes = builder_list(&axes);
    return moved;
}

static struct node *read_views(struct node *node, void *context) {
    struct viewing *v = context;
    struct node_access *access = node_as(node, access);
    struct node_reduction *fold = node_as(node, reduction);
    bool tensor = access && relations_tensor(v->t->relations, access->name);
    if (v->t->failed)
        return node;
    if (tensor && !is_plain_access(v->t, v->equation, access, &v->tiled))
        return view_read(v, access);
    if (access)
        return node;
    if (!fold)
        return node_map_children(v->t->arena, node, read_views, v);
    struct node_reduction moved = from_zero(v, fold);
    moved.body = read_views(moved.body, v);
    return arena_copy(v->t->arena, &moved, sizeof moved);
}

/* ---- writing ---- */

/* An axis of one element, for a result with one axis in tiles. */
static struct range one_element(struct tiler *t, const struct equation *equation) {
    struct range range = {.name = name_fresh(&t->names, "one"),
                          .lower = make_integer(t->arena, 0),
                          .upper = make_integer(t->arena, 1),
                          .span = equation->span};
    axis_declare(t, range);
    return range;
}

/* Does the axis stand in the last two subscripts of a tensor? */
static bool is_read_within_tiles(const struct viewing *v, const char *axis) {
    for_each (access, access, v->equation->value)
        for (size_t i = 0; i < access->subscripts.count; i++) {
            const struct view *view = view_named(v->t, access->name);
            const struct node_access *read = view ? view->access : access;
            if (i < read->subscripts.count && i + 2 >= read->subscripts.count &&
                match_varies(read->subscripts.items[i], axis))
                return true;
        }
    return false;
}

static void view_result(struct viewing *v, struct equation *equation) {
    struct tiler *t = v->t;
    struct view view = {.name = view_name(t, equation->name)};
    struct range axes[AXIS_LIMIT];
    const struct range *tiled[2];
    size_t count = 0, tiled_count = 0;
    view.access = equation->at ? equation->at
                               : node_as(access_of(t->arena, equation->name, equation->axis_count, equation->axes),
                                         access);
    equation->at = NULL;
    /* Blocks that follow each other read the same tiles: axes along which tiles are read run innermost. */
    for (int within = 0; within < 2; within++)
        for (size_t i = 0; i < equation->axis_count; i++)
            if (!is_tiled_name(&v->tiled, equation->axes[i].name) &&
                is_read_within_tiles(v, equation->axes[i].name) == (within == 1))
                axes[count++] = equation->axes[i];
    for (size_t i = 0; i < equation->axis_count; i++)
        if (is_tiled_name(&v->tiled, equation->axes[i].name))
            tiled[tiled_count++] = &equation->axes[i];
    if (count + 2 > AXIS_LIMIT) {
        tile_fail(t, equation->span, "%s has more than %d axes", equation->name, AXIS_LIMIT - 2);
        return;
    }
    if (tiled_count == 1)
        axes[count++] = one_element(t, equation);
    for (size_t i = 0; i < tiled_count; i++)
        axes[count++] = *tiled[i];
    view.axis_count = count;
    for (size_t i = 0; i < count; i++)
        view.axes[i] = axes[i].name;
    const struct node_parameter *tensor = relations_tensor(t->relations, equation->name);
    memcpy(equation->axes, axes, sizeof axes);
    equation->axis_count = count;
    equation->name = view.name;
    declare_view(t, view, tensor);
}

/* Folds take one element after the other along axes that are not to lie in tiles, wherever these stand. */
static void count_axes(struct tiler *t, const struct tiled_axes *tiled, struct node *value) {
    for_each (reduction, reduction, value)
        for (size_t i = 0; i < reduction->axes.count; i++) {
            const char *name = node_as(reduction->axes.items[i], axis)->name;
            if (!is_tiled_name(tiled, name) && is_tile_axis(t, name))
                axis_take_singly(t, name);
        }
}

bool view_axes(struct tiler *t, struct tiled_axes *tiled) {
    *tiled = (struct tiled_axes){.count = 0};
    if (!wants_views(t))
        return false;
    for (size_t i = 0; i < t->equation_count; i++)
        if (!choose_tiled_axes(t, &t->equations[i], tiled))
            keep_usual_axes(t, &t->equations[i], tiled); /* it is refused for what it is */
    return true;
}

void tile_views(struct tiler *t) {
    struct viewing v = {.t = t};
    if (!view_axes(t, &v.tiled))
        return;
    for (size_t i = 0; i < t->equation_count && !t->failed; i++) {
        struct equation equation = t->equations[i];
        v.equation = &equation;
        t->compilation->relays |= relaid_access(t, &equation, &v.tiled) != NULL;
        count_axes(t, &v.tiled, equation.value);
        struct node *value = read_views(equation.value, &v);
        if (equation.store && !is_plain_result(&equation, &v.tiled))
            view_result(&v, &t->equations[i]);
        t->equations[i].value = value;
    }
}

/* ---- written out ---- */

struct written_out {
    struct tiler *t;
    struct list_builder *out;
    struct span span;
    struct {
        struct node *access, *buffer;
    } loads[64];
    size_t load_count;
};

struct replacement {
    struct arena *arena;
    const struct view *view;
    const struct node_access *at;
};

static struct node *replace_names(struct node *node, void *context) {
    struct replacement *r = context;
    struct node_reference *reference = node_as(node, reference);
    if (!reference)
        return node_map_children(r->arena, node, replace_names, r);
    for (size_t i = 0; i < r->view->axis_count; i++)
        if (r->view->axes[i] && strcmp(r->view->axes[i], reference->name) == 0)
            return r->at->subscripts.items[i];
    return node;
}

/* What the view is at these subscripts. */
static struct node *element_of(struct tiler *t, const struct view *view, const struct node_access *at) {
    struct replacement r = {t->arena, view, at};
    return node_with_span(t->arena, simplify(t->arena, replace_names(&view->access->base, &r)), at->base.span);
}

/* The buffer of a block of the view, declared in front of the statement at hand. */
static struct node *block_of_view(struct written_out *w, const struct view *view, struct node_access *access) {
    struct tiler *t = w->t;
    struct list_builder axes = {0}, subscripts = {0};
    for (size_t i = 0; i < w->load_count; i++)
        if (node_equal(w->loads[i].access, &access->base))
            return w->loads[i].buffer;
    size_t rank = access->subscripts.count;
    for (size_t i = rank < 2 ? 0 : rank - 2; i < rank; i++) {
        struct node_reference *axis = node_as(access->subscripts.items[i], reference);
        if (!axis || !is_tile_axis(t, axis->name))
            continue;
        builder_add(t->arena, &axes, make_axis(t->arena, axis->name, NULL, NULL, NULL));
        builder_add(t->arena, &subscripts, make_reference(t->arena, axis->name));
    }
    const char *name = name_fresh(&t->names, arena_printf(t->arena, "%s_in", view->access->name));
    builder_add(t->arena, w->out,
                node_new(t->arena, buffer, BUFFER, w->span, .memory = MEMORY_SHARED, .name = name,
                         .axes = builder_list(&axes),
                         .dtype = relations_tensor(t->relations, view->name)->dtype,
                         .value = element_of(t, view, access)));
    struct node *buffer = make_access(t->arena, name, builder_list(&subscripts));
    if (w->load_count < sizeof w->loads / sizeof *w->loads) {
        w->loads[w->load_count].access = &access->base;
        w->loads[w->load_count++].buffer = buffer;
    }
    return buffer;
}

static struct node *read_blocks(struct node *node, void *context) {
    struct written_out *w = context;
    struct node_access *access = node_as(node, access);
    const struct view *view = access ? view_named(w->t, access->name) : NULL;
    return view ? node_with_span(w->t->arena, block_of_view(w, view, access), node->span)
                : node_map_children(w->t->arena, node, read_blocks, w);
}

static struct node *write_out_list(struct written_out *w, struct node *body) {
    struct node_block *block = node_as(body, block);
    struct node_list list = views_written_out(w->t, block ? block->statements : LIST(w->t->arena, body));
    return make_block(w->t->arena, body->span, list);
}

static struct node *write_out_statement(struct written_out *w, struct node *node) {
    struct tiler *t = w->t;
    struct node_for *loop = node_as(node, for);
    struct node_assign *assign = node_as(node, assign);
    w->span = node->span;
    if (loop) {
        struct node_for inner = *loop;
        inner.body = write_out_list(w, loop->body);
        return arena_copy(t->arena, &inner, sizeof inner);
    }
    if (!assign)
        return read_blocks(node, w);
    struct node_assign written = *assign;
    struct node_access *target = node_as(assign->target, access);
    const struct view *view = target ? view_named(t, target->name) : NULL;
    written.value = read_blocks(assign->value, w);
    written.target = view ? element_of(t, view, target) : assign->target;
    return arena_copy(t->arena, &written, sizeof written);
}

struct node_list views_written_out(struct tiler *t, struct node_list statements) {
    struct list_builder out = {0};
    for (size_t i = 0; i < statements.count; i++) {
        struct written_out w = {.t = t, .out = &out};
        struct node *statement = write_out_statement(&w, statements.items[i]);
        builder_add(t->arena, &out, statement);
    }
    return builder_list(&out);
}
