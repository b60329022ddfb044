/* What values may ask of their tiles.
 */
#include <string.h>

#include "ir/build.h"
#include "transforms/auto_tile_emit.h"

struct value_check {
    struct emitter *e;
    struct matcher matcher;
};

static void check_access(struct value_check *check, struct node_access *access) {
    struct tiler *t = check->e->t;
    size_t rank = access->subscripts.count;
    const char *seen = NULL;
    struct span span = access->base.span.line ? access->base.span : check->e->equation->span;
    if (access->otherwise) {
        tile_fail(t, span, "%s is read with `else`: a guarded access is not tiled", access->name);
        return;
    }
    for (size_t i = rank < 2 ? 0 : rank - 2; i < rank; i++) {
        struct subscript s = match_subscript(&check->matcher, access->subscripts.items[i]);
        if (s.kind != SUBSCRIPT_AXIS) {
            const char *why = s.kind == SUBSCRIPT_SHIFTED  ? "is shifted"
                              : s.kind == SUBSCRIPT_NUMBER ? "is a number"
                              : s.kind == SUBSCRIPT_AFFINE ? "is no single loop variable"
                                                           : "is not affine";
            tile_fail(
                t, span,
                "subscript %s of %s %s: its last two dimensions are read by whole tiles, at loop variables",
                node_text(t->arena, access->subscripts.items[i]), access->name, why);
            return;
        }
        if (seen && strcmp(seen, s.axis) == 0) {
            tile_fail(t, span, "%s is read along its diagonal, which no tile operation does", access->name);
            return;
        }
        seen = s.axis;
        if (is_matrix_axis(t, s.axis)) {
            tile_fail(t, span,
                      "%s selects matrices of a tensor and lies in tiles of %s; one axis cannot do both",
                      s.axis, access->name);
            return;
        }
        if (is_outer(t, s.axis) || is_own_axis(check->e->equation, s.axis))
            continue;
        const struct range *range = axis_named(t, s.axis);
        struct node *extent = relations_tensor(t->relations, access->name)->dimensions.items[i];
        int64_t lower;
        if (!integer_value(range->lower, &lower) || lower != 0 ||
            !relations_equal_sizes(t->relations, range->upper, extent)) {
            tile_fail(
                t, span,
                "%s folds only %s..%s of dimension %zu of %s, which has %s; a reduction is tiled when it covers the dimension",
                s.axis, node_text(t->arena, range->lower), node_text(t->arena, range->upper), i + 1,
                access->name, node_text(t->arena, extent));
            return;
        }
    }
}

static bool check_value(struct node *node, void *context) {
    struct value_check *check = context;
    struct tiler *t = check->e->t;
    struct node_access *access = node_as(node, access);
    struct node_reference *reference = node_as(node, reference);
    struct node_reduction *reduction = node_as(node, reduction);
    struct span span = node->span.line ? node->span : check->e->equation->span;
    if (reduction && reduction->op != REDUCTION_SUM && reduction->op != REDUCTION_MAX &&
        reduction->op != REDUCTION_MIN)
        tile_fail(t, span, "%s over an axis is not tiled: the device folds by sum, max and min",
                  word_text(WORDS_reduction_operator, reduction->op));
    if (reference && axis_named(t, reference->name))
        tile_fail(t, span, "the index %s is used as a value, which no tile operation gives", reference->name);
    if (access) {
        if (relations_tensor(t->relations, access->name))
            check_access(check, access);
        return !t->failed;
    }
    if (reduction)
        return !t->failed && check_value(reduction->body, context);
    return !t->failed && node_each_child(node, check_value, context);
}

bool is_integer_type(enum dtype dtype) {
    return dtype == DTYPE_U16 || dtype == DTYPE_U32 || dtype == DTYPE_I32 || dtype == DTYPE_BOOL;
}

struct integer_search {
    struct emitter *e;
    const char *name;
    enum dtype dtype;
    bool folded;
};

static bool search_integers(struct node *node, void *context) {
    struct integer_search *search = context;
    struct node_access *access = node_as(node, access);
    struct node_parameter *tensor = access ? relations_tensor(search->e->t->relations, access->name) : NULL;
    if (tensor && is_integer_type(tensor->dtype) && search->folded) {
        search->name = tensor->name;
        search->dtype = tensor->dtype;
    }
    bool outside = search->folded;
    search->folded |= node->kind == NODE_REDUCTION;
    node_each_child(node, search_integers, context);
    search->folded = outside;
    return true;
}

void check_equation(struct emitter *e) {
    struct value_check check = {e, tiler_matcher(e->t)};
    struct integer_search integers = {.e = e};
    check_value(e->equation->value, &check);
    search_integers(e->equation->value, &integers);
    if (integers.name)
        tile_fail(
            e->t, e->equation->span,
            "%s has type %s: reductions of integers are not tiled, the matrix unit adds floating numbers",
            integers.name, word_text(WORDS_dtype, (int)integers.dtype));
    if (integers.name && e->t->failed)
        report_help(e->t->compilation->diagnostics, (struct span){0}, "declare it as bf16 or f32");
}
