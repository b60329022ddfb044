/* Fresh names: those of a kernel are collected once, and a taken one gets the first free number. */
#include "ir/names.h"

#include "ir/field.h"

enum { FREE, TAKEN };

struct name_table names_of(struct arena *arena, struct node *tree) {
    struct name_table names = {.arena = arena};
    for_each_node (node, tree) {
        const struct node_info *info = node_info(node->kind);
        for (size_t i = 0; i < info->field_count; i++)
            if (info->fields[i].type == FIELD_NAME && FIELD_OF(char *, node, &info->fields[i]))
                *name_table_add(&names, FIELD_OF(char *, node, &info->fields[i])) = TAKEN;
    }
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

void names_add_mentioned(struct name_table *names, struct node *tree) {
    for_each_node (node, tree)
        if (mentioned_name(node))
            *name_table_add(names, mentioned_name(node)) = TAKEN;
}
