/* Running folds of a nest that is lifted: what a loop over elements hands from one to the next, and reads on the way.
 *
 *     for j in 0..N {                        for j in 0..N by 128 {
 *         s += X[i, j]                           let s_at[j] = scan(sum, j: X[i, j] + select(j == lo(j), s, 0))
 *         Y[i, j] = s                =>          s = sum(j: select(j == lo(j) + len(j) - 1, s_at[j], 0))
 *     }                                          Y[i, j] = s_at[j]
 *                                            }
 *
 * A fold down to the element at hand, sum(k in 0..j + 1: X[i, k]), is written as such a loop first.
 */
#include <math.h>
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/auto_tile_cells.h"
#include "transforms/lift.h"

/* ---- what runs ---- */

bool is_read_in(const struct node *body, const char *name) {
    for_each_node (node, body) {
        struct node_assign *assign = node_as(node, assign);
        const char *target = assign ? target_name(assign->target) : NULL;
        if (target && strcmp(target, name) == 0) {
            struct update update = as_update(assign);
            if (mentions(update.value, name))
                return true;
            skip_below(node);
        } else if (mentioned_name(node) && strcmp(mentioned_name(node), name) == 0) {
            return true;
        }
    }
    return false;
}

/* Does one of the statements change the name by an operator, and another read it? Those of a branch do not count: what the
 * first iteration does alone stands before the loop. */
static bool is_running_in(const struct node_block *block, const char *name) {
    bool changed = false, read = false;
    for (size_t i = 0; block && i < block->statements.count; i++) {
        struct node_assign *assign = node_as(block->statements.items[i], assign);
        const char *target = assign ? target_name(assign->target) : NULL;
        struct update update = assign ? as_update(assign) : (struct update){ASSIGN_SET, NULL, false};
        if (target && strcmp(target, name) == 0 && update.op != ASSIGN_SET && !mentions(update.value, name))
            changed = true;
        else
            read |= block->statements.items[i]->kind != NODE_IF && mentions(block->statements.items[i], name);
    }
    return changed && read;
}

/* A var of the body around that a loop over elements changes and reads. */
static bool has_running(const struct node *body, const char *name) {
    for_each (for, loop, body) {
        struct node_axis *axis = node_as(loop->axes.items[loop->axes.count - 1], axis);
        bool declared = false;
        for_each (var, var, loop->body)
            declared |= strcmp(var->name, name) == 0;
        if (!axis->step && !declared && is_running_in(node_as(loop->body, block), name))
            return true;
    }
    return false;
}

bool lift_runs(const struct node_kernel *kernel) {
    for_each (var, var, kernel->body)
        if (has_running(kernel->body, var->name))
            return true;
    return false;
}

/* ---- one statement ---- */

static struct node *block_place(struct lifter *l, const char *function, const char *axis) {
    return make_call(l->arena, function, LIST(l->arena, make_reference(l->arena, axis)));
}

/* At this element of the block the value, else the other one. */
static struct node *only_at(struct lifter *l, const char *axis, struct node *element, struct node *value,
                            struct node *other) {
    struct node *here = make_binary(l->arena, BINARY_EQUAL, make_reference(l->arena, axis), element);
    return make_call(l->arena, "select", LIST(l->arena, here, value, other));
}

static struct node *neutral_literal(struct lifter *l, enum reduction_operator op) {
    double neutral = reduction_neutral(op);
    return isinf(neutral) ? make_real(l->arena, neutral) : make_integer(l->arena, (int64_t)neutral);
}

struct running lift_running(struct lifter *l, const struct node_assign *assign, const char *axis) {
    struct arena *a = l->arena;
    struct span span = assign->base.span;
    struct update update = as_update(assign);
    const char *name = target_name(assign->target), *at = name_fresh(&l->t->names, arena_printf(a, "%s_at", name));
    enum reduction_operator op = fold_of_update(update.op);
    struct node *first = block_place(l, "lo", axis), *one = make_integer(a, 1),
                *last = make_binary(a, BINARY_SUBTRACT, make_binary(a, BINARY_ADD, first, block_place(l, "len", axis)), one);
    struct node *term = update.negative ? make_negation(a, update.value) : update.value;
    term = make_update(a, update.op, term, only_at(l, axis, first, assign->target, neutral_literal(l, op)));
    struct node *scan = node_new(a, scan, SCAN, span, .op = op, .axis = make_reference(a, axis), .body = term);
    struct node *value = make_reference(a, at), *none = make_integer(a, 0);
    struct node *end = node_new(a, reduction, REDUCTION, span, .op = REDUCTION_SUM,
                                .axes = LIST(a, make_axis(a, axis, NULL, NULL, NULL)),
                                .body = only_at(l, axis, last, value, none));
    struct held *held = held_find(l, name);
    enum dtype dtype = held->dtype == DTYPE_NONE || held->dtype == DTYPE_INDEX ? DTYPE_F32 : held->dtype;
    diagnostics_rename(l->t->compilation->diagnostics, at, name);
    return (struct running){
        .at = at,
        .let = node_new(a, let, LET, span, .name = at, .dtype = dtype, .value = scan),
        .end = node_new(a, assign, ASSIGN, span, .target = assign->target, .op = ASSIGN_SET, .value = end)};
}
