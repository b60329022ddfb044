/* Tile layouts: pages of each shape, and that an array comes back as it went. */
#include "support/tile_layout.h"

#include <stdlib.h>
#include <string.h>

#include "testsuite/unit/unit.h"

static const struct {
    size_t rank;
    uint64_t shape[4];
    uint64_t pages;
} shapes[] = {
    {0, {0}, 1},      {1, {1}, 1},      {1, {33}, 2},        {2, {1, 1}, 1},         {2, {50, 70}, 6},
    {2, {32, 64}, 2}, {2, {17, 16}, 1}, {3, {2, 31, 33}, 4}, {4, {2, 3, 5, 40}, 12}, {2, {0, 5}, 0},
    {2, {5, 0}, 0},   {1, {0}, 0},      {3, {0, 5, 5}, 0},
};

static uint64_t elements(size_t rank, const uint64_t *shape) {
    uint64_t count = 1;
    for (size_t i = 0; i < rank; i++) {
        count *= shape[i];
    }
    return count;
}

START_TEST(arrays_come_back_from_tiles) {
    static const enum data_format formats[] = {FORMAT_BF16, FORMAT_F32};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (size_t f = 0; f < 2; f++) {
            size_t width = data_format_element_bytes(formats[f]);
            uint64_t count = elements(shapes[i].rank, shapes[i].shape),
                     pages = tensor_pages(shapes[i].rank, shapes[i].shape);
            unsigned char *rows = calloc(count + 1, width), *back = calloc(count + 1, width);
            unsigned char *tiles = calloc(pages + 1, TILE_ELEMENTS * width);
            for (size_t j = 0; j < count * width; j++) {
                rows[j] = (unsigned char)(j * 37 + j / 251);
            }
            ck_assert_uint_eq(pages, shapes[i].pages);
            tensor_tilize(formats[f], shapes[i].rank, shapes[i].shape, rows, 0, pages, tiles, 0x7fc07fc0u);
            tensor_untilize(formats[f], shapes[i].rank, shapes[i].shape, tiles, 0, pages, back);
            ck_assert_mem_eq(rows, back, count * width);
            /* One by one, from the last on: as all together. */
            memset(back, 0, count * width);
            for (uint64_t page = pages; page-- > 0;) {
                unsigned char one[TILE_ELEMENTS * 4];
                tensor_tilize(formats[f], shapes[i].rank, shapes[i].shape, rows, page, 1, one, 0x7fc07fc0u);
                ck_assert_mem_eq(one, tiles + page * TILE_ELEMENTS * width, TILE_ELEMENTS * width);
                tensor_untilize(formats[f], shapes[i].rank, shapes[i].shape, one, page, 1, back);
            }
            ck_assert_mem_eq(rows, back, count * width);
            free(rows);
            free(back);
            free(tiles);
        }
    }
}
END_TEST

START_TEST(elements_lie_in_faces_and_padding_around_them) {
    const uint64_t shape[] = {20, 40};
    uint16_t rows[20 * 40], tiles[2 * TILE_ELEMENTS];
    for (int i = 0; i < 20 * 40; i++) {
        rows[i] = (uint16_t)i;
    }
    tensor_tilize(FORMAT_BF16, 2, shape, rows, 0, 2, tiles, 0x7fc0);
    for (uint32_t r = 0; r < 32; r++) {
        for (uint32_t c = 0; c < 64; c++) {
            uint32_t face = (r / 16) * 2 + (c % 32) / 16,
                     at = c / 32 * 1024 + face * 256 + r % 16 * 16 + c % 16;
            ck_assert_uint_eq(tiles[at], r < 20 && c < 40 ? r * 40 + c : 0x7fc0);
        }
    }
}
END_TEST

UNIT_MAIN("tile_layout", arrays_come_back_from_tiles, elements_lie_in_faces_and_padding_around_them)
