/* The part of plan.json that says what every core computes. */
#include <inttypes.h>
#include <string.h>

#include "codegen/plan.h"
#include "codegen/plan_check.h"
#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/launch.h"

struct work {
    struct node_list extents; /* blocks along each grid axis */
    bool fixed;               /* all of them are numbers, and few enough to list */
    int64_t total;
    struct node *blocks; /* their product */
    uint32_t grid_x, grid_y;
};

static bool find_work(const struct kernel_source *source, struct work *work) {
    struct node_sequence *extents =
        node_as(attribute_get(&source->kernel->base, KEY_TT_GRID_BLOCKS), sequence);
    struct node_sequence *grid = node_as(attribute_get(&source->kernel->base, KEY_TT_CORE_GRID), sequence);
    if (!extents || !grid || grid->items.count != 2)
        return false;
    *work = (struct work){.extents = extents->items,
                          .fixed = true,
                          .total = 1,
                          .blocks = make_integer(source->arena, 1),
                          .grid_x = (uint32_t)attribute_integer(grid->items.items[0], 0),
                          .grid_y = (uint32_t)attribute_integer(grid->items.items[1], 0)};
    for (size_t i = 0; i < work->extents.count; i++) {
        struct node *extent = simplify(source->arena, work->extents.items[i]);
        int64_t number;
        work->blocks = make_mul(source->arena, work->blocks, extent);
        work->fixed = work->fixed && integer_value(extent, &number) && number >= 0 &&
                      !__builtin_mul_overflow(work->total, number, &work->total) &&
                      work->total <= PLAN_BLOCK_LIMIT;
    }
    return work->grid_x > 0 && work->grid_y > 0;
}

/* One block by its indices: io and jo along the last two grid axes, outer along those before. */
static json_t *block_of(struct plan *plan, const int64_t *indices, size_t count) {
    json_t *block = json_object();
    plan_put(plan, block, "io", json_integer(count > 1 ? indices[count - 2] : indices[0]));
    plan_put(plan, block, "jo", json_integer(count > 1 ? indices[count - 1] : 0));
    if (count > 2) {
        json_t *outer = json_array();
        for (size_t i = 0; i + 2 < count; i++)
            plan_add(plan, outer, json_integer(indices[i]));
        plan_put(plan, block, "outer", outer);
    }
    return block;
}

/* Consecutive blocks along each grid axis. */
struct block_range {
    int64_t first, count;
};

/* Is the axis before the last counted first? */
static bool is_column_major(const struct plan *plan) {
    struct node *schedule = attribute_get(&plan->source->kernel->base, KEY_TT_SCHEDULE);
    return strcmp(attribute_word(dictionary_get(schedule, KEY_ORDER), ""), "column_major") == 0;
}

/* The blocks from number `start` of those in the ranges, counted as the kernel counts them. */
static void add_blocks(struct plan *plan, json_t *core, const struct block_range *ranges, size_t axes,
                       int64_t start, int64_t count) {
    int64_t indices[TENSOR_RANK_LIMIT] = {0};
    bool turned = axes > 1 && is_column_major(plan);
    for (int64_t block = start; block < start + count; block++) {
        int64_t rest = block;
        for (size_t n = axes; n-- > 0;) {
            size_t i = turned && n + 2 >= axes ? 2 * axes - 3 - n : n;
            indices[i] = ranges[i].first + rest % ranges[i].count;
            rest /= ranges[i].count;
        }
        plan_add(plan, core, block_of(plan, indices, axes));
    }
}

/* ---- blocks that belong to places of cores: of shards, or of a plane ---- */

struct core_place {
    struct arena *arena;
    uint32_t x, y;
};

static struct node *at_core(struct node *node, void *context) {
    struct core_place *place = context;
    struct node_call *call = node_as(node, call);
    if (call && strcmp(call->function, "core_x") == 0)
        return make_integer(place->arena, place->x);
    if (call && strcmp(call->function, "core_y") == 0)
        return make_integer(place->arena, place->y);
    return node_map_children(place->arena, node, at_core, place);
}

static int64_t entry_of_pair(const struct plan *plan, const char *key, size_t index, int64_t fallback) {
    struct node_sequence *pair = node_as(attribute_get(&plan->source->kernel->base, key), sequence);
    return pair && index < pair->items.count
               ? attribute_integer(simplify(plan->source->arena, pair->items.items[index]), fallback)
               : fallback;
}

/* Where a core stands along rows, PLANE_SY, or columns, PLANE_SX: shards may be laid by columns. */
static int64_t place_number(const struct plan *plan, size_t axes, struct core_place *place,
                            enum plane_position position) {
    const struct node *kernel = &plan->source->kernel->base;
    struct node_list arguments = launch_argument_list(kernel)->entries;
    size_t tiles = attribute_get(kernel, KEY_TT_CORE_PLANE) ? 0 : SHARD_TILES;
    size_t index = RUNTIME_OUTER + (axes > 2 ? axes - 2 : 0) + tiles + position;
    struct node *value = index < arguments.count ? node_as(arguments.items[index], attribute)->value : NULL;
    return attribute_integer(value ? simplify(place->arena, at_core(value, place)) : NULL, 0);
}

/* Narrows the ranges to the blocks of a core. Rows of cores share one axis, columns another; one axis along
 * both fills a row after the other. */
static void narrow_to_place(const struct plan *plan, size_t grid_axes, struct core_place *place,
                            struct block_range *ranges) {
    int64_t rows = entry_of_pair(plan, KEY_TT_PLANE_AXES, 0, -1),
            columns = entry_of_pair(plan, KEY_TT_PLANE_AXES, 1, -1);
    int64_t y = place_number(plan, grid_axes, place, PLANE_SY),
            x = place_number(plan, grid_axes, place, PLANE_SX);
    int64_t width = entry_of_pair(plan, KEY_TT_CORE_PLANE, 1, INT32_MAX);
    bool single = rows >= 0 && rows == columns;
    for (size_t d = 0; d < (single ? 1 : 2); d++) {
        int64_t axis = d == 0 ? rows : columns, each = entry_of_pair(plan, KEY_TT_PLANE_BLOCKS, d, 0);
        int64_t at = single ? y * width + x : d == 0 ? y : x;
        if (axis < 0)
            continue;
        struct block_range *range = &ranges[axis];
        int64_t left = x < width ? range->count - at * each : 0;
        *range = (struct block_range){at * each, left < 0 ? 0 : left < each ? left : each};
    }
}

static void add_placed_blocks(struct plan *plan, json_t *core, const struct work *work,
                              struct core_place *place) {
    struct block_range ranges[TENSOR_RANK_LIMIT];
    int64_t count = 1;
    for (size_t i = 0; i < work->extents.count; i++)
        ranges[i] =
            (struct block_range){0, attribute_integer(simplify(place->arena, work->extents.items[i]), 0)};
    narrow_to_place(plan, work->extents.count, place, ranges);
    for (size_t i = 0; i < work->extents.count; i++)
        count *= ranges[i].count;
    add_blocks(plan, core, ranges, work->extents.count, 0, count);
}

/* Where sizes are open: how many blocks the core runs. */
static json_t *open_place(struct plan *plan, const struct work *work, struct core_place *place) {
    const struct node_dictionary *arguments = launch_argument_list(&plan->source->kernel->base);
    struct node *count = node_as(arguments->entries.items[RUNTIME_COUNT], attribute)->value;
    json_t *entry = json_object();
    plan_put(plan, entry, "sy", json_integer(place_number(plan, work->extents.count, place, PLANE_SY)));
    plan_put(plan, entry, "sx", json_integer(place_number(plan, work->extents.count, place, PLANE_SX)));
    plan_put(plan, entry, "count", plan_value(plan, simplify(place->arena, at_core(count, place))));
    return entry;
}

static bool is_placed(const struct plan *plan) {
    return attribute_get(&plan->source->kernel->base, KEY_TT_PLANE_AXES) != NULL;
}

/* ---- shares of all blocks ---- */

static void add_share(struct plan *plan, json_t *core, const struct work *work, struct launch_share share) {
    struct block_range ranges[TENSOR_RANK_LIMIT];
    for (size_t i = 0; i < work->extents.count; i++)
        ranges[i] = (struct block_range){
            0, attribute_integer(simplify(plan->source->arena, work->extents.items[i]), 0)};
    add_blocks(plan, core, ranges, work->extents.count, (int64_t)share.start, (int64_t)share.count);
}

/* The rule of launch_share, on the entries `blocks` and `blocks_per_core`. */
struct open_share open_share(struct arena *arena, uint32_t core) {
    struct node *blocks = make_reference(arena, "blocks"), *each = make_reference(arena, "blocks_per_core");
    struct node *start = make_min(arena, make_mul(arena, make_integer(arena, core), each), blocks);
    struct node *count = make_min(arena, each, make_sub(arena, blocks, make_reference(arena, "start")));
    return (struct open_share){node_text(arena, start), node_text(arena, count)};
}

static json_t *open_share_of(struct plan *plan, uint32_t core) {
    struct open_share share = open_share(plan->source->arena, core);
    json_t *entry = json_object();
    plan_put(plan, entry, "start", json_string(share.start));
    plan_put(plan, entry, "count", json_string(share.count));
    return entry;
}

static json_t *work_of(struct plan *plan, const struct work *work, uint32_t core) {
    struct core_place place = {plan->source->arena, core % work->grid_x, core / work->grid_x};
    json_t *entries = json_array();
    if (is_placed(plan) && work->fixed)
        add_placed_blocks(plan, entries, work, &place);
    else if (is_placed(plan))
        plan_add(plan, entries, open_place(plan, work, &place));
    else if (work->fixed)
        add_share(plan, entries, work,
                  launch_share((uint64_t)work->total, work->grid_x * work->grid_y, core));
    else
        plan_add(plan, entries, open_share_of(plan, core));
    return entries;
}

void plan_put_work(struct plan *plan) {
    struct arena *arena = plan->source->arena;
    struct work work;
    if (!find_work(plan->source, &work)) {
        plan->failed = true;
        return;
    }
    uint32_t cores = work.grid_x * work.grid_y;
    plan_put(plan, plan->top, "blocks", plan_value(plan, work.blocks));
    if (is_placed(plan)) {
        plan_put_attribute(plan, "shard_grid", KEY_TT_SHARD_GRID);
        plan_put_attribute(plan, "local_shape_tiles", KEY_TT_LOCAL_SHAPE_TILES);
        plan_put_attribute(plan, "core_plane", KEY_TT_CORE_PLANE);
    } else {
        struct node *each = make_ceildiv(arena, work.blocks, make_integer(arena, cores));
        plan_put(plan, plan->top, "blocks_per_core", plan_value(plan, simplify(arena, each)));
    }
    json_t *partition = json_object();
    for (uint32_t core = 0; core < cores; core++)
        plan_put(plan, partition,
                 arena_printf(arena, "(%" PRIu32 ",%" PRIu32 ")", core % work.grid_x, core / work.grid_x),
                 work_of(plan, &work, core));
    plan_put(plan, plan->top, "work_partition", partition);
}
