/* infer_default_tt_schedule: how the blocks of a kernel are shared, `tt.schedule` of the kernel. By default
 * cores take contiguous shares of the blocks in row-major order; what the author says by @schedule wins,
 * entry by entry.
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/pass.h"

static struct node *default_schedule(struct arena *arena) {
    struct node *schedule = dictionary_set(arena, NULL, KEY_POLICY, make_reference(arena, "contiguous"));
    return dictionary_set(arena, schedule, KEY_ORDER, make_reference(arena, "row_major"));
}

/* Does a tensor have shards in L1, which cores own? */
static bool has_owned_shards(struct compilation *c) {
    static const char *const shards[] = {KEY_ND_SHARD, KEY_HEIGHT, KEY_WIDTH, KEY_BLOCK};
    struct node_list parameters = node_as(c->kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node *layout = attribute_get(parameters.items[i], KEY_LAYOUT);
        for (size_t k = 0; k < sizeof shards / sizeof *shards; k++)
            if (strcmp(attribute_word(dictionary_get(layout, KEY_MEMORY), ""), "l1") == 0 &&
                dictionary_get(layout, shards[k]))
                return true;
    }
    return false;
}

static bool report_order(struct compilation *c, struct span span, const struct node *order) {
    static const char *const known[] = {"row_major", "column_major", "match_shard"};
    const char *word = attribute_word(order, order->kind == NODE_CALL ? ((const struct node_call *)order)->function : "");
    const char *nearest = suggest_nearest(word, known, sizeof known / sizeof *known);
    if (strcmp(word, "block_linear") == 0) {
        report_error(c->diagnostics, span, "order block_linear is reserved; use row_major");
    } else if (strcmp(word, "match_shard") == 0) {
        report_error(c->diagnostics, span,
                     "order match_shard requires sharded buffer metadata, and no tensor of this kernel is "
                     "sharded in L1; use row_major");
    } else {
        report_error(c->diagnostics, span, "schedule order %s is not known; it is row_major or column_major",
                     node_text(c->arena, order));
        if (nearest)
            report_help(c->diagnostics, (struct span){0}, "did you mean %s?", nearest);
    }
    return false;
}

/* Shards are filled row by row, so match_shard is row_major where there are shards that cores own. */
static bool is_known_order(struct compilation *c, const struct node *order) {
    const char *word = attribute_word(order, "");
    return strcmp(word, "row_major") == 0 || strcmp(word, "column_major") == 0 ||
           (strcmp(word, "match_shard") == 0 && has_owned_shards(c));
}

static bool check_entry(struct compilation *c, const struct node_attribute *entry) {
    struct span span = entry->base.span.line ? entry->base.span : c->kernel->span;
    const char *word = attribute_word(entry->value, "");
    if (strcmp(entry->key, KEY_POLICY) == 0 && strcmp(word, "contiguous") != 0) {
        report_error(c->diagnostics, span, "schedule policy %s is not known; blocks are shared contiguous",
                     node_text(c->arena, entry->value));
        return false;
    }
    if (strcmp(entry->key, KEY_ORDER) == 0 && !is_known_order(c, entry->value))
        return report_order(c, span, entry->value);
    return true;
}

bool infer_default_tt_schedule(struct compilation *c) {
    struct node *schedule = attribute_get(c->kernel, KEY_TT_SCHEDULE);
    struct node_dictionary *wanted = node_as(attribute_get(c->kernel, KEY_SCHEDULE), dictionary);
    schedule = schedule ? schedule : default_schedule(c->arena);
    for (size_t i = 0; wanted && i < wanted->entries.count; i++) {
        struct node_attribute *entry = node_as(wanted->entries.items[i], attribute);
        if (!check_entry(c, entry))
            return false;
        if (!node_equal(dictionary_get(schedule, entry->key), entry->value))
            schedule = dictionary_set(c->arena, schedule, entry->key, entry->value);
    }
    c->kernel = attribute_set(c->arena, c->kernel, KEY_TT_SCHEDULE, schedule);
    return true;
}
