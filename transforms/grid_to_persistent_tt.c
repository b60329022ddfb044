/* The grid becomes a loop over the blocks of a core's share, and the block indices are recovered from the
 * running number:
 *
 *     grid i in 0..M by 64, j in 0..N by 64 { body }
 *
 *     for tid in start_id..start_id + count {
 *         delinearize i_block, j_block = tid over [Gm, Gn]
 *         for i in i_block * 64..min(M, i_block * 64 + 64) by 64, j in j_block * 64..min(N, j_block * 64 +
 * 64) by 64 { body }
 *     }
 *
 * The body keeps its axes: only their ranges change. An element axis runs b_block..b_block + 1.
 *
 * In tt.partition_mode local_shard the number counts the blocks of the core's shard, from where it lies:
 *
 *         delinearize i_local, j_local = tid over [Ly, Lx]
 *         let i_block = sy * (Sm / 2) + i_local
 *
 * Order column_major counts along the axis before the last first.
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/blocks.h"
#include "transforms/local_shard.h"
#include "transforms/pass.h"
#include "transforms/query.h"

struct lowering {
    struct compilation *compilation;
    struct name_set names;
    size_t axes; /* of the grid */
};

static size_t outer_axes(const struct lowering *lowering) {
    return lowering->axes > 2 ? lowering->axes - 2 : 0;
}

static struct node *launch_argument(const struct lowering *lowering, size_t position) {
    struct compilation *c = lowering->compilation;
    return make_reference(c->arena, runtime_argument_name(c->kernel, position));
}

static struct node *shard_argument(const struct lowering *lowering, size_t position) {
    return launch_argument(lowering, RUNTIME_OUTER + outer_axes(lowering) + position);
}

/* The number of the grid axis whose blocks lie along a direction of cores; -1: none. */
static int64_t tied_axis(const struct lowering *lowering, enum plane direction) {
    struct node_sequence *tied =
        node_as(attribute_get(lowering->compilation->kernel, KEY_TT_SHARD_AXES), sequence);
    return tied && direction < tied->items.count ? attribute_integer(tied->items.items[direction], -1) : -1;
}

/* The direction of cores along which the blocks of an axis lie; PLANE_DIRECTIONS: none, or no shards. */
static enum plane direction_of(const struct lowering *lowering, size_t axis) {
    for (size_t d = 0; d < PLANE_DIRECTIONS; d++)
        if (tied_axis(lowering, d) == (int64_t)axis)
            return d;
    return PLANE_DIRECTIONS;
}

/* Are the arguments there that place a core's shard, where cores own shards? */
static bool has_shard_arguments(const struct lowering *lowering) {
    size_t tied = 0;
    for (size_t d = 0; d < PLANE_DIRECTIONS; d++)
        tied += tied_axis(lowering, d) >= 0;
    size_t last = RUNTIME_OUTER + outer_axes(lowering) + SHARD_BLOCKS + tied - 1;
    return tied == 0 || runtime_argument_name(lowering->compilation->kernel, last) != NULL;
}

/* How many blocks of the axis the number counts: of the core's shard, else of the whole axis. */
static struct node *block_extent(const struct lowering *lowering, size_t axis) {
    size_t outer = outer_axes(lowering);
    enum plane direction = direction_of(lowering, axis);
    bool behind_rows = direction == PLANE_X && tied_axis(lowering, PLANE_Y) >= 0;
    if (direction != PLANE_DIRECTIONS)
        return shard_argument(lowering, SHARD_BLOCKS + behind_rows);
    return launch_argument(lowering, axis < outer ? RUNTIME_OUTER + axis : RUNTIME_GM + axis - outer);
}

/* The first block of an axis in the core's shard; NULL where the core has all blocks of the axis. */
static struct node *first_block(const struct lowering *lowering, size_t axis) {
    struct compilation *c = lowering->compilation;
    enum plane direction = direction_of(lowering, axis);
    struct node_sequence *blocks = node_as(attribute_get(c->kernel, KEY_TT_SHARD_BLOCKS), sequence);
    if (direction == PLANE_DIRECTIONS || !blocks || blocks->items.count != PLANE_DIRECTIONS)
        return NULL;
    return make_mul(c->arena, shard_argument(lowering, SHARD_SY + direction),
                    in_launch_arguments(c->arena, c->kernel, blocks->items.items[direction]));
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

/* One grid axis: its name in delinearize, and the number of its block, which differs from it in a shard. */
static const char *recover_axis(struct lowering *lowering, const struct node_grid *grid, size_t axis,
                                struct list_builder *names, struct list_builder *lets) {
    struct arena *arena = lowering->compilation->arena;
    const char *name = node_as(grid->axes.items[axis], axis)->name;
    struct node *first = first_block(lowering, axis);
    const char *block = name_fresh(&lowering->names, arena_printf(arena, "%s_block", name));
    const char *counted = first ? name_fresh(&lowering->names, arena_printf(arena, "%s_local", name)) : block;
    builder_add(arena, names, make_reference(arena, counted));
    if (first)
        builder_add(arena, lets,
                    node_new(arena, let, LET, grid->base.span, .name = block, .dtype = DTYPE_U32,
                             .value = make_add(arena, first, make_reference(arena, counted))));
    return block;
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
    struct node *blocks = node_new(c->arena, for, FOR, span, .axes = builder_list(&axes), .body = grid->body);
    builder_add(c->arena, &statements, node_with_attributes(c->arena, blocks, grid_node->attributes));
    struct node *start = launch_argument(lowering, RUNTIME_START_ID);
    return make_for(c->arena, span, tid, start, make_add(c->arena, start, launch_argument(lowering, RUNTIME_COUNT)),
                    NULL, make_block(c->arena, span, builder_list(&statements)));
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
    if (!has_shard_arguments(&lowering)) {
        report_error(c->diagnostics, grid->span, "cores own shards of kernel %s, but %s lacks where their shards lie",
                     node_as(c->kernel, kernel)->name, KEY_TT_RUNTIME_ARGS);
        report_help(c->diagnostics, (struct span){0},
                    "Sm, Sn, Gy, Gx, sy, sx and the blocks of a shard stand behind the extents of the grid: layout_aware_work_partition_tt gives them");
        return false;
    }
    c->kernel = lower_grid(c->kernel, &lowering);
    return true;
}
