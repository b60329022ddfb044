/* Attributes: known keys, and values of the shape that their readers expect. */
#include <stdint.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/query.h"
#include "ir/verify_internal.h"

enum {
#define ATTRIBUTE(NAME, key, owner, shape, sentence) KEY_OF_##NAME,
#include "ir/attributes.def"
    KEY_COUNT
};

static const char *const keys[KEY_COUNT] = {
#define ATTRIBUTE(NAME, key, owner, shape, sentence) key,
#include "ir/attributes.def"
};

static const char *const owners[KEY_COUNT] = {
#define ATTRIBUTE(NAME, key, owner, shape, sentence) owner,
#include "ir/attributes.def"
};

enum shape {
    SHAPE_ANY,
    SHAPE_ENTRIES, /* a dictionary of known keys, with every count that the table gives it */
    SHAPE_NAMES,   /* a dictionary of names of the kernel */
    SHAPE_LIST,
    SHAPE_PAIR,
    SHAPE_EXTENTS, /* a pair of numbers that sizes give */
    SHAPE_WORD,
    SHAPE_COUNT, /* 1 or more, written out */
    SHAPE_FLAG   /* 0 or 1 */
};

static const enum shape shapes[KEY_COUNT] = {
#define ATTRIBUTE(NAME, key, owner, shape, sentence) SHAPE_##shape,
#include "ir/attributes.def"
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

static void verify_shape(struct verifier *v, const struct node *node, const char *key, struct node *value,
                         enum shape shape);

static void verify_entries(struct verifier *v, const struct node *node,
                           const struct node_dictionary *dictionary, bool known_keys) {
    for (size_t i = 0; i < dictionary->entries.count; i++) {
        const struct node_attribute *entry = node_as(dictionary->entries.items[i], attribute);
        size_t key = key_find(v, entry->key);
        if (known_keys && key == KEY_COUNT)
            unknown_key(v, node, entry->key);
        else if (known_keys && entry->value)
            verify_shape(v, node, entry->key, entry->value, shapes[key]);
    }
}

/* Numbers that kernels are written with. */
void verify_32_bits(struct verifier *v, struct node *node) {
    for_each (integer, number, node)
        if (number->value < INT32_MIN || number->value > UINT32_MAX) {
            verify_error(v, &number->base,
                         "%lld does not fit in the 32 bits that the device has for a number",
                         (long long)number->value);
            return;
        }
}

static bool is_flag(const struct node *value) {
    return attribute_integer(value, 2) == 0 || attribute_integer(value, 2) == 1;
}

/* A flag that is absent is 0, a word is what its pass takes; a count has no default. */
static void verify_counts(struct verifier *v, const char *key, const struct node *value) {
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (shapes[i] == SHAPE_COUNT && strcmp(owners[i], key) == 0 && !dictionary_get(value, keys[i]))
            verify_error(v, value, "%s has no %s", key, keys[i]);
}

static void verify_extent(struct verifier *v, struct node *value, const char *key) {
    struct node *place = find_block_place(value);
    if (place)
        verify_error(v, place, "%s is counted from sizes, and %s is of the block around it", key,
                     node_text(v->arena, place));
    else
        verify_number(v, value, key);
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
            verify_entries(v, node, dictionary, shape != SHAPE_NAMES);
        else
            verify_error(v, value, "%s must be a dictionary {...}", key);
        if (dictionary && shape == SHAPE_ENTRIES)
            verify_counts(v, key, value);
        break;
    case SHAPE_LIST:
        if (!sequence)
            verify_error(v, value, "%s must be a list [...]", key);
        break;
    case SHAPE_PAIR:
    case SHAPE_EXTENTS:
        if (!sequence || sequence->items.count != 2)
            verify_error(v, value, "%s must be a list of two", key);
        for (size_t i = 0; sequence && shape == SHAPE_EXTENTS && i < sequence->items.count; i++)
            verify_extent(v, sequence->items.items[i], key);
        break;
    case SHAPE_WORD:
        if (value->kind != NODE_REFERENCE)
            verify_error(v, value, "%s must be a word", key);
        break;
    case SHAPE_COUNT:
        if (attribute_integer(value, 0) < 1)
            verify_error(v, value, "%s must be a number, 1 or more", key);
        break;
    case SHAPE_FLAG:
        if (!is_flag(value))
            verify_error(v, value, "%s must be 0 or 1", key);
        break;
    }
}

/* Of these the numbers go into the kernel. What an author writes, and what is made of it, its pass judges. */
static const bool of_device[KEY_COUNT] = {
    [KEY_OF_TT_CB] = true,   [KEY_OF_TT_BLOCK] = true,   [KEY_OF_TT_SUBBLOCK] = true,
    [KEY_OF_TT_FILL] = true, [KEY_OF_TT_COMPUTE] = true, [KEY_OF_TT_CORE_GRID] = true,
};

void verify_attributes(struct verifier *v, const struct node *node) {
    for (size_t i = 0; i < node->attributes.count; i++) {
        const struct node_attribute *attribute = node_as(node->attributes.items[i], attribute);
        size_t key = key_find(v, attribute->key);
        if (key == KEY_COUNT) {
            unknown_key(v, node, attribute->key);
        } else if (attribute->value) {
            verify_shape(v, node, attribute->key, attribute->value, shapes[key]);
            if (of_device[key])
                verify_32_bits(v, attribute->value);
        }
    }
}
