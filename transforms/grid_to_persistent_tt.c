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
 */
#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/pass.h"
#include "transforms/query.h"

struct lowering {
    struct compilation *compilation;
    struct name_set names;
};

/* The extents that delinearize takes, as launch arguments: further outer axes first, then Gm and Gn. */
static struct node_list block_extents(struct compilation *c, size_t axes) {
    struct list_builder extents = {0};
    size_t outer = axes > 2 ? axes - 2 : 0;
    for (size_t i = 0; i < axes; i++) {
        size_t position = i < outer ? RUNTIME_OUTER + i : RUNTIME_GM + i - outer;
        builder_add(c->arena, &extents, make_reference(c->arena, runtime_argument_name(c->kernel, position)));
    }
    return builder_list(&extents);
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

static struct node *persistent_loop(struct lowering *lowering, struct node *grid_node) {
    struct compilation *c = lowering->compilation;
    struct node_grid *grid = node_as(grid_node, grid);
    struct span span = grid_node->span;
    struct list_builder names = {0}, axes = {0};
    const char *tid = name_fresh(&lowering->names, "tid");
    for (size_t i = 0; i < grid->axes.count; i++) {
        struct node_axis *axis = node_as(grid->axes.items[i], axis);
        const char *block = name_fresh(&lowering->names, arena_printf(c->arena, "%s_block", axis->name));
        builder_add(c->arena, &names, make_reference(c->arena, block));
        builder_add(c->arena, &axes, block_axis(c->arena, axis, block));
    }
    struct node *recover =
        node_new(c->arena, delinearize, DELINEARIZE, span, .names = builder_list(&names),
                 .value = make_reference(c->arena, tid), .extents = block_extents(c, grid->axes.count));
    struct node *blocks = node_new(c->arena, for, FOR, span, .axes = builder_list(&axes), .body = grid->body);
    blocks = node_with_attributes(c->arena, blocks, grid_node->attributes);
    struct node *start = make_reference(c->arena, runtime_argument_name(c->kernel, RUNTIME_START_ID));
    struct node *count = make_reference(c->arena, runtime_argument_name(c->kernel, RUNTIME_COUNT));
    return make_for(c->arena, span, tid, start, make_add(c->arena, start, count), NULL,
                    make_block(c->arena, span, LIST(c->arena, recover, blocks)));
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
    struct lowering lowering = {.compilation = c, .names = kernel_names(c->arena, c->kernel)};
    c->kernel = lower_grid(c->kernel, &lowering);
    return true;
}
