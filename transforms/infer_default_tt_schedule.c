/* infer_default_tt_schedule: how the blocks of a kernel are shared, `tt.schedule` of the kernel. By default
 * cores take contiguous shares of the blocks in row-major order; what the author says by @schedule, of the
 * kernel or of its grid, wins entry by entry.
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
    const char *word =
        attribute_word(order, order->kind == NODE_CALL ? ((const struct node_call *)order)->function : "");
    const char *nearest = suggest_nearest(word, known, sizeof known / sizeof *known);
    if (strcmp(word, "block_linear") == 0) {
        report_error(c->diagnostics, span, "order block_linear is reserved; use row_major");
    } else if (strcmp(word, "match_shard") == 0) {
        report_error(
            c->diagnostics, span,
            "order match_shard requires sharded buffer metadata, and no tensor of this kernel is sharded in L1; use row_major");
    } else {
        report_error(c->diagnostics, span,
                     "schedule order %s is not known; it is row_major, column_major or match_shard",
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

static struct span entry_place(struct compilation *c, const struct node_attribute *entry) {
    return entry->base.span.line ? entry->base.span : c->kernel->span;
}

static bool check_policy(struct compilation *c, const struct node_attribute *entry) {
    const char *word = attribute_word(entry->value, "");
    if (strcmp(word, "contiguous") == 0)
        return true;
    report_error(c->diagnostics, entry_place(c, entry),
                 strcmp(word, "block_cyclic") == 0
                     ? "schedule policy %s is not supported: cores take contiguous shares of the blocks"
                     : "schedule policy %s is not known; blocks are shared contiguous",
                 node_text(c->arena, entry->value));
    report_help(c->diagnostics, (struct span){0}, "leave it out, or take policy = contiguous");
    return false;
}

static bool check_mode(struct compilation *c, const struct node_attribute *entry) {
    static const char *const known[] = {"global", "local_shard"};
    const char *word = attribute_word(entry->value, ""), *nearest = suggest_nearest(word, known, 2);
    if (strcmp(word, known[0]) == 0 || strcmp(word, known[1]) == 0)
        return true;
    report_error(c->diagnostics, entry_place(c, entry),
                 "schedule mode %s is not known; it is global or local_shard",
                 node_text(c->arena, entry->value));
    if (nearest)
        report_help(c->diagnostics, (struct span){0}, "did you mean %s?", nearest);
    return false;
}

static bool check_order(struct compilation *c, const struct node_attribute *entry) {
    return is_known_order(c, entry->value) || report_order(c, entry_place(c, entry), entry->value);
}

static bool check_sending(struct compilation *c, const struct node_attribute *entry) {
    int64_t asked = attribute_integer(entry->value, -1);
    if (asked == 0 || asked == 1)
        return true;
    report_error(c->diagnostics, entry_place(c, entry),
                 "multicast = %s: it takes 1, cores send what they share, or 0",
                 node_text(c->arena, entry->value));
    return false;
}

/* The partition looks at the cores: it knows how many there are. */
static bool take_cores(struct compilation *c, const struct node_attribute *entry) {
    (void)c, (void)entry;
    return true;
}

static bool check_entry(struct compilation *c, const struct node_attribute *entry) {
    static const struct {
        const char *key;
        bool (*check)(struct compilation *c, const struct node_attribute *entry);
    } rows[] = {{KEY_MODE, check_mode},
                {KEY_ORDER, check_order},
                {KEY_CORES, take_cores},
                {KEY_MULTICAST, check_sending},
                {KEY_POLICY, check_policy}};
    enum { ROWS = sizeof rows / sizeof *rows };
    const char *known[ROWS], *list = "";
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(entry->key, rows[i].key) == 0)
            return rows[i].check(c, entry);
        known[i] = rows[i].key;
        list = arena_printf(c->arena, "%s%s%s", list, i ? ", " : "", rows[i].key);
    }
    const char *nearest = suggest_nearest(entry->key, known, ROWS);
    report_error(c->diagnostics, entry_place(c, entry), "%s has no key %s", KEY_SCHEDULE, entry->key);
    report_help(c->diagnostics, (struct span){0}, nearest ? "did you mean %s?" : "its keys are %s",
                nearest ? nearest : list);
    return false;
}

/* The schedules of loops: the grid's counts, others have none. False after a reported error. */
static bool find_grid(struct compilation *c, const struct node **scheduled) {
    *scheduled = NULL;
    for_each_node (node, node_as(c->kernel, kernel)->body) {
        if (attribute_get(node, KEY_SCHEDULE) && node->kind == NODE_GRID)
            *scheduled = node;
        if (attribute_get(node, KEY_SCHEDULE) && node->kind == NODE_FOR) {
            report_error(
                c->diagnostics, node->span,
                "@%s does not belong to this loop: cores share the blocks of a kernel or of its grid",
                KEY_SCHEDULE);
            report_help(c->diagnostics, (struct span){0}, "write it behind the parameters of kernel %s",
                        node_as(c->kernel, kernel)->name);
            return false;
        }
    }
    return true;
}

/* The entries merged over those that are settled; NULL after a reported error. An entry of the grid that says
 * something else than the kernel's is one too many. */
static struct node *merged(struct compilation *c, struct node *schedule, struct node *wanted,
                           struct node *before) {
    struct node_dictionary *given = node_as(wanted, dictionary);
    for (size_t i = 0; given && i < given->entries.count; i++) {
        struct node_attribute *entry = node_as(given->entries.items[i], attribute);
        struct node *earlier = dictionary_get(before, entry->key);
        if (!check_entry(c, entry))
            return NULL;
        if (earlier && !node_equal(earlier, entry->value)) {
            report_error(c->diagnostics, entry_place(c, entry),
                         "%s of the grid is %s, but of kernel %s it is %s", entry->key,
                         node_text(c->arena, entry->value), node_as(c->kernel, kernel)->name,
                         node_text(c->arena, earlier));
            return NULL;
        }
        if (!node_equal(dictionary_get(schedule, entry->key), entry->value))
            schedule = dictionary_set(c->arena, schedule, entry->key, entry->value);
    }
    return schedule;
}

bool infer_default_tt_schedule(struct compilation *c) {
    struct node *schedule = attribute_get(c->kernel, KEY_TT_SCHEDULE),
                *of_kernel = attribute_get(c->kernel, KEY_SCHEDULE);
    const struct node *grid;
    if (!find_grid(c, &grid))
        return false;
    schedule = merged(c, schedule ? schedule : default_schedule(c->arena), of_kernel, NULL);
    if (schedule && grid)
        schedule = merged(c, schedule, attribute_get(grid, KEY_SCHEDULE), of_kernel);
    if (!schedule)
        return false;
    c->kernel = attribute_set(c->arena, c->kernel, KEY_TT_SCHEDULE, schedule);
    return true;
}
