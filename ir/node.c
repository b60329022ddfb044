/* Equality, walks and rewriting, for every kind at once. */
#include "ir/ir.h"

#include <string.h>

#include "ir/field.h"
#include "support/name_table.h"

static bool text_equal(const char *a, const char *b) {
    return a == b || (a && b && name_equal(a, b));
}

static bool real_equal(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

bool list_equal(struct node_list a, struct node_list b) {
    if (a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++)
        if (!node_equal(a.items[i], b.items[i]))
            return false;
    return true;
}

static bool field_equal(const struct node *a, const struct node *b, const struct field_info *field) {
    switch (field->type) {
    case FIELD_NAME:
    case FIELD_TEXT:
        return text_equal(FIELD_OF(char *, a, field), FIELD_OF(char *, b, field));
    case FIELD_INTEGER:
        return FIELD_OF(int64_t, a, field) == FIELD_OF(int64_t, b, field);
    case FIELD_REAL:
        return real_equal(FIELD_OF(double, a, field), FIELD_OF(double, b, field));
    case FIELD_NODE:
        return node_equal(FIELD_OF(struct node *, a, field), FIELD_OF(struct node *, b, field));
    case FIELD_LIST:
        return list_equal(FIELD_OF(struct node_list, a, field), FIELD_OF(struct node_list, b, field));
    case FIELD_WORD:
        return FIELD_OF(int, a, field) == FIELD_OF(int, b, field);
    }
    return false;
}

bool node_equal(const struct node *a, const struct node *b) {
    if (a == b)
        return true;
    if (!a || !b || a->kind != b->kind || !list_equal(a->attributes, b->attributes))
        return false;
    const struct node_info *info = node_info(a->kind);
    for (size_t i = 0; i < info->field_count; i++)
        if (!field_equal(a, b, &info->fields[i]))
            return false;
    return true;
}

bool node_each_child(struct node *node, node_visit *visit, void *context) {
    const struct node_info *info = node_info(node->kind);
    for (size_t i = 0; i < info->field_count; i++) {
        const struct field_info *field = &info->fields[i];
        if (field->type == FIELD_NODE) {
            struct node *child = FIELD_OF(struct node *, node, field);
            if (child && !visit(child, context))
                return false;
        } else if (field->type == FIELD_LIST) {
            struct node_list list = FIELD_OF(struct node_list, node, field);
            for (size_t k = 0; k < list.count; k++)
                if (!visit(list.items[k], context))
                    return false;
        }
    }
    return true;
}

static struct node_list map_list(struct arena *arena, struct node_list list, bool splice, node_map *map,
                                 void *context) {
    struct list_builder mapped = {0};
    bool changed = false;
    for (size_t i = 0; i < list.count; i++) {
        struct node *item = map(list.items[i], context);
        struct node_block *block = splice && item && item != list.items[i] ? node_as(item, block) : NULL;
        changed |= item != list.items[i];
        if (block)
            builder_add_all(arena, &mapped, block->statements);
        else
            builder_add(arena, &mapped, item);
    }
    return changed ? builder_list(&mapped) : list;
}

static struct node *writable(struct arena *arena, struct node *original, struct node *copy) {
    return copy != original ? copy : arena_copy(arena, original, node_info(original->kind)->size);
}

struct node *node_map_children(struct arena *arena, struct node *node, node_map *map, void *context) {
    const struct node_info *info = node_info(node->kind);
    struct node *copy = node;
    for (size_t i = 0; i < info->field_count; i++) {
        const struct field_info *field = &info->fields[i];
        if (field->type == FIELD_NODE) {
            struct node *child = FIELD_OF(struct node *, node, field);
            struct node *mapped = child ? map(child, context) : NULL;
            if (mapped != child) {
                copy = writable(arena, node, copy);
                FIELD_AT(struct node *, copy, field) = mapped;
            }
        } else if (field->type == FIELD_LIST) {
            struct node_list list = FIELD_OF(struct node_list, node, field);
            struct node_list mapped = map_list(arena, list, node->kind == NODE_BLOCK, map, context);
            if (mapped.items != list.items || mapped.count != list.count) {
                copy = writable(arena, node, copy);
                FIELD_AT(struct node_list, copy, field) = mapped;
            }
        }
    }
    return copy;
}

struct node *node_with_attributes(struct arena *arena, struct node *node, struct node_list attributes) {
    struct node *copy = arena_copy(arena, node, node_info(node->kind)->size);
    copy->attributes = attributes;
    return copy;
}

struct node *node_with_span(struct arena *arena, struct node *node, struct span span) {
    struct node *copy = arena_copy(arena, node, node_info(node->kind)->size);
    copy->span = span;
    return copy;
}

struct replacement {
    struct arena *arena;
    const char *name;
    struct node *by;
    const char *to;
};

static struct node *substitute_in(struct node *node, void *context) {
    struct replacement *r = context;
    struct node_reference *reference = node_as(node, reference);
    if (reference && text_equal(reference->name, r->name))
        return r->by;
    return node_map_children(r->arena, node, substitute_in, r);
}

struct node *substitute(struct arena *arena, struct node *node, const char *name, struct node *replacement) {
    if (!node || !replacement)
        return node;
    struct replacement r = {.arena = arena, .name = name, .by = replacement};
    return substitute_in(node, &r);
}

static struct node *rename_in(struct node *node, void *context) {
    struct replacement *r = context;
    struct node *mapped = node_map_children(r->arena, node, rename_in, r);
    const struct node_info *info = node_info(node->kind);
    for (size_t i = 0; i < info->field_count; i++) {
        const struct field_info *field = &info->fields[i];
        if (field->type == FIELD_NAME && node->kind != NODE_CALL && node->kind != NODE_ATTRIBUTE &&
            text_equal(FIELD_OF(char *, node, field), r->name)) {
            mapped = writable(r->arena, node, mapped);
            FIELD_AT(const char *, mapped, field) = r->to;
        }
    }
    return mapped;
}

struct node *rename_entity(struct arena *arena, struct node *node, const char *from, const char *to) {
    struct replacement r = {.arena = arena, .name = from, .to = arena_intern(arena, to)};
    return node ? rename_in(node, &r) : NULL;
}

static bool does_not_mention(struct node *node, void *context) {
    const char *name = context;
    struct node_reference *reference = node_as(node, reference);
    struct node_access *access = node_as(node, access);
    struct node_page *page = node_as(node, page);
    if ((reference && text_equal(reference->name, name)) || (access && text_equal(access->name, name)) ||
        (page && text_equal(page->tensor, name)))
        return false;
    return node_each_child(node, does_not_mention, context);
}

bool mentions(const struct node *node, const char *name) {
    return node && !does_not_mention((struct node *)(uintptr_t)node, (void *)(uintptr_t)name);
}
