/* Row-major arrays to pages of tiles and back, in runs as wide as a face. */
#include "support/tile_layout.h"

#include <stdbool.h>
#include <string.h>

#include "support/block_format.h"

/* A tensor as planes of rows and columns. */
struct planes {
    uint64_t count, rows, columns, tile_rows, tile_columns;
};

static struct planes planes_of(size_t rank, const uint64_t *shape) {
    struct planes planes = {
        .count = 1, .rows = rank > 1 ? shape[rank - 2] : 1, .columns = rank > 0 ? shape[rank - 1] : 1};
    for (size_t i = 0; i + 2 < rank; i++) {
        planes.count *= shape[i];
    }
    planes.tile_rows = (planes.rows + TILE_EDGE - 1) / TILE_EDGE;
    planes.tile_columns = (planes.columns + TILE_EDGE - 1) / TILE_EDGE;
    return planes;
}

uint64_t tensor_pages(size_t rank, const uint64_t *shape) {
    struct planes planes = planes_of(rank, shape);
    return planes.count * planes.tile_rows * planes.tile_columns;
}

static uint64_t lesser(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* A run of a face's width is copied without a call. */
static void copy_run(unsigned char *to, const unsigned char *from, size_t bytes) {
    if (bytes == FACE_EDGE * 2) {
        memcpy(to, from, FACE_EDGE * 2);
    } else if (bytes == FACE_EDGE * 4) {
        memcpy(to, from, FACE_EDGE * 4);
    } else {
        memcpy(to, from, bytes);
    }
}

/* One row of one tile, `valid` elements wide: two runs of a face's width. */
static void copy_row(unsigned char *tile, unsigned char *row, uint32_t r, uint64_t valid, size_t width,
                     bool to_tile) {
    for (uint32_t half = 0; half < 2 && valid > half * FACE_EDGE; half++) {
        unsigned char *face = tile + tile_element_index(r, half * FACE_EDGE) * width;
        unsigned char *run = row + half * FACE_EDGE * width;
        size_t bytes = (size_t)lesser(valid - half * FACE_EDGE, FACE_EDGE) * width;
        copy_run(to_tile ? face : run, to_tile ? run : face, bytes);
    }
}

static void fill(unsigned char *bytes, size_t elements, size_t width, uint32_t pattern) {
    for (size_t i = 0; i < elements; i++) {
        memcpy(bytes + i * width, &pattern, width); /* little-endian: the low bytes */
    }
}

static void convert(enum data_format format, size_t rank, const uint64_t *shape, unsigned char *rows,
                    uint64_t first, uint64_t count, unsigned char *pages, bool to_tiles, uint32_t padding) {
    struct planes planes = planes_of(rank, shape);
    size_t width = data_format_element_bytes(format), tile_bytes = TILE_ELEMENTS * width;
    for (uint64_t page = first; page < first + count; page++, pages += tile_bytes) {
        uint64_t tile_row = page / planes.tile_columns, column = page % planes.tile_columns * TILE_EDGE;
        uint64_t plane = tile_row / planes.tile_rows, row = tile_row % planes.tile_rows * TILE_EDGE;
        uint64_t valid_rows = lesser(planes.rows - row, TILE_EDGE);
        uint64_t valid = lesser(planes.columns - column, TILE_EDGE);
        if (to_tiles && (valid < TILE_EDGE || valid_rows < TILE_EDGE)) {
            fill(pages, TILE_ELEMENTS, width, padding);
        }
        for (uint32_t r = 0; r < valid_rows; r++) {
            uint64_t at = (plane * planes.rows + row + r) * planes.columns + column;
            copy_row(pages, rows + at * width, r, valid, width, to_tiles);
        }
    }
}

/* Tiles of block formats are made of f32 rows and of f32 tiles; what lies beyond the tensor is 0 in them. */
static void convert_blocks(enum data_format format, size_t rank, const uint64_t *shape, unsigned char *rows,
                           uint64_t first, uint64_t count, unsigned char *pages, bool to_tiles) {
    float values[TILE_ELEMENTS];
    for (uint64_t page = first; page < first + count; page++, pages += data_format_tile_bytes(format)) {
        if (!to_tiles)
            block_decode(format, pages, values);
        convert(FORMAT_F32, rank, shape, rows, page, 1, (unsigned char *)values, to_tiles, 0);
        if (to_tiles)
            block_encode(format, values, pages);
    }
}

/* The two directions share one walk; each writes only the side that is not const. */
void tensor_tilize(enum data_format format, size_t rank, const uint64_t *shape, const void *rows,
                   uint64_t first, uint64_t count, void *pages, uint32_t padding) {
    if (data_format_is_block(format))
        convert_blocks(format, rank, shape, (unsigned char *)(uintptr_t)rows, first, count, pages, true);
    else
        convert(format, rank, shape, (unsigned char *)(uintptr_t)rows, first, count, pages, true, padding);
}

void tensor_untilize(enum data_format format, size_t rank, const uint64_t *shape, const void *pages,
                     uint64_t first, uint64_t count, void *rows) {
    if (data_format_is_block(format))
        convert_blocks(format, rank, shape, rows, first, count, (unsigned char *)(uintptr_t)pages, false);
    else
        convert(format, rank, shape, rows, first, count, (unsigned char *)(uintptr_t)pages, false, 0);
}
