/* Source tiles that the reader keeps for a load that copies elements (move_cache.c). */
#ifndef TILEC_TRANSFORMS_MOVE_CACHE_H
#define TILEC_TRANSFORMS_MOVE_CACHE_H

#include "ir/ir.h"

/* What is kept of a tensor is tiles, or parts of rows where its pages are rows: how many elements along a dimension. */
int64_t cache_edge(bool row_major, size_t rank, size_t dimension);
/* How many neighbours along each dimension of the tensor are kept, powers of two; returns their product. axes: references,
 * those of the block; tile_bytes: of a tile of the tensor, and of a part of a row. */
size_t cache_slots(const struct node_access *access, struct node_list axes, bool row_major, uint32_t tile_bytes,
                   int64_t slots[TENSOR_RANK_LIMIT]);

#endif
