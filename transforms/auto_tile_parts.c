/* Results that a statement writes in part, or at other places than its loop variables: the statement as a value of every
 * element of the result, the one that it gives where it writes, else the one before.
 *
 *     for j in N { Y[i, j] = A[i, j]; }
 *     for k in K { Y[i, k + N] = B[i, k]; }    =>    Y[i, q] = select(q >= N, B[i, q - N else 0], A[i, q else 0])
 */
#include <math.h>
#include <string.h>

#include "analysis/box.h"
#include "analysis/dependence.h"
#include "ir/build.h"
#include "ir/query.h"
#include "transforms/auto_tile_invert.h"
#include "transforms/index_sum.h"

/* Does a subscript of the tensor name no loop of its own that runs over the whole dimension? */
static bool is_at_places(struct normaliser *n, const struct cell *cell, const struct node_access *access) {
    bool used[AXIS_LIMIT] = {false};
    struct node_list dimensions = relations_tensor(n->t->relations, cell->name)->dimensions;
    struct matcher matcher = tiler_matcher(n->t);
    for (size_t i = 0; i < cell->rank; i++) {
        struct subscript s = match_subscript(&matcher, access->subscripts.items[i]);
        int loop = s.kind == SUBSCRIPT_AXIS ? find_loop(n, s.axis) : -1;
        int64_t lower;
        if (loop < (int)cell->outer || used[loop] || n->loops[loop].first_only ||
            !integer_value(n->loops[loop].range.lower, &lower) || lower != 0 ||
            !relations_equal_sizes(n->t->relations, n->loops[loop].range.upper, dimensions.items[i]))
            return true;
        used[loop] = true;
    }
    return false;
}

bool is_part(struct normaliser *n, struct node *target) {
    struct node_access *access = node_as(target, access);
    const char *name = target_name(target);
    struct cell *cell = name ? find_cell(n, name) : NULL;
    if (!cell || cell->kind == CELL_LET || cell->rank != (access ? access->subscripts.count : 0))
        return false;
    return n->condition_count > cell->conditions || (cell->kind == CELL_TENSOR && is_at_places(n, cell, access));
}

/* ---- values at other places ---- */

struct moving {
    struct normaliser *n;
    size_t count;
    const char *const *from;
    struct node *const *to; /* what stands for them */
    bool guarded;           /* some elements of the result lie outside of what is moved */
};

static struct node *move(struct node *node, void *context);

static bool is_any_axis(const struct tiler *t, const struct node_axis *axis, const void *context) {
    (void)t, (void)axis, (void)context;
    return true;
}

/* Does an access lie in bounds wherever its axes are? */
static bool stays_inside(struct normaliser *n, const struct node_access *access) {
    struct node_parameter *tensor = relations_tensor(n->t->relations, access->name);
    struct node_list axes = axes_mentioned(n, &access->base);
    bool inside = true;
    for (size_t i = 0; inside && i < access->subscripts.count; i++) {
        struct node *at = access->subscripts.items[i];
        struct node *below = make_binary(n->arena, BINARY_LESS, at, make_integer(n->arena, 0));
        struct node *beyond = make_binary(n->arena, BINARY_GREATER_EQUAL, at, tensor->dimensions.items[i]);
        inside = box_never(n->t->relations, axes, below) && box_never(n->t->relations, axes, beyond);
    }
    return inside;
}

struct node *access_guarded(struct normaliser *n, struct node *node) {
    struct node_access *access = node_as(node, access);
    if (access->otherwise || !relations_tensor(n->t->relations, access->name) || stays_inside(n, access))
        return node;
    struct node_access guarded = *access;
    guarded.otherwise = make_integer(n->arena, 0);
    return arena_copy(n->arena, &guarded, sizeof guarded);
}

static struct node *move_fold(struct node *node, void *context) {
    struct moving *m = context;
    struct node *mapped = node_map_children(m->n->arena, node, move_fold, m);
    struct node_reduction *fold = node_as(mapped, reduction);
    if (!fold)
        return mapped;
    struct node_reduction own = rename_own_axes(m->n->t, fold, is_any_axis, NULL);
    return arena_copy(m->n->arena, &own, sizeof own);
}

/* What an intermediate value is at these subscripts; it is rounded as where it is named. */
static struct node *value_at(struct moving *m, const struct equation *value, struct node_list subscripts,
                             struct span span) {
    struct arena *a = m->n->arena;
    const char *from[AXIS_LIMIT];
    for (size_t i = 0; i < value->axis_count; i++)
        from[i] = value->axes[i].name;
    struct moving inner = {m->n, value->axis_count, from, subscripts.items, m->guarded};
    enum dtype type = value->dtype;
    struct node *moved = move(move_fold(value_moved(a, value->value, value->span), m), &inner);
    bool rounds = type != DTYPE_NONE && type != DTYPE_F32 && type != DTYPE_INDEX;
    return rounds ? node_with_span(a, make_call(a, word_text(WORDS_dtype, (int)type), LIST(a, moved)), span)
                  : moved;
}

static struct node *move_access(struct moving *m, struct node_access *access) {
    struct normaliser *n = m->n;
    struct node *mapped = node_map_children(n->arena, &access->base, move, m);
    if (node_equal(mapped, &access->base))
        return mapped;
    struct node_access moved = *node_as(mapped, access);
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < moved.subscripts.count; i++)
        builder_add(n->arena, &subscripts, index_tidied(n->arena, moved.subscripts.items[i]));
    moved.subscripts = builder_list(&subscripts);
    const struct equation *value = equation_named(n->t, access->name);
    if (value)
        return value_at(m, value, moved.subscripts, access->base.span);
    struct node *whole = arena_copy(n->arena, &moved, sizeof moved);
    return m->guarded ? access_guarded(n, whole) : whole;
}

static struct node *move(struct node *node, void *context) {
    struct moving *m = context;
    struct node_reference *reference = node_as(node, reference);
    struct node_access *access = node_as(node, access);
    if (access)
        return move_access(m, access);
    for (size_t i = 0; reference && i < m->count; i++)
        if (strcmp(m->from[i], reference->name) == 0)
            return node_with_span(m->n->arena, m->to[i], node->span);
    return node_map_children(m->n->arena, node, move, m);
}

/* An expression of the statement, of the axes of the result. */
static struct node *at_element(const struct inversion *v, struct node *expression) {
    const char *from[AXIS_LIMIT];
    struct node *to[AXIS_LIMIT];
    for (size_t i = 0; i < v->place_count; i++) {
        from[i] = v->places[i].loop;
        to[i] = v->places[i].at;
    }
    struct moving m = {v->n, v->place_count, from, to, v->guard_count > 0};
    return move(expression, &m);
}

/* Of conditions. */
static struct node *index_at_element(const struct inversion *v, struct node *condition) {
    struct node_binary *binary = node_as(condition, binary);
    struct node *moved = at_element(v, condition);
    return binary ? simplify(v->n->arena, moved) : moved;
}

/* ---- what is written ---- */

struct node *neutral_of(struct arena *arena, enum assign_operator op, enum dtype type) {
    double neutral = reduction_neutral(fold_of_update(op));
    if (isfinite(neutral))
        return make_integer(arena, (int64_t)neutral);
    bool least = neutral < 0;
    switch (type) {
    case DTYPE_I32:
        return make_integer(arena, least ? INT32_MIN : INT32_MAX);
    case DTYPE_U32:
        return make_integer(arena, least ? 0 : UINT32_MAX);
    case DTYPE_U16:
        return make_integer(arena, least ? 0 : UINT16_MAX);
    case DTYPE_U8:
        return make_integer(arena, least ? 0 : UINT8_MAX);
    default:
        return make_real(arena, neutral);
    }
}

/* What leaves the old value as it is, bit by bit: 0 would make 0 of -0. */
static struct node *nothing_for(struct arena *arena, struct update update, const struct cell *cell,
                                const struct node *old) {
    bool floats = cell->dtype == DTYPE_F32 || cell->dtype == DTYPE_BF16;
    double literal;
    return update.op == ASSIGN_ADD && !update.negative && floats && !literal_value(old, &literal)
               ? make_real(arena, -0.0)
               : neutral_of(arena, update.op, cell->dtype);
}

static struct node *chosen(struct arena *arena, struct node *condition, struct node *value,
                           struct node *otherwise) {
    struct node_unary *unary = node_as(condition, unary);
    if (unary && unary->op == UNARY_NOT)
        return make_call(arena, "select", LIST(arena, unary->operand, otherwise, value));
    return condition ? make_call(arena, "select", LIST(arena, condition, value, otherwise)) : value;
}

static bool mentions_folded(const struct inversion *v, const struct node *guard) {
    for (size_t i = 0; i < v->n->loop_count; i++)
        if (v->folded[i] &&
            mentions(guard, v->folds[i].name ? v->folds[i].name : v->n->loops[i].range.name))
            return true;
    return false;
}

/* The guards that differ between iterations that are folded; the others. */
static struct node *guards_of(const struct inversion *v, bool folded) {
    struct node *guards[GUARD_LIMIT];
    size_t count = 0;
    for (size_t i = 0; i < v->guard_count; i++)
        if (mentions_folded(v, v->guards[i]) == folded)
            guards[count++] = v->guards[i];
    return all_of(v->n->arena, count, guards);
}

/* The range without what a guard of its axis alone leaves out, `k < 5`; false: the guard is another. */
static bool narrow_range(struct normaliser *n, const struct node *guard, struct range *range) {
    const struct node_binary *compare = node_as((struct node *)(uintptr_t)guard, binary);
    struct node_reference *axis = compare ? node_as(compare->left, reference) : NULL;
    if (!axis || strcmp(axis->name, range->name) != 0 || axes_mentioned(n, compare->right).count ||
        find_kind(compare->right, NODE_ACCESS))
        return false;
    struct node *bound = compare->right, *one = make_integer(n->arena, 1);
    bool below = compare->op == BINARY_LESS || compare->op == BINARY_LESS_EQUAL;
    if (compare->op == BINARY_LESS_EQUAL || compare->op == BINARY_GREATER)
        bound = make_add(n->arena, bound, one);
    else if (compare->op != BINARY_LESS && compare->op != BINARY_GREATER_EQUAL)
        return false;
    struct node **end = below ? &range->upper : &range->lower;
    bool inside = below ? relations_at_least(n->t->relations, *end, bound)
                        : relations_at_least(n->t->relations, bound, *end);
    *end = inside ? bound : below ? make_min(n->arena, *end, bound) : make_max(n->arena, *end, bound);
    return true;
}

/* The loops that are folded without what guards of their own leave out, under names of their own. */
static void narrow_folds(struct inversion *v, struct node **value) {
    struct normaliser *n = v->n;
    for (size_t i = 0; i < n->loop_count; i++) {
        struct range narrowed = n->loops[i].range;
        size_t kept = 0, count = v->guard_count;
        for (size_t g = 0; g < count; g++)
            if (!v->folded[i] || !narrow_range(n, v->guards[g], &narrowed))
                v->guards[kept++] = v->guards[g];
        v->guard_count = kept;
        if (kept == count)
            continue;
        narrowed.name = axis_fresh(n->t, narrowed.name);
        axis_declare(n->t, narrowed);
        struct node *name = make_reference(n->arena, narrowed.name);
        for (size_t g = 0; g < kept; g++)
            v->guards[g] = substitute(n->arena, v->guards[g], n->loops[i].range.name, name);
        const char *from[] = {n->loops[i].range.name}, *to[] = {narrowed.name};
        *value = rename_axes(n->t, *value, 1, from, to);
        v->folds[i] = narrowed;
    }
}

/* The fold over the loops of which several iterations write an element; the value where there are none. */
static struct node *folded_value(const struct inversion *v, struct update update, struct node *value) {
    struct normaliser *n = v->n;
    struct list_builder axes = {0};
    for (size_t i = 0; i < n->loop_count; i++)
        if (v->folded[i]) {
            const struct range *range = v->folds[i].name ? &v->folds[i] : &n->loops[i].range;
            struct node *axis = make_axis(n->arena, range->name, range->lower, range->upper, NULL);
            builder_add(n->arena, &axes, node_with_span(n->arena, axis, range->span));
        }
    if (!axes.count)
        return value;
    value = chosen(n->arena, guards_of(v, true), value, neutral_of(n->arena, update.op, v->cell->dtype));
    return node_new(n->arena, reduction, REDUCTION, n->span, .op = fold_of_update(update.op),
                    .axes = builder_list(&axes), .body = value);
}

static struct node *negated(struct arena *arena, struct node *condition) {
    if (!condition)
        return make_integer(arena, 0);
    return node_new(arena, unary, UNARY, condition->span, .op = UNARY_NOT, .operand = condition);
}

static struct node *both(struct arena *arena, struct node *a, struct node *b) {
    return a && b ? make_binary(arena, BINARY_AND, a, b) : a ? a : b;
}

bool cell_is_whole(struct normaliser *n, const struct cell *cell, const char *const *names,
                   const struct node *where) {
    struct node *unwritten = unwritten_at(n, cell, names);
    if (!unwritten)
        return true;
    struct node *condition = both(n->arena, unwritten, (struct node *)(uintptr_t)where);
    return box_never(n->t->relations, axes_mentioned(n, condition), condition);
}

struct node *unwritten_at(struct normaliser *n, const struct cell *cell, const char *const *names) {
    const char *from[AXIS_LIMIT];
    if (!cell->unwritten)
        return NULL;
    for (size_t i = 0; i < cell->rank; i++)
        from[i] = cell->dims[i].name;
    return rename_axes(n->t, cell->unwritten, cell->rank, from, names);
}

/* The statement changes what an element held: all that it changes has a value. */
static bool has_values(struct normaliser *n, const struct cell *cell, const char *const *names,
                       const struct node *where, struct node *target) {
    if (cell->initial || (cell->value && cell_is_whole(n, cell, names, where)))
        return true;
    tile_fail(n->t, cell_place(n, target), "%s is changed here before all of that has a value", cell->name);
    return false;
}

static void set_part(struct inversion *v, struct update update, struct node *value, struct node *target) {
    struct normaliser *n = v->n;
    struct arena *a = n->arena;
    struct cell *cell = find_cell(n, v->cell->name);
    const char *names[AXIS_LIMIT];
    for (size_t d = 0; d < v->rank; d++)
        names[d] = v->dims[d].name;
    struct node *where = guards_of(v, false), *unwritten = unwritten_at(n, cell, names);
    bool has_value = cell->value || cell->initial, truth = cell->dtype == DTYPE_BOOL;
    struct node *old = has_value ? cell_value(n, cell, names, cell_place(n, target)) : NULL;
    if (update.op == ASSIGN_SET) {
        unwritten = !where || cell->initial ? NULL
                    : has_value && !unwritten ? NULL
                                              : both(a, unwritten, negated(a, where));
        value = has_value ? chosen(a, where, value, old) : value;
    } else if (has_values(n, cell, names, where, target)) {
        old = truth ? truth_as_number(a, old) : old;
        value = folded_value(v, update, truth ? truth_as_number(a, value) : value);
        value = update_combined(a, update, old, chosen(a, where, value, nothing_for(a, update, cell, old)));
        value = truth ? make_call(a, "bool", LIST(a, value)) : value;
    }
    if (n->t->failed)
        return;
    cell_assign(n, cell, v->dims, value);
    cell->unwritten = unwritten;
}

/* ---- places that data choose ---- */

/* Does a subscript come from data? */
static bool has_data(const struct node_access *target) {
    for (size_t i = 0; target && i < target->subscripts.count; i++)
        if (find_kind(target->subscripts.items[i], NODE_ACCESS))
            return true;
    return false;
}

/* The last iteration of the loop in which the guards let it write an element, -1 where there is none, under a name. */
static struct node *name_last(struct inversion *v, const struct range *loop, struct node *written) {
    struct normaliser *n = v->n;
    struct arena *a = n->arena;
    struct equation last = {.name = name_fresh(&n->t->names, "last"), .span = n->span};
    for (size_t d = 0; d < v->rank; d++)
        if (mentions(written, v->dims[d].name))
            last.axes[last.axis_count++] = v->dims[d];
    struct node *none = make_negation(a, make_integer(a, 1));
    struct node *number = make_call(a, "select", LIST(a, written, make_reference(a, loop->name), none));
    struct node *axis = make_axis(a, loop->name, loop->lower, loop->upper, NULL);
    last.value = node_new(a, reduction, REDUCTION, n->span, .op = REDUCTION_MAX, .axes = LIST(a, axis), .body = number);
    equation_add(n->t, last);
    return access_of(a, last.name, last.axis_count, last.axes);
}

/* The one loop that is folded; -1 after an error. */
static int loop_of_last(const struct inversion *v, struct node *target) {
    struct normaliser *n = v->n;
    int found = -1;
    for (size_t i = 0; i < n->loop_count; i++) {
        if (v->folded[i] && found >= 0) {
            if (tile_fail(n->t, cell_place(n, target),
                          "the last iteration that writes an element of %s is found along one loop, and here along %s and %s",
                          v->cell->name, n->loops[found].range.name, n->loops[i].range.name))
                tile_help(n->t, "give what it reads one dimension for both: the data are the same");
            return -1;
        }
        found = v->folded[i] ? (int)i : found;
    }
    return found;
}

/* Of several iterations that write an element the last one stays: it is found by a fold, and read where it is. */
static void take_last(struct inversion *v, struct node *target) {
    struct arena *a = v->n->arena;
    struct node *guards[GUARD_LIMIT];
    size_t count = 0, kept = 0;
    int loop = loop_of_last(v, target);
    if (loop < 0)
        return;
    for (size_t i = 0; i < v->guard_count; i++)
        if (mentions_folded(v, v->guards[i]))
            guards[count++] = v->guards[i];
        else
            v->guards[kept++] = v->guards[i];
    const struct range *range = &v->n->loops[loop].range;
    struct node *last = name_last(v, range, all_of(a, count, guards));
    v->guards[kept] = make_binary(a, BINARY_GREATER_EQUAL, last, make_integer(a, 0));
    v->guard_count = kept + 1;
    for (size_t i = 0; i < v->place_count; i++)
        v->places[i].at = substitute(a, v->places[i].at, range->name, last);
    v->places[v->place_count].loop = range->name;
    v->places[v->place_count++].at = last;
    v->folded[loop] = false;
    v->solved[loop] = true;
}

/* ---- a part of an inout tensor ---- */

enum { ROW_PART = 16 }; /* elements of a row of tiles that are written as one */

/* Is the subscript a loop, from a multiple of what is written of a row as one on? */
static bool runs_by_parts(const struct inversion *v, struct node *subscript) {
    struct index_sum sum;
    bool runs = index_sum_of(v->n->arena, subscript, &sum);
    size_t loops = 0;
    for (size_t i = 0; runs && i < sum.count; i++) {
        const struct index_term *term = &sum.terms[i];
        const struct node_reference *name = term->count == 1 ? node_as(term->factors[0], reference) : NULL;
        bool loop = name && term->times == 1 && find_loop(v->n, name->name) >= 0;
        loops += loop;
        runs = loop || (term->count == 0 && term->times % ROW_PART == 0);
    }
    return runs && loops == 1;
}

/* Is the statement all that the kernel says of a tensor that keeps what it held, and does it write an element in every
 * iteration of the loops around, each another one? Then the part is stored where it is, and the rest is not touched. */
static bool is_alone(const struct inversion *v, struct node *target) {
    struct normaliser *n = v->n;
    size_t mentioned = 0;
    int64_t lower;
    for_each_node (node, n->t->kernel->body)
        mentioned += mentioned_name(node) && strcmp(mentioned_name(node), v->cell->name) == 0;
    bool alone = v->cell->kind == CELL_TENSOR && v->cell->initial && mentioned == 1 && !n->condition_count &&
                 v->rank > 0 && runs_by_parts(v, v->subscripts[v->rank - 1]);
    for (size_t i = 0; alone && i < n->loop_count; i++)
        alone = !v->folded[i] && !n->loops[i].first_only && mentions(target, n->loops[i].range.name) &&
                integer_value(n->loops[i].range.lower, &lower) && lower == 0;
    return alone;
}

/* The loop that runs along the last dimension stands last. */
static void store_part(struct inversion *v, struct node *value, struct node *target) {
    struct normaliser *n = v->n;
    struct cell *cell = find_cell(n, v->cell->name);
    struct node_access at = *node_as(target, access);
    at.subscripts = list_of(n->arena, v->rank, v->subscripts);
    cell->at = node_as(arena_copy(n->arena, &at, sizeof at), access);
    for (int last = 0; last < 2; last++)
        for (size_t i = 0; i < n->loop_count; i++)
            if (mentions(v->subscripts[v->rank - 1], n->loops[i].range.name) == (last == 1))
                cell->iterations[cell->iteration_count++] = n->loops[i].range;
    cell_assign(n, cell, v->dims, value);
}

/* ---- statements ---- */

/* Several iterations write one element: they may add to it, and do nothing else. */
static bool may_fold(const struct inversion *v, struct update update, struct node *target) {
    struct normaliser *n = v->n;
    for (size_t i = 0; i < n->loop_count; i++) {
        if (!v->folded[i])
            continue;
        if (update.op == ASSIGN_SET)
            fail_as_overwritten(n, &n->loops[i].range, target);
        else if (mentions(update.value, v->cell->name))
            fail_as_carried(n, v->cell, &n->loops[i].range, cell_place(n, target));
        return !n->t->failed && !has_conflict(n, &n->loops[i], v->cell, update.op);
    }
    return true;
}

void assign_part(struct normaliser *n, struct node_assign *assign, struct update update) {
    struct inversion v;
    const char *name = target_name(assign->target);
    struct node_access *access = node_as(assign->target, access);
    struct node_access scalar = {.base = assign->target->kind == NODE_REFERENCE ? *assign->target : (struct node){0},
                                 .name = name};
    struct cell *cell = find_cell(n, name);
    if (cell->kind == CELL_TENSOR && is_at_places(n, cell, access) &&
        !dependence_in_order(n->t->relations, n->t->compilation->diagnostics, name)) {
        n->t->failed = true;
        return;
    }
    struct node *value = resolve(update.value, n);
    if (n->t->failed)
        return;
    if (!invert_target(&v, n, access ? access : &scalar, update.op != ASSIGN_SET || has_data(access))) {
        if (!n->t->failed)
            fail_as_no_place(n, assign->target);
        return;
    }
    bool last = update.op == ASSIGN_SET && has_data(access);
    if (!last && !may_fold(&v, update, assign->target))
        return;
    for (size_t i = v.first_condition; i < v.guard_count; i++)
        v.guards[i] = index_at_element(&v, v.guards[i]);
    inversion_settle(&v);
    /* What is changed would be read with whole tiles, which other cores write parts of. */
    if (update.op == ASSIGN_SET && !last && is_alone(&v, assign->target)) {
        store_part(&v, value, assign->target);
        return;
    }
    if (last)
        take_last(&v, assign->target);
    value = at_element(&v, value);
    narrow_folds(&v, &value);
    if (!n->t->failed)
        set_part(&v, update, value, assign->target);
}
