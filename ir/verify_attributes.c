/* Attributes: known keys, and values of the shape that their readers expect. */
#include <string.h>

#include "ir/attributes.h"
#include "ir/verify_internal.h"

static const char *const keys[] = {
#define ATTRIBUTE(NAME, key, owner, sentence) key,
#include "ir/attributes.def"
};
enum { KEY_COUNT = sizeof keys / sizeof *keys };

enum shape { SHAPE_ENTRIES, SHAPE_NAMES, SHAPE_LIST, SHAPE_PAIR, SHAPE_WORD };

/* SHAPE_ENTRIES: a dictionary of known keys; SHAPE_NAMES: of names of the kernel. Keys that are not here may
 * have any value. */
static const struct {
    const char *key;
    enum shape shape;
} shapes[] = {
    {KEY_TT_BUFFER, SHAPE_ENTRIES},      {KEY_TT_CB, SHAPE_ENTRIES},
    {KEY_TT_FILL, SHAPE_ENTRIES},        {KEY_TT_COMPUTE, SHAPE_ENTRIES},
    {KEY_TT_VERIFIED, SHAPE_ENTRIES},    {KEY_TT_RUNTIME_ARGS, SHAPE_NAMES},
    {KEY_TT_RANGES, SHAPE_NAMES},        {KEY_TT_PAD, SHAPE_NAMES},
    {KEY_TT_GRID_BLOCKS, SHAPE_LIST},    {KEY_TT_CORE_RANGES, SHAPE_LIST},
    {KEY_TT_GRID_TILES, SHAPE_PAIR},     {KEY_TT_CORE_GRID, SHAPE_PAIR},
    {KEY_TT_BLOCK, SHAPE_PAIR},          {KEY_TT_SUBBLOCK, SHAPE_PAIR},
    {KEY_TT_ORIENTATION, SHAPE_WORD},    {KEY_TT_HOME, SHAPE_WORD},
    {KEY_TT_PRODUCER, SHAPE_WORD},       {KEY_TT_CONSUMER, SHAPE_WORD},
    {KEY_TT_PARTITION_MODE, SHAPE_WORD}, {KEY_TT_PLANE_AXES, SHAPE_PAIR},
    {KEY_TT_PLANE_BLOCKS, SHAPE_PAIR},   {KEY_TT_CORE_PLANE, SHAPE_PAIR},
    {KEY_TT_MULTICAST, SHAPE_ENTRIES},
};

static bool is_known(const char *key) {
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
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
        if (known_keys && !is_known(entry->key))
            unknown_key(v, node, entry->key);
    }
}

static void verify_shape(struct verifier *v, const struct node *node, const char *key, struct node *value,
                         enum shape shape) {
    const struct node_dictionary *dictionary = node_as(value, dictionary);
    const struct node_sequence *sequence = node_as(value, sequence);
    switch (shape) {
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

void verify_attributes(struct verifier *v, const struct node *node) {
    for (size_t i = 0; i < node->attributes.count; i++) {
        const struct node_attribute *attribute = node_as(node->attributes.items[i], attribute);
        if (!is_known(attribute->key)) {
            unknown_key(v, node, attribute->key);
            continue;
        }
        for (size_t j = 0; attribute->value && j < sizeof shapes / sizeof *shapes; j++)
            if (strcmp(shapes[j].key, attribute->key) == 0)
                verify_shape(v, node, attribute->key, attribute->value, shapes[j].shape);
    }
}
