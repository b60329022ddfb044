/* The placement of a tensor on the device, from its tt.buffer and the values of sizes. */
#include "driver/placement.h"

#include <inttypes.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/format.h"
#include "ir/query.h"
#include "support/arena.h"
#include "support/diagnostic.h"

/* Where the author described the shards, for messages. */
static struct span shards_span(const struct node_parameter *parameter) {
    struct node_dictionary *placed = node_as(attribute_get(&parameter->base, KEY_TT_SHARD), dictionary);
    for (size_t i = 0; placed && i < placed->entries.count; i++) {
        struct node_attribute *entry = node_as(placed->entries.items[i], attribute);
        if (strcmp(entry->key, KEY_ND_SHARD) == 0 && entry->base.span.line) {
            return entry->base.span;
        }
    }
    return parameter->base.span;
}

/* The numbers of an entry of nd_shard, one for each axis. */
static bool shard_numbers(struct diagnostics *diagnostics, const struct environment *sizes,
                          const struct node *nd_shard, const char *key, size_t rank, int64_t *numbers) {
    struct node_sequence *list = node_as(dictionary_get(nd_shard, key), sequence);
    if (!list || list->items.count != rank) {
        return false;
    }
    for (size_t i = 0; i < rank; i++) {
        if (!size_evaluate(diagnostics, sizes, list->items.items[i], &numbers[i])) {
            return false;
        }
    }
    return true;
}

static bool find_shards(struct diagnostics *diagnostics, const struct environment *sizes,
                        const struct node_parameter *parameter, const uint64_t *extents,
                        const struct node *nd_shard, struct device_placement *placement) {
    size_t dimensions = parameter->dimensions.count, added = dimensions == 1;
    int64_t grid[TENSOR_RANK_LIMIT], shape[TENSOR_RANK_LIMIT];
    unsigned errors = diagnostics->error_count;
    placement->rank = dimensions + added;
    if (!shard_numbers(diagnostics, sizes, nd_shard, KEY_SHARD_GRID, placement->rank, grid) ||
        !shard_numbers(diagnostics, sizes, nd_shard, KEY_SHARD_SHAPE, placement->rank, shape)) {
        if (diagnostics->error_count == errors) {
            report_error(diagnostics, shards_span(parameter),
                         "nd_shard of %s lacks %s or %s for each of its axes", parameter->name,
                         KEY_SHARD_GRID, KEY_SHARD_SHAPE);
        }
        return false;
    }
    for (size_t i = 0; i < placement->rank; i++) {
        uint64_t extent = i < added ? 1 : extents[i - added], tile = i + 2 >= placement->rank ? TILE_EDGE : 1;
        uint64_t elements = shape[i] > 0 ? (uint64_t)shape[i] : 1,
                 shards = grid[i] > 0 ? (uint64_t)grid[i] : 0;
        placement->shape[i] = (extent + tile - 1) / tile;
        placement->shard[i] = (elements + tile - 1) / tile;
        if (shards < (placement->shape[i] + placement->shard[i] - 1) / placement->shard[i]) {
            report_error(diagnostics, shards_span(parameter),
                         "shards of %s cover %" PRIu64 " of its %" PRIu64
                         " %s in dimension %zu: the grid has %" PRIu64 ", of %" PRIu64 " %s each",
                         parameter->name, shards * placement->shard[i], placement->shape[i],
                         tile > 1 ? "tiles" : "elements", i < added ? 1 : i - added + 1, shards,
                         placement->shard[i], tile > 1 ? "tiles" : "elements");
            report_help(diagnostics, (struct span){0}, "leave %s out, and it follows from %s at every size",
                        KEY_SHARD_SHAPE, KEY_SHARD_GRID);
            return false;
        }
    }
    return true;
}

/* Columns of cores that shards in L1 make; 0: of an interleaved tensor. */
static int64_t shard_columns(const struct node *nd_shard) {
    struct node *in_turn = dictionary_get(nd_shard, KEY_SHARD_CORES);
    struct node_sequence *grid =
        node_as(in_turn ? in_turn : dictionary_get(nd_shard, KEY_PROJECTED_GRID), sequence);
    return grid && grid->items.count == 2 ? attribute_integer(grid->items.items[1], 0) : 0;
}

static bool has_word(const struct node *nd_shard, const char *key, const char *word) {
    return strcmp(attribute_word(dictionary_get(nd_shard, key), ""), word) == 0;
}

/* Of a tensor whose pages are rows. */
static bool find_row_bytes(struct diagnostics *diagnostics, const struct node_parameter *parameter,
                           const uint64_t *extents, struct device_placement *placement) {
    uint64_t columns = extents[parameter->dimensions.count - 1], bytes;
    uint32_t tile_bytes = 0;
    device_format(parameter->dtype, &tile_bytes);
    bytes = columns > UINT32_MAX ? UINT64_MAX : columns * (tile_bytes / TILE_ELEMENTS);
    if (bytes <= UINT32_MAX / 2) {
        placement->row_bytes = bytes ? (uint32_t)bytes : 1; /* of no elements nothing is read */
        return true;
    }
    report_error(diagnostics, parameter->base.span, "a row of %s has %" PRIu64 " elements, more than the device can address",
                 parameter->name, columns);
    return false;
}

bool placement_find(struct diagnostics *diagnostics, const struct environment *sizes,
                    const struct node_parameter *parameter, const uint64_t *extents,
                    struct device_placement *placement) {
    struct node *buffer = attribute_get(&parameter->base, KEY_TT_BUFFER),
                *nd_shard = dictionary_get(buffer, KEY_ND_SHARD);
    *placement = (struct device_placement){.memory = DEVICE_DRAM};
    if (strcmp(attribute_word(dictionary_get(buffer, KEY_MEMORY), ""), "l1") == 0) {
        placement->memory = DEVICE_L1;
        placement->columns = (uint32_t)shard_columns(nd_shard);
        placement->by_columns = has_word(nd_shard, KEY_SHARD_ORIENTATION, "col_major");
    }
    if (is_row_major(parameter) && !find_row_bytes(diagnostics, parameter, extents, placement))
        return false;
    placement->contiguous = has_word(nd_shard, KEY_SHARD_DISTRIBUTION, "contiguous_1d");
    return !nd_shard || find_shards(diagnostics, sizes, parameter, extents, nd_shard, placement);
}

bool placement_covers(struct diagnostics *diagnostics, const struct environment *sizes,
                      const struct node *kernel) {
    struct node_list parameters = launch_parameters(kernel);
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        uint64_t extents[TENSOR_RANK_LIMIT];
        struct device_placement placement;
        if (parameter->dimensions.count &&
            (!parameter_extents(diagnostics, sizes, &parameter->base, extents) ||
             !placement_find(diagnostics, sizes, parameter, extents, &placement)))
            return false;
    }
    return true;
}

bool placement_equal(const struct device_placement *first, const struct device_placement *second) {
    size_t bytes = first->rank * sizeof *first->shard;
    return first->memory == second->memory && first->row_bytes == second->row_bytes && first->rank == second->rank &&
           first->columns == second->columns && first->by_columns == second->by_columns &&
           first->contiguous == second->contiguous && memcmp(first->shard, second->shard, bytes) == 0;
}

const char *placement_text(struct arena *arena, const struct device_placement *placement) {
    const char *memory = placement->memory == DEVICE_L1 ? "L1" : "DRAM", *shape = "";
    if (placement->row_bytes) {
        return arena_printf(arena, "row-major in %s", memory);
    }
    if (placement->rank == 0) {
        return arena_printf(arena, "interleaved in %s", memory);
    }
    for (size_t i = 0; i < placement->rank; i++) {
        shape = arena_printf(arena, "%s%s%" PRIu64, shape, i ? "x" : "", placement->shard[i]);
    }
    return arena_printf(arena, "sharded in %s by %s tiles%s%s", memory, shape,
                        placement->contiguous ? ", neighbours in one bank" : "",
                        placement->by_columns ? ", columns of cores first" : "");
}
