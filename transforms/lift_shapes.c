/* The axes of what a lifted nest keeps: every let and var varies along what its values do, and lies in its block as the
 * tensors do that it is made of. */
#include <string.h>

#include "analysis/match.h"
#include "ir/query.h"
#include "support/arena.h"
#include "transforms/lift.h"

/* What a let or var varies along by this statement. */
static bool widen(struct lifter *l, struct held *held, const struct node *value) {
    uint64_t before = held->varies;
    held->varies |= held->follows;
    for (size_t i = 0; i < held->own_count; i++)
        held->varies |= lifted_bit(held->own[i]);
    held->varies |= value ? lift_varies(l, value) : 0;
    return held->varies != before;
}

/* Every let, var and assignment of this name, with its value. */
struct given {
    const char *name;
    struct node *value;
};

static struct given given_by(struct node *node) {
    struct node_let *let = node_as(node, let);
    struct node_var *var = node_as(node, var);
    struct node_assign *assign = node_as(node, assign);
    return let      ? (struct given){let->name, let->value}
           : var    ? (struct given){var->name, var->value}
           : assign ? (struct given){target_name(assign->target), assign->value}
                    : (struct given){0};
}

static int rank_of(enum lifted_kind kind) {
    return kind == LIFTED_ROW ? 0 : kind == LIFTED_BLOCK ? 1 : 2;
}

/* Do the two axes stand the other way round: as a tensor lies that a value reads, as its author wrote them, else rows of
 * the nest first? */
static bool stands_turned(struct lifter *l, const struct held *held, struct node *body) {
    size_t a = held->axes[0], b = held->axes[1];
    int order = 0;
    for_each_node (node, body) {
        struct given given = given_by(node);
        if (!order && given.value && strcmp(given.name, held->name) == 0)
            order = match_order(given.value, l->axes[a].name, l->axes[b].name);
    }
    order = order ? order : held->own_count ? 0 : match_order(body, l->axes[a].name, l->axes[b].name);
    if (order)
        return order < 0;
    if (held->own_count == 2)
        return held->own[0] == b;
    return rank_of(l->axes[a].kind) > rank_of(l->axes[b].kind);
}

bool held_shape(struct lifter *l, struct held *held, struct node *body) {
    size_t count = 0;
    for (size_t i = 0; i < l->axis_count; i++)
        if (held->varies & lifted_bit(i)) {
            if (count < 2)
                held->axes[count] = i;
            count++;
        }
    if (count > 2 || (count == 0 && held->variable)) {
        if (lift_fail(
                l, held->span,
                count
                    ? "%s has a value for each element of more than two axes: what a core keeps is a matrix of tiles or a vector"
                    : "%s is a single number, which the device has no place for",
                held->name))
            tile_help(l->t,
                      count ? "store it in a tensor, in a kernel of its own"
                            : "give it an axis, as in `var %s[o in 1]: f32`",
                      held->name);
        return false;
    }
    held->axis_count = count;
    if (count == 2 && stands_turned(l, held, body)) {
        size_t first = held->axes[0];
        held->axes[0] = held->axes[1];
        held->axes[1] = first;
    }
    return true;
}

/* Every let and var varies along what its values do; true where that is news. */
static bool widen_all(struct lifter *l, struct node *body) {
    bool changed = false;
    for_each_node (node, body) {
        struct given given = given_by(node);
        struct held *held = given.name ? held_find(l, given.name) : NULL;
        changed |= held && widen(l, held, given.value);
    }
    return changed;
}

void lift_shapes(struct lifter *l, struct node *body) {
    bool rows = l->axis_count && l->axes[0].kind == LIFTED_ROW;
    do {
        while (widen_all(l, body))
            ;
        for (size_t i = 0; i < l->held_count; i++)
            if (l->held[i].variable && !l->held[i].varies && rows)
                l->held[i].varies = lifted_bit(0); /* the same number for every row */
    } while (widen_all(l, body));
    for (size_t i = 0; i < l->held_count && !l->t->failed; i++)
        held_shape(l, &l->held[i], body);
}
