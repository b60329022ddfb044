/* Folds of indices and literals, whose type is that of their context: where that is whole numbers they are folded as i32,
 * else as floats.
 *
 *     c[i] = sum(j: select(X[i, j] > 0, 1, 0))   =>   c[i] = sum(j: i32(select(X[i, j] > 0, 1, 0)))      c: i32
 *
 * One that has a name is i32, and converted where floats read it.
 */
#include "transforms/index_folds.h"

#include <string.h>

#include "ir/build.h"

struct settling {
    struct arena *arena;
    const struct value_types *types;
    counts_as_index *counts;
    void *context; /* of counts */
    bool whole;    /* what is at hand is worked out as i32 or u32 */
};

/* Are the operands of the node worked out as whole numbers? Those of a condition are what they are among themselves. */
static bool is_whole_inside(const struct settling *s, struct node *node) {
    struct node_binary *binary = node_as(node, binary);
    enum dtype type = value_type(s->types, node);
    bool condition = type == DTYPE_BOOL;
    if (binary && condition)
        type = joined_type(computed_type(value_type(s->types, binary->left)),
                           computed_type(value_type(s->types, binary->right)));
    return type == DTYPE_INDEX ? s->whole && !condition : is_whole_type(type) && type != DTYPE_BOOL;
}

static struct node *converted(const struct settling *s, enum dtype type, struct node *value) {
    return node_with_span(
        s->arena, make_call(s->arena, word_text(WORDS_dtype, (int)type), LIST(s->arena, value)), value->span);
}

static struct node *settle(struct node *node, void *context) {
    const struct settling *s = context;
    struct node_access *access = node_as(node, access);
    struct node_reduction *reduction = node_as(node, reduction);
    struct settling inside = *s;
    if (access)
        return !s->whole && s->counts && s->counts(access->name, s->context) ? converted(s, DTYPE_F32, node)
                                                                             : node;
    inside.whole = is_whole_inside(s, node);
    if (!reduction)
        return node_map_children(s->arena, node, settle, &inside);
    struct node_reduction settled = *reduction;
    bool index = value_type(s->types, reduction->body) == DTYPE_INDEX;
    settled.body = settle(reduction->body, &inside);
    if (index && s->whole)
        settled.body = converted(s, DTYPE_I32, settled.body);
    return settled.body == reduction->body ? node : arena_copy(s->arena, &settled, sizeof settled);
}

bool folds_indices(const struct value_types *types, struct node *value) {
    for_each (reduction, reduction, value)
        if (value_type(types, reduction->body) == DTYPE_INDEX)
            return true;
    return false;
}

struct node *index_folds(struct arena *arena, const struct value_types *types, struct node *value, bool whole,
                         counts_as_index *counts, void *context) {
    struct settling s = {arena, types, counts, context, whole};
    return settle(value, &s);
}
