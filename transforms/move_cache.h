/* Source tiles that the reader keeps for a load that copies elements (move_cache.c). */
#ifndef TILEC_TRANSFORMS_MOVE_CACHE_H
#define TILEC_TRANSFORMS_MOVE_CACHE_H

#include "ir/ir.h"

/* What is kept of a tensor: tiles; single rows of tiles, where all elements of a block's row are of one of them; parts of rows,
 * where its pages are rows. */
enum kept { KEPT_TILES, KEPT_ROWS, KEPT_PARTS };
enum kept cache_kind(const struct node_access *access, struct node_list axes, bool row_major);
/* How many elements of a dimension it has. */
int64_t cache_edge(enum kept kept, size_t rank, size_t dimension);
/* Bytes of a row of a tile as it is kept: each half by itself, at the place modulo 64 that it has in the tile. */
enum { KEPT_ROW_BYTES = 128, KEPT_HALF_BYTES = 64 };
/* How many neighbours along each dimension of the tensor are kept, powers of two; returns their product. axes: references,
 * those of the block; tile_bytes: of a tile of the tensor, and of a part of a row. */
size_t cache_slots(const struct node_access *access, struct node_list axes, enum kept kept, uint32_t tile_bytes,
                   int64_t slots[TENSOR_RANK_LIMIT]);

#endif
