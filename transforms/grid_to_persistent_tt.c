/* The grid becomes a loop over the blocks of a core's share, and the block indices are recovered from the
 * running number:
 *
 *     grid i in 0..M by 64, j in 0..N by 64 { body }
 *
 *     =>
 *
 *     for tid in start_id..start_id + count {
 *         delinearize i_block, j_block = tid over [Gm, Gn]
 *         for i in i_block * 64..min(M, i_block * 64 + 64) by 64,
 *             j in j_block * 64..min(N, j_block * 64 + 64) by 64 { body }
 *     }
 *
 * The body keeps its axes: only their ranges change. An element axis runs b_block..b_block + 1.
 *
 * In tt.partition_mode local_shard the number counts the blocks of the core's shard, from where it lies:
 *
 *         delinearize i_local, j_local = tid over [Ly, Lx]
 *         let i_block = sy * (Sm / 2) + i_local
 *
 * On a plane of cores that send blocks to each other (core_plane.h) every core runs equally many. One that
 * stands beyond the last block repeats it, so that it runs as many as the others, and stores nothing:
 *
 *         let i_place = sy * Ly + i_local
 *         let i_block = min(i_place, Gm - 1)
 *         for i in ... { ...
 *             if i_place < Gm { tile store C[i, j] = C_out[i, j] }
 *
 * Order column_major counts along the axis before the last first.
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/blocks.h"
#include "transforms/local_shard.h"
#include "transforms/pass.h"
#include "ir/query.h"

struct lowering {
    struct compilation *compilation;
    struct name_table names;
    size_t axes;       /* of the grid */
    struct node *live; /* does the block at hand exist? NULL: wherever the loop runs */
};

static bool is_plane(const struct lowering *lowering) {
    return attribute_get(lowering->compilation->kernel, KEY_TT_CORE_PLANE) != NULL;
}

static size_t outer_axes(const struct lowering *lowering) {
    return lowering->axes > 2 ? lowering->axes - 2 : 0;
}

static struct node *launch_argument(const struct lowering *lowering, size_t position) {
    struct compilation *c = lowering->compilation;
    return make_reference(c->arena, runtime_argument_name(c->kernel, position));
}

/* position: an enum plane_position. */
static struct node *plane_argument(const struct lowering *lowering, size_t position) {
    size_t tiles = is_plane(lowering) ? 0 : SHARD_TILES;
    return launch_argument(lowering, RUNTIME_OUTER + outer_axes(lowering) + tiles + position);
}

/* The number of the grid axis whose blocks lie along a direction of cores; -1: none. */
static int64_t tied_axis(const struct lowering *lowering, enum plane direction) {
    struct node_sequence *tied =
        node_as(attribute_get(lowering->compilation->kernel, KEY_TT_PLANE_AXES), sequence);
    return tied && direction < tied->items.count ? attribute_integer(tied->items.items[direction], -1) : -1;
}

/* The direction of cores along which the blocks of an axis lie, of both the first; PLANE_DIRECTIONS: none. */
static enum plane direction_of(const struct lowering *lowering, size_t axis) {
    for (size_t d = 0; d < PLANE_DIRECTIONS; d++)
        if (tied_axis(lowering, d) == (int64_t)axis)
            return d;
    return PLANE_DIRECTIONS;
}

/* Are the arguments there that place the blocks of a core, where cores have blocks of their own? */
static bool has_plane_arguments(const struct lowering *lowering) {
    int64_t rows = tied_axis(lowering, PLANE_Y), columns = tied_axis(lowering, PLANE_X);
    size_t counts = (rows >= 0) + (columns >= 0 && columns != rows),
           tiles = is_plane(lowering) ? 0 : SHARD_TILES;
    size_t last = RUNTIME_OUTER + outer_axes(lowering) + tiles + PLANE_BLOCKS + counts - 1;
    return counts == 0 || runtime_argument_name(lowering->compilation->kernel, last) != NULL;
}

static struct node *axis_blocks(const struct lowering *lowering, size_t axis) {
    size_t outer = outer_axes(lowering);
    return launch_argument(lowering, axis < outer ? RUNTIME_OUTER + axis : RUNTIME_GM + axis - outer);
}

/* How many blocks of the axis the number counts: of the core's place, else of the whole axis. */
static struct node *block_extent(const struct lowering *lowering, size_t axis) {
    enum plane direction = direction_of(lowering, axis);
    bool behind_rows = direction == PLANE_X && tied_axis(lowering, PLANE_Y) >= 0;
    return direction != PLANE_DIRECTIONS ? plane_argument(lowering, PLANE_BLOCKS + behind_rows)
                                         : axis_blocks(lowering, axis);
}

static struct node *entry_of_pair(const struct lowering *lowering, const char *key, size_t index) {
    struct node_sequence *pair = node_as(attribute_get(lowering->compilation->kernel, key), sequence);
    return pair && pair->items.count == PLANE_DIRECTIONS ? pair->items.items[index] : NULL;
}

/* Where the core stands among those that share the axis. */
static struct node *place_of_core(const struct lowering *lowering, enum plane direction) {
    struct arena *arena = lowering->compilation->arena;
    struct node *place = plane_argument(lowering, PLANE_SY + direction);
    if (!is_plane(lowering) || tied_axis(lowering, PLANE_Y) != tied_axis(lowering, PLANE_X))
        return place;
    return make_add(arena, make_mul(arena, place, plane_argument(lowering, PLANE_GX)),
                    plane_argument(lowering, PLANE_SX));
}

/* The first block of an axis on this core; NULL where the core has all blocks of the axis. */
static struct node *first_block(const struct lowering *lowering, size_t axis) {
    struct compilation *c = lowering->compilation;
    enum plane direction = direction_of(lowering, axis);
    struct node *blocks =
        direction == PLANE_DIRECTIONS ? NULL : entry_of_pair(lowering, KEY_TT_PLANE_BLOCKS, direction);
    if (!blocks)
        return NULL;
    blocks =
        is_plane(lowering) ? block_extent(lowering, axis) : in_launch_arguments(c->arena, c->kernel, blocks);
    return make_mul(c->arena, place_of_core(lowering, direction), blocks);
}

/* Would the cores of the grid have more blocks of an axis than there are, if all ran as many? */
static bool has_dead_blocks(const struct lowering *lowering, size_t axis) {
    enum plane direction = direction_of(lowering, axis);
    struct node_sequence *blocks =
        node_as(attribute_get(lowering->compilation->kernel, KEY_TT_GRID_BLOCKS), sequence);
    int64_t total, each;
    if (!is_plane(lowering) || direction == PLANE_DIRECTIONS)
        return false;
    bool both = tied_axis(lowering, PLANE_Y) == tied_axis(lowering, PLANE_X);
    int64_t columns = attribute_integer(entry_of_pair(lowering, KEY_TT_CORE_GRID, 0), 0);
    int64_t rows = attribute_integer(entry_of_pair(lowering, KEY_TT_CORE_GRID, 1), 0);
    int64_t cores = both ? rows * columns : direction == PLANE_Y ? rows : columns;
    return !blocks || axis >= blocks->items.count || !integer_value(blocks->items.items[axis], &total) ||
           !integer_value(entry_of_pair(lowering, KEY_TT_PLANE_BLOCKS, direction), &each) ||
           each * cores != total;
}

/* One block of an axis: its clipped range, by number. The clip vanishes where the step divides a known
 * extent. */
static struct node *block_axis(struct arena *arena, const struct node_axis *axis, const char *block) {
    struct node *step = axis->step ? simplify(arena, axis->step) : make_integer(arena, 1);
    struct node *lower =
        make_add(arena, simplify(arena, axis->lower), make_mul(arena, make_reference(arena, block), step));
    struct node *end = make_add(arena, lower, step);
    int64_t size, extent;
    bool whole = !axis->step || (integer_value(axis_extent(arena, axis), &extent) &&
                                 integer_value(step, &size) && size > 0 && extent % size == 0);
    return make_axis(arena, axis->name, lower,
                     whole ? end : make_min(arena, simplify(arena, axis->upper), end), axis->step);
}

static bool is_column_major(const struct lowering *lowering) {
    struct node *schedule = attribute_get(lowering->compilation->kernel, KEY_TT_SCHEDULE);
    return lowering->axes > 1 &&
           strcmp(attribute_word(dictionary_get(schedule, KEY_ORDER), ""), "column_major") == 0;
}

static void swap_last(struct list_builder *list) {
    struct node *last = list->items[list->count - 1];
    list->items[list->count - 1] = list->items[list->count - 2];
    list->items[list->count - 2] = last;
}

static const char *add_let(struct lowering *lowering, struct list_builder *lets, struct span span,
                           const char *base, struct node *value) {
    struct arena *arena = lowering->compilation->arena;
    const char *name = name_fresh(&lowering->names, base);
    builder_add(arena, lets,
                node_new(arena, let, LET, span, .name = name, .dtype = DTYPE_U32, .value = value));
    return name;
}

/* The last block again where there is none of this number, and the condition that there is. */
static struct node *repeat_last(struct lowering *lowering, size_t axis, const char *place) {
    struct arena *arena = lowering->compilation->arena;
    struct node *total = axis_blocks(lowering, axis), *number = make_reference(arena, place);
    struct node *exists = make_binary(arena, BINARY_LESS, number, total);
    lowering->live = lowering->live ? make_binary(arena, BINARY_AND, lowering->live, exists) : exists;
    return make_min(arena, number, make_sub(arena, total, make_integer(arena, 1)));
}

/* One grid axis: its name in delinearize, and the number of its block, which differs from it where the core
 * has blocks of its own place. */
static const char *recover_axis(struct lowering *lowering, const struct node_grid *grid, size_t axis,
                                struct list_builder *names, struct list_builder *lets) {
    struct arena *arena = lowering->compilation->arena;
    const char *name = node_as(grid->axes.items[axis], axis)->name;
    struct span span = grid->base.span;
    struct node *first = first_block(lowering, axis);
    const char *counted =
        name_fresh(&lowering->names, arena_printf(arena, first ? "%s_local" : "%s_block", name));
    builder_add(arena, names, make_reference(arena, counted));
    if (!first)
        return counted;
    struct node *number = make_add(arena, first, make_reference(arena, counted));
    if (has_dead_blocks(lowering, axis))
        number = repeat_last(lowering, axis,
                             add_let(lowering, lets, span, arena_printf(arena, "%s_place", name), number));
    return add_let(lowering, lets, span, arena_printf(arena, "%s_block", name), number);
}

/* Stores of a block that another core computes too are left out. */
static struct node *guard_stores(struct node *node, void *context) {
    struct lowering *lowering = context;
    struct arena *arena = lowering->compilation->arena;
    struct node_tile *tile = node_as(node, tile);
    if (tile && tile->operation == TILE_STORE)
        return node_new(arena, if, IF, node->span, .condition = lowering->live,
                        .then = make_block(arena, node->span, LIST(arena, node)));
    return tile ? node : node_map_children(arena, node, guard_stores, lowering);
}

static struct node *persistent_loop(struct lowering *lowering, struct node *grid_node) {
    struct compilation *c = lowering->compilation;
    struct node_grid *grid = node_as(grid_node, grid);
    struct span span = grid_node->span;
    struct list_builder names = {0}, extents = {0}, axes = {0}, statements = {0}, lets = {0};
    const char *tid = name_fresh(&lowering->names, "tid");
    for (size_t i = 0; i < grid->axes.count; i++) {
        struct node_axis *axis = node_as(grid->axes.items[i], axis);
        const char *block = recover_axis(lowering, grid, i, &names, &lets);
        builder_add(c->arena, &extents, block_extent(lowering, i));
        builder_add(c->arena, &axes, block_axis(c->arena, axis, block));
    }
    if (is_column_major(lowering)) {
        swap_last(&names);
        swap_last(&extents);
    }
    builder_add(c->arena, &statements,
                node_new(c->arena, delinearize, DELINEARIZE, span, .names = builder_list(&names),
                         .value = make_reference(c->arena, tid), .extents = builder_list(&extents)));
    builder_add_all(c->arena, &statements, builder_list(&lets));
    struct node *body = lowering->live ? guard_stores(grid->body, lowering) : grid->body;
    struct node *blocks = node_new(c->arena, for, FOR, span, .axes = builder_list(&axes), .body = body);
    builder_add(c->arena, &statements, node_with_attributes(c->arena, blocks, grid_node->attributes));
    struct node *start = launch_argument(lowering, RUNTIME_START_ID);
    return make_for(c->arena, span, tid, start,
                    make_add(c->arena, start, launch_argument(lowering, RUNTIME_COUNT)), NULL,
                    make_block(c->arena, span, builder_list(&statements)));
}

static struct node *lower_grid(struct node *node, void *context) {
    struct lowering *lowering = context;
    if (node->kind == NODE_GRID)
        return persistent_loop(lowering, node);
    return node_map_children(lowering->compilation->arena, node, lower_grid, context);
}

bool grid_to_persistent_tt(struct compilation *c) {
    struct node *grid = find_kind(c->kernel, NODE_GRID);
    if (!grid)
        return true;
    size_t axes = node_as(grid, grid)->axes.count;
    if (!runtime_argument_name(c->kernel, axes > 2 ? RUNTIME_OUTER + axes - 3 : RUNTIME_GN)) {
        report_error(c->diagnostics, grid->span, "the grid has no launch arguments for its %zu axes in %s",
                     axes, KEY_TT_RUNTIME_ARGS);
        report_help(c->diagnostics, (struct span){0},
                    "layout_aware_work_partition_tt gives a kernel its launch arguments: run it first");
        return false;
    }
    struct lowering lowering = {.compilation = c, .names = kernel_names(c->arena, c->kernel), .axes = axes};
    if (!has_plane_arguments(&lowering)) {
        report_error(c->diagnostics, grid->span,
                     "cores have blocks of their own in kernel %s, but %s lacks where they stand",
                     node_as(c->kernel, kernel)->name, KEY_TT_RUNTIME_ARGS);
        report_help(
            c->diagnostics, (struct span){0},
            "Gy, Gx, sy, sx and the blocks of a core stand behind the extents of the grid, of shards behind Sm, Sn: layout_aware_work_partition_tt gives them");
        return false;
    }
    c->kernel = lower_grid(c->kernel, &lowering);
    return true;
}
