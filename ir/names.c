/* Fresh names: those of a kernel are collected once, and a taken one gets the first free number. */
#include "ir/names.h"

#include "ir/field.h"

enum { FREE, TAKEN };

static bool collect(struct node *node, void *context) {
    const struct node_info *info = node_info(node->kind);
    for (size_t i = 0; i < info->field_count; i++)
        if (info->fields[i].type == FIELD_NAME && FIELD_OF(char *, node, &info->fields[i]))
            *name_table_add(context, FIELD_OF(char *, node, &info->fields[i])) = TAKEN;
    return node_each_child(node, collect, context);
}

struct name_table names_of(struct arena *arena, struct node *tree) {
    struct name_table names = {.arena = arena};
    collect(tree, &names);
    return names;
}

static bool is_taken(const struct name_table *names, const char *name) {
    const size_t *number = name_table_find(names, name);
    return number && *number == TAKEN;
}

const char *name_fresh(struct name_table *names, const char *base) {
    const char *name = base;
    for (int i = 2; is_taken(names, name); i++)
        name = arena_printf(names->arena, "%s_%d", base, i);
    name = arena_intern(names->arena, name);
    *name_table_add(names, name) = TAKEN;
    return name;
}

void name_release(struct name_table *names, const char *name) {
    *name_table_add(names, name) = FREE;
}

static bool collect_mentioned(struct node *node, void *context) {
    const char *name = node->kind == NODE_REFERENCE ? node_as(node, reference)->name
                       : node->kind == NODE_ACCESS  ? node_as(node, access)->name
                       : node->kind == NODE_PAGE    ? node_as(node, page)->tensor
                                                    : NULL;
    if (name)
        *name_table_add(context, name) = TAKEN;
    return node_each_child(node, collect_mentioned, context);
}

void names_add_mentioned(struct name_table *names, struct node *tree) {
    collect_mentioned(tree, names);
}
