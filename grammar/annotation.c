/* Attributes as the author writes them: which exist, where they may stand and what they take. */
#include <string.h>

#include "grammar/parse.h"
#include "grammar/resolve.h"
#include "ir/attributes.h"

enum argument_kind { TAKES_NOTHING, TAKES_INTEGER, TAKES_WORD, TAKES_INTEGERS, TAKES_LABELS, TAKES_ENTRIES };

static const struct {
    const char *key;
    unsigned places;
    enum argument_kind takes;
    const char *belongs; /* help where it stands in a head that it does not belong to */
} attribute_rules[] = {
    {KEY_LAYOUT, PLACE_TENSOR, TAKES_ENTRIES,
     "it stands behind the type of a parameter: X: bf16[M, N] @layout(...)"},
    {KEY_SCHEDULE, PLACE_KERNEL | PLACE_LOOP, TAKES_ENTRIES,
     "it stands behind the parameters of a kernel: kernel f(...) @schedule(...) -> ..., or at its grid"},
    {KEY_PIPELINE, PLACE_LOOP, TAKES_INTEGER,
     "it stands at a loop over blocks: for k in K by 32 @pipeline(2)"},
    {KEY_EXACT, PLACE_KERNEL | PLACE_LOOP | PLACE_ASSIGNMENT | PLACE_BUFFER, TAKES_NOTHING, NULL},
    {KEY_L1_ACC, PLACE_KERNEL | PLACE_LOOP | PLACE_ASSIGNMENT | PLACE_BUFFER, TAKES_NOTHING, NULL},
    {KEY_MULTICAST, PLACE_BUFFER, TAKES_NOTHING,
     "of a kernel it is @schedule(multicast = 1); @multicast stands at a shared buffer"},
};
enum { ATTRIBUTE_COUNT = sizeof attribute_rules / sizeof *attribute_rules };

/* The entries of attributes that take `key = value`. */
static const struct entry_rule {
    const char *owner, *key;
    enum argument_kind takes;
    const char *words[4];
} entry_rules[] = {
    {KEY_LAYOUT, KEY_MEMORY, TAKES_WORD, {"dram", "l1"}},
    {KEY_LAYOUT, KEY_LAYOUT_KIND, TAKES_WORD, {"interleaved", "sharded"}},
    {KEY_LAYOUT, KEY_FORMAT, TAKES_WORD, {"tile", "row_major"}},
    {KEY_LAYOUT, KEY_ND_SHARD, TAKES_ENTRIES, {0}},
    {KEY_LAYOUT, KEY_HEIGHT, TAKES_INTEGER, {0}},
    {KEY_LAYOUT, KEY_WIDTH, TAKES_INTEGER, {0}},
    {KEY_LAYOUT, KEY_BLOCK, TAKES_INTEGERS, {0}},
    {KEY_LAYOUT, KEY_TILE_SHAPE, TAKES_INTEGERS, {0}},
    {KEY_ND_SHARD, KEY_SHARD_AXES, TAKES_LABELS, {0}},
    {KEY_ND_SHARD, KEY_SHARD_GRID, TAKES_INTEGERS, {0}},
    {KEY_ND_SHARD, KEY_SHARD_SHAPE, TAKES_INTEGERS, {0}},
    {KEY_ND_SHARD, KEY_ORDER, TAKES_WORD, {"row_major", "match_shard", "block_linear"}},
    {KEY_ND_SHARD, KEY_ALIGN_TILES, TAKES_INTEGER, {0}},
    {KEY_ND_SHARD, KEY_SHARD_ORIENTATION, TAKES_WORD, {"row_major", "col_major"}},
    {KEY_ND_SHARD, KEY_SHARD_DISTRIBUTION, TAKES_WORD, {"round_robin_1d", "grid_2d", "contiguous_1d"}},
    {KEY_SCHEDULE, KEY_MODE, TAKES_WORD, {"global", "local_shard"}},
    {KEY_SCHEDULE, KEY_ORDER, TAKES_WORD, {"row_major", "column_major", "match_shard", "block_linear"}},
    {KEY_SCHEDULE, KEY_POLICY, TAKES_WORD, {"contiguous", "block_cyclic"}},
    {KEY_SCHEDULE, KEY_CORES, TAKES_INTEGERS, {0}},
    {KEY_SCHEDULE, KEY_MULTICAST, TAKES_INTEGER, {0}},
};
enum { ENTRY_COUNT = sizeof entry_rules / sizeof *entry_rules };

static struct node *resolve_entries(struct resolver *r, const char *owner, struct node *tree);

static struct node *wrong(struct resolver *r, const struct node *tree, const char *key,
                          const char *expected) {
    report_error(r->diagnostics, tree->span, "%s takes %s", key, expected);
    return NULL;
}

static struct node *resolve_word(struct resolver *r, const char *key, struct node *tree,
                                 const char *const *words) {
    struct node_reference *reference = node_as(tree, reference);
    const char *list = "";
    size_t count = 0;
    for (; count < 4 && words[count]; count++) {
        if (reference && strcmp(reference->name, words[count]) == 0)
            return tree;
        list = arena_printf(r->arena, "%s%s%s", list,
                            !*list                              ? ""
                            : count + 1 < 4 && words[count + 1] ? ", "
                                                                : " or ",
                            words[count]);
    }
    const char *nearest = reference ? suggest_nearest(reference->name, words, count) : NULL;
    wrong(r, tree, key, list);
    if (nearest)
        report_help(r->diagnostics, (struct span){0}, "did you mean %s?", nearest);
    return NULL;
}

static struct node *resolve_sequence(struct resolver *r, const char *key, struct node *tree,
                                     enum argument_kind takes) {
    struct node_sequence *sequence = node_as(tree, sequence);
    int64_t value;
    for (size_t i = 0; sequence && i < sequence->items.count; i++) {
        struct node *item = sequence->items.items[i];
        struct node_reference *reference = node_as(item, reference);
        if (takes == TAKES_INTEGERS ? !integer_value(item, &value) : !reference)
            return wrong(r, item, key, takes == TAKES_INTEGERS ? "whole numbers" : "names, as in [M, N]");
    }
    return sequence ? tree : wrong(r, tree, key, "a list, as in [8, 8]");
}

static struct node *resolve_argument(struct resolver *r, const char *key, struct node *tree,
                                     enum argument_kind takes, const char *const *words) {
    int64_t value;
    switch (takes) {
    case TAKES_INTEGER:
        return integer_value(tree, &value) ? tree : wrong(r, tree, key, "one whole number");
    case TAKES_WORD:
        return resolve_word(r, key, tree, words);
    case TAKES_INTEGERS:
    case TAKES_LABELS:
        return resolve_sequence(r, key, tree, takes);
    case TAKES_ENTRIES:
        return tree->kind == NODE_DICTIONARY ? resolve_entries(r, key, tree)
                                             : wrong(r, tree, key, "entries, as in {key = value}");
    case TAKES_NOTHING:
        break;
    }
    return wrong(r, tree, key, "nothing");
}

static struct node *unknown_key(struct resolver *r, const char *owner, struct node_attribute *entry) {
    const char *names[ENTRY_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (strcmp(entry_rules[i].owner, owner) == 0)
            names[count++] = entry_rules[i].key;
    if (strcmp(entry->key, KEY_HALO) == 0) {
        report_error(r->diagnostics, entry->base.span, "halo unsupported: %s",
                     strcmp(owner, KEY_ND_SHARD) == 0 ? "shards hold their own elements only"
                                                      : "a tensor holds its own elements only");
        report_help(r->diagnostics, (struct span){0},
                    "leave it out: a kernel reads what it needs of its neighbours by page");
        return NULL;
    }
    report_error(r->diagnostics, span_of_name(entry->base.span, entry->key), "%s has no key %s", owner,
                 entry->key);
    const char *nearest = suggest_nearest(entry->key, names, count), *list = "";
    for (size_t i = 0; i < count; i++)
        list = arena_printf(r->arena, "%s%s%s", list, i ? ", " : "", names[i]);
    if (nearest)
        report_help(r->diagnostics, (struct span){0}, "did you mean %s?", nearest);
    else
        report_help(r->diagnostics, (struct span){0}, "its keys are %s", list);
    return NULL;
}

static struct node *resolve_entries(struct resolver *r, const char *owner, struct node *tree) {
    struct node_dictionary *dictionary = node_as(tree, dictionary);
    struct node *result = node_new(r->arena, dictionary, DICTIONARY, tree->span, .entries = {0});
    for (size_t i = 0; i < dictionary->entries.count; i++) {
        struct node_attribute *entry = node_as(dictionary->entries.items[i], attribute);
        if (!entry)
            return wrong(r, dictionary->entries.items[i], owner, "entries, as in (key = value)");
        const struct entry_rule *rule = NULL;
        for (size_t j = 0; j < ENTRY_COUNT; j++)
            if (strcmp(entry_rules[j].owner, owner) == 0 && strcmp(entry_rules[j].key, entry->key) == 0)
                rule = &entry_rules[j];
        if (!rule)
            return unknown_key(r, owner, entry);
        if (dictionary_get(result, entry->key)) {
            report_error(r->diagnostics, entry->base.span, "%s of %s stands twice", entry->key, owner);
            return NULL;
        }
        struct node *value = resolve_argument(r, entry->key, entry->value, rule->takes, rule->words);
        if (!value)
            return NULL;
        result = dictionary_put(r->arena, result,
                                node_as(node_new(r->arena, attribute, ATTRIBUTE, entry->base.span,
                                                 .key = arena_intern(r->arena, entry->key), .value = value),
                                        attribute));
    }
    return result;
}

static const char *place_text(enum attribute_place place) {
    switch (place) {
    case PLACE_KERNEL:
        return "a kernel";
    case PLACE_TENSOR:
        return "a parameter";
    case PLACE_SCALAR:
        return "a scalar parameter";
    case PLACE_LOOP:
        return "a loop";
    case PLACE_ASSIGNMENT:
        return "an assignment";
    case PLACE_BUFFER:
        return "a buffer";
    case PLACE_OTHER:
        break;
    }
    return "this statement";
}

/* The row of an attribute that may stand here, -1 after a report. */
static int find_rule(struct resolver *r, struct node_attribute *attribute, enum attribute_place place) {
    struct span name = attribute->base.span;
    const char *names[ATTRIBUTE_COUNT];
    name.end_line = name.line;
    name.end_column = name.column + 1 + (uint32_t)strlen(attribute->key);
    for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
        names[i] = attribute_rules[i].key;
        if (strcmp(names[i], attribute->key) != 0)
            continue;
        if (attribute_rules[i].places & place)
            return i;
        report_error(r->diagnostics, name, "@%s does not belong to %s", attribute->key, place_text(place));
        if (place & (PLACE_KERNEL | PLACE_TENSOR) && attribute_rules[i].belongs)
            report_help(r->diagnostics, (struct span){0}, "%s", attribute_rules[i].belongs);
        return -1;
    }
    report_error(r->diagnostics, name, "there is no attribute @%s", attribute->key);
    const char *nearest = suggest_nearest(attribute->key, names, ATTRIBUTE_COUNT);
    if (nearest)
        report_help(r->diagnostics, (struct span){0}, "did you mean @%s?", nearest);
    else
        report_help(r->diagnostics, (struct span){0},
                    "attributes are @layout, @schedule, @pipeline, @multicast, @exact and @l1_acc");
    return -1;
}

static struct node *attribute_value(struct resolver *r, struct node_attribute *attribute,
                                    enum argument_kind takes) {
    struct node_dictionary *given = node_as(attribute->value, dictionary);
    size_t count = given ? given->entries.count : 0;
    if (takes == TAKES_NOTHING)
        return count ? wrong(r, &attribute->base, attribute->key, "no argument") : make_integer(r->arena, 1);
    if (takes == TAKES_ENTRIES && given && !given->entries.count) {
        report_error(r->diagnostics, attribute->base.span, "@%s has nothing in it", attribute->key);
        report_help(r->diagnostics, (struct span){0}, "leave it out, or write entries, as in (key = value)");
        return NULL;
    }
    if (takes == TAKES_ENTRIES)
        return given ? resolve_entries(r, attribute->key, attribute->value)
                     : wrong(r, &attribute->base, attribute->key, "entries, as in (key = value)");
    struct node *value = count == 1 ? given->entries.items[0] : NULL;
    int64_t number = 0;
    if (!value || !integer_value(value, &number) || number < 1 || number > 64)
        return wrong(r, value ? value : &attribute->base, attribute->key, "one whole number from 1 to 64");
    return value;
}

struct node *resolve_attributes(struct resolver *r, struct node *node, const struct node *tree,
                                enum attribute_place place) {
    for (size_t i = 0; i < tree->attributes.count; i++) {
        struct node_attribute *attribute = node_as(tree->attributes.items[i], attribute);
        int rule = find_rule(r, attribute, place);
        if (rule < 0)
            continue;
        if (attribute_get(node, attribute->key)) {
            report_error(r->diagnostics, attribute->base.span, "@%s stands twice", attribute->key);
            continue;
        }
        struct node *value = attribute_value(r, attribute, attribute_rules[rule].takes);
        if (value)
            node = attribute_set(r->arena, node, attribute_rules[rule].key, value);
    }
    return node;
}
