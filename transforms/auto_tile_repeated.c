/* Values that a block would work out again for each tile along an axis that they do not have: a root or a quotient of
 * what is the same for the whole row. They get an equation of their own, and are worked out once for a row.
 *
 *     Y[i, j] = X[i, j] * rsqrt(v[i] + 1e-05)    =>    once[i] = rsqrt(v[i] + 1e-05)
 *                                                      Y[i, j] = X[i, j] * once[i]
 */
#include <string.h>

#include "ir/build.h"
#include "support/scalar.h"
#include "transforms/auto_tile.h"

enum { REPEATED_LIMIT = 8 }; /* of a kernel: each takes a buffer */

struct repetition {
    struct tiler *t;
    struct equation equation; /* the user */
    size_t at;                /* its number */
    struct range folded[AXIS_LIMIT]; /* axes of the folds around */
    size_t folded_count;
    size_t *added; /* of the kernel */
};

/* Has it a function that the device works out in many steps, or a quotient? */
static bool is_costly(struct node *value) {
    for_each_node (node, value) {
        const struct node_call *call = node_as(node, call);
        const struct node_binary *binary = node_as(node, binary);
        const struct language_function *function = call ? language_function_find(call->function) : NULL;
        if ((function && function->tolerance > FUNCTION_WHOLE) || (binary && binary->op == BINARY_DIVIDE))
            return true;
    }
    return false;
}

/* Is it work of one value each time, and not of an index, of tensors that nothing overwrites? */
static bool may_stand_alone(struct tiler *t, struct node *value) {
    struct value_types types = tiler_types(t);
    if ((value->kind != NODE_BINARY && value->kind != NODE_CALL) || value_type(&types, value) == DTYPE_INDEX)
        return false;
    for_each_node (node, value) {
        struct node_access *access = node_as(node, access);
        struct node_parameter *tensor = access ? relations_tensor(t->relations, access->name) : NULL;
        if (node->kind == NODE_REDUCTION || (access && access->otherwise) ||
            (tensor && tensor->direction == DIRECTION_INOUT))
            return false;
    }
    return is_costly(value);
}

/* The axes of its equation; false where it has no need of one: a block has it for each of its tiles, or it varies along what
 * no block holds. */
static bool is_repeated(const struct repetition *r, struct node *value, struct equation *let) {
    const struct tiler *t = r->t;
    const struct equation *user = &r->equation;
    bool repeats = false, varies = false;
    for (size_t i = 0; i < user->axis_count + r->folded_count; i++) {
        bool own = i < user->axis_count;
        const struct range *axis = own ? &user->axes[i] : &r->folded[i - user->axis_count];
        bool along = match_varies(value, axis->name), tiled = is_tile_axis(t, axis->name);
        if (along && (tiled ? !is_outer(t, axis->name) && !is_inner(t, axis->name) : !own))
            return false;
        repeats |= tiled && !along && is_inner(t, axis->name);
        varies |= tiled && along;
        if (!along && (tiled || !own))
            continue;
        if (let->axis_count == AXIS_LIMIT)
            return false;
        let->whole[let->axis_count] = is_inner(t, axis->name);
        let->axes[let->axis_count++] = *axis;
    }
    return repeats && varies;
}

static bool is_same(const struct equation *known, const struct equation *let) {
    bool same = !known->store && known->unnamed && known->axis_count == let->axis_count &&
                node_equal(known->value, let->value);
    for (size_t k = 0; same && k < let->axis_count; k++)
        same = strcmp(known->axes[k].name, let->axes[k].name) == 0;
    return same;
}

/* In front of its user. */
static void insert(struct repetition *r, struct equation let) {
    struct tiler *t = r->t;
    equation_add(t, let);
    struct equation *at = &t->equations[r->at];
    memmove(at + 1, at, (t->equation_count - 1 - r->at) * sizeof *at);
    *at = let;
    r->at++;
    ++*r->added;
}

static struct node *name_repeated(struct node *node, void *context) {
    struct repetition *r = context;
    struct tiler *t = r->t;
    struct node_reduction *fold = node_as(node, reduction);
    size_t mark = r->folded_count;
    for (size_t i = 0; fold && i < fold->axes.count && r->folded_count < AXIS_LIMIT; i++)
        r->folded[r->folded_count++] = *axis_named(t, node_as(fold->axes.items[i], axis)->name);
    struct equation let = {
        .unnamed = true, .value = node, .span = span_of_part(r->equation.span, node->span)};
    struct node *result = NULL;
    if (may_stand_alone(t, node) && is_repeated(r, node, &let)) {
        for (size_t i = 0; i < t->equation_count && !result; i++)
            if (is_same(&t->equations[i], &let))
                result = access_of(t->arena, t->equations[i].name, let.axis_count, let.axes);
        if (!result && *r->added < REPEATED_LIMIT) {
            let.name = name_fresh(&t->names, "once");
            insert(r, let);
            result = access_of(t->arena, let.name, let.axis_count, let.axes);
        }
    }
    if (!result)
        result = node_map_children(t->arena, node, name_repeated, r);
    r->folded_count = mark;
    return result;
}

void extract_repeated(struct tiler *t) {
    size_t added = 0;
    for (size_t i = 0; i < t->equation_count; i++) {
        struct repetition r = {.t = t, .equation = t->equations[i], .at = i, .added = &added};
        struct node *value = name_repeated(r.equation.value, &r);
        i = r.at;
        t->equations[i].value = value;
    }
}
