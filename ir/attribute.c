/* Reading and setting attributes and entries of dictionaries; nodes are copied, never changed. */
#include "ir/attributes.h"
#include "ir/ir.h"

#include <string.h>

#include "support/name_table.h"

static struct node *entry_value(struct node_list entries, const char *key) {
    for (size_t i = 0; i < entries.count; i++) {
        struct node_attribute *entry = node_as(entries.items[i], attribute);
        if (name_equal(entry->key, key))
            return entry->value;
    }
    return NULL;
}

static struct node *make_entry(struct arena *arena, const char *key, struct node *value) {
    return value ? node_new(arena, attribute, ATTRIBUTE, ((struct span){0}), .key = arena_intern(arena, key),
                            .value = value)
                 : NULL;
}

/* The list with the entry of a key set, NULL: without it; a new one goes to the end, or to its place by name
 * when sorted. */
static struct node_list entry_set(struct arena *arena, struct node_list entries, const char *key,
                                  struct node *added, bool sorted) {
    struct list_builder builder = {0};
    for (size_t i = 0; i < entries.count; i++) {
        struct node_attribute *entry = node_as(entries.items[i], attribute);
        int order = strcmp(entry->key, key);
        if (added && (order == 0 || (sorted && order > 0))) {
            builder_add(arena, &builder, added);
            added = NULL;
        }
        if (order != 0)
            builder_add(arena, &builder, entries.items[i]);
    }
    builder_add(arena, &builder, added);
    return builder_list(&builder);
}

struct node *attribute_get(const struct node *node, const char *key) {
    return node ? entry_value(node->attributes, key) : NULL;
}

struct node *attribute_set(struct arena *arena, struct node *node, const char *key, struct node *value) {
    if (node_equal(attribute_get(node, key), value))
        return node;
    return node_with_attributes(arena, node,
                                entry_set(arena, node->attributes, key, make_entry(arena, key, value), true));
}

struct node *dictionary_get(const struct node *dictionary, const char *key) {
    return dictionary && dictionary->kind == NODE_DICTIONARY
               ? entry_value(((const struct node_dictionary *)dictionary)->entries, key)
               : NULL;
}

struct node *dictionary_set(struct arena *arena, struct node *dictionary, const char *key,
                            struct node *value) {
    struct node_dictionary *old = node_as(dictionary, dictionary);
    struct node_list entries = entry_set(arena, old ? old->entries : (struct node_list){0}, key,
                                         make_entry(arena, key, value), false);
    return node_new(arena, dictionary, DICTIONARY, ((struct span){0}), .entries = entries);
}

struct node *dictionary_put(struct arena *arena, struct node *dictionary, struct node_attribute *entry) {
    struct node_dictionary *old = node_as(dictionary, dictionary);
    struct node_list entries =
        entry_set(arena, old ? old->entries : (struct node_list){0}, entry->key, &entry->base, false);
    return node_new(arena, dictionary, DICTIONARY, old ? old->base.span : ((struct span){0}),
                    .entries = entries);
}

int64_t attribute_integer(const struct node *value, int64_t fallback) {
    return value && value->kind == NODE_INTEGER ? ((const struct node_integer *)value)->value : fallback;
}

const char *attribute_word(const struct node *value, const char *fallback) {
    return value && value->kind == NODE_REFERENCE ? ((const struct node_reference *)value)->name : fallback;
}
