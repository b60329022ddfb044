/* Cells: what a name or access means while statements are read, in terms of values so far. */
#include "transforms/auto_tile_cells.h"

#include <string.h>

#include "analysis/dependence.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/size.h"
#include "transforms/auto_tile_invert.h"
#include "transforms/index_sum.h"

enum { SMALL_VALUE = 3 };

struct span cell_place(const struct normaliser *n, const struct node *node) {
    return node && node->span.line ? node->span : n->span;
}

struct cell *find_cell(struct normaliser *n, const char *name) {
    for (size_t i = n->cell_count; i-- > 0;)
        if (strcmp(n->cells[i].name, name) == 0)
            return &n->cells[i];
    return NULL;
}

struct cell *add_cell(struct normaliser *n, struct cell cell) {
    if (n->cell_count == CELL_LIMIT) {
        tile_fail(n->t, n->span, "this kernel has more than %d results, lets and vars", CELL_LIMIT);
        return NULL;
    }
    n->cells[n->cell_count] = cell;
    return &n->cells[n->cell_count++];
}

int find_loop(const struct normaliser *n, const char *name) {
    for (size_t i = n->loop_count; i-- > 0;)
        if (strcmp(n->loops[i].range.name, name) == 0)
            return (int)i;
    return -1;
}

void note_next_iteration(const struct normaliser *n, const struct range *loop, const char *does) {
    struct node *second = simplify(n->arena, make_add(n->arena, loop->lower, make_integer(n->arena, 1)));
    report_note(n->t->compilation->diagnostics, loop->span, "first at %s = %s, which %s %s = %s wrote",
                loop->name, node_text(n->arena, second), does, loop->name, node_text(n->arena, loop->lower));
}

/* ---- ranges ---- */

/* What a bound depends on besides sizes, NULL when it is one number for the whole kernel. */
static const char *depends_on(const struct normaliser *n, struct node *bound) {
    for_each_node (node, bound) {
        struct node_reference *reference = node_as(node, reference);
        if (node->kind == NODE_ACCESS)
            return node_as(node, access)->name;
        if (reference && (axis_named(n->t, reference->name) ||
                          find_cell((struct normaliser *)(uintptr_t)n, reference->name)))
            return reference->name;
    }
    return NULL;
}

static bool is_bound_axis(const struct normaliser *n, const char *name) {
    for (size_t i = 0; i < n->bound_count; i++)
        if (strcmp(n->bound[i], name) == 0)
            return true;
    return false;
}

struct node *index_extreme(struct normaliser *n, struct node *bound, bool greatest) {
    struct tiler *t = n->t;
    const struct node_call *least = size_call(bound, SIZE_min), *call = least ? least : size_call(bound, SIZE_max);
    if (call) {
        struct node *a = index_extreme(n, call->arguments.items[0], greatest),
                    *b = index_extreme(n, call->arguments.items[1], greatest);
        return !a || !b ? NULL : least ? make_min(n->arena, a, b) : make_max(n->arena, a, b);
    }
    for (size_t i = 0; i < AXIS_LIMIT && depends_on(n, bound); i++) {
        const struct range *loop = axis_named(t, depends_on(n, bound));
        struct index_sum sum;
        struct node *times, *zero = make_integer(n->arena, 0);
        if (!loop || !index_sum_of(n->arena, bound, &sum) ||
            !index_sum_take(n->arena, &sum, loop->name, &times) || depends_on(n, times))
            return NULL;
        bool up = relations_at_least(t->relations, times, zero);
        if (!up && !relations_at_least(t->relations, zero, times))
            return NULL;
        struct node *end = up == greatest ? make_sub(n->arena, loop->upper, make_integer(n->arena, 1)) : loop->lower;
        bound = index_tidied(n->arena, make_add(n->arena, index_sum_node(n->arena, &sum), make_mul(n->arena, times, end)));
    }
    return depends_on(n, bound) ? NULL : bound;
}

/* A range that differs from iteration to iteration, as one for all of them and a condition. */
static bool widen_range(struct normaliser *n, struct node_axis *axis, struct range *range) {
    struct node *lower = resolve(axis->lower, n), *upper = resolve(axis->upper, n);
    struct node *least = index_extreme(n, lower, false), *most = index_extreme(n, upper, true);
    if (n->t->failed || !least || !most)
        return false;
    range->lower = least;
    range->upper = most;
    struct node *self = make_reference(n->arena, range->name);
    struct node *from = depends_on(n, lower) ? make_binary(n->arena, BINARY_GREATER_EQUAL, self, lower) : NULL;
    struct node *to = depends_on(n, upper) ? make_binary(n->arena, BINARY_LESS, self, upper) : NULL;
    range->within = from && to ? make_binary(n->arena, BINARY_AND, from, to) : from ? from : to;
    return true;
}

bool open_condition(struct normaliser *n, struct node *condition) {
    if (n->condition_count == AXIS_LIMIT)
        return tile_fail(n->t, n->span, "more than %d conditions stand around this", AXIS_LIMIT) && false;
    n->conditions[n->condition_count++] = condition;
    return true;
}

bool open_range(struct normaliser *n, struct node_axis *axis, struct range *range) {
    struct tiler *t = n->t;
    struct span span = axis->base.span.line ? axis->base.span : n->span;
    int64_t step = 1;
    if (!axis->lower || !axis->upper) {
        if (tile_fail(t, span, "%s names a block here, but this nest runs over elements", axis->name))
            tile_help(t, "give it a range of its own, as in `%s in ...`", axis->name);
        return false;
    }
    if (axis->step && (!integer_value(axis->step, &step) || step != 1)) {
        if (tile_fail(t, span, "the loop over blocks of %s stands in a nest over elements", axis->name))
            tile_help(
                t,
                "blocks stand under a `grid` of blocks: write it for the outermost `for`, as in `grid %s in %s by %s`, or leave out `by`",
                axis->name, node_text(t->arena, axis->upper), node_text(t->arena, axis->step));
        return false;
    }
    const char *culprit = depends_on(n, axis->lower);
    culprit = culprit ? culprit : depends_on(n, axis->upper);
    *range = (struct range){.name = axis->name,
                            .lower = simplify(t->arena, axis->lower),
                            .upper = simplify(t->arena, axis->upper),
                            .span = span,
                            .statement = n->span};
    if (culprit && !widen_range(n, axis, range)) {
        bool loop = axis_named(t, culprit) != NULL;
        const struct cell *cell = loop ? NULL : find_cell(n, culprit);
        const char *value =
            cell && cell->value && !depends_on(n, cell->value) ? node_text(t->arena, cell->value) : NULL;
        if (tile_fail(
                t, span,
                "the range of %s depends on %s; the device takes whole tiles, so ranges depend on sizes only",
                axis->name, culprit))
            tile_help(
                t,
                value ? "write its value in the range: %s in %s"
                : loop
                    ? "run %s over the whole dimension, and multiply by a matrix of 0 and 1, an input, that is 0 "
                      "where it would stop"
                    : "run %s over the whole dimension, and multiply by a vector of 0 and 1, an input, that is 0 "
                      "where it would stop",
                axis->name, value);
        return false;
    }
    const struct range *known = axis_named(t, axis->name);
    bool open = find_loop(n, axis->name) >= 0 || is_bound_axis(n, axis->name);
    if (known && (open || !same_range(t, known, range)))
        range->name = axis_fresh(t, axis->name);
    if (range->within && range->name != axis->name)
        range->within = substitute(t->arena, range->within, axis->name, make_reference(t->arena, range->name));
    if (!known || range->name != axis->name)
        axis_declare(t, *range);
    return true;
}

/* ---- reading cells ---- */

void name_value(struct normaliser *n, struct cell *cell, struct node *value) {
    struct span place = cell->assigned_span.line ? cell->assigned_span : n->span;
    struct equation equation = {.dtype = cell->dtype, .value = value, .span = place};
    const char *base =
        cell->kind == CELL_TENSOR ? arena_printf(n->arena, "%s_value", cell->name) : cell->name;
    equation.name = name_fresh(&n->t->names, base);
    for (size_t i = 0; i < cell->outer; i++)
        if (!n->loops[i].first_only)
            equation.axes[equation.axis_count++] = n->loops[i].range;
    for (size_t i = 0; i < cell->rank && equation.axis_count < AXIS_LIMIT; i++)
        equation.axes[equation.axis_count++] = cell->dims[i];
    equation_add(n->t, equation);
    cell->value = access_of(n->arena, equation.name, equation.axis_count, equation.axes);
}

/* Read in place, without a name: literals, other values, and what a cell holds unrounded when it is small. */
static bool is_simple(const struct normaliser *n, const struct cell *cell) {
    struct node *value = cell->value;
    struct node_access *access = node_as(value, access);
    struct node_parameter *tensor = access ? relations_tensor(n->t->relations, access->name) : NULL;
    bool unrounded = cell->kind == CELL_VAR || cell == n->self || cell->dtype == DTYPE_F32;
    struct equation *named = access ? equation_named(n->t, access->name) : NULL;
    if (value->kind == NODE_INTEGER || (tensor && tensor->dtype == cell->dtype) ||
        (named && cell->kind == CELL_TENSOR && named->dtype == cell->dtype))
        return true;
    return unrounded && !find_kind(value, NODE_REDUCTION) && count_nodes(value) <= SMALL_VALUE;
}

struct node *cell_value(struct normaliser *n, struct cell *cell, const char *const *names, struct span span) {
    if (!cell->value && cell->initial) {
        struct list_builder subscripts = {0};
        for (size_t i = 0; i < cell->rank; i++)
            builder_add(n->arena, &subscripts, make_reference(n->arena, names[i]));
        return make_access(n->arena, cell->name, builder_list(&subscripts));
    }
    if (!cell->value) {
        tile_fail(n->t, span, "%s is read before it is written", cell->name);
        return NULL;
    }
    const char *from[AXIS_LIMIT];
    for (size_t i = 0; i < cell->rank; i++)
        from[i] = cell->dims[i].name;
    struct node *moved = value_moved(n->arena, cell->value, cell->assigned_span);
    return rename_axes(n->t, moved, cell->rank, from, names);
}

/* A loop around both the reading and the declaration that does not select the element read, and changes it:
 * carried from iteration to iteration. */
static bool is_carried(struct normaliser *n, const struct cell *cell, const char *const *names,
                       const char **loop) {
    for (size_t i = cell->outer; i < n->loop_count; i++) {
        bool selects = n->loops[i].first_only;
        for (size_t k = 0; k < cell->rank; k++)
            selects |= strcmp(names[k], n->loops[i].range.name) == 0;
        if (!selects && is_assigned(n->loops[i].body, cell->name)) {
            *loop = n->loops[i].range.name;
            return true;
        }
    }
    return false;
}

void fail_as_carried(struct normaliser *n, const struct cell *cell, const struct range *loop,
                     struct span span) {
    if (!tile_fail(
            n->t, span,
            "%s carries a value from one iteration of %s to the next: a loop over elements may only add up, or find a maximum or minimum, that is read behind it",
            cell->name, loop->name))
        return;
    note_next_iteration(n, loop, "needs what");
    if (cell->kind != CELL_VAR)
        tile_help(n->t, "for other values that depend on the one before there is no way yet");
    else
        tile_help(
            n->t,
            "along a leading dimension an element may change it in any way: give the tensors that have %s this order, as in X[%s, i, o]",
            loop->name, loop->name);
}

void fail_as_condition(struct normaliser *n, struct span span, const char *name) {
    if (tile_fail(
            n->t, span,
            "this statement depends on a condition on %s: on the device all elements take the same statements",
            name ? name : "a constant"))
        tile_help(n->t, "choose between values: select(condition, value, other)");
}

bool first_may_read(struct normaliser *n, const struct cell *cell) {
    for (size_t i = 0; i < n->loop_count && !n->t->failed; i++) {
        const struct loop *loop = &n->loops[i];
        if (!loop->first_only || (size_t)(cell - n->cells) >= loop->cells)
            continue;
        if (cell->outer > i && cell->value && mentions(cell->value, loop->range.name))
            fail_as_condition(n, loop->branch_span, loop->range.name);
        else if (cell->folds > loop->order &&
                 tile_fail(n->t, loop->branch_span,
                           "the loop over %s adds to %s before this, which its first iteration alone does",
                           loop->range.name, cell->name))
            tile_help(n->t, "write what the first iteration alone does at the beginning of the loop");
    }
    return !n->t->failed;
}

struct node *read_cell(struct normaliser *n, struct cell *cell, const char *const *names, struct span span) {
    const char *loop;
    if (cell->kind == CELL_LET)
        return cell_value(n, cell, names, span);
    if (is_carried(n, cell, names, &loop)) {
        fail_as_carried(n, cell, &n->loops[find_loop(n, loop)].range, span);
        return NULL;
    }
    if (!cell_is_whole(n, cell, names, NULL)) {
        if (tile_fail(n->t, span, "%s is read here before all that is read has been written", cell->name))
            tile_help(n->t, "read it behind the last statement that writes a part of it");
        return NULL;
    }
    bool shared = cell != n->self || n->self_shared;
    if (shared && cell->value && !is_simple(n, cell)) {
        enum dtype dtype = cell->dtype;
        if (cell == n->self) /* an intermediate value is not rounded to the tensor's type */
            cell->dtype = DTYPE_NONE;
        name_value(n, cell, cell->value);
        cell->dtype = dtype;
    }
    return cell_value(n, cell, names, span);
}

/* ---- expressions ---- */

/* What a fold takes where its range differs from element to element: what changes nothing, outside. */
static struct node *fold_within(struct normaliser *n, const struct node_reduction *fold, size_t outer) {
    struct node *within = all_of(n->arena, n->condition_count - outer, n->conditions + outer);
    struct value_types types = tiler_types(n->t);
    if (!within || n->t->failed)
        return fold->body;
    if (!folds_by_parts(fold->op)) {
        if (tile_fail(n->t, cell_place(n, &fold->base), "%s runs over a range that differs from element to element",
                      word_text(WORDS_reduction_operator, (int)fold->op)))
            tile_help(n->t, "run it over the whole dimension, and choose in it: select(%s, value, %s)",
                      node_text(n->arena, within), fold->op == REDUCTION_ARGMAX ? "-inf" : "inf");
        return fold->body;
    }
    struct node *neutral =
        neutral_of(n->arena, update_of_fold(fold->op), value_type(&types, fold->body));
    return make_call(n->arena, "select", LIST(n->arena, within, fold->body, neutral));
}

static struct node *resolve_reduction(struct normaliser *n, struct node_reduction *reduction) {
    struct node_reduction resolved = *reduction;
    struct list_builder axes = {0};
    size_t mark = n->bound_count, conditions = n->condition_count;
    for (size_t i = 0; i < reduction->axes.count && !n->t->failed; i++) {
        struct node_axis axis = *node_as(reduction->axes.items[i], axis);
        struct range range;
        if (!open_range(n, &axis, &range) || n->bound_count == AXIS_LIMIT)
            return &reduction->base;
        if (range.name != axis.name)
            resolved.body =
                substitute(n->arena, resolved.body, axis.name, make_reference(n->arena, range.name));
        n->bound[n->bound_count++] = range.name;
        axis.name = range.name;
        axis.lower = range.lower;
        axis.upper = range.upper;
        axis.step = NULL;
        if (range.within && !open_condition(n, range.within))
            return &reduction->base;
        builder_add(n->arena, &axes, arena_copy(n->arena, &axis, sizeof axis));
    }
    resolved.axes = builder_list(&axes);
    resolved.body = resolve(resolved.body, n);
    resolved.body = fold_within(n, &resolved, conditions);
    n->bound_count = mark;
    n->condition_count = conditions;
    return arena_copy(n->arena, &resolved, sizeof resolved);
}

/* The access with its subscripts resolved. */
static struct node *resolve_subscripts(struct normaliser *n, const struct node_access *access) {
    struct node_access resolved = *access;
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < access->subscripts.count && !n->t->failed; i++) {
        builder_add(n->arena, &subscripts, resolve(access->subscripts.items[i], n));
    }
    resolved.subscripts = builder_list(&subscripts);
    return arena_copy(n->arena, &resolved, sizeof resolved);
}

static void fail_as_elsewhere(struct normaliser *n, const struct node_access *access) {
    struct tiler *t = n->t;
    if (tile_fail(
            t, cell_place(n, &access->base),
            "%s is written by this kernel and read here at other elements than the loop variables say, which another core may not have written yet",
            access->name)) {
        dependence_note(t->relations, t->compilation->diagnostics, access->name);
        tile_help(t, "read it in a kernel of its own, which a program launches behind this one");
    }
}

/* The loop variables at which the element of a cell is read, each once; false where they are others, after
 * an error. */
static bool element_names(struct normaliser *n, const struct cell *cell, const struct node_access *access,
                          const char **names) {
    for (size_t i = 0; i < access->subscripts.count; i++) {
        struct node_reference *reference = node_as(access->subscripts.items[i], reference);
        bool plain = reference && axis_named(n->t, reference->name);
        for (size_t k = 0; plain && k < i; k++)
            plain &= strcmp(names[k], reference->name) != 0;
        if (!plain && cell->kind == CELL_TENSOR)
            fail_as_elsewhere(n, access);
        else if (!plain && tile_fail(n->t, cell_place(n, &access->base),
                                     "%s is read at a subscript that is no loop variable, or at one twice",
                                     access->name))
            tile_help(n->t, "store it in a tensor, and read that in a kernel of its own");
        if (!plain)
            return false;
        names[i] = reference->name;
    }
    return true;
}

static struct node *resolve_access(struct normaliser *n, struct node_access *access) {
    struct tiler *t = n->t;
    struct matcher matcher = tiler_matcher(t);
    struct cell *cell = find_cell(n, access->name);
    const char *names[AXIS_LIMIT];
    struct node *canonical = match_canonical(&matcher, resolve_subscripts(n, access));
    if (t->failed || !cell)
        return t->failed || !n->condition_count ? canonical : access_guarded(n, canonical);
    if (access->otherwise) {
        if (fail_as_guarded(t, cell_place(n, &access->base), access->name))
            tile_help(t, "run the loop over the elements that %s has, and read it without `else`",
                      access->name);
        return &access->base;
    }
    struct node_access read = *node_as(canonical, access);
    read.base.span = access->base.span;
    struct node *value = element_names(n, cell, &read, names) && first_may_read(n, cell)
                             ? read_cell(n, cell, names, cell_place(n, &access->base))
                             : NULL;
    return value ? value : &access->base;
}

struct node *resolve(struct node *node, void *context) {
    struct normaliser *n = context;
    if (n->t->failed)
        return node;
    struct node_reference *reference = node_as(node, reference);
    struct cell *cell = reference ? find_cell(n, reference->name) : NULL;
    if (cell && cell->rank == 0 && cell->kind != CELL_TENSOR) {
        struct node *value = first_may_read(n, cell) ? read_cell(n, cell, NULL, cell_place(n, node)) : NULL;
        return value ? value : node;
    }
    if (node->kind == NODE_REDUCTION)
        return resolve_reduction(n, node_as(node, reduction));
    if (node->kind == NODE_ACCESS)
        return resolve_access(n, node_as(node, access));
    return node_map_children(n->arena, node, resolve, n);
}
