/* The life of a fragment: who gives it a value, who adds to it, who reads it, in which order. */
#include "transforms/fragment_life.h"

#include "ir/build.h"
#include "ir/query.h"
#include "transforms/blocks.h"

struct fragment_usage fragment_usage_in(struct node *statement, const char *fragment) {
    struct fragment_usage usage = {0};
    for_each (tile, tile, statement) {
        if (target_name(tile->target) == fragment) {
            if (tile->op == ASSIGN_SET) {
                usage.start = tile;
                usage.starts++;
            } else {
                usage.update = tile;
                usage.updates++;
            }
        }
        for_each (access, access, tile->value)
            usage.reads += access->name == fragment;
    }
    return usage;
}

bool fragment_is_running(struct node_list list, const char *fragment) {
    for (size_t i = 0; i < list.count; i++) {
        struct fragment_usage here = fragment_usage_in(list.items[i], fragment);
        if (list.items[i]->kind != NODE_TILE && here.reads && (here.start || here.update))
            return true;
    }
    return false;
}

bool fragment_is_plain(struct node_list list, const char *fragment) {
    bool started = false, updated = false, read = false;
    for (size_t i = 0; i < list.count; i++) {
        struct fragment_usage here = fragment_usage_in(list.items[i], fragment);
        bool starts_late = here.start && (started || updated || &here.start->base != list.items[i]);
        bool changes_late = read && (here.start || here.update);
        if (starts_late || changes_late || (here.reads && (here.start || here.update)))
            return false;
        started |= here.start != NULL;
        updated |= here.update != NULL;
        read |= here.reads > 0;
    }
    return true;
}

bool fragment_is_plain_in(struct node *tree, const char *fragment) {
    for_each (block, block, tree)
        for (size_t i = 0; i < block->statements.count; i++) {
            struct node_buffer *buffer = node_as(block->statements.items[i], buffer);
            if (buffer && buffer->name == fragment)
                return fragment_is_plain(block->statements, fragment);
        }
    return true;
}

/* ---- values before reads ---- */

struct reading {
    const struct node *kernel;
    struct arena *arena;
    const char *fragment;
    bool has_value;
    struct node_tile *early; /* reads it without */
};

/* Does the loop run at every launch? */
static bool always_runs(const struct reading *r, const struct node_for *loop) {
    for (size_t i = 0; i < loop->axes.count; i++) {
        struct node_axis *axis = node_as(loop->axes.items[i], axis);
        int64_t trips, lower;
        bool runs = integer_value(axis_trips(r->arena, axis), &trips)
                        ? trips > 0
                        : covers_whole_axis(axis) || (integer_value(axis->lower, &lower) && lower == 0 &&
                                                      is_positive_extent(r->kernel, axis->upper));
        if (!runs)
            return false;
    }
    return true;
}

static bool follow(struct node *node, void *context) {
    struct reading *r = context;
    struct node_tile *tile = node_as(node, tile);
    struct node_for *loop = node_as(node, for);
    bool before = r->has_value;
    if (tile) {
        bool reads = mentions(tile->value, r->fragment), writes = target_name(tile->target) == r->fragment;
        if (!r->has_value && !r->early && (reads || (writes && tile->op != ASSIGN_SET)))
            r->early = tile;
        r->has_value |= writes;
        return true;
    }
    node_each_child(node, follow, context);
    if (loop && !always_runs(r, loop))
        r->has_value = before;
    return true;
}

struct node_tile *fragment_read_too_early(const struct node *kernel, struct arena *arena, struct node_list list,
                                          const char *fragment) {
    struct reading reading = {kernel, arena, fragment, false, NULL};
    for (size_t i = 0; i < list.count; i++)
        follow(list.items[i], &reading);
    return reading.early;
}
