/* Fragments of u8, u16 and bool: what changes is worked out with 32 bits, and kept so. What is stored is cut to the type
 * that its author wrote, and is of that type where it is read.
 *
 *     fragment c[i, j]: u8 = X[i, j]                  fragment c[i, j]: i32 = i32(u8(X[i, j]))
 *     c[i, j] += 1                               =>   c[i, j] = i32(u8(u8(c[i, j]) + 1))
 *     Y[i, j] = c[i, j]                               Y[i, j] = u8(c[i, j])
 */
#include <string.h>

#include "ir/build.h"
#include "ir/query.h"
#include "ir/value_type.h"
#include "transforms/tensorize.h"

struct widening {
    struct arena *arena;
    const char *name;
    enum dtype narrow, wide;
};

static struct node *converted(const struct widening *w, enum dtype type, struct node *value) {
    struct node *call = make_call(w->arena, word_text(WORDS_dtype, (int)type), LIST(w->arena, value));
    return node_with_span(w->arena, call, value->span);
}

static struct node *stored(const struct widening *w, struct node *value) {
    int64_t literal;
    return integer_value(value, &literal) ? value : converted(w, w->wide, converted(w, w->narrow, value));
}

static struct node *widen(struct node *node, void *context) {
    const struct widening *w = context;
    struct node_access *access = node_as(node, access);
    struct node_assign *assign = node_as(node, assign);
    struct node_buffer *buffer = node_as(node, buffer);
    if (access && access->name == w->name)
        return converted(w, w->narrow, node);
    if (buffer && buffer->name == w->name) {
        struct node_buffer wide = *buffer;
        wide.dtype = w->wide;
        wide.value = buffer->value ? stored(w, widen(buffer->value, context)) : NULL;
        return arena_copy(w->arena, &wide, sizeof wide);
    }
    if (assign && target_name(assign->target) == w->name) {
        struct node_assign set = *assign;
        struct node *value = widen(assign->value, context);
        if (assign->op != ASSIGN_SET)
            value = make_update(w->arena, assign->op, widen(assign->target, context), value);
        set.op = ASSIGN_SET;
        set.value = stored(w, value);
        return arena_copy(w->arena, &set, sizeof set);
    }
    return node_map_children(w->arena, node, widen, context);
}

struct node *fragments_widened(struct arena *arena, struct node *body) {
    struct node *widened = body;
    for_each (buffer, buffer, body) {
        struct widening w = {arena, buffer->name, buffer->dtype, fragment_type(buffer->dtype)};
        if (buffer->memory == MEMORY_FRAGMENT && is_narrow_whole(buffer->dtype))
            widened = widen(widened, &w);
    }
    return widened;
}
