/* The parts of insert_cb_protocol_tt.
 */
#ifndef TILEC_TRANSFORMS_PROTOCOL_H
#define TILEC_TRANSFORMS_PROTOCOL_H

#include "transforms/blocks.h"
#include "ir/names.h"
#include "transforms/pass.h"

/* An axis in numbers: which tiles this execution covers. */
struct axis_range {
    const char *name;
    struct node_axis *axis;
    struct node *first;  /* of its tiles; of an element axis or a block of one element: the index itself */
    struct node *tiles;  /* how many exist here: a literal or a reference; NULL for an element */
    struct node *extent; /* clips it, in elements; NULL when all blocks are full */
};

/* Source tiles that the reader keeps. */
struct cache {
    const char *tiles;   /* the circular buffer */
    const char *pointer; /* the let with its address */
    int64_t first_tag;
    bool rows; /* single rows of tiles */
    struct node_list slots; /* along each dimension */
};

struct protocol {
    struct compilation *compilation;
    struct arena *arena;
    struct node *kernel;
    struct name_table names;
    struct axis_range ranges[32];
    size_t range_count;
    struct {
        const char *buffer, *home;
    } homes[128]; /* circular buffers of the shared buffers met so far */
    size_t home_count;
    struct ring {
        const char *fragment;
        struct node_circular_buffer *cb;
        bool filled; /* it holds a block, which compute has waited for */
    } rings[64];     /* of the fragments that rest in L1 */
    size_t ring_count;
    const char *row, *column; /* names of loops over tiles */
    struct list_builder helpers;
    struct {
        enum dtype dtype;
        struct node_constant *bytes; /* of one of its tiles */
    } tiles[8];                      /* types that are moved */
    size_t tile_count;
    struct cache caches[16];
    size_t cache_count;
    const char *tags; /* the let with the address of the tags of all caches */
    bool failed;
};

/* ---- insert_cb_protocol_tt.c ---- */
void protocol_fail(struct protocol *p, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct axis_range *range_find(struct protocol *p, const char *name);
/* A size expression in terms of the launch arguments: ceildiv(M, 32) is Mt where an argument has that value.
 */
struct node *launch_value(struct protocol *p, struct node *expression);
/* The whole tiles that hold the elements before `end`, a number. */
struct node *tiles_before(struct protocol *p, struct node *end);
struct node_circular_buffer *circular_buffer_of(struct protocol *p, const char *name);
/* Tiles of one block of a circular buffer. */
struct node *block_rows(const struct node_circular_buffer *cb);
struct node *block_columns(const struct node_circular_buffer *cb);
struct node *block_pages(struct protocol *p, const struct node_circular_buffer *cb);
/* Bytes of a page of a circular buffer, as the constant of its type: `constant bf16_tile_bytes = 2048`. */
struct node *page_bytes(struct protocol *p, const struct node_circular_buffer *cb);
/* Adds statements under a role, joining a role block of the same role that stands last. */
void role_add(struct protocol *p, struct list_builder *out, enum role role, struct span span,
              struct node_list statements);
struct node *call_statement(struct protocol *p, struct span span, const char *function, size_t count,
                            struct node *const *arguments);

/* ---- protocol_data.c: data movement ---- */
/* An index expression as the number that it is here, of the blocks and elements at hand: which matrix of a tensor.
 * Axes may be shifted, b + 1, and clamped, max(b - 1, 0); lo(i) and len(i) are of the block. */
struct node *number_of_index(struct protocol *p, struct node *expression);
/* An index as the difference of two numbers that are never negative. */
struct signed_index {
    struct node *plus, *minus;
};
struct signed_index signed_index_of(struct protocol *p, struct node *expression);
/* The same of where a range begins or ends: below 0 it is 0. */
struct node *end_of_range(struct protocol *p, struct node *bound);
/* One reader block for loads that stand together: reserve, read, one barrier, neutral padding, push. */
void emit_loads(struct protocol *p, struct list_builder *out, struct node_list loads);
/* exists: the condition under which the block is stored, NULL always; its pages are popped in any case. */
void emit_store(struct protocol *p, struct list_builder *out, struct node_tile *store, struct node *exists);
/* The tiles that the reader makes once, and compute's wait for them; at the end compute's pop. */
void emit_fills(struct protocol *p, struct list_builder *out);
void emit_fill_pops(struct protocol *p, struct list_builder *out);

/* ---- protocol_gather.c: loads that copy elements ---- */
/* The reader's own buffers, and tags that name no page. */
void emit_caches(struct protocol *p, struct list_builder *out);
/* Their addresses, as lets in front of the tiles of a load. */
void gather_pointers(struct protocol *p, const struct node_tile *load, struct list_builder *out);
/* A tile of a block: number (row, column) of it, along these axes (NULL: it lies in one row or column), at an address. */
struct gathered_tile {
    const struct axis_range *rows, *columns;
    struct node *row, *column, *address;
};
struct node *gather_tile(struct protocol *p, struct node_tile *load, const struct node_circular_buffer *cb,
                         const struct gathered_tile *tile);
/* The same of a store that writes parts of rows; it has columns. */
struct node *scatter_tile(struct protocol *p, struct node_tile *store, const struct node_circular_buffer *cb,
                          const struct gathered_tile *tile);

/* ---- protocol_multicast.c: blocks that one core reads and sends to others ---- */
bool is_multicast(const struct node_circular_buffer *cb);
/* The first core of the group does `reading`. */
struct node *multicast_read(struct protocol *p, struct span span, const struct node_circular_buffer *cb,
                            struct node *reading);
/* It does `padding` once the pages are there, and sends the block at `pointer`; the others receive it. */
struct node *multicast_send(struct protocol *p, struct span span, const struct node_circular_buffer *cb,
                            const char *pointer, struct node_list padding);
/* What the reader does before its first block and behind its last. */
void emit_multicast_start(struct protocol *p, struct list_builder *out);
void emit_multicast_end(struct protocol *p, struct list_builder *out);

/* ---- protocol_rows.c: tensors whose pages are rows ---- */
/* One tile of a block of such a tensor. */
struct tile_of_rows {
    struct span span;
    const struct node_parameter *tensor;
    struct node_list leading;              /* the indices before the last two */
    struct node *first_row, *first_column; /* the tile's first element; no row: of a tensor of one dimension */
    struct node *rows, *columns;           /* extents of the tensor */
    struct node *only;                     /* the row of the tile that is asked for; NULL: all */
    struct node *address;                  /* of the tile in L1 */
};
/* Reads or writes what there is of it, in halves of its rows. */
struct node *move_rows(struct protocol *p, const struct tile_of_rows *tile, bool write);
/* Before the reads: zeros where they do not fill the tile. NULL: they always do. */
struct node *clear_rows(struct protocol *p, const struct tile_of_rows *tile);
/* Do halves of rows land in each other's place? Behind the barrier they are exchanged then. */
bool halves_land_apart(struct protocol *p, const struct node_parameter *tensor);
struct node *settle_rows(struct protocol *p, const struct tile_of_rows *tile);

/* ---- protocol_helpers.c: functions of the reader that write to L1 ---- */
enum fill_helper { FILL_COLUMNS, FILL_ROWS, FILL_TILE, FILL_SCALER, FILL_INDEX_COLUMNS, FILL_INDEX_ROWS };
/* The name of the helper for elements of this type; its function is added to the kernel on first use.
 *   FILL_COLUMNS(tile, first, value), FILL_ROWS(tile, first, value): elements from column (row) `first` on
 *   FILL_TILE(tile, word): every word; FILL_SCALER(tile, word): the words of the first row of every face
 *   FILL_INDEX_COLUMNS(tile), FILL_INDEX_ROWS(tile): every element's column (row), of bf16 */
const char *fill_helper(struct protocol *p, enum fill_helper helper, enum dtype dtype);
/* LINE(tile, place): row or column `place` (columns) of the tile moved to its first row or, as columns and turned say,
 * column. */
const char *line_helper(struct protocol *p, bool columns, bool turned, enum dtype dtype);
/* HALVES(tile): the left half of every odd row exchanged with the right half of the row before it. */
const char *halves_helper(struct protocol *p, enum dtype dtype);
/* ELEMENT(tile, row, column): that element moved to the first place of the tile. */
const char *element_helper(struct protocol *p, enum dtype dtype);
/* The number of element (row, column) in a tile of four faces. */
struct node *element_index(struct protocol *p, struct node *row, struct node *column);
int64_t element_bytes(enum dtype dtype);
/* The bit pattern of a value in a type: of one element, or of a word of 32 bits that is full of it. */
struct node *format_bits(struct protocol *p, enum dtype dtype, double value, bool word);

#endif
