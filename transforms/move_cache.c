/* Caches of the reader, for loads that copy elements: source tiles stay in L1, as many as a tile of the block asks for at
 * once, and the page of each is remembered. A tile stands at its indices modulo the neighbours that are kept along each
 * dimension, so neighbours never stand at the same place.
 */
#include "transforms/move_cache.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"
#include "support/scalar.h"

enum {
    CACHE_BYTES = 128 * 1024, /* of one load */
    ROWS_KEPT = 512,          /* rows of tiles, of one load */
    UNKNOWN_SPREAD = TILE_EDGE - 1
};

/* How far apart a subscript's values are within a tile of the block, of which `axes` are its axes. */
static int64_t spread_of(const struct node *node, struct node_list axes) {
    int64_t number;
    const struct node_binary *binary = node->kind == NODE_BINARY ? (const struct node_binary *)node : NULL;
    bool varies = false;
    for (size_t i = 0; i < axes.count; i++)
        varies |= mentions((struct node *)node, node_as(axes.items[i], reference)->name);
    if (!varies)
        return 0;
    if (node->kind == NODE_ACCESS)
        return 0; /* anywhere: neighbours are no help */
    if (node->kind == NODE_REFERENCE)
        return TILE_EDGE - 1;
    if (!binary)
        return UNKNOWN_SPREAD;
    int64_t left = spread_of(binary->left, axes), right = spread_of(binary->right, axes);
    switch (binary->op) {
    case BINARY_ADD:
    case BINARY_SUBTRACT:
        return left + right;
    case BINARY_MULTIPLY:
        if (integer_value(binary->right, &number))
            return left * (number < 0 ? -number : number);
        if (integer_value(binary->left, &number))
            return right * (number < 0 ? -number : number);
        return UNKNOWN_SPREAD;
    case BINARY_DIVIDE:
        return integer_value(binary->right, &number) && number > 0 ? left / number + 1 : 1;
    case BINARY_REMAINDER:
        return integer_value(binary->right, &number) && number > 0 && number <= left ? number - 1 : left;
    default:
        return UNKNOWN_SPREAD;
    }
}

static int64_t power_of_two(int64_t least) {
    int64_t power = 1;
    while (power < least)
        power *= 2;
    return power;
}

int64_t cache_edge(enum kept kept, size_t rank, size_t dimension) {
    if (kept != KEPT_TILES)
        return dimension + 1 < rank ? 1 : kept == KEPT_PARTS ? TILE_ELEMENTS : TILE_EDGE;
    return dimension + 2 >= rank ? TILE_EDGE : 1;
}

enum kept cache_kind(const struct node_access *access, struct node_list axes, bool row_major) {
    size_t rank = access->subscripts.count;
    if (row_major)
        return KEPT_PARTS;
    return rank > 1 && spread_of(access->subscripts.items[rank - 2], axes) == 0 ? KEPT_ROWS : KEPT_TILES;
}

/* Windows go on to the next rows, and blocks to the next matrices: more of both are kept where there is room. */
static size_t widened(const struct node_access *access, int64_t all, int64_t most, int64_t slots[TENSOR_RANK_LIMIT]) {
    size_t rank = access->subscripts.count;
    if (find_kind(access->subscripts.items[rank - 2], NODE_ACCESS))
        return (size_t)all;
    for (size_t turn = 0; turn < 2; turn++)
        for (size_t i = 0; i + 1 < rank && 2 * all <= most; i++)
            if (i + 2 == rank || (turn == 0 && slots[i] > 1)) {
                slots[i] *= 2;
                all *= 2;
            }
    return (size_t)all;
}

size_t cache_slots(const struct node_access *access, struct node_list axes, enum kept kept, uint32_t tile_bytes,
                   int64_t slots[TENSOR_RANK_LIMIT]) {
    size_t rank = access->subscripts.count;
    int64_t all = 1, most = kept == KEPT_ROWS ? ROWS_KEPT : CACHE_BYTES / tile_bytes;
    for (size_t i = 0; i < rank; i++) {
        int64_t spread = spread_of(access->subscripts.items[i], axes);
        int64_t edge = cache_edge(kept, rank, i);
        slots[i] = power_of_two(edge > 1 ? (spread + edge - 1) / edge + (spread > 0) : spread + 1);
        all *= slots[i];
    }
    for (size_t i = 0; all > most; i = (i + 1) % rank) {
        all /= slots[i] > 1 ? 2 : 1;
        slots[i] /= slots[i] > 1 ? 2 : 1;
    }
    return kept == KEPT_ROWS ? widened(access, all, most, slots) : (size_t)all;
}
