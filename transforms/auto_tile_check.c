/* What values may ask of their tiles.
 */
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/auto_tile_emit.h"

struct value_check {
    struct emitter *e;
    struct matcher matcher;
};

/* One of the last two subscripts is no loop variable. */
static void fail_as_no_axis(struct tiler *t, struct span span, const struct node_access *access,
                            size_t dimension, enum subscript_kind kind) {
    struct node *extent = relations_tensor(t->relations, access->name)->dimensions.items[dimension];
    const char *text = node_text(t->arena, access->subscripts.items[dimension]);
    int64_t fixed;
    if (!tile_fail(
            t, span,
            "subscript %s of %s %s: the last two dimensions are read by whole tiles, at loop variables", text,
            access->name,
            kind == SUBSCRIPT_SHIFTED  ? "is shifted"
            : kind == SUBSCRIPT_NUMBER ? "is a number"
                                       : "is no loop variable"))
        return;
    if (kind == SUBSCRIPT_NUMBER && integer_value(extent, &fixed) && fixed == 1)
        tile_help(t, "declare %s without this dimension, or sum over it: sum(o in 1: ...), with o for %s",
                  access->name, text);
    else if (kind == SUBSCRIPT_NUMBER)
        tile_help(
            t,
            "fold a product with a vector of 0 and 1, an input: sum(k in %s: ... * pick[k]), with k for %s",
            node_text(t->arena, extent), text);
    else
        tile_help(
            t,
            "a dimension before the last two is read at any such subscript: give all tensors that have it "
            "this order, with dimensions of 1 behind it where two are lacking, as in %s",
            node_text(t->arena, access_in_matrices(t->arena, access)));
}

/* A tensor in which the axis stands before the last two dimensions. */
static const struct node_access *access_by_matrices(const struct tiler *t, struct node *value,
                                                    const char *axis) {
    const struct node_access *found = NULL;
    for_each (access, access, value)
        for (size_t i = 0; relations_tensor(t->relations, access->name) && i + 2 < access->subscripts.count;
             i++)
            if (match_varies(access->subscripts.items[i], axis))
                found = access;
    return found;
}

bool fail_as_guarded(struct tiler *t, struct span span, const char *name) {
    return tile_fail(
        t, span,
        "%s is read with `else`, and may be out of bounds here: the device reads whole tiles and has no way to guard an element yet",
        name);
}

/* An axis that counts matrices of one tensor and rows or columns of a result. */
static void fail_as_both(struct tiler *t, struct span span, const struct node_access *access, const char *axis) {
    const struct node_access *other = NULL;
    for (size_t i = 0; i < t->equation_count && !other; i++) {
        const struct equation *equation = &t->equations[i];
        other = access_by_matrices(t, equation->value, axis);
        if (!other && equation->store)
            other = access_by_matrices(
                t, access_of(t->arena, equation->name, equation->axis_count, equation->axes), axis);
    }
    if (!tile_fail(
            t, span,
            "%s is one of the last two dimensions of %s and stands before the last two of %s: the device cuts the last two into tiles and counts the others",
            axis, access->name, other->name))
        return;
    if (access->subscripts.count < other->subscripts.count)
        tile_help(t, "give %s two dimensions behind %s, of 1 where it has none: [%s, o, p] with o and p in 1",
                  access->name, axis, axis);
    else
        tile_help(
            t,
            "only the last two dimensions can be exchanged: declare neighbours that stay together as one dimension, the data are the same, and exchange in one kernel or two");
}

void advise_single_number(struct tiler *t, const struct node_reduction *reduction, const char *counted) {
    size_t count = reduction->axes.count;
    const struct node_axis *last = node_as(reduction->axes.items[count - 1], axis);
    if (count == 1) {
        tile_help(
            t,
            "a vector is a matrix of one row, the data are the same: declare it so, and fold [o, %s] with o in 1",
            last->name);
        return;
    }
    tile_help(
        t,
        "fold one axis in a kernel of its own, R[%s%so, %s] = %s(%s in %s: ...) with o in 1, and R along %s in another",
        counted ? counted : "", counted ? ", " : "", node_as(reduction->axes.items[count - 2], axis)->name,
        word_text(WORDS_reduction_operator, reduction->op), last->name, node_text(t->arena, last->upper),
        node_as(reduction->axes.items[count - 2], axis)->name);
}

static bool is_constant_along(const struct node_reduction *reduction) {
    for (size_t i = 0; i < reduction->axes.count; i++)
        if (mentions(reduction->body, node_as(reduction->axes.items[i], axis)->name))
            return false;
    return true;
}

/* A fold of what is the same in all iterations. */
static void fail_as_repetition(struct tiler *t, struct span span, const struct node_reduction *reduction) {
    const struct node_axis *axis = node_as(reduction->axes.items[0], axis);
    const char *body = node_text(t->arena, reduction->body);
    if (!tile_fail(t, span, "this takes %s once for every %s, though it does not vary along %s", body,
                   axis->name, axis->name))
        return;
    if (reduction->op == REDUCTION_SUM)
        tile_help(t, "write what they come to: %s * (%s)", body,
                  node_text(t->arena, axis_extent(t->arena, axis)));
    else
        tile_help(t, "write what they come to, without a loop over %s", axis->name);
}

void fail_as_single_number(struct tiler *t, const struct equation *equation,
                           const struct node_reduction *reduction) {
    const char *counted = NULL;
    for (size_t i = 0; i < equation->axis_count && !counted; i++)
        counted = is_matrix_axis(t, equation->axes[i].name) ? equation->axes[i].name : NULL;
    if (is_constant_along(reduction)) {
        fail_as_repetition(t, equation->span, reduction);
        return;
    }
    if (tile_fail(
            t, equation->span,
            "this folds rows and columns to a single number, and the device folds one of them at a time"))
        advise_single_number(t, reduction, counted);
}

/* An axis that the result is cut into tiles along, in an access beside this one; NULL: none. */
static const char *axis_beside(const struct tiler *t, const struct equation *equation, struct node *value,
                               const char *axis) {
    const char *found = NULL;
    for_each (access, access, value)
        for (size_t i = 0; i < equation->axis_count; i++)
            if (is_tile_axis(t, equation->axes[i].name) && match_varies(&access->base, axis) &&
                match_varies(&access->base, equation->axes[i].name))
                found = equation->axes[i].name;
    return found;
}

/* Products are summed along the axis that both factors have first: that is a product of matrices. */
void fail_as_rows_and_columns(struct tiler *t, const struct equation *equation,
                              const struct node_reduction *reduction, const char *first, const char *second) {
    if (!tile_fail(t, equation->span, "this folds rows and columns at once, along %s and %s", first, second))
        return;
    const char *axis = second, *rest = first, *beside = axis_beside(t, equation, reduction->body, axis);
    if (!beside) {
        axis = first;
        rest = second;
        beside = axis_beside(t, equation, reduction->body, axis);
    }
    if (!beside || reduction->op != REDUCTION_SUM) {
        tile_help(t, "there is no way to a %s along both yet",
                  word_text(WORDS_reduction_operator, reduction->op));
        return;
    }
    tile_help(
        t, "sum along %s in a kernel of its own, R[%s, %s] = sum(%s in %s: ...), and R along %s in another",
        axis, rest, beside, axis, node_text(t->arena, axis_named(t, axis)->upper), rest);
}

/* Where an axis is within its range, of all indices of a dimension: j < N - 1. */
static const char *condition_of(struct tiler *t, const struct range *range, struct node *extent) {
    const char *lower = arena_printf(t->arena, "%s <= %s", node_text(t->arena, range->lower), range->name),
               *upper = arena_printf(t->arena, "%s < %s", range->name, node_text(t->arena, range->upper));
    if (attribute_integer(range->lower, -1) == 0)
        return upper;
    bool ends = relations_equal_sizes(t->relations, range->upper, extent);
    return ends ? lower : arena_printf(t->arena, "%s && %s", lower, upper);
}

/* The fold along the axis, over all of the dimension. */
static void advise_choice(struct value_check *check, const struct node_access *access,
                          const struct range *range, struct node *extent) {
    struct tiler *t = check->e->t;
    enum reduction_operator op = REDUCTION_SUM;
    enum dtype type = relations_tensor(t->relations, access->name)->dtype;
    for_each (reduction, reduction, check->e->equation->value)
        for (size_t i = 0; i < reduction->axes.count; i++)
            if (strcmp(node_as(reduction->axes.items[i], axis)->name, range->name) == 0) {
                op = reduction->op;
                type = emitted_type(check->e, reduction->body);
            }
    tile_help(t, "fold all of it, and choose: %s(%s in %s: select(%s, ..., %s))",
              word_text(WORDS_reduction_operator, op), range->name, node_text(t->arena, extent),
              condition_of(t, range, extent), node_text(t->arena, neutral_of_fold(t->arena, op, type)));
}

static void fail_as_part(struct value_check *check, struct span span, const struct node_access *access,
                         size_t i, const struct range *range) {
    struct tiler *t = check->e->t;
    struct node *extent = relations_tensor(t->relations, access->name)->dimensions.items[i];
    if (tile_fail(t, span,
                  "%s folds only %s..%s of dimension %zu of %s, which has %s: the device folds whole tiles",
                  range->name, node_text(t->arena, range->lower), node_text(t->arena, range->upper), i + 1,
                  access->name, node_text(t->arena, extent)))
        advise_choice(check, access, range, extent);
}

/* Does the axis run over all of dimension i of the tensor? */
static bool runs_over_all(const struct tiler *t, const struct range *range, const struct node_access *access,
                          size_t i) {
    struct node *extent = relations_tensor(t->relations, access->name)->dimensions.items[i];
    int64_t lower;
    return integer_value(range->lower, &lower) && lower == 0 &&
           relations_equal_sizes(t->relations, range->upper, extent);
}

/* One of the last two subscripts; seen: the axis of the one before. The axis of this one, NULL after a
 * failure. */
static const char *check_subscript(struct value_check *check, struct span span,
                                   const struct node_access *access, size_t i, const char *seen) {
    struct tiler *t = check->e->t;
    struct subscript s = match_subscript(&check->matcher, access->subscripts.items[i]);
    if (s.kind != SUBSCRIPT_AXIS) {
        fail_as_no_axis(t, span, access, i, s.kind);
        return NULL;
    }
    const struct range *range = axis_named(t, s.axis);
    if (seen && strcmp(seen, s.axis) == 0) {
        if (tile_fail(t, span, "%s is read along its diagonal: the device reads whole tiles", access->name))
            tile_help(t, "fold it: sum(k in %s: select(k == %s, %s[%s, k], 0))",
                      node_text(t->arena, range->upper), s.axis, access->name, s.axis);
    } else if (!is_outer(t, s.axis) && !is_own_axis(check->e->equation, s.axis) &&
               !runs_over_all(t, range, access, i)) {
        fail_as_part(check, span, access, i, range);
    } else {
        return s.axis;
    }
    return NULL;
}

static void check_access(struct value_check *check, struct node_access *access) {
    struct tiler *t = check->e->t;
    size_t rank = access->subscripts.count;
    const char *axis = NULL;
    struct span span = access->base.span.line ? access->base.span : check->e->equation->span;
    if (access->otherwise) {
        if (fail_as_guarded(t, span, access->name))
            tile_help(t, "pad the array of %s before the launch (numpy.pad), and read it without `else`",
                      access->name);
        return;
    }
    for (size_t i = rank < 2 ? 0 : rank - 2; i < rank; i++)
        if (!is_counted(t, access->subscripts.items[i]) && !(axis = check_subscript(check, span, access, i, axis)))
            return;
}

static bool check_value(struct node *node, void *context) {
    struct value_check *check = context;
    struct tiler *t = check->e->t;
    struct node_access *access = node_as(node, access);
    struct node_reduction *reduction = node_as(node, reduction);
    if (access) {
        if (relations_tensor(t->relations, access->name))
            check_access(check, access);
        return !t->failed;
    }
    if (reduction)
        return !t->failed && check_value(reduction->body, context);
    return !t->failed && node_each_child(node, check_value, context);
}

void check_targets(struct tiler *t) {
    for (size_t i = 0; i < t->equation_count && !t->failed; i++) {
        const struct equation *equation = &t->equations[i];
        size_t rank = equation->axis_count;
        struct node *target = access_of(t->arena, equation->name, rank, equation->axes);
        for (size_t k = rank < 2 ? 0 : rank - 2; equation->store && k < rank; k++)
            if (is_matrix_axis(t, equation->axes[k].name))
                fail_as_both(t, equation->span, node_as(target, access), equation->axes[k].name);
    }
}

void check_equation(struct emitter *e) {
    struct value_check check = {e, tiler_matcher(e->t)};
    check_value(e->equation->value, &check);
}
