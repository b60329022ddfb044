/* infer_default_tt_shard: where every tensor lies, `tt.shard` of its parameter. By default interleaved over
 * the banks of DRAM; what the author says by @layout wins, entry by entry. L1 is taken only when asked for.
 * The short forms become an nd_shard here: `height = 8` is a grid of [8, 1], `width = 8` of [1, 8], `block =
 * [4, 2]` of [4, 2], with 1 along the dimensions before.
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/pass.h"
#include "ir/query.h"

static struct node_attribute *entry_at(struct arena *arena, struct span span, const char *key,
                                       struct node *value) {
    return node_as(
        node_new(arena, attribute, ATTRIBUTE, span, .key = arena_intern(arena, key), .value = value),
        attribute);
}

/* The grid of a short form; NULL when the entry is none. */
static struct node *grid_of(struct arena *arena, const struct node_parameter *parameter,
                            const struct node_attribute *entry) {
    struct node *one = make_integer(arena, 1), *rows = one, *columns = one;
    struct node_sequence *block = node_as(entry->value, sequence);
    struct list_builder grid = {0};
    if (strcmp(entry->key, KEY_HEIGHT) == 0) {
        rows = entry->value;
    } else if (strcmp(entry->key, KEY_WIDTH) == 0) {
        columns = entry->value;
    } else if (strcmp(entry->key, KEY_BLOCK) == 0) {
        rows = block->items.items[0];
        columns = block->items.items[1];
    } else {
        return NULL;
    }
    for (size_t i = 2; i < parameter->dimensions.count; i++)
        builder_add(arena, &grid, one);
    builder_add(arena, &grid, rows);
    builder_add(arena, &grid, columns);
    return node_new(arena, sequence, SEQUENCE, entry->base.span, .items = builder_list(&grid));
}

/* block is [rows, columns]. */
static bool check_block(struct compilation *c, const struct node_parameter *parameter,
                        const struct node_attribute *entry) {
    struct node_sequence *list = node_as(entry->value, sequence);
    if (strcmp(entry->key, KEY_BLOCK) != 0 || (list && list->items.count == 2))
        return true;
    report_error(c->diagnostics, entry->base.span.line ? entry->base.span : parameter->base.span,
                 "block of %s is %s; it takes shards along rows and columns, as in [4, 2]", parameter->name,
                 node_text(c->arena, entry->value));
    return false;
}

/* The author's entries, short forms written out, with `sharded` where shards are described. NULL after a
 * reported error. */
static struct node *written_out(struct compilation *c, const struct node_parameter *parameter,
                                struct node *wanted) {
    struct node_dictionary *given = node_as(wanted, dictionary);
    struct node *result = NULL, *shards = NULL;
    for (size_t i = 0; i < given->entries.count; i++) {
        struct node_attribute *entry = node_as(given->entries.items[i], attribute);
        if (!check_block(c, parameter, entry))
            return NULL;
        struct node *grid = grid_of(c->arena, parameter, entry);
        if (grid || strcmp(entry->key, KEY_ND_SHARD) == 0) {
            if (shards) {
                report_error(c->diagnostics, entry->base.span.line ? entry->base.span : parameter->base.span,
                             "%s says a second time what the shards of %s are", entry->key, parameter->name);
                report_note(c->diagnostics, shards->span, "they are described here");
                return NULL;
            }
            shards = &entry->base;
        }
        if (grid) {
            struct node *value =
                dictionary_put(c->arena, NULL, entry_at(c->arena, entry->base.span, KEY_SHARD_GRID, grid));
            entry = entry_at(c->arena, entry->base.span, KEY_ND_SHARD, value);
        }
        result = dictionary_put(c->arena, result, entry);
    }
    if (shards && !dictionary_get(result, KEY_LAYOUT_KIND))
        result = dictionary_put(
            c->arena, result,
            entry_at(c->arena, shards->span, KEY_LAYOUT_KIND, make_reference(c->arena, "sharded")));
    return result;
}

static struct node *placed(struct compilation *c, struct node *parameter) {
    struct arena *arena = c->arena;
    struct node *shard = attribute_get(parameter, KEY_TT_SHARD),
                *wanted = attribute_get(parameter, KEY_LAYOUT);
    if (!shard) {
        shard = dictionary_set(arena, NULL, KEY_MEMORY, make_reference(arena, "dram"));
        shard = dictionary_set(arena, shard, KEY_LAYOUT_KIND, make_reference(arena, "interleaved"));
    }
    if (wanted && wanted->kind == NODE_DICTIONARY &&
        !(wanted = written_out(c, node_as(parameter, parameter), wanted)))
        return NULL;
    struct node_dictionary *entries = node_as(wanted, dictionary);
    for (size_t i = 0; entries && i < entries->entries.count; i++) {
        struct node_attribute *entry = node_as(entries->entries.items[i], attribute);
        if (!node_equal(dictionary_get(shard, entry->key), entry->value))
            shard = dictionary_put(arena, shard, entry);
    }
    return attribute_set(arena, parameter, KEY_TT_SHARD, shard);
}

bool infer_default_tt_shard(struct compilation *c) {
    struct node_kernel *kernel = node_as(c->kernel, kernel);
    struct list_builder parameters = {0};
    bool changed = false, sound = true;
    for (size_t i = 0; i < kernel->parameters.count; i++) {
        struct node *parameter = kernel->parameters.items[i];
        struct node *result = is_tensor(node_as(parameter, parameter)) ? placed(c, parameter) : parameter;
        sound &= result != NULL;
        changed |= result != parameter;
        builder_add(c->arena, &parameters, result);
    }
    if (changed && sound) {
        struct node_kernel result = *kernel;
        result.parameters = builder_list(&parameters);
        c->kernel = arena_copy(c->arena, &result, sizeof result);
    }
    return sound;
}
