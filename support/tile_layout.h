/* Row-major arrays to and from tensors as the device stores them.
 *
 * A tensor is a list of 32x32 tiles, row-major over the tile grid of its last two dimensions, leading
 * dimensions outermost; within a tile four 16x16 faces. A tensor of one dimension is one row of tiles with
 * row 0 valid, one of none a tile with one valid element. Elements are in the bytes of their format (u8: one;
 * bf16 and u16: two; f32, u32, i32: four); of block formats rows are f32, and lanes of pages beyond the tensor 0.
 */
#ifndef TILEC_SUPPORT_TILE_LAYOUT_H
#define TILEC_SUPPORT_TILE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "support/scalar.h"

/* Tiles of a tensor; 0 when an extent is 0. */
uint64_t tensor_pages(size_t rank, const uint64_t *shape);

/* Tiles of the tensor from the first on, as many as count: to `pages` from the row-major array `rows`, and
 * back. Lanes of pages beyond the tensor get the bit pattern `padding`. */
void tensor_tilize(enum data_format format, size_t rank, const uint64_t *shape, const void *rows,
                   uint64_t first, uint64_t count, void *pages, uint32_t padding);
void tensor_untilize(enum data_format format, size_t rank, const uint64_t *shape, const void *pages,
                     uint64_t first, uint64_t count, void *rows);

#endif
