/* Owners of shards: which axes the shards tie to rows and columns of cores, and how many blocks each core
 * has. */
#include "transforms/local_shard.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "transforms/blocks.h"
#include "ir/l1.h"
#include "ir/query.h"
#include "transforms/shards.h"

/* One tensor in L1 shards: how its shards lie to the grid. */
struct shard_use {
    struct shard_owners owners;
    struct span span;     /* of the first access that does not follow the blocks */
    const char *stranger; /* what stands there instead of an axis of the grid; NULL: two axes before the
                             columns are cut */
    enum plane direction;
    bool follows, used, written;
};

struct use_search {
    struct compilation *compilation;
    const struct node_grid *grid;
    struct shard_use *use;
    struct span statement;
};

static int grid_axis_named(const struct node_grid *grid, const char *name) {
    for (size_t i = 0; i < grid->axes.count; i++)
        if (strcmp(node_as(grid->axes.items[i], axis)->name, name) == 0)
            return (int)i;
    return -1;
}

static const char *axis_name(const struct node_grid *grid, int axis) {
    return axis < 0 ? "all axes" : node_as(grid->axes.items[axis], axis)->name;
}

/* Ties a direction to the axis that stands in the subscript, and finds accesses that do not follow. */
static void tie(struct use_search *search, enum plane direction, struct node *subscript) {
    struct shard_use *use = search->use;
    struct node_reference *reference = subscript ? node_as(subscript, reference) : NULL;
    int axis = reference ? grid_axis_named(search->grid, reference->name) : -1;
    if (use->owners.grid[direction] == 1 || !use->follows)
        return;
    if (axis >= 0 && (use->owners.axis[direction] < 0 || use->owners.axis[direction] == axis)) {
        use->owners.axis[direction] = axis;
        return;
    }
    use->follows = false;
    use->direction = direction;
    use->span = search->statement;
    use->stranger = subscript ? node_text(search->compilation->arena, subscript) : "a single row";
}

static struct node *shard_entry(const struct node_parameter *parameter, const char *key, size_t index) {
    struct node *shard = dictionary_get(attribute_get(&parameter->base, KEY_TT_BUFFER), KEY_ND_SHARD);
    struct node_sequence *list = node_as(dictionary_get(shard, key), sequence);
    return list && index < list->items.count ? list->items.items[index] : NULL;
}

/* How many axes before the columns are cut, and the last of them; the rows where none is. */
static size_t count_cuts(const struct node_parameter *parameter, size_t *axis) {
    size_t rank = parameter->dimensions.count, cuts = 0;
    *axis = rank > 1 ? rank - 2 : 0;
    for (size_t i = 0; i + 1 < rank; i++) {
        int64_t shards;
        if (integer_value(shard_entry(parameter, KEY_SHARD_GRID, i), &shards) && shards == 1)
            continue;
        *axis = i;
        cuts++;
    }
    return cuts;
}

static void add_accesses(struct use_search *search, struct node_tile *tile) {
    const struct node_parameter *anchor = search->use->owners.anchor;
    search->statement = tile->base.span;
    search->use->written |=
        tile->operation == TILE_STORE && strcmp(target_name(tile->target), anchor->name) == 0;
    for_each (access, access, &tile->base) {
        size_t rank = access->subscripts.count, rows;
        if (strcmp(access->name, anchor->name) != 0)
            continue;
        search->use->used = true;
        count_cuts(anchor, &rows);
        tie(search, PLANE_Y, rank > 1 ? access->subscripts.items[rows] : NULL);
        tie(search, PLANE_X, access->subscripts.items[rank - 1]);
    }
}

/* The cores of a tensor's shards must be known when it is compiled; false after a reported error. */
static bool read_shards(struct compilation *c, const struct node_parameter *parameter,
                        struct shard_owners *owners) {
    for (size_t d = 0; d < PLANE_DIRECTIONS; d++) {
        struct node *shards = shard_entry(parameter, KEY_PROJECTED_GRID, d);
        owners->axis[d] = -1;
        owners->tiles[d] = shard_entry(parameter, KEY_PROJECTED_SHARD_TILES, d);
        if (!shards || !owners->tiles[d] || !integer_value(simplify(c->arena, shards), &owners->grid[d])) {
            report_error(c->diagnostics, placement_span(parameter, KEY_ND_SHARD),
                         "shards of %s in L1 make a grid of %s cores, which depends on the launch",
                         parameter->name, shards ? node_text(c->arena, shards) : "no");
            report_help(
                c->diagnostics, (struct span){0},
                "give the grid, as in nd_shard = {grid = [8, 1]}, and the shape of a shard follows the size");
            return false;
        }
    }
    size_t rows, rank = parameter->dimensions.count;
    count_cuts(parameter, &rows);
    owners->matrices = rows + 2 < rank;
    owners->extent[PLANE_X] = owners->tiles[PLANE_X];
    owners->extent[PLANE_Y] =
        owners->matrices ? shard_entry(parameter, KEY_SHARD_SHAPE, rows) : owners->tiles[PLANE_Y];
    struct node *shard = dictionary_get(attribute_get(&parameter->base, KEY_TT_BUFFER), KEY_ND_SHARD);
    owners->by_columns =
        strcmp(attribute_word(dictionary_get(shard, KEY_SHARD_ORIENTATION), ""), "col_major") == 0;
    owners->anchor = parameter;
    return true;
}

static bool find_use(struct compilation *c, const struct node_grid *grid,
                     const struct node_parameter *parameter, struct shard_use *use) {
    *use = (struct shard_use){.follows = true};
    if (!read_shards(c, parameter, &use->owners))
        return false;
    struct use_search search = {.compilation = c, .grid = grid, .use = use};
    for_each (tile, tile, grid->body)
        add_accesses(&search, tile);
    size_t rows;
    if (count_cuts(parameter, &rows) > 1) {
        use->follows = false;
        use->stranger = NULL;
        use->span = placement_span(parameter, KEY_ND_SHARD);
    }
    return true;
}

/* What of a tensor runs along a direction of cores, for messages. */
static const char *direction_text(const struct shard_owners *owners, enum plane direction) {
    return direction == PLANE_X ? "columns" : owners->matrices ? "matrices" : "rows";
}

/* A result lies where it is computed: no core writes to the L1 of another. */
static bool report_foreign_result(struct compilation *c, const struct shard_use *use) {
    const char *name = use->owners.anchor->name;
    if (use->stranger) {
        report_error(
            c->diagnostics, use->span,
            "%s is sharded in L1 along its %s, but %s stands there, no axis of the grid that cores share: a core would write to shards of others",
            name, direction_text(&use->owners, use->direction), use->stranger);
        report_note(c->diagnostics, placement_span(use->owners.anchor, KEY_ND_SHARD),
                    "its shards are described here");
    } else {
        report_error(
            c->diagnostics, use->span,
            "%s is sharded in L1 along two axes before its columns, but rows of cores share one: a core would write to shards of others",
            name);
    }
    report_help(c->diagnostics, (struct span){0}, "cut its matrices, rows or columns, or leave it in DRAM");
    return false;
}

/* Any core can read the L1 of another: it runs, but not as the author may expect. */
static void warn_of_foreign_operand(struct compilation *c, const struct shard_use *use) {
    report_warning(
        c->diagnostics, placement_span(use->owners.anchor, KEY_ND_SHARD),
        "shards of %s in L1 do not follow the blocks that cores share: cores read them from each other",
        use->owners.anchor->name);
    if (use->stranger)
        report_note(c->diagnostics, use->span, "along its %s stands %s, no axis of the grid",
                    direction_text(&use->owners, use->direction), use->stranger);
}

/* What lies along a side of the rectangle of cores: rows of shards along y and columns along x, or the other
 * way round. Sides are named as the directions of a plane that is not turned. */
static enum plane direction_along(const struct shard_owners *owners, enum plane side) {
    return owners->by_columns ? (side == PLANE_Y ? PLANE_X : PLANE_Y) : side;
}

/* NULL when the shards of both lie on the same cores, block by block; else in what they differ. */
static const char *disagreement(struct compilation *c, const struct node_grid *grid,
                                const struct shard_owners *a, const struct shard_owners *b) {
    const enum plane ay = direction_along(a, PLANE_Y), ax = direction_along(a, PLANE_X),
                     by = direction_along(b, PLANE_Y), bx = direction_along(b, PLANE_X);
    if (a->grid[ay] != b->grid[by] || a->grid[ax] != b->grid[bx])
        return arena_printf(
            c->arena, "on different cores: %s on %" PRId64 "x%" PRId64 " of them, %s on %" PRId64 "x%" PRId64,
            a->anchor->name, a->grid[ax], a->grid[ay], b->anchor->name, b->grid[bx], b->grid[by]);
    for (enum plane side = PLANE_Y; side < PLANE_DIRECTIONS; side++) {
        enum plane da = side == PLANE_Y ? ay : ax, db = side == PLANE_Y ? by : bx;
        const char *sides = side == PLANE_Y ? "rows" : "columns";
        if (a->axis[da] != b->axis[db])
            return arena_printf(
                c->arena, "in another order: %s of cores have the blocks of %s for %s, and of %s for %s",
                sides, axis_name(grid, a->axis[da]), a->anchor->name, axis_name(grid, b->axis[db]),
                b->anchor->name);
        if (a->axis[da] >= 0 &&
            !node_equal(simplify(c->arena, a->extent[da]), simplify(c->arena, b->extent[db])))
            return arena_printf(c->arena, "in shards of different sizes: along %s %s has %s %s and %s %s",
                                axis_name(grid, a->axis[da]), a->anchor->name,
                                node_text(c->arena, a->extent[da]),
                                da == PLANE_Y && a->matrices ? "matrices" : "tiles", b->anchor->name,
                                node_text(c->arena, b->extent[db]));
    }
    return NULL;
}

/* Two tensors whose shards follow the blocks lie on the same cores, block by block. */
static bool check_agreement(struct compilation *c, const struct node_grid *grid, const struct shard_owners *a,
                            const struct shard_owners *b) {
    const char *difference = disagreement(c, grid, a, b);
    struct shard_owners turned = *b;
    turned.by_columns = !b->by_columns;
    if (!difference)
        return true;
    report_error(c->diagnostics, placement_span(b->anchor, KEY_ND_SHARD),
                 "%s and %s are both sharded in L1, but %s", a->anchor->name, b->anchor->name, difference);
    report_note(c->diagnostics, placement_span(a->anchor, KEY_ND_SHARD), "shards of %s are described here",
                a->anchor->name);
    if (!disagreement(c, grid, a, &turned))
        report_help(c->diagnostics, (struct span){0},
                    "a block is computed where its shards lie: with nd_shard = {grid = [%" PRId64 ", %" PRId64
                    "], orientation = %s} those of %s do",
                    b->grid[PLANE_Y], b->grid[PLANE_X], turned.by_columns ? "col_major" : "row_major",
                    b->anchor->name);
    else
        report_help(
            c->diagnostics, (struct span){0},
            "a block is computed where its shards lie: cut both alike along the axes of the grid, or leave one in DRAM");
    return false;
}

/* Blocks of an axis in one shard of so many tiles, or matrices. NULL when they do not divide it. */
static struct node *blocks_of_shard(struct arena *arena, const struct node_axis *axis, struct node *tiles,
                                    bool matrices) {
    if (matrices)
        return axis->step ? NULL : tiles;
    struct node *block = axis->step ? divide_by_tile(arena, simplify(arena, axis->step)) : NULL;
    int64_t block_tiles, shard_tiles;
    if (!block || !integer_value(block, &block_tiles) || block_tiles < 1)
        return NULL;
    if (block_tiles == 1)
        return tiles;
    return integer_value(tiles, &shard_tiles) && shard_tiles % block_tiles == 0
               ? make_integer(arena, shard_tiles / block_tiles)
               : NULL;
}

/* Counts the blocks of a shard: they do not straddle shards. */
static bool count_blocks(struct compilation *c, const struct node_grid *grid, struct shard_owners *owners) {
    for (size_t d = 0; d < PLANE_DIRECTIONS; d++) {
        int64_t lower;
        owners->blocks[d] = make_integer(c->arena, 1);
        if (owners->axis[d] < 0)
            continue;
        struct node_axis *axis = node_as(grid->axes.items[owners->axis[d]], axis);
        bool from_start = integer_value(simplify(c->arena, axis->lower), &lower) && lower == 0;
        bool matrices = d == PLANE_Y && owners->matrices;
        owners->blocks[d] = blocks_of_shard(c->arena, axis, owners->extent[d], matrices);
        if (from_start && owners->blocks[d])
            continue;
        if (!from_start)
            report_error(c->diagnostics, grid->base.span,
                         "axis %s begins at %s, but shards of %s in L1 are shared between cores from 0 on",
                         axis->name, node_text(c->arena, axis->lower), owners->anchor->name);
        else
            report_error(
                c->diagnostics, grid->base.span,
                "blocks of %s have %s elements, which do not divide a shard of %s: it has %s %s along its %s",
                axis->name, axis->step ? node_text(c->arena, axis->step) : "1", owners->anchor->name,
                node_text(c->arena, owners->extent[d]), matrices ? "single ones" : "tiles of 32",
                direction_text(owners, d));
        report_note(c->diagnostics, placement_span(owners->anchor, KEY_ND_SHARD),
                    "shards of %s are described here", owners->anchor->name);
        report_help(c->diagnostics, (struct span){0},
                    from_start ? "take blocks that divide the shard: 32 always do" : "begin at 0");
        return false;
    }
    return true;
}

struct node *shard_cores(const struct node_parameter *parameter) {
    struct node *shard = dictionary_get(attribute_get(&parameter->base, KEY_TT_BUFFER), KEY_ND_SHARD);
    return dictionary_get(shard, KEY_SHARD_CORES);
}

bool shard_owners_find(struct compilation *c, const struct node_grid *grid, struct shard_owners *owners) {
    struct node_list parameters = node_as(c->kernel, kernel)->parameters;
    struct shard_use uses[2], *found = &uses[0], *use = &uses[1];
    *owners = (struct shard_owners){.axis = {-1, -1}};
    *found = (struct shard_use){0};
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (!is_tensor(parameter) || !lies_in_l1(parameter) || !is_sharded(parameter) || shard_cores(parameter))
            continue;
        if (!find_use(c, grid, parameter, use))
            return false;
        if (!use->follows && use->written)
            return report_foreign_result(c, use);
        if (!use->follows)
            warn_of_foreign_operand(c, use);
        if (!use->follows || !use->used)
            continue;
        if (found->owners.anchor && !check_agreement(c, grid, &found->owners, &use->owners))
            return false;
        if (!found->owners.anchor || (use->written && !found->written))
            *found = *use;
    }
    if (!found->owners.anchor)
        return true;
    *owners = found->owners;
    return count_blocks(c, grid, owners);
}
