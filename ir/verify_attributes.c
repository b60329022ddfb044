/* Attributes: known keys, and values of the shape that their readers expect. */
#include <stdint.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/verify_internal.h"

enum {
#define ATTRIBUTE(NAME, key, owner, sentence) KEY_OF_##NAME,
#include "ir/attributes.def"
    KEY_COUNT
};

static const char *const keys[KEY_COUNT] = {
#define ATTRIBUTE(NAME, key, owner, sentence) key,
#include "ir/attributes.def"
};

enum shape { SHAPE_ANY, SHAPE_ENTRIES, SHAPE_NAMES, SHAPE_LIST, SHAPE_PAIR, SHAPE_WORD };

/* SHAPE_ENTRIES: a dictionary of known keys; SHAPE_NAMES: of names of the kernel. */
static const enum shape shapes[KEY_COUNT] = {
    [KEY_OF_TT_BUFFER] = SHAPE_ENTRIES,      [KEY_OF_TT_CB] = SHAPE_ENTRIES,
    [KEY_OF_TT_FILL] = SHAPE_ENTRIES,        [KEY_OF_TT_COMPUTE] = SHAPE_ENTRIES,
    [KEY_OF_TT_VERIFIED] = SHAPE_ENTRIES,    [KEY_OF_TT_RUNTIME_ARGS] = SHAPE_NAMES,
    [KEY_OF_TT_RANGES] = SHAPE_NAMES,        [KEY_OF_TT_PAD] = SHAPE_NAMES,
    [KEY_OF_TT_GRID_BLOCKS] = SHAPE_LIST,    [KEY_OF_TT_CORE_RANGES] = SHAPE_LIST,
    [KEY_OF_TT_GRID_TILES] = SHAPE_PAIR,     [KEY_OF_TT_CORE_GRID] = SHAPE_PAIR,
    [KEY_OF_TT_BLOCK] = SHAPE_PAIR,          [KEY_OF_TT_SUBBLOCK] = SHAPE_PAIR,
    [KEY_OF_TT_ORIENTATION] = SHAPE_WORD,    [KEY_OF_TT_HOME] = SHAPE_WORD,
    [KEY_OF_TT_PRODUCER] = SHAPE_WORD,       [KEY_OF_TT_CONSUMER] = SHAPE_WORD,
    [KEY_OF_TT_PARTITION_MODE] = SHAPE_WORD, [KEY_OF_TT_PLANE_AXES] = SHAPE_PAIR,
    [KEY_OF_TT_PLANE_BLOCKS] = SHAPE_PAIR,   [KEY_OF_TT_CORE_PLANE] = SHAPE_PAIR,
    [KEY_OF_TT_MULTICAST] = SHAPE_ENTRIES,
};

/* KEY_COUNT: there is none. */
static size_t key_find(struct verifier *v, const char *key) {
    if (!v->keys.count) {
        v->keys.arena = v->arena;
        for (size_t i = 0; i < KEY_COUNT; i++)
            *name_table_add(&v->keys, keys[i]) = i;
    }
    const size_t *found = name_table_find(&v->keys, key);
    return found ? *found : KEY_COUNT;
}

static void unknown_key(struct verifier *v, const struct node *node, const char *key) {
    const char *nearest = suggest_nearest(key, keys, KEY_COUNT);
    verify_error(v, node, "there is no attribute %s", key);
    if (nearest)
        report_help(v->diagnostics, (struct span){0}, "did you mean %s?", nearest);
}

static void verify_entries(struct verifier *v, const struct node *node,
                           const struct node_dictionary *dictionary, bool known_keys) {
    for (size_t i = 0; i < dictionary->entries.count; i++) {
        const struct node_attribute *entry = node_as(dictionary->entries.items[i], attribute);
        if (known_keys && key_find(v, entry->key) == KEY_COUNT)
            unknown_key(v, node, entry->key);
    }
}

static void verify_shape(struct verifier *v, const struct node *node, const char *key, struct node *value,
                         enum shape shape) {
    const struct node_dictionary *dictionary = node_as(value, dictionary);
    const struct node_sequence *sequence = node_as(value, sequence);
    switch (shape) {
    case SHAPE_ANY:
        break;
    case SHAPE_ENTRIES:
    case SHAPE_NAMES:
        if (dictionary)
            verify_entries(v, node, dictionary, shape == SHAPE_ENTRIES);
        else
            verify_error(v, node, "%s must be a dictionary {...}", key);
        break;
    case SHAPE_LIST:
        if (!sequence)
            verify_error(v, node, "%s must be a list [...]", key);
        break;
    case SHAPE_PAIR:
        if (!sequence || sequence->items.count != 2)
            verify_error(v, node, "%s must be a list of two", key);
        break;
    case SHAPE_WORD:
        if (value->kind != NODE_REFERENCE)
            verify_error(v, node, "%s must be a word", key);
        break;
    }
}

/* Numbers that kernels are written with. What an author writes, and what is made of it, its pass judges. */
static const bool of_device[KEY_COUNT] = {
    [KEY_OF_TT_CB] = true,   [KEY_OF_TT_BLOCK] = true,   [KEY_OF_TT_SUBBLOCK] = true,
    [KEY_OF_TT_FILL] = true, [KEY_OF_TT_COMPUTE] = true, [KEY_OF_TT_CORE_GRID] = true,
};

static bool visit_number(struct node *node, void *context) {
    struct verifier *v = context;
    const struct node_integer *number = node_as(node, integer);
    if (number && (number->value < INT32_MIN || number->value > UINT32_MAX)) {
        verify_error(v, node, "%lld does not fit in the 32 bits that the device has for a number",
                     (long long)number->value);
        return false;
    }
    return node_each_child(node, visit_number, context);
}

void verify_attributes(struct verifier *v, const struct node *node) {
    for (size_t i = 0; i < node->attributes.count; i++) {
        const struct node_attribute *attribute = node_as(node->attributes.items[i], attribute);
        size_t key = key_find(v, attribute->key);
        if (key == KEY_COUNT) {
            unknown_key(v, node, attribute->key);
        } else if (attribute->value) {
            verify_shape(v, node, attribute->key, attribute->value, shapes[key]);
            if (of_device[key])
                visit_number(attribute->value, v);
        }
    }
}
