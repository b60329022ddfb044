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
    for (size_t i = 0; info->child_fields && i < info->field_count; i++) {
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

/* ---- walks ---- */

struct node_walk *node_walk_begin(struct node_walk *walk, const struct node *tree) {
    walk->first = (struct node *)(uintptr_t)tree;
    walk->deep = NULL;
    walk->depth = 0;
    walk->enter = false;
    return walk;
}

static struct node *next_child(struct node_walk_level *level) {
    for (; level->field < level->end; level->field++, level->item = 0) {
        const struct field_info *field = level->field;
        if (field->type == FIELD_NODE && level->item++ == 0) {
            struct node *child = FIELD_OF(struct node *, level->node, field);
            if (child)
                return child;
        } else if (field->type == FIELD_LIST) {
            struct node_list list = FIELD_OF(struct node_list, level->node, field);
            if (level->item < list.count)
                return list.items[level->item++];
        }
    }
    return NULL;
}

struct count {
    size_t left;
    struct node *found;
};

static bool count_off(struct node *node, void *context) {
    struct count *count = context;
    if (count->left-- == 0) {
        count->found = node;
        return false;
    }
    return node_each_child(node, count_off, context);
}

/* Without levels of its own: nodes are counted off from the top of the subtree again and again. */
static struct node *next_deep(struct node_walk *walk) {
    struct count passed = {.left = SIZE_MAX}, next = {.left = 0};
    if (!walk->enter)
        count_off(walk->node, &passed);
    walk->number += walk->enter ? 1 : SIZE_MAX - passed.left;
    next.left = walk->number;
    count_off(walk->deep, &next);
    return next.found;
}

static void enter(struct node_walk *walk) {
    const struct node_info *info = node_info(walk->node->kind);
    if (walk->depth == WALK_LEVELS) {
        walk->deep = walk->node;
        walk->number = 0;
    } else if (info->child_fields) {
        walk->levels[walk->depth++] =
            (struct node_walk_level){walk->node, info->fields, info->fields + info->field_count, 0};
    }
}

struct node *node_walk_next(struct node_walk *walk) {
    struct node *next = walk->first;
    walk->first = NULL;
    if (!next && walk->enter && !walk->deep)
        enter(walk);
    if (walk->deep) {
        next = next_deep(walk);
        walk->deep = next ? walk->deep : NULL;
    }
    while (!next && walk->depth) {
        next = next_child(&walk->levels[walk->depth - 1]);
        walk->depth -= !next;
    }
    walk->node = next;
    walk->enter = next;
    return next;
}

struct node *node_walk_next_kind(struct node_walk *walk, enum node_kind kind) {
    bool statement = node_info(kind)->class == CLASS_STATEMENT;
    struct node *node = node_walk_next(walk);
    for (; node && node->kind != kind; node = node_walk_next(walk))
        walk->enter = !statement || node_info(node->kind)->class != CLASS_EXPRESSION;
    return node;
}

struct node *find_kind(const struct node *tree, enum node_kind kind) {
    for_each_node (node, tree)
        if (node->kind == kind)
            return node;
    return NULL;
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

static struct node *part_of_its_own(struct node *node, void *arena) {
    return node_map_children(arena, arena_copy(arena, node, node_info(node->kind)->size), part_of_its_own,
                             arena);
}

struct node *node_unshared(struct arena *arena, struct node *node) {
    return part_of_its_own(node, arena);
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

struct occurrence {
    struct arena *arena;
    const struct node *wanted;
    struct node *by;
};

static struct node *replace_occurrence(struct node *node, void *context) {
    struct occurrence *o = context;
    return node_equal(node, o->wanted) ? o->by : node_map_children(o->arena, node, replace_occurrence, o);
}

struct node *replace_equal(struct arena *arena, struct node *node, const struct node *wanted, struct node *by) {
    return replace_occurrence(node, &(struct occurrence){arena, wanted, by});
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

const char *mentioned_name(const struct node *node) {
    return node->kind == NODE_REFERENCE ? ((const struct node_reference *)node)->name
           : node->kind == NODE_ACCESS  ? ((const struct node_access *)node)->name
           : node->kind == NODE_PAGE    ? ((const struct node_page *)node)->tensor
                                        : NULL;
}

bool mentions(const struct node *node, const char *name) {
    for_each_node (part, node) {
        const char *mentioned = mentioned_name(part);
        if (mentioned && text_equal(mentioned, name))
            return true;
    }
    return false;
}
