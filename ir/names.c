#include "ir/names.h"

#include <string.h>

#include "ir/field.h"

static bool is_taken(const struct name_set *set, const char *name) {
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->names[i], name) == 0)
            return true;
    return false;
}

static void take(struct name_set *set, const char *name) {
    if (is_taken(set, name))
        return;
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? 2 * set->capacity : 64;
        const char **names = arena_allocate(set->arena, capacity * sizeof *names);
        if (set->count)
            memcpy(names, set->names, set->count * sizeof *names);
        set->names = names;
        set->capacity = capacity;
    }
    set->names[set->count++] = name;
}

static bool collect(struct node *node, void *context) {
    const struct node_info *info = node_info(node->kind);
    for (size_t i = 0; i < info->field_count; i++)
        if (info->fields[i].type == FIELD_NAME && FIELD_OF(char *, node, &info->fields[i]))
            take(context, FIELD_OF(char *, node, &info->fields[i]));
    return node_each_child(node, collect, context);
}

struct name_set names_of(struct arena *arena, struct node *tree) {
    struct name_set set = {.arena = arena};
    collect(tree, &set);
    return set;
}

const char *name_fresh(struct name_set *set, const char *base) {
    const char *name = base;
    for (int i = 2; is_taken(set, name); i++)
        name = arena_printf(set->arena, "%s_%d", base, i);
    name = arena_intern(set->arena, name);
    take(set, name);
    return name;
}
