/* Folds and scans: their axes, opened or in scope, their type, and what is composed of others: truth values and positions. */
#include "grammar/parse.h"
#include "grammar/resolve.h"
#include "grammar/tree.h"
#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"

/* An axis in scope that the reduction folds; its bit goes to *folded. */
static struct node *folded_axis(struct resolver *r, struct node_axis *tree, uint64_t *folded) {
    struct entity *axis = lookup_quietly(r, tree->name);
    if (!axis) {
        report_error(r->diagnostics, tree->base.span, "%s is not declared, and has no range here",
                     tree->name);
        report_help(r->diagnostics, (struct span){0}, "open it in the reduction: %s in ...", tree->name);
        return NULL;
    }
    if (axis->kind != ENTITY_AXIS || !axis->block) {
        report_error(r->diagnostics, tree->base.span, "%s is %s: there is nothing to fold along it",
                     axis->source, entity_kind_text(axis));
        report_note(r->diagnostics, axis->span, "%s is declared here", axis->source);
        report_help(r->diagnostics, (struct span){0},
                    "open an axis in the reduction, as in sum(k in K: ...)");
        return NULL;
    }
    *folded |= axis_bit(axis);
    return node_new(r->arena, axis, AXIS, tree->base.span, .name = axis->name);
}

static enum dtype reduction_type(struct resolver *r, enum reduction_operator op, const struct value *body) {
    switch (op) {
    case REDUCTION_ARGMAX:
    case REDUCTION_ARGMIN:
        return DTYPE_INDEX;
    case REDUCTION_MAX:
    case REDUCTION_MIN:
        return own_type(body);
    default:
        return body->dtype == DTYPE_U8 || body->dtype == DTYPE_U16 ? computed_type(body->dtype)
                                                                   : arithmetic_type(r, body->span, body, body);
    }
}

/* any(j: e) is max(j: f32(bool(e))) > 0, of nothing false; all(j: e) is !any(j: !e). */
static struct value truth_folded(struct resolver *r, bool all, struct node_list axes, struct value body,
                                 uint64_t folded, struct span span) {
    struct node *truth =
        body.dtype == DTYPE_BOOL ? body.node : make_call(r->arena, "bool", LIST(r->arena, body.node));
    if (all)
        truth = node_new(r->arena, unary, UNARY, body.span, .op = UNARY_NOT, .operand = truth);
    body.node = node_with_span(r->arena, make_call(r->arena, "f32", LIST(r->arena, truth)), body.span);
    body.dtype = DTYPE_F32;
    struct value value = value_folded(r, REDUCTION_MAX, axes, body, folded, span);
    enum binary_operator holds = all ? BINARY_LESS_EQUAL : BINARY_GREATER;
    value.node =
        node_with_span(r->arena, make_binary(r->arena, holds, value.node, make_integer(r->arena, 0)), span);
    value.dtype = DTYPE_BOOL;
    return value;
}

/* ---- positions ---- */

/* Where a block axis or one of elements begins and ends. */
static struct node_axis range_of(const struct resolver *r, const struct node_axis *axis) {
    struct node_axis range = *axis;
    for (unsigned i = 0; i < r->open_count && !axis->upper; i++)
        if (r->open[i]->name == axis->name) {
            range.lower = r->open[i]->lower;
            range.upper = r->open[i]->upper;
        }
    return range;
}

/* The index along one axis; along several the position in the order of the binders, the last one runs fastest. */
static struct node *position_of(struct resolver *r, struct node_list axes) {
    struct node *position = NULL;
    for (size_t i = 0; i < axes.count; i++) {
        const struct node_axis range = range_of(r, node_as(axes.items[i], axis));
        struct node *index = make_reference(r->arena, range.name);
        if (axes.count == 1)
            return index;
        if (!range.lower || !range.upper)
            return NULL;
        struct node *before =
            position ? make_mul(r->arena, position, make_sub(r->arena, range.upper, range.lower)) : NULL;
        index = make_sub(r->arena, index, range.lower);
        position = before ? make_add(r->arena, before, index) : index;
    }
    return position;
}

/* Axes of elements under names of their own, in the body as well. */
static struct node_list axes_renamed(struct resolver *r, struct node_list axes, struct node **body) {
    struct list_builder renamed = {0};
    for (size_t i = 0; i < axes.count; i++) {
        struct node_axis axis = *node_as(axes.items[i], axis);
        if (axis.upper) {
            const char *name = unique_name(r, axis.name);
            *body = substitute(r->arena, *body, axis.name, make_reference(r->arena, name));
            axis.name = name;
        }
        builder_add(r->arena, &renamed, arena_copy(r->arena, &axis, sizeof axis));
    }
    return builder_list(&renamed);
}

static bool is_known_to_launch(const struct resolver *r, const struct node *size) {
    for_each (reference, reference, size)
        for (const struct entity *entity = r->newest; entity; entity = entity->older)
            if (entity->name == reference->name && entity->kind != ENTITY_SIZE && entity->kind != ENTITY_SCALAR)
                return false;
    return true;
}

/* A launch without elements along an axis has no position to give. */
static void demand_elements(struct resolver *r, struct node_list axes) {
    for (size_t i = 0; i < axes.count; i++) {
        const struct node_axis *axis = node_as(axes.items[i], axis);
        int64_t extent;
        if (!axis->upper || integer_value(make_sub(r->arena, axis->upper, axis->lower), &extent) ||
            !is_known_to_launch(r, axis->lower) || !is_known_to_launch(r, axis->upper))
            continue;
        struct node *some = make_binary(r->arena, BINARY_LESS, axis->lower, axis->upper);
        builder_add(r->arena, &r->demands, size_normal_form(r, some));
    }
}

/* argmax(i, j: e) is the least position of what equals the maximum, or is no number, where no number is found:
 * min(i, j: select(e == max(k, l: e at k, l) || e != e, i32(i * N + j), 2147483647)). */
static struct value position_folded(struct resolver *r, int op, struct node_list axes, struct value body,
                                    uint64_t folded, struct span span) {
    struct arena *a = r->arena;
    struct node *position = position_of(r, axes);
    if (!position) {
        report_error(r->diagnostics, span, "there is no way to a position along these axes at once");
        return poison(span);
    }
    if (body.dtype == DTYPE_BOOL) {
        body.node = make_call(a, "i32", LIST(a, body.node));
        body.dtype = DTYPE_I32;
    }
    demand_elements(r, axes);
    struct value best = body;
    struct node_list own = axes_renamed(r, axes, &best.node);
    best = value_folded(r, op == REDUCTION_ARGMAX ? REDUCTION_MAX : REDUCTION_MIN, own, best, folded, span);
    struct node *found = make_binary(a, BINARY_EQUAL, body.node, best.node);
    if (dtype_is_float(body.dtype))
        found = make_binary(a, BINARY_OR, found, make_binary(a, BINARY_NOT_EQUAL, body.node, body.node));
    struct node *index = make_call(a, "i32", LIST(a, position)), *none = make_integer(a, INT32_MAX);
    struct value least = body;
    least.node = node_with_span(a, make_call(a, "select", LIST(a, found, index, none)), span);
    least.dtype = DTYPE_I32;
    least.varies = true;
    return value_folded(r, REDUCTION_MIN, axes, least, folded, span);
}

/* One axis of elements has its position in one pass over what is computed (auto_tile_tt). */
static bool is_composed(int op, struct node_list axes) {
    bool position = op == REDUCTION_ARGMAX || op == REDUCTION_ARGMIN;
    return position && (axes.count > 1 || !node_as(axes.items[0], axis)->upper);
}

struct value value_folded(struct resolver *r, int op, struct node_list axes, struct value body,
                          uint64_t folded, struct span span) {
    if (op == FOLD_ANY || op == FOLD_ALL)
        return truth_folded(r, op == FOLD_ALL, axes, body, folded, span);
    if (is_composed(op, axes))
        return position_folded(r, op, axes, body, folded, span);
    struct node *node = node_new(r->arena, reduction, REDUCTION, span, .op = (enum reduction_operator)op,
                                 .axes = axes, .body = body.node);
    enum dtype dtype = reduction_type(r, (enum reduction_operator)op, &body);
    struct value value = value_of(kept_truth(r, dtype, node, span), dtype, body.axes & ~folded, span);
    value.varies = body.varies;
    return value;
}

struct value resolve_reduction(struct resolver *r, struct node *tree) {
    struct node_reduction *reduction = node_as(tree, reduction);
    struct entity *mark = scope_mark(r);
    struct list_builder axes = {0};
    uint64_t folded = 0;
    bool sound = true;
    for (size_t i = 0; i < reduction->axes.count; i++) {
        struct node_axis *axis = node_as(reduction->axes.items[i], axis);
        struct node *made = axis->upper ? open_axis(r, &axis->base, false) : folded_axis(r, axis, &folded);
        sound &= made != NULL;
        builder_add(r->arena, &axes, made);
    }
    struct value body = sound ? wrapped(r, resolve_expression(r, reduction->body)) : poison(tree->span);
    scope_close(r, mark);
    if (!sound || !body.node)
        return poison(tree->span);
    if (folded & ~body.axes) {
        report_error(r->diagnostics, tree->span,
                     "this folds along %s, but what it folds does not vary along it",
                     axes_text(r, folded & ~body.axes));
        return poison(tree->span);
    }
    return value_folded(r, (int)reduction->op, builder_list(&axes), body, folded, tree->span);
}

/* ---- scans ---- */

/* Along elements a scan is the fold from where their loop begins: sum(k in 0..j + 1: e at k). */
static struct node *scan_of_elements(struct resolver *r, const struct node_scan *scan, const struct entity *axis,
                                     struct node *body) {
    const char *name = unique_name(r, axis->source);
    struct node *here = make_reference(r->arena, axis->name);
    struct node *upper = make_add(r->arena, here, make_integer(r->arena, 1));
    struct node *folded = make_axis(r->arena, name, axis->lower, upper, NULL);
    return node_new(r->arena, reduction, REDUCTION, scan->base.span, .op = scan->op, .axes = LIST(r->arena, folded),
                    .body = substitute(r->arena, body, axis->name, make_reference(r->arena, name)));
}

struct value resolve_scan(struct resolver *r, struct node *tree) {
    struct node_scan *scan = node_as(tree, scan);
    struct span span = scan->axis->span;
    const char *name = node_as(scan->axis, reference)->name;
    struct entity *axis = lookup(r, name, span);
    if (!axis)
        return poison(tree->span);
    if (axis->kind != ENTITY_AXIS) {
        report_error(r->diagnostics, span, "%s is %s: a scan runs along a loop variable", name,
                     entity_kind_text(axis));
        report_note(r->diagnostics, axis->span, "%s is declared here", name);
        return poison(tree->span);
    }
    struct value body = wrapped(r, resolve_expression(r, scan->body));
    if (!body.node || !axis->lower)
        return poison(tree->span);
    if (!mentions(body.node, axis->name)) {
        report_error(r->diagnostics, tree->span, "this scans along %s, but what it folds does not vary along it",
                     name);
        return poison(tree->span);
    }
    struct value start = scan->start ? wrapped(r, resolve_expression(r, scan->start)) : poison(tree->span);
    if (scan->start && !start.node)
        return poison(tree->span);
    if (scan->start && mentions(start.node, axis->name)) {
        report_error(r->diagnostics, scan->start->span, "what a scan along %s begins with varies along it", name);
        return poison(tree->span);
    }
    if (scan->start && join_types(r, tree->span, &body, &start) == DTYPE_NONE)
        return poison(tree->span);
    struct node *node =
        axis->block ? node_new(r->arena, scan, SCAN, tree->span, .op = scan->op,
                               .axis = node_with_span(r->arena, make_reference(r->arena, axis->name), span),
                               .body = body.node, .start = start.node)
                    : scan_of_elements(r, scan, axis, body.node);
    if (!axis->block && start.node)
        node = make_update(r->arena, update_of_fold(scan->op), start.node, node);
    struct value value = value_of(node, reduction_type(r, scan->op, &body),
                                  body.axes | start.axes | (axis->block ? axis_bit(axis) : 0), tree->span);
    value.varies = true;
    return value;
}
