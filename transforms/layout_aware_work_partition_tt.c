/* What every core gets: the blocks of the grid, counted along each axis, and the launch arguments in their
 * canonical order.
 *
 *     kernel k(in A: bf16[M, N], out C: bf16[M, N]) {
 *         grid i in 0..M by 64, j in 0..N by 64 { ... tile store C[i, j] = ... }
 *     }
 *
 *     =>
 *
 *     tt.core_grid = [8, 8]
 *     tt.grid_blocks = [ceildiv(M, 64), ceildiv(N, 64)]
 *     tt.grid_tiles = [ceildiv(M, 32), ceildiv(N, 32)]                    of the tensor that is written
 *     tt.runtime_args = {start_id = start(), count = count(), Mt = ceildiv(M, 32), ...}
 *
 * Which tensor is written is found by data flow; names mean nothing.
 *
 * In tt.partition_mode global cores take consecutive shares of all blocks. Where a tensor is sharded in L1
 * (local_shard.h) each core of the grid of shards takes the blocks of its own: count and the blocks along
 * each direction, Ly and Lx, follow from where the core stands, sy = core_y() and sx = core_x(), or the other
 * way round where shards are laid by columns. Where cores send blocks to each other (core_plane.h) the mode
 * is global as well, but blocks lie on a plane of Gy x Gx cores, Ly x Lx on each, and the corners of the
 * rectangles to send to are launch arguments.
 */
#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "support/scalar.h"
#include "transforms/core_plane.h"
#include "transforms/host_numbers.h"
#include "transforms/pass.h"
#include "ir/query.h"

/* The one grid of the kernel; NULL after a reported error. */
static struct node_grid *distributed_grid(struct compilation *c) {
    struct node_kernel *kernel = node_as(c->kernel, kernel);
    struct node_grid *first = NULL, *second = NULL;
    for_each (grid, grid, c->kernel) {
        second = first && !second ? grid : second;
        first = first ? first : grid;
    }
    if (!first) {
        report_error(c->diagnostics, c->kernel->span, "nothing to distribute: kernel %s has no grid",
                     kernel->name);
        report_help(c->diagnostics, (struct span){0},
                    "open the blocks that cores share by `grid i in ... by ...`");
        return NULL;
    }
    if (second) {
        report_error(c->diagnostics, second->base.span, "kernel %s has a second grid", kernel->name);
        report_note(c->diagnostics, first->base.span, "the first grid is here");
        report_help(c->diagnostics, (struct span){0},
                    "cores share the blocks of one grid: write a kernel for each");
        return NULL;
    }
    return first;
}

/* The blocks of a grid axis: none where its range is empty, also when sizes of 0 make bounds cross or a step
 * vanish. */
static struct node *block_count(struct arena *arena, const struct node_axis *axis) {
    int64_t lower, upper, step;
    struct node_axis safe = *axis;
    bool from_zero = integer_value(simplify(arena, axis->lower), &lower) && lower == 0;
    if (!from_zero || integer_value(simplify(arena, axis->upper), &upper))
        safe.upper = make_max(arena, simplify(arena, axis->upper), simplify(arena, axis->lower));
    if (axis->step && !integer_value(simplify(arena, axis->step), &step))
        safe.step = make_max(arena, axis->step, make_integer(arena, 1));
    return axis_trips(arena, &safe);
}

/* The number of blocks along every axis; false after a reported error. */
static bool count_blocks(struct compilation *c, const struct node_grid *grid, struct list_builder *blocks) {
    for (size_t i = 0; i < grid->axes.count; i++) {
        struct node_axis *axis = node_as(grid->axes.items[i], axis);
        if (!axis->lower || !axis->upper) {
            report_error(c->diagnostics, grid->base.span, "grid axis %s has no range", axis->name);
            return false;
        }
        int64_t step = 1;
        if (axis->step && integer_value(simplify(c->arena, axis->step), &step) && step < 1) {
            report_error(c->diagnostics, grid->base.span,
                         "grid axis %s goes by %" PRId64 ", a block has at least 1 element", axis->name,
                         step);
            return false;
        }
        struct node *trips = block_count(c->arena, axis);
        if (!known_at_launch(c->arena, c->kernel, trips)) {
            report_error(c->diagnostics, grid->base.span,
                         "grid axis %s runs %s times, which the launch cannot know", axis->name,
                         node_text(c->arena, trips));
            report_help(c->diagnostics, (struct span){0},
                        "the range of a grid axis may depend on sizes and scalar parameters only");
            return false;
        }
        builder_add(c->arena, blocks, trips);
    }
    return true;
}

/* ---- the contraction's axis ---- */

struct axis_scope {
    struct node_axis *axis;
    const struct axis_scope *outer;
};

struct contraction_search {
    struct compilation *compilation;
    const struct axis_scope *scope;
    struct node *extent;
};

/* The extent of the axis that a matmul folds, when the launch knows it. */
static struct node *contracted_extent(struct contraction_search *search, struct node_tile *matmul) {
    struct node_reduction *sum = node_as(matmul->value, reduction);
    struct node_axis *axis = sum && sum->axes.count ? node_as(sum->axes.items[0], axis) : NULL;
    for (const struct axis_scope *scope = search->scope; axis && !axis->lower && scope; scope = scope->outer)
        if (strcmp(scope->axis->name, axis->name) == 0)
            axis = scope->axis;
    if (!axis || !axis->lower || !axis->upper)
        return NULL;
    struct node *extent = axis_extent(search->compilation->arena, axis);
    return known_at_launch(search->compilation->arena, search->compilation->kernel, extent) ? extent : NULL;
}

static bool visit_contraction(struct node *node, void *context) {
    struct contraction_search *search = context;
    struct node_tile *tile = node_as(node, tile);
    if (tile && tile->operation == TILE_MATMUL) {
        search->extent = contracted_extent(search, tile);
        return !search->extent;
    }
    struct node_list axes = node->kind == NODE_FOR ? node_as(node, for)->axes
        : node->kind == NODE_GRID ? node_as(node, grid)->axes : (struct node_list){0};
    const struct axis_scope *outside = search->scope;
    for (size_t i = 0; i < axes.count; i++) {
        struct axis_scope *scope = arena_allocate(search->compilation->arena, sizeof *scope);
        *scope = (struct axis_scope){node_as(axes.items[i], axis), search->scope};
        search->scope = scope;
    }
    bool more = node_each_child(node, visit_contraction, context);
    search->scope = outside;
    return more;
}

/* ---- launch arguments ---- */

struct arguments {
    struct compilation *compilation;
    struct name_table names;
    struct list_builder entries;
};

static void add_entry(struct arguments *arguments, const char *name, struct node *value) {
    struct arena *arena = arguments->compilation->arena;
    builder_add(arena, &arguments->entries,
                node_new(arena, attribute, ATTRIBUTE, ((struct span){0}), .key = arena_intern(arena, name),
                         .value = value));
}

/* An argument with a name of ours: `_` is appended until it differs from every name of the kernel. */
static void add_canonical(struct arguments *arguments, const char *name, struct node *value) {
    while (strcmp(name_fresh(&arguments->names, name), name) != 0)
        name = arena_printf(arguments->compilation->arena, "%s_", name);
    add_entry(arguments, name, value);
}

static void add_call(struct arguments *arguments, const char *name, const char *function,
                     struct node_list operands) {
    add_canonical(arguments, name, make_call(arguments->compilation->arena, function, operands));
}

static void add_parameters(struct arguments *arguments) {
    struct compilation *c = arguments->compilation;
    struct node_list sizes = open_sizes(c->arena, c->kernel),
                     parameters = node_as(c->kernel, kernel)->parameters;
    for (size_t i = 0; i < sizes.count; i++) {
        const char *name = node_as(sizes.items[i], reference)->name;
        add_entry(arguments, name, make_reference(c->arena, name));
    }
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (is_tensor(parameter))
            add_call(arguments, arena_printf(c->arena, "%s_address", parameter->name), "address",
                     LIST(c->arena, make_reference(c->arena, parameter->name)));
    }
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!is_tensor(parameter))
            add_entry(arguments, parameter->name, make_reference(c->arena, parameter->name));
    }
}

struct problem {
    struct node *m, *n, *k;  /* extents in elements */
    struct node_list blocks; /* along each grid axis */
    const struct node_grid *grid;
    struct shard_owners owners;
    struct core_plane plane;
    int64_t cores[2]; /* x, y */
};

static bool is_local(const struct problem *problem) {
    return problem->owners.anchor != NULL;
}

/* Where a core stands along a direction: only shards are laid by columns. */
static const char *core_along(const struct shard_owners *owners, enum plane direction) {
    return (direction == PLANE_Y) != owners->by_columns ? "core_y" : "core_x";
}

/* The number of the grid axis whose blocks lie along a direction of cores; -1: none. */
static int tied_axis(const struct problem *problem, enum plane direction) {
    if (is_local(problem))
        return problem->owners.axis[direction];
    return problem->plane.used ? problem->plane.axis[direction] : -1;
}

/* Does a direction count blocks of its own? Not where a single axis lies along rows and columns of cores. */
static bool has_blocks(const struct problem *problem, enum plane direction) {
    int axis = tied_axis(problem, direction);
    return axis >= 0 && (direction == PLANE_Y || axis != tied_axis(problem, PLANE_Y));
}

/* The blocks of a core along a direction: those of its shard, clipped where the tensor ends, or those that
 * every core of a plane runs. */
static struct node *blocks_along(struct arena *arena, const struct problem *problem, enum plane direction) {
    if (problem->plane.used)
        return problem->plane.blocks[direction];
    struct node *blocks = problem->blocks.items[problem->owners.axis[direction]];
    struct node *each = problem->owners.blocks[direction];
    struct node *core = make_call(arena, core_along(&problem->owners, direction), (struct node_list){0});
    int64_t total, full;
    if (integer_value(blocks, &total) && integer_value(each, &full) &&
        total == full * problem->owners.grid[direction])
        return each;
    struct node *left = make_sub(arena, blocks, make_mul(arena, core, each));
    return make_max(arena, make_min(arena, each, left), make_integer(arena, 0));
}

/* How many blocks a core runs where it stands: along the directions of cores, and all of other axes. */
static struct node *count_of_place(struct arena *arena, const struct problem *problem) {
    struct node *count = problem->plane.used ? core_plane_member(arena, &problem->plane, problem->cores)
                                             : make_integer(arena, 1);
    for (size_t i = 0; i < problem->blocks.count; i++)
        if ((int)i != tied_axis(problem, PLANE_Y) && (int)i != tied_axis(problem, PLANE_X))
            count = make_mul(arena, count, problem->blocks.items[i]);
    for (size_t d = 0; d < PLANE_DIRECTIONS; d++)
        if (has_blocks(problem, d))
            count = make_mul(arena, count, blocks_along(arena, problem, d));
    return count;
}

/* Where the core stands among those that hold blocks, and how many. The order is that of enum plane_position.
 */
static void add_plane_arguments(struct arguments *arguments, const struct problem *problem, struct node *rows,
                                struct node *columns) {
    add_canonical(arguments, "Gy", rows);
    add_canonical(arguments, "Gx", columns);
    add_call(arguments, "sy", core_along(&problem->owners, PLANE_Y), (struct node_list){0});
    add_call(arguments, "sx", core_along(&problem->owners, PLANE_X), (struct node_list){0});
    for (size_t d = 0; d < PLANE_DIRECTIONS; d++)
        if (has_blocks(problem, d))
            add_canonical(arguments, d == PLANE_Y ? "Ly" : "Lx",
                          blocks_along(arguments->compilation->arena, problem, d));
}

static void add_shard_arguments(struct arguments *arguments, const struct problem *problem) {
    struct arena *arena = arguments->compilation->arena;
    const struct shard_owners *owners = &problem->owners;
    add_canonical(arguments, "Sm", owners->tiles[PLANE_Y]);
    add_canonical(arguments, "Sn", owners->tiles[PLANE_X]);
    add_plane_arguments(arguments, problem, make_integer(arena, owners->grid[PLANE_Y]),
                        make_integer(arena, owners->grid[PLANE_X]));
}

/* The NoC coordinates of the first and the last core of every group that shares blocks; the first is the
 * sender. */
static void add_rectangles(struct arguments *arguments, const struct core_plane *plane) {
    struct arena *arena = arguments->compilation->arena;
    for (size_t group = GROUP_ROW; group < GROUP_COUNT; group++) {
        struct node *const *corners = multicast_corners(arena, group, plane->grid).items;
        const char *name = multicast_group_names[group];
        for (size_t i = 0; i < 2 && plane->groups[group]; i++) {
            struct node_list core = LIST(arena, corners[2 * i], corners[2 * i + 1]);
            add_call(arguments, arena_printf(arena, "%s_x%zu", name, i), "noc_x", core);
            add_call(arguments, arena_printf(arena, "%s_y%zu", name, i), "noc_y", core);
        }
    }
}

/* The order is that of enum runtime_position. */
static struct node *runtime_arguments(struct compilation *c, const struct problem *problem) {
    struct arguments arguments = {.compilation = c, .names = kernel_names(c->arena, c->kernel)};
    struct node *edge = make_integer(c->arena, TILE_EDGE), *one = make_integer(c->arena, 1);
    struct node_list blocks = problem->blocks;
    size_t outer = blocks.count > 2 ? blocks.count - 2 : 0;
    if (is_local(problem) || problem->plane.used) {
        add_canonical(&arguments, "start_id", make_integer(c->arena, 0));
        add_canonical(&arguments, "count", count_of_place(c->arena, problem));
    } else {
        add_call(&arguments, "start_id", "start", (struct node_list){0});
        add_call(&arguments, "count", "count", (struct node_list){0});
    }
    add_canonical(&arguments, "Mt", make_ceildiv(c->arena, problem->m, edge));
    add_canonical(&arguments, "Kt", make_ceildiv(c->arena, problem->k, edge));
    add_canonical(&arguments, "Nt", make_ceildiv(c->arena, problem->n, edge));
    add_canonical(&arguments, "Gm", blocks.count ? blocks.items[outer] : one);
    add_canonical(&arguments, "Gn", blocks.count > 1 ? blocks.items[outer + 1] : one);
    for (size_t i = 0; i < outer; i++)
        add_canonical(&arguments, arena_printf(c->arena, "G%zu", i), blocks.items[i]);
    if (is_local(problem))
        add_shard_arguments(&arguments, problem);
    if (problem->plane.used) {
        add_plane_arguments(&arguments, problem, problem->plane.grid[PLANE_Y], problem->plane.grid[PLANE_X]);
        add_rectangles(&arguments, &problem->plane);
    }
    add_parameters(&arguments);
    c->kernel = host_numbers_name(c->arena, c->kernel, &arguments.names, &arguments.entries);
    return node_new(c->arena, dictionary, DICTIONARY, ((struct span){0}),
                    .entries = builder_list(&arguments.entries));
}

static struct node *sequence_of(struct arena *arena, struct node_list items) {
    return node_new(arena, sequence, SEQUENCE, ((struct span){0}), .items = items);
}

static struct node *pair(struct arena *arena, struct node *first, struct node *second) {
    return sequence_of(arena, LIST(arena, first, second));
}

/* The number of the grid axis that runs along a direction, or `free`. */
static struct node *tied_axis_value(struct arena *arena, const struct problem *problem,
                                    enum plane direction) {
    int axis = tied_axis(problem, direction);
    return axis < 0 ? make_reference(arena, "free") : make_integer(arena, axis);
}

static struct node *numbers(struct arena *arena, int64_t first, int64_t second) {
    return pair(arena, make_integer(arena, first), make_integer(arena, second));
}

/* Where shards of whole rows go on over rows of cores, their cores have the shares of blocks: those of a result before those of
 * an input. */
static void follow_shards(struct compilation *c, int64_t cores[2]) {
    struct node_list parameters = node_as(c->kernel, kernel)->parameters;
    for (int results = 0; results < 2; results++)
        for (size_t i = 0; i < parameters.count; i++) {
            struct node_parameter *parameter = node_as(parameters.items[i], parameter);
            struct node_sequence *of = is_tensor(parameter) && shard_cores(parameter)
                                           ? node_as(shard_cores(parameter), sequence)
                                           : NULL;
            if (of && (parameter->direction != DIRECTION_IN) == (results == 1)) {
                cores[0] = attribute_integer(of->items.items[1], cores[0]);
                cores[1] = attribute_integer(of->items.items[0], cores[1]);
            }
        }
}

/* The cores that the author allows, [x, y], else those of the command line; false after a reported error. In
 * local_shard there is no choice: a core for every shard. */
static bool settle_cores(struct compilation *c, const struct problem *problem, int64_t cores[2]) {
    struct node *value = dictionary_get(attribute_get(c->kernel, KEY_TT_SCHEDULE), KEY_CORES);
    struct node_sequence *wanted = value ? node_as(value, sequence) : NULL;
    const struct shard_owners *owners = &problem->owners;
    cores[0] = is_local(problem) ? owners->grid[owners->by_columns ? PLANE_Y : PLANE_X] : c->grid_x;
    cores[1] = is_local(problem) ? owners->grid[owners->by_columns ? PLANE_X : PLANE_Y] : c->grid_y;
    if (!is_local(problem))
        follow_shards(c, cores);
    if (!value)
        return true;
    struct span span = value->span.line ? value->span : c->kernel->span;
    int64_t x = wanted && wanted->items.count == 2 ? attribute_integer(wanted->items.items[0], 0) : 0;
    int64_t y = x ? attribute_integer(wanted->items.items[1], 0) : 0;
    if (x < 1 || y < 1 || x > c->grid_x || y > c->grid_y) {
        report_error(c->diagnostics, span,
                     "cores = %s: it takes [columns, rows], within the %ux%u cores there are",
                     node_text(c->arena, value), c->grid_x, c->grid_y);
        return false;
    }
    if (is_local(problem) && (x != cores[0] || y != cores[1])) {
        report_error(c->diagnostics, span,
                     "cores = [%" PRId64 ", %" PRId64 "], but shards of %s in L1 lie on [%" PRId64
                     ", %" PRId64 "] columns and rows of cores, and so does the work on them",
                     x, y, owners->anchor->name, cores[0], cores[1]);
        report_help(c->diagnostics, (struct span){0}, "leave cores out, or take another grid of shards");
        return false;
    }
    cores[0] = x;
    cores[1] = y;
    return true;
}

static void stamp(struct compilation *c, const struct problem *problem) {
    struct arena *arena = c->arena;
    struct node *edge = make_integer(arena, TILE_EDGE);
    const struct shard_owners *owners = &problem->owners;
    const struct core_plane *plane = &problem->plane;
    bool local = is_local(problem), placed = local || plane->used;
    struct node *const *blocks = local ? owners->blocks : plane->blocks;
    const struct {
        const char *key;
        struct node *value;
    } facts[] = {
        {KEY_TT_PARTITION_MODE, make_reference(arena, local ? "local_shard" : "global")},
        {KEY_TT_GRID_TILES,
         pair(arena, make_ceildiv(arena, problem->m, edge), make_ceildiv(arena, problem->n, edge))},
        {KEY_TT_GRID_BLOCKS, sequence_of(arena, problem->blocks)},
        {KEY_TT_SHARD_GRID, local ? numbers(arena, owners->grid[PLANE_Y], owners->grid[PLANE_X]) : NULL},
        {KEY_TT_LOCAL_SHAPE_TILES,
         local ? pair(arena, owners->tiles[PLANE_Y], owners->tiles[PLANE_X]) : NULL},
        {KEY_TT_PLANE_AXES, placed ? pair(arena, tied_axis_value(arena, problem, PLANE_Y),
                                          tied_axis_value(arena, problem, PLANE_X))
                                   : NULL},
        {KEY_TT_PLANE_BLOCKS, placed ? pair(arena, blocks[PLANE_Y], blocks[PLANE_X]) : NULL},
        {KEY_TT_CORE_PLANE, plane->used ? pair(arena, plane->grid[PLANE_Y], plane->grid[PLANE_X]) : NULL},
        {KEY_TT_CORE_GRID, numbers(arena, problem->cores[0], problem->cores[1])},
        {KEY_TT_RUNTIME_ARGS, runtime_arguments(c, problem)},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (facts[i].value)
            c->kernel = attribute_set(arena, c->kernel, facts[i].key, facts[i].value);
}

/* An author who asks for a mode gets it, or is told why not. */
static bool check_mode(struct compilation *c, const struct shard_owners *owners) {
    struct node *mode = dictionary_get(attribute_get(c->kernel, KEY_TT_SCHEDULE), KEY_MODE);
    const char *asked = attribute_word(mode, "");
    const char *kernel = node_as(c->kernel, kernel)->name;
    if (strcmp(asked, "local_shard") == 0 && !owners->anchor) {
        report_error(
            c->diagnostics, c->kernel->span,
            "partition local_shard requires sharded buffer metadata: no tensor of kernel %s is sharded in L1 along the blocks that cores share",
            kernel);
        report_help(c->diagnostics, (struct span){0}, "leave the mode global, which is the default");
        return false;
    }
    if (strcmp(asked, "global") == 0 && owners->anchor) {
        report_error(
            c->diagnostics, c->kernel->span,
            "partition global: %s of kernel %s is sharded in L1, so its blocks belong to the cores that hold them",
            owners->anchor->name, kernel);
        report_help(c->diagnostics, (struct span){0}, "leave the mode out, or leave the tensor in DRAM");
        return false;
    }
    return true;
}

bool layout_aware_work_partition_tt(struct compilation *c) {
    if (attribute_get(c->kernel, KEY_TT_RUNTIME_ARGS))
        return true;
    struct node_grid *grid = distributed_grid(c);
    if (!grid)
        return false;
    struct node_parameter *written = written_tensor(c->kernel);
    if (!written) {
        report_error(c->diagnostics, c->kernel->span, "nothing to distribute: kernel %s stores to no tensor",
                     node_as(c->kernel, kernel)->name);
        return false;
    }
    struct list_builder blocks = {0};
    struct shard_owners owners;
    if (!count_blocks(c, grid, &blocks) || !shard_owners_find(c, grid, &owners) || !check_mode(c, &owners))
        return false;
    struct contraction_search contraction = {.compilation = c};
    visit_contraction(c->kernel, &contraction);
    struct node *one = make_integer(c->arena, 1);
    struct node_list dimensions = written->dimensions;
    struct problem problem = {
        .m = dimensions.count > 1 ? dimensions.items[dimensions.count - 2] : one,
        .n = dimensions.items[dimensions.count - 1],
        .k = contraction.extent ? contraction.extent : one,
        .blocks = builder_list(&blocks),
        .grid = grid,
        .owners = owners,
    };
    if (!settle_cores(c, &problem, problem.cores) ||
        !core_plane_find(c, grid, problem.blocks, problem.cores, &owners, &problem.plane))
        return false;
    stamp(c, &problem);
    return true;
}
