/* gemm, copy, clear, fill, reduce and transpose become assignments: what they mean is in the axes of their
 * operands. */
#include <string.h>

#include "grammar/parse.h"
#include "grammar/resolve.h"
#include "grammar/tree.h"
#include "ir/query.h"

static bool takes(struct resolver *r, const struct node_call *call, size_t count, const char *usage) {
    bool plain = call->arguments.count == count;
    for (size_t i = 0; plain && i < count; i++)
        plain =
            call->arguments.items[i]->kind != NODE_AXIS && call->arguments.items[i]->kind != NODE_ATTRIBUTE;
    if (plain)
        return true;
    report_error(r->diagnostics, call->base.span, "%s takes %zu operand%s", call->function, count,
                 count == 1 ? "" : "s");
    report_help(r->diagnostics, (struct span){0}, "%s", usage);
    return false;
}

/* The block axes of a target as it is written; false when it is none (the assignment reports why). */
static bool target_axes(struct resolver *r, struct node *tree, uint64_t *axes) {
    struct node_reference *reference = node_as(tree, reference);
    struct node_access *access = node_as(tree, access);
    struct entity *entity = reference ? lookup_quietly(r, reference->name)
                            : access  ? lookup_quietly(r, access->name)
                                      : NULL;
    *axes = 0;
    for (size_t i = 0; entity && reference && entity->axes && i < entity->rank; i++)
        *axes |= entity->axes[i] ? axis_bit(entity->axes[i]) : 0;
    for (unsigned i = 0; access && i < r->open_count; i++)
        if (mentions(tree, r->open[i]->source))
            *axes |= axis_bit(r->open[i]);
    return entity != NULL;
}

static struct node *fold(struct resolver *r, enum reduction_operator op, struct node *body, uint64_t axes,
                         struct span span) {
    return node_new(r->arena, reduction, REDUCTION, span, .op = op, .axes = axes_in_order(r, body, axes),
                    .body = body);
}

static bool report_axes(struct resolver *r, struct span span, uint64_t axes, const char *rule) {
    if (!axes)
        return true;
    report_error(r->diagnostics, span, "axis %s: %s", axes_text(r, axes), rule);
    return false;
}

/* gemm(a, b, acc): acc += sum over the axes of a and b that acc lacks. */
static void gemm(struct resolver *r, struct node *tree, const struct node_call *call,
                 struct list_builder *out) {
    if (!takes(r, call, 3,
               "gemm(a, b, acc) adds to acc the product of a and b, summed over the axis that acc lacks"))
        return;
    struct value a = resolve_expression(r, call->arguments.items[0]),
                 b = resolve_expression(r, call->arguments.items[1]);
    struct node *target = call->arguments.items[2];
    uint64_t kept = 0;
    struct value value = poison(tree->span);
    if (a.node && b.node && target_axes(r, target, &kept)) {
        uint64_t contracted = (a.axes | b.axes) & ~kept;
        bool sound =
            report_axes(r, tree->span, contracted & ~a.axes, "b has it, but neither a nor the accumulator") &&
            report_axes(r, tree->span, contracted & ~b.axes, "a has it, but neither b nor the accumulator") &&
            report_axes(r, tree->span, kept & ~(a.axes | b.axes),
                        "the accumulator has it, but neither a nor b");
        if (sound && !contracted) {
            report_error(r->diagnostics, tree->span,
                         "gemm has nothing to sum over: the accumulator has every axis of a and b");
            sound = false;
        }
        enum dtype dtype = sound ? arithmetic_type(r, tree->span, &a, &b) : DTYPE_NONE;
        if (dtype != DTYPE_NONE) {
            struct node *product =
                node_with_span(r->arena, make_binary(r->arena, BINARY_MULTIPLY, a.node, b.node), tree->span);
            value =
                value_of(fold(r, REDUCTION_SUM, product, contracted, tree->span), dtype, kept, tree->span);
        }
    }
    resolve_assignment(r, out, tree, target, ASSIGN_ADD, value);
}

static void copy(struct resolver *r, struct node *tree, const struct node_call *call,
                 struct list_builder *out) {
    if (takes(r, call, 2, "copy(from, to)"))
        resolve_assignment(r, out, tree, call->arguments.items[1], ASSIGN_SET,
                           resolve_expression(r, call->arguments.items[0]));
}

/* transpose(from, to): the same axes in another order; names say which is which. */
static void transpose(struct resolver *r, struct node *tree, const struct node_call *call,
                      struct list_builder *out) {
    uint64_t axes;
    if (!takes(r, call, 2, "transpose(from, to)"))
        return;
    struct value value = resolve_expression(r, call->arguments.items[0]);
    struct node *target = call->arguments.items[1];
    if (value.node && target_axes(r, target, &axes) && axes != value.axes) {
        report_error(r->diagnostics, tree->span, "transpose keeps the axes: from has [%s], to has [%s]",
                     axes_text(r, value.axes), axes_text(r, axes));
        value = poison(tree->span);
    }
    resolve_assignment(r, out, tree, target, ASSIGN_SET, value);
}

static void clear(struct resolver *r, struct node *tree, const struct node_call *call,
                  struct list_builder *out) {
    if (!takes(r, call, 1, "clear(acc)"))
        return;
    struct value zero =
        value_of(node_with_span(r->arena, make_integer(r->arena, 0), tree->span), DTYPE_INDEX, 0, tree->span);
    zero.literal = true;
    resolve_assignment(r, out, tree, call->arguments.items[0], ASSIGN_SET, zero);
}

static void fill(struct resolver *r, struct node *tree, const struct node_call *call,
                 struct list_builder *out) {
    if (takes(r, call, 2, "fill(acc, value)"))
        resolve_assignment(r, out, tree, call->arguments.items[0], ASSIGN_SET,
                           resolve_expression(r, call->arguments.items[1]));
}

/* A fold into a fragment that began with a value goes on from what it holds. */
static enum assign_operator continuation(struct resolver *r, struct node *target, int op) {
    const char *name = target_name(target);
    struct entity *entity = name ? lookup_quietly(r, name) : NULL;
    return entity && entity->accumulates && op < FOLD_ANY ? update_of_fold((enum reduction_operator)op)
                                                          : ASSIGN_SET;
}

/* reduce(max, from, to): folds the axes that `to` lacks. */
static void reduce(struct resolver *r, struct node *tree, const struct node_call *call,
                   struct list_builder *out) {
    if (!takes(r, call, 3, "reduce(max, from, to) folds the axes of from that to lacks"))
        return;
    struct node_reference *word = node_as(call->arguments.items[0], reference);
    int op = word ? fold_named(word->name) : -1;
    uint64_t kept;
    if (op < 0) {
        report_error(r->diagnostics, call->arguments.items[0]->span,
                     "reduce needs " FOLD_NAMES " or all first");
        op = REDUCTION_SUM;
    }
    struct value value = resolve_expression(r, call->arguments.items[1]);
    struct node *target = call->arguments.items[2];
    if (value.node && target_axes(r, target, &kept)) {
        uint64_t folded = value.axes & ~kept;
        if (!folded) {
            report_error(r->diagnostics, tree->span,
                         "reduce has nothing to fold: the target has every axis of the operand");
            value = poison(tree->span);
        } else {
            value = value_folded(r, op, axes_in_order(r, value.node, folded), value, folded, tree->span);
        }
    }
    resolve_assignment(r, out, tree, target, continuation(r, target, op), value);
}

static const struct {
    const char *name;
    void (*resolve)(struct resolver *, struct node *, const struct node_call *, struct list_builder *);
} tile_statements[] = {{"gemm", gemm}, {"copy", copy},     {"clear", clear},
                       {"fill", fill}, {"reduce", reduce}, {"transpose", transpose}};
enum { TILE_STATEMENT_COUNT = sizeof tile_statements / sizeof *tile_statements };

void resolve_tile_statement(struct resolver *r, struct node *tree, struct list_builder *out) {
    struct node_call *call = node_as(node_as(tree, statement)->call, call);
    const char *names[TILE_STATEMENT_COUNT];
    for (size_t i = 0; i < TILE_STATEMENT_COUNT; i++) {
        names[i] = tile_statements[i].name;
        if (strcmp(call->function, names[i]) == 0) {
            tile_statements[i].resolve(r, tree, call, out);
            return;
        }
    }
    report_error(r->diagnostics, span_of_name(tree->span, call->function), "there is no statement %s",
                 call->function);
    const char *nearest = suggest_nearest(call->function, names, TILE_STATEMENT_COUNT);
    if (nearest)
        report_help(r->diagnostics, (struct span){0}, "did you mean %s?", nearest);
    else
        report_help(r->diagnostics, (struct span){0},
                    "tile statements are gemm, copy, clear, fill, reduce and transpose");
}
