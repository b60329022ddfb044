/* Lists of nodes: immutable ones, and builders that grow. */
#include "ir/ir.h"

#include <string.h>

struct node_list list_of(struct arena *arena, size_t count, struct node *const *items) {
    return (struct node_list){count, count ? arena_copy(arena, items, count * sizeof *items) : NULL};
}

struct node_list list_append(struct arena *arena, struct node_list list, struct node *item) {
    return list_concat(arena, list, (struct node_list){1, &item});
}

struct node_list list_concat(struct arena *arena, struct node_list first, struct node_list second) {
    struct list_builder builder = {0};
    builder_add_all(arena, &builder, first);
    builder_add_all(arena, &builder, second);
    return builder_list(&builder);
}

void builder_add(struct arena *arena, struct list_builder *builder, struct node *item) {
    if (!item)
        return;
    if (builder->count == builder->capacity) {
        builder->capacity = builder->capacity ? builder->capacity * 2 : 8;
        struct node **items = arena_allocate(arena, builder->capacity * sizeof *items);
        if (builder->count)
            memcpy(items, builder->items, builder->count * sizeof *items);
        builder->items = items;
    }
    builder->items[builder->count++] = item;
}

void builder_add_all(struct arena *arena, struct list_builder *builder, struct node_list items) {
    for (size_t i = 0; i < items.count; i++)
        builder_add(arena, builder, items.items[i]);
}

struct node_list builder_list(struct list_builder *builder) {
    return (struct node_list){builder->count, builder->items};
}
