/* Sizes of blocks and panels, and what they take of L1.
 */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/format.h"
#include "ir/l1.h"
#include "ir/query.h"
#include "support/architecture.h"
#include "transforms/auto_tile_emit.h"
#include "transforms/shards.h"

enum { STREAM_DEPTH = 2 };

int64_t fixed_tiles(const struct range *range) {
    int64_t lower, upper;
    if (!integer_value(range->lower, &lower) || !integer_value(range->upper, &upper))
        return -1;
    int64_t tiles = (upper - lower + TILE_EDGE - 1) / TILE_EDGE;
    return tiles > 1 ? tiles : 1;
}

int64_t clip_tiles(int64_t tiles, const struct range *range) {
    int64_t fixed = fixed_tiles(range);
    return fixed >= 0 && fixed < tiles ? fixed : tiles;
}

static bool has_full_reduction(const struct tiler *t) {
    for (size_t i = 0; i < t->equation_count; i++)
        if (find_kind(t->equations[i].value, NODE_REDUCTION))
            return true;
    return false;
}

/* ---- shards in L1 ---- */

struct shard_search {
    const struct tiler *t;
    const char *axis;
    int64_t tiles; /* a block of at most so many divides every shard met */
};

/* A tensor whose rows (direction 0) or columns (1) in L1 shards the axis runs along: blocks divide its
 * shards. */
static void divide_shard(struct shard_search *search, const struct node_parameter *tensor, size_t direction) {
    struct node *shard = dictionary_get(attribute_get(&tensor->base, KEY_TT_BUFFER), KEY_ND_SHARD);
    struct node_sequence *grid = node_as(dictionary_get(shard, KEY_PROJECTED_GRID), sequence);
    struct node_sequence *tiles = node_as(dictionary_get(shard, KEY_PROJECTED_SHARD_TILES), sequence);
    int64_t shards, of_shard;
    if (!lies_in_l1(tensor) || !grid || !tiles ||
        (integer_value(grid->items.items[direction], &shards) && shards == 1))
        return;
    if (!integer_value(tiles->items.items[direction], &of_shard))
        of_shard = 1;
    while (of_shard % search->tiles != 0)
        search->tiles--;
}

static void visit_shards(struct shard_search *search, struct node *value) {
    for_each (access, access, value) {
        struct node_parameter *tensor = relations_tensor(search->t->relations, access->name);
        size_t rank = access->subscripts.count;
        for (size_t i = rank < 2 ? 0 : rank - 2; tensor && i < rank; i++) {
            struct node_reference *reference = node_as(access->subscripts.items[i], reference);
            if (reference && strcmp(reference->name, search->axis) == 0)
                divide_shard(search, tensor, i + 2 - rank);
        }
    }
}

/* At most so many tiles of an axis, and a divisor of every shard in L1 along it: blocks belong to one core.
 */
static int64_t divide_shards(const struct tiler *t, int64_t tiles, const struct range *range) {
    struct shard_search search = {t, range->name, tiles};
    for (size_t i = 0; i < t->equation_count; i++) {
        const struct equation *equation = &t->equations[i];
        struct node_parameter *tensor =
            equation->store ? relations_tensor(t->relations, equation->name) : NULL;
        size_t rank = equation->axis_count;
        visit_shards(&search, equation->value);
        for (size_t k = rank < 2 ? 0 : rank - 2; tensor && k < rank; k++)
            if (strcmp(equation->axes[k].name, range->name) == 0)
                divide_shard(&search, tensor, k + 2 - rank);
    }
    return search.tiles;
}

/* ---- blocks of the grid ---- */

static int64_t block_of(const struct tiler *t, int64_t tiles, const struct range *range) {
    return divide_shards(t, clip_tiles(tiles, range), range);
}

void choose_blocks(struct emitter *e) {
    struct tiler *t = e->t;
    int64_t section = e->section;
    size_t tiled[AXIS_LIMIT], count = 0;
    for (size_t i = 0; i < t->group.outer_count; i++)
        if (is_tile_axis(t, t->group.outer[i].name))
            tiled[count++] = i;
    if (count == 1) {
        bool single = t->group.inner_count || has_full_reduction(t);
        e->outer_tiles[tiled[0]] = block_of(t, single ? 1 : section, &t->group.outer[tiled[0]]);
    } else if (count == 2) {
        struct range *rows = &t->group.outer[tiled[0]], *columns = &t->group.outer[tiled[1]];
        int64_t high = has_full_reduction(t) ? block_of(t, 2, rows) : 1,
                wide = block_of(t, section / high, columns);
        if (high * wide < section)
            high = block_of(t, section / wide, rows);
        if (t->group.inner_count)
            high = wide = 1;
        e->outer_tiles[tiled[0]] = high;
        e->outer_tiles[tiled[1]] = wide;
    }
}

static uint32_t tile_bytes(enum dtype dtype) {
    uint32_t bytes = data_format_tile_bytes(FORMAT_F32);
    device_format(dtype, &bytes);
    return bytes;
}

struct footprint {
    struct emitter *e;
    const char *panel; /* an axis of this many tiles */
    int64_t tiles;
    int64_t bytes;
    bool open; /* an axis of open size was met */
};

static int64_t axis_tiles(struct footprint *f, const char *name) {
    const struct tiler *t = f->e->t;
    if (f->panel && strcmp(name, f->panel) == 0)
        return f->tiles;
    for (size_t i = 0; i < t->group.outer_count; i++)
        if (strcmp(t->group.outer[i].name, name) == 0)
            return f->e->outer_tiles[i] ? f->e->outer_tiles[i] : 1;
    const struct range *range = axis_named(t, name);
    if (!range)
        return 1;
    if (!is_inner(t, name) || is_streamed(t, name))
        return clip_tiles(is_own_axis(f->e->equation, name) ? f->e->section : PANEL_TILES, range);
    int64_t fixed = fixed_tiles(range);
    f->open |= fixed < 0;
    return fixed > 0 ? fixed : 1;
}

/* Of a tile in L1: as it is read, and the bf16 parts of an f32 factor of an exact product. */
static int64_t streamed_bytes(struct emitter *e, enum dtype dtype) {
    bool split = dtype == DTYPE_F32 && asks_exactness(&e->t->kernel->base);
    return tile_bytes(dtype) * STREAM_DEPTH + (split ? EXACT_PARTS * tile_bytes(DTYPE_BF16) : 0);
}

static void add_bytes(struct footprint *f, struct node *value) {
    for_each (access, access, value) {
        struct node_parameter *tensor = relations_tensor(f->e->t->relations, access->name);
        size_t rank = access->subscripts.count;
        int64_t tiles = 1;
        for (size_t i = rank < 2 ? 0 : rank - 2; tensor && i < rank; i++) {
            struct node_reference *reference = node_as(access->subscripts.items[i], reference);
            tiles *= reference ? axis_tiles(f, reference->name) : 1;
        }
        f->bytes += tensor ? tiles * streamed_bytes(f->e, tensor->dtype) : 0;
    }
}

int64_t stream_tiles(struct emitter *e, const struct range *range, struct node_list values) {
    int64_t limit = l1_for_buffers(e->t->compilation) / 2, tiles = clip_tiles(PANEL_TILES, range);
    for (; tiles > 1; tiles /= 2) {
        struct footprint f = {.e = e, .panel = range->name, .tiles = tiles};
        for (size_t i = 0; i < values.count; i++)
            add_bytes(&f, values.items[i]);
        if (f.bytes <= limit)
            break;
    }
    return tiles;
}

int64_t panel_tiles(struct emitter *e, const struct range *range, struct node *body) {
    return stream_tiles(e, range, LIST(e->arena, body));
}

struct emitter new_emitter(struct tiler *t, struct list_builder *out) {
    return (struct emitter){
        .t = t, .arena = t->arena, .out = out, .section = t->compilation->architecture->dst_tiles_f32};
}

struct inventory {
    struct footprint *footprint;
    struct list_builder accesses; /* distinct */
    bool folded;
};

static bool is_listed(const struct list_builder *list, const struct node *node) {
    for (size_t i = 0; i < list->count; i++)
        if (node_equal(list->items[i], node))
            return true;
    return false;
}

/* What the statements of an equation keep in L1 beside its own result: tensors once each, operands of folds
 * that are computed. */
static void add_inventory(struct inventory *inventory, const struct equation *equation) {
    struct footprint *f = inventory->footprint;
    for_each_node (node, equation->value) {
        struct node_reduction *reduction = node_as(node, reduction);
        if (node->kind == NODE_ACCESS && !is_listed(&inventory->accesses, node)) {
            builder_add(f->e->arena, &inventory->accesses, node);
            add_bytes(f, node);
        } else if (node->kind == NODE_ACCESS) {
            skip_below(node);
        }
        if (reduction && reduction->body->kind != NODE_ACCESS && reduction->axes.count == 1) {
            int64_t tiles = axis_tiles(f, node_as(reduction->axes.items[0], axis)->name);
            for (size_t i = 0; i < equation->axis_count; i++)
                if (is_tile_axis(f->e->t, equation->axes[i].name) &&
                    match_varies(node, equation->axes[i].name))
                    tiles *= axis_tiles(f, equation->axes[i].name);
            f->bytes += tiles * tile_bytes(DTYPE_F32);
        }
    }
}

/* An f32 value that is both folded by the matrix unit and read at full width needs two buffers. */
static int64_t copies_of(const struct tiler *t, const struct equation *let) {
    bool folded = false, read = false;
    for (size_t i = 0; i < t->equation_count; i++) {
        folded |=
            find_kind(t->equations[i].value, NODE_REDUCTION) && mentions(t->equations[i].value, let->name);
        read |=
            !find_kind(t->equations[i].value, NODE_REDUCTION) && mentions(t->equations[i].value, let->name);
    }
    return folded && read ? 2 : 1;
}

int64_t tile_footprint(struct tiler *t) {
    struct emitter e = new_emitter(t, NULL);
    struct footprint f = {.e = &e};
    struct inventory inventory = {.footprint = &f};
    for (size_t i = 0; i < t->group.outer_count; i++)
        e.outer_tiles[i] = 1;
    for (size_t i = 0; i < t->equation_count; i++) {
        struct equation *equation = &t->equations[i];
        int64_t tiles = 1;
        e.equation = equation;
        add_inventory(&inventory, equation);
        for (size_t k = 0; k < equation->axis_count; k++)
            tiles *= is_tile_axis(t, equation->axes[k].name) ? axis_tiles(&f, equation->axes[k].name) : 1;
        f.bytes += equation->store ? tiles * tile_bytes(equation->dtype) * STREAM_DEPTH
                                   : tiles * tile_bytes(DTYPE_F32) * copies_of(t, equation);
    }
    return f.open ? -1 : f.bytes;
}
