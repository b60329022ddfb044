/* Subscripts with numbers that a launch is given, C[i + pos]: what must hold of these for the access to be in bounds. */
#include "analysis/given.h"

#include <string.h>

#include "ir/build.h"
#include "ir/query.h"

/* The greatest or least value of a sum of loop variables, sizes and given numbers; NULL: it is more than a sum. */
static struct node *end_of(const struct relations *r, const struct access_site *site, struct node *node,
                           bool greatest) {
    struct node_reference *reference = node_as(node, reference);
    struct node_binary *binary = node_as(node, binary);
    if (node->kind == NODE_INTEGER || relations_is_size(r, node))
        return node;
    for (size_t i = 0; reference && i < site->axis_count; i++) {
        const struct node_axis *axis = site->axes[i] && strcmp(site->axes[i], reference->name) == 0 ? site->ranges[i] : NULL;
        struct node *end = axis && axis->upper ? end_of(r, site, greatest ? axis->upper : axis->lower, greatest) : NULL;
        if (axis)
            return end && greatest ? make_sub(r->arena, end, make_integer(r->arena, 1)) : end;
    }
    if (!binary || (binary->op != BINARY_ADD && binary->op != BINARY_SUBTRACT))
        return NULL;
    bool sum = binary->op == BINARY_ADD;
    struct node *left = end_of(r, site, binary->left, greatest),
                *right = left ? end_of(r, site, binary->right, sum ? greatest : !greatest) : NULL;
    return !right ? NULL : sum ? make_add(r->arena, left, right) : make_sub(r->arena, left, right);
}

struct node *given_condition(const struct relations *r, const struct access_site *site, struct node *subscript,
                             struct node *bound, bool below) {
    struct node *end = end_of(r, site, subscript, !below);
    bool given = false;
    if (!end)
        return NULL;
    for_each (reference, reference, end)
        given |= may_be_negative(&r->kernel->base, reference->name);
    end = simplify(r->arena, end);
    return !given  ? NULL
           : below ? make_binary(r->arena, BINARY_LESS_EQUAL, bound, end)
                   : make_binary(r->arena, BINARY_LESS, end, bound);
}
