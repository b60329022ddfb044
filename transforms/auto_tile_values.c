/* Which values get an equation of their own: intermediate values that cost nothing are put where they are
 * used, reductions that do not fill the tiles of their result get a name.
 */
#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "transforms/auto_tile.h"

enum { INLINE_LIMIT = 48 };

/* ---- intermediate values that need no buffer ---- */

struct use {
    const char *name;
    size_t count;
    bool folded; /* inside a reduction */
};

static struct use uses_in(const struct equation *equation, const char *name) {
    struct use use = {.name = name};
    for_each (access, access, equation->value)
        use.count += strcmp(access->name, name) == 0;
    for_each (reduction, reduction, equation->value)
        use.folded |= mentions(&reduction->base, name);
    return use;
}

static void remove_equation(struct tiler *t, size_t at) {
    /* An intermediate value that is gone gives its name back. */
    name_release(&t->names, t->equations[at].name);
    memmove(&t->equations[at], &t->equations[at + 1], (t->equation_count - at - 1) * sizeof *t->equations);
    t->equation_count--;
}

struct inlining {
    struct tiler *t;
    const struct equation *definition;
};

static struct node *inline_access(struct node *node, void *context) {
    struct inlining *in = context;
    struct node_access *access = node_as(node, access);
    if (!access || strcmp(access->name, in->definition->name) != 0)
        return node_map_children(in->t->arena, node, inline_access, in);
    const char *from[AXIS_LIMIT], *to[AXIS_LIMIT];
    for (size_t i = 0; i < access->subscripts.count; i++) {
        from[i] = in->definition->axes[i].name;
        to[i] = node_as(access->subscripts.items[i], reference)->name;
    }
    return rename_axes(in->t, in->definition->value, access->subscripts.count, from, to);
}

/* Axes along which a value that does not have them would be computed again. */
static size_t repeating_axes(const struct equation *equation) {
    size_t count = 0;
    for (size_t i = 0; i < equation->axis_count; i++) {
        int64_t lower, upper;
        bool single = integer_value(equation->axes[i].lower, &lower) &&
                      integer_value(equation->axes[i].upper, &upper) && upper - lower == 1;
        count += !single;
    }
    return count;
}

bool chooses_places(const struct tiler *t, const char *name) {
    for (size_t i = 0; i < t->equation_count; i++)
        for_each (access, access, t->equations[i].value)
            for (size_t k = 0; k < access->subscripts.count; k++)
                for_each (access, place, access->subscripts.items[k])
                    if (strcmp(place->name, name) == 0)
                        return true;
    return false;
}

/* A reduction inside a reduction would catch an axis of the same name: only values without reductions go
 * inside one. */
static bool may_inline(const struct tiler *t, const struct equation *let) {
    size_t total = 0, users = 0;
    bool folded = false, same_axes = true;
    for (size_t i = 0; i < t->equation_count; i++) {
        struct use use = uses_in(&t->equations[i], let->name);
        total += use.count;
        users += use.count > 0;
        folded |= use.folded;
        same_axes &= use.count == 0 || repeating_axes(&t->equations[i]) == repeating_axes(let);
    }
    if (let->old && users > 1) /* one of them may overwrite what another would read then */
        return false;
    struct node_access *access = node_as(let->value, access);
    if (access) {
        const struct node_parameter *tensor = relations_tensor(t->relations, access->name);
        return let->dtype == DTYPE_NONE || let->dtype == DTYPE_F32 || total == 0 ||
               (tensor && tensor->dtype == let->dtype);
    }
    if (let->dtype != DTYPE_NONE && let->dtype != DTYPE_F32)
        return false; /* a value rounded to a narrower type */
    size_t nodes = count_nodes(let->value);
    if (find_kind(let->value, NODE_REDUCTION) && chooses_places(t, let->name))
        return false;
    if (find_kind(let->value, NODE_REDUCTION))
        return !folded && same_axes && users == 1 && nodes * total <= INLINE_LIMIT * 4;
    bool recomputed = !folded && !same_axes; /* once for every element of a further axis */
    if (total == 1 && !recomputed)
        return true;
    return !find_kind(let->value, NODE_CALL) && nodes * total <= (recomputed ? 8 : INLINE_LIMIT);
}

/* Where the consumer has a reduction axis of the name of an axis in the value, the value's one is renamed by
 * rename_axes; where the consumer's own axes meet a reduction axis of the value, that one is renamed here. */
static struct node *without_capture(struct tiler *t, const struct equation *user, struct node *value);

struct node *value_inlined(struct tiler *t, struct node *node, const struct equation *definition,
                           struct node *value) {
    struct equation moved = *definition;
    moved.value = value_moved(t->arena, value, definition->span);
    struct inlining in = {t, &moved};
    return inline_access(node, &in);
}

/* Puts the value where it is read and removes its equation. */
static void inline_equation(struct tiler *t, size_t at) {
    struct equation let = t->equations[at];
    for (size_t k = 0; k < t->equation_count; k++) {
        if (k == at || !uses_in(&t->equations[k], let.name).count)
            continue;
        t->equations[k].value =
            value_inlined(t, t->equations[k].value, &let, without_capture(t, &t->equations[k], let.value));
    }
    remove_equation(t, at);
}

static bool is_read(const struct tiler *t, const struct equation *let) {
    size_t total = 0;
    for (size_t k = 0; k < t->equation_count; k++)
        total += uses_in(&t->equations[k], let->name).count;
    return total > 0;
}

void inline_equations(struct tiler *t) {
    for (size_t i = t->equation_count; i-- > 0;) {
        struct equation *equation = &t->equations[i];
        if (!equation->store && (!is_read(t, equation) || may_inline(t, equation)))
            inline_equation(t, i);
    }
}

/* Values that have been written out wherever they were read. */
static void remove_unread(struct tiler *t) {
    for (size_t i = t->equation_count; i-- > 0;)
        if (!t->equations[i].store && !is_read(t, &t->equations[i]))
            remove_equation(t, i);
}

struct capture {
    struct tiler *t;
    const struct equation *user;
};

static bool is_axis_of_user(const struct tiler *t, const struct node_axis *axis, const void *user) {
    (void)t;
    return is_own_axis(user, axis->name);
}

static struct node *rename_captured(struct node *node, void *context) {
    struct capture *c = context;
    struct node *mapped = node_map_children(c->t->arena, node, rename_captured, c);
    struct node_reduction *reduction = node_as(mapped, reduction);
    if (!reduction)
        return mapped;
    struct node_reduction renamed = rename_own_axes(c->t, reduction, is_axis_of_user, c->user);
    return arena_copy(c->t->arena, &renamed, sizeof renamed);
}

static struct node *without_capture(struct tiler *t, const struct equation *user, struct node *value) {
    struct capture capture = {t, user};
    return find_kind(value, NODE_REDUCTION) ? rename_captured(value, &capture) : value;
}

/* ---- axes that a value does not vary along ---- */

struct narrowing {
    struct tiler *t;
    const char *name;
    size_t count;
    bool kept[AXIS_LIMIT];
};

static struct node *narrow_access(struct node *node, void *context) {
    struct narrowing *n = context;
    struct node_access *access = node_as(node, access);
    if (!access || strcmp(access->name, n->name) != 0)
        return node_map_children(n->t->arena, node, narrow_access, n);
    struct node_access narrowed = *access;
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < n->count; i++)
        if (n->kept[i])
            builder_add(n->t->arena, &subscripts, access->subscripts.items[i]);
    narrowed.subscripts = builder_list(&subscripts);
    return arena_copy(n->t->arena, &narrowed, sizeof narrowed);
}

/* A value that an author names inside loops it does not depend on is that of the loops it does depend on. Axes of
 * matrices stay: they count in a loop around everything. */
void narrow_equations(struct tiler *t) {
    for (size_t at = 0; at < t->equation_count; at++) {
        struct equation *let = &t->equations[at];
        struct narrowing n = {.t = t, .name = let->name, .count = let->axis_count};
        size_t kept = 0, tiles = 0;
        for (size_t i = 0; i < n.count; i++) {
            bool tile = is_tile_axis(t, let->axes[i].name),
                 varies = match_varies(let->value, let->axes[i].name);
            n.kept[i] = varies || !tile;
            kept += n.kept[i];
            tiles += tile && varies;
        }
        if (let->store || let->old || kept == n.count || tiles == 0)
            continue;
        let->axis_count = 0;
        for (size_t i = 0; i < n.count; i++)
            if (n.kept[i])
                let->axes[let->axis_count++] = let->axes[i];
        for (size_t k = 0; k < t->equation_count; k++)
            t->equations[k].value = narrow_access(t->equations[k].value, &n);
    }
}

/* ---- reductions that get a name ---- */

static size_t tile_axis_count(const struct tiler *t, const struct equation *equation,
                              const struct node *value) {
    size_t count = 0;
    for (size_t i = 0; i < equation->axis_count; i++)
        count += (!value || match_varies(value, equation->axes[i].name)) &&
                 is_tile_axis(t, equation->axes[i].name);
    return count;
}

struct extraction {
    struct tiler *t;
    const struct equation *equation; /* a copy */
    struct range folded[AXIS_LIMIT]; /* axes of the reductions around */
    size_t folded_count;
    bool partial_too;
    size_t first_new;
};

static const char *reduction_name(enum reduction_operator op) {
    return op == REDUCTION_SUM   ? "total"
           : op == REDUCTION_MAX ? "largest"
           : op == REDUCTION_MIN ? "smallest"
                                 : "folded";
}

static struct node *name_reduction(struct extraction *e, struct node *node) {
    struct tiler *t = e->t;
    struct equation let = {
        .unnamed = true, .value = node, .span = span_of_part(e->equation->span, node->span)};
    /* A value that does not vary along an axis of matrices is computed again for each of them: such an axis counts in a
     * loop around everything, and is not cut into blocks beside it. */
    for (size_t i = 0; i < e->equation->axis_count; i++)
        if (match_varies(node, e->equation->axes[i].name) || is_matrix_axis(t, e->equation->axes[i].name))
            let.axes[let.axis_count++] = e->equation->axes[i];
    for (size_t i = 0; i < e->folded_count && let.axis_count < AXIS_LIMIT; i++)
        if (match_varies(node, e->folded[i].name))
            let.axes[let.axis_count++] = e->folded[i];
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation *known = &t->equations[i];
        bool same = !known->store && known->dtype == DTYPE_NONE && known->axis_count == let.axis_count &&
                    node_equal(known->value, node);
        for (size_t k = 0; same && k < let.axis_count; k++)
            same = strcmp(known->axes[k].name, let.axes[k].name) == 0;
        if (same)
            return access_of(t->arena, known->name, known->axis_count, known->axes);
    }
    let.name = name_fresh(&t->names, reduction_name(node_as(node, reduction)->op));
    equation_add(t, let);
    return access_of(t->arena, let.name, let.axis_count, let.axes);
}

static size_t count_tile_axes(const struct tiler *t, const struct node_reduction *reduction) {
    size_t count = 0;
    for (size_t i = 0; i < reduction->axes.count; i++)
        count += is_tile_axis(t, node_as(reduction->axes.items[i], axis)->name);
    return count;
}

/* The fold over its own axes and those of a fold of its own kind that it takes; NULL: it takes none. */
static struct node_reduction *joined_fold(struct tiler *t, const struct node_reduction *outer) {
    struct node_reduction *inner = node_as(outer->body, reduction);
    if (!inner || inner->op != outer->op || inner->op == REDUCTION_ARGMAX || inner->op == REDUCTION_ARGMIN ||
        outer->axes.count + inner->axes.count > AXIS_LIMIT)
        return NULL;
    struct node_reduction joined = *outer;
    joined.axes = list_concat(t->arena, outer->axes, inner->axes);
    joined.body = inner->body;
    return arena_copy(t->arena, &joined, sizeof joined);
}

/* A fold of folds of its own kind is one over the axes of both, unless that would fold rows and columns at once. */
static struct node *join_folds(struct node *node, void *context) {
    struct tiler *t = context;
    struct node *mapped = node_map_children(t->arena, node, join_folds, t);
    struct node_reduction *outer = node_as(mapped, reduction), *joined = outer ? joined_fold(t, outer) : NULL;
    return joined && count_tile_axes(t, joined) <= 1 ? &joined->base : mapped;
}

/* A value that another fold takes for every matrix would be a block of matrices. */
static void check_nested(struct extraction *e, const struct node *fold) {
    for (size_t i = 0; i < e->folded_count; i++)
        if (mentions(fold, e->folded[i].name) && is_matrix_axis(e->t, e->folded[i].name) &&
            tile_fail(
                e->t, fold->span.line ? fold->span : e->equation->span,
                "a fold over %s takes this one for every matrix, and the device folds rows or columns: there is no way yet",
                e->folded[i].name))
            return;
}

static struct node *extract(struct node *node, void *context) {
    struct extraction *e = context;
    struct node_reduction *reduction = node_as(node, reduction);
    if (!reduction)
        return node_map_children(e->t->arena, node, extract, e);
    check_nested(e, node);
    struct node_reduction extracted = *reduction;
    size_t mark = e->folded_count;
    for (size_t i = 0; i < reduction->axes.count && e->folded_count < AXIS_LIMIT; i++)
        e->folded[e->folded_count++] = *axis_named(e->t, node_as(reduction->axes.items[i], axis)->name);
    extracted.body = extract(reduction->body, e);
    e->folded_count = mark;
    struct node *result =
        extracted.body == reduction->body ? node : arena_copy(e->t->arena, &extracted, sizeof extracted);
    bool nested = mark > 0;
    size_t axes = tile_axis_count(e->t, e->equation, node);
    bool partial = e->partial_too && axes < tile_axis_count(e->t, e->equation, NULL);
    if (axes == 0 && !nested) {
        struct node_reduction *all = joined_fold(e->t, reduction);
        fail_as_single_number(e->t, e->equation, all ? all : reduction);
    }
    return nested || partial ? name_reduction(e, result) : result;
}

static bool has_full_fold(const struct tiler *t, const struct equation *equation) {
    for_each (reduction, reduction, equation->value)
        if (tile_axis_count(t, equation, &reduction->base) == tile_axis_count(t, equation, NULL))
            return true;
    return false;
}

/* ---- positions ---- */

static bool is_any_axis(const struct tiler *t, const struct node_axis *axis, const void *context) {
    (void)t, (void)axis, (void)context;
    return true;
}

/* A launch without elements along the axis has no position to give. */
static void demand_elements(struct tiler *t, const char *axis) {
    const struct range *range = axis_named(t, axis);
    struct node *some = make_binary(t->arena, BINARY_LESS, range->lower, range->upper);
    int64_t lower, upper;
    if (integer_value(range->lower, &lower) && integer_value(range->upper, &upper) && lower < upper)
        return;
    for (size_t i = 0; i < t->condition_count; i++)
        if (node_equal(t->conditions[i], some))
            return;
    if (t->condition_count < AXIS_LIMIT)
        t->conditions[t->condition_count++] = some;
}

/* argmax(j: e) is the least index of what equals the maximum, or is no number, where no number is found:
 * i32(min(j: select(e == max(k: e at k) || e != e, f32(j), inf))). */
static struct node *compose_positions(struct node *node, void *context) {
    struct tiler *t = context;
    struct node *mapped = node_map_children(t->arena, node, compose_positions, t);
    struct node_reduction *position = node_as(mapped, reduction);
    if (!position || (position->op != REDUCTION_ARGMAX && position->op != REDUCTION_ARGMIN) ||
        position->axes.count != 1)
        return mapped;
    struct arena *a = t->arena;
    const char *axis = node_as(position->axes.items[0], axis)->name;
    struct node_reduction best = rename_own_axes(t, position, is_any_axis, NULL), least = *position;
    best.op = position->op == REDUCTION_ARGMAX ? REDUCTION_MAX : REDUCTION_MIN;
    least.op = REDUCTION_MIN;
    struct node *value = position->body, *found = arena_copy(a, &best, sizeof best);
    struct node *is_best = make_binary(a, BINARY_OR, make_binary(a, BINARY_EQUAL, value, found),
                                       make_binary(a, BINARY_NOT_EQUAL, value, value));
    struct node *index = make_call(a, "f32", LIST(a, make_reference(a, axis)));
    least.body = make_call(a, "select", LIST(a, is_best, index, make_real(a, (double)INFINITY)));
    demand_elements(t, axis);
    return make_call(a, "i32", LIST(a, arena_copy(a, &least, sizeof least)));
}

/* New equations are appended; those of intermediate values move before the stores, in order of need. */
static void order_equations(struct tiler *t) {
    struct equation *sorted = arena_allocate(t->arena, t->equation_count * sizeof *sorted);
    bool *placed = arena_allocate(t->arena, t->equation_count * sizeof *placed);
    size_t count = 0;
    for (bool progress = true; progress;) {
        progress = false;
        for (size_t i = 0; i < t->equation_count; i++) {
            bool ready = !placed[i];
            for (size_t k = 0; ready && k < t->equation_count; k++)
                ready = placed[k] || (t->equations[k].store
                                          ? !t->equations[i].store || k >= i
                                          : k == i || !uses_in(&t->equations[i], t->equations[k].name).count);
            if (!ready)
                continue;
            sorted[count++] = t->equations[i];
            placed[i] = progress = true;
        }
    }
    memcpy(t->equations, sorted, count * sizeof *sorted);
}

/* A computed value times itself is computed once. */
static struct node *square_products(struct node *node, void *context) {
    struct tiler *t = context;
    struct node *mapped = node_map_children(t->arena, node, square_products, t);
    struct node_binary *binary = node_as(mapped, binary);
    bool computed = binary && (binary->left->kind == NODE_BINARY || binary->left->kind == NODE_CALL ||
                               binary->left->kind == NODE_UNARY);
    if (!computed || binary->op != BINARY_MULTIPLY || !node_equal(binary->left, binary->right))
        return mapped;
    return node_with_span(t->arena, make_call(t->arena, "square", LIST(t->arena, binary->left)),
                          mapped->span);
}

void extract_reductions(struct tiler *t) {
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation equation = t->equations[i];
        equation.value = join_folds(compose_positions(equation.value, t), t);
        equation.value = take_elements(t, &equation);
        struct extraction e = {.t = t, .equation = &equation, .partial_too = !has_full_fold(t, &equation)};
        struct node *value = extract(equation.value, &e);
        t->equations[i].value = value;
    }
    remove_unread(t);
    for (size_t i = 0; i < t->equation_count; i++)
        t->equations[i].value = square_products(t->equations[i].value, t);
    order_equations(t);
}
