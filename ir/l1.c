/* Bytes of L1 as expressions of sizes: circular buffers and tensors. */
#include "ir/l1.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/format.h"
#include "ir/query.h"
#include "support/architecture.h"
#include "support/scalar.h"

int64_t page_size_of(const struct node *buffer) {
    return attribute_integer(dictionary_get(attribute_get(buffer, KEY_TT_CB), KEY_PAGE_SIZE), 0);
}

struct node *pages_l1_bytes(struct arena *arena, const struct node *buffer, struct node *pages) {
    return make_mul(arena, pages, make_integer(arena, page_size_of(buffer)));
}

struct node *buffer_l1_bytes(struct arena *arena, const struct node_circular_buffer *buffer) {
    return pages_l1_bytes(arena, &buffer->base, buffer->pages);
}

struct node *buffers_l1_bytes(struct arena *arena, struct node *kernel) {
    struct node_block *body = node_as(node_as(kernel, kernel)->body, block);
    struct node *bytes = make_integer(arena, 0);
    for (size_t i = 0; body && i < body->statements.count; i++) {
        struct node_circular_buffer *buffer = node_as(body->statements.items[i], circular_buffer);
        bytes = buffer ? make_add(arena, bytes, buffer_l1_bytes(arena, buffer)) : bytes;
    }
    return bytes;
}

static struct node *placed(const struct node_parameter *parameter, const char *key) {
    return dictionary_get(attribute_get(&parameter->base, KEY_TT_BUFFER), key);
}

bool lies_in_l1(const struct node_parameter *parameter) {
    return strcmp(attribute_word(placed(parameter, KEY_MEMORY), ""), "l1") == 0;
}

/* The tiles of an array of these extents: the last two are cut into tiles. */
static struct node *count_tiles(struct arena *arena, struct node_list extents) {
    struct node *tiles = make_integer(arena, 1), *edge = make_integer(arena, TILE_EDGE);
    for (size_t i = 0; i < extents.count; i++) {
        bool tiled = i + 2 >= extents.count;
        tiles =
            make_mul(arena, tiles, tiled ? make_ceildiv(arena, extents.items[i], edge) : extents.items[i]);
    }
    return tiles;
}

/* Of a tensor whose pages are rows: each takes whole units of 16 bytes, all of a core together whole units of 64. */
static struct node *rows_l1_bytes(struct arena *arena, const struct node_parameter *parameter, struct node *cores,
                                  int64_t element_bytes) {
    struct node *one = make_integer(arena, 1), *rows = one;
    size_t last = parameter->dimensions.count - 1;
    for (size_t i = 0; i < last; i++)
        rows = make_mul(arena, rows, parameter->dimensions.items[i]);
    struct node *row = make_mul(arena, parameter->dimensions.items[last], make_integer(arena, element_bytes)),
                *units = make_max(arena, make_ceildiv(arena, row, make_integer(arena, 16)), one),
                *pages = make_max(arena, make_ceildiv(arena, rows, cores), one);
    return make_mul(arena, make_ceildiv(arena, make_mul(arena, pages, units), make_integer(arena, 4)),
                    make_integer(arena, 64));
}

struct node *tensor_l1_bytes(struct arena *arena, const struct architecture *architecture,
                             const struct node_parameter *parameter) {
    struct node_sequence *shard =
        node_as(dictionary_get(placed(parameter, KEY_ND_SHARD), KEY_SHARD_SHAPE), sequence);
    struct node *cores = make_integer(arena, (int64_t)architecture->grid_x * architecture->grid_y), *pages;
    uint32_t bytes;
    if (!lies_in_l1(parameter) || !device_format(parameter->dtype, &bytes))
        return make_integer(arena, 0);
    if (is_row_major(parameter))
        return rows_l1_bytes(arena, parameter, cores, bytes / TILE_ELEMENTS);
    pages = shard ? count_tiles(arena, shard->items)
                  : make_ceildiv(arena, count_tiles(arena, parameter->dimensions), cores);
    /* what is empty has an address all the same */
    return make_mul(arena, make_max(arena, pages, make_integer(arena, 1)), make_integer(arena, bytes));
}
