/* Blocks of tensors whose pages are rows: half a row of a tile, which lies together in both, is moved by itself, so that every
 * type arrives as it is and no row is too long.
 *
 *     for i in 0..min(32, M - (i_first + r) * 32) {
 *         for half in 0..min(2, ceildiv(N - (j_first + c) * 32, 16)) {
 *             noc_async_read(page(X, (i_first + r) * 32 + i, 0), X, ((j_first + c) * 32 + half * 16) * 2,
 *                            X_write + (r * 4 + c) * bf16_tile_bytes + ((i / 16 * 2 + half) * 256 + i % 16 * 16) * 2,
 *                            min(16, N - (j_first + c) * 32 - half * 16) * 2)
 *         }
 *     }
 *
 * A read from DRAM lands where its address is equal modulo the alignment of the product. Halves that are shorter than it stand
 * so in even rows of the left faces and odd rows of the right ones alone; of the others the left half of an odd row and the
 * right half of the row before it land in each other's place, and are exchanged once all have come.
 */
#include <string.h>

#include "ir/build.h"
#include "ir/l1.h"
#include "ir/query.h"
#include "support/architecture.h"
#include "transforms/protocol.h"

static struct node *number(struct protocol *p, int64_t value) {
    return make_integer(p->arena, value);
}

static bool is_whole_tiles(const struct node *extent) {
    int64_t value;
    return integer_value(extent, &value) && value % TILE_EDGE == 0;
}

/* Elements from `first` on, as far as there are, of at most `most`. */
static struct node *elements_from(struct protocol *p, struct node *extent, struct node *first, int64_t most) {
    if (is_whole_tiles(extent))
        return number(p, most);
    return make_min(p->arena, number(p, most), make_sub(p->arena, extent, first));
}

bool halves_land_apart(struct protocol *p, const struct node_parameter *tensor) {
    return !lies_in_l1(tensor) &&
           element_bytes(tensor->dtype) * FACE_EDGE % p->compilation->architecture->dram_read_alignment != 0;
}

/* The place in its tile of half a row: where it belongs, or where it lands. */
static struct node *half_place(struct protocol *p, struct node *row, struct node *half, bool lands_apart) {
    struct arena *a = p->arena;
    struct node *edge = number(p, FACE_EDGE), *two = number(p, 2), *face = half, *line = make_mod(a, row, edge);
    if (lands_apart) {
        face = make_mod(a, row, two);
        line = make_add(a, make_mul(a, make_div(a, line, two), two), half);
    }
    face = make_add(a, make_mul(a, make_div(a, row, edge), two), face);
    return make_add(a, make_mul(a, face, number(p, FACE_EDGE * FACE_EDGE)), make_mul(a, line, edge));
}

static struct node *move_half(struct protocol *p, const struct tile_of_rows *t, bool write, struct node *row,
                              struct node *half) {
    struct arena *a = p->arena;
    struct node *bytes = number(p, element_bytes(t->tensor->dtype)),
                *first = make_add(a, t->first_column, make_mul(a, half, number(p, FACE_EDGE)));
    struct list_builder indices = {0};
    builder_add_all(a, &indices, t->leading);
    if (t->first_row)
        builder_add(a, &indices, make_add(a, t->first_row, row));
    builder_add(a, &indices, number(p, 0));
    struct node *page = node_new(a, page, PAGE, ((struct span){0}), .tensor = t->tensor->name,
                                 .indices = builder_list(&indices)),
                *place = half_place(p, row, half, !write && halves_land_apart(p, t->tensor)),
                *arguments[] = {page, make_reference(a, t->tensor->name), make_mul(a, first, bytes),
                                make_add(a, t->address, make_mul(a, place, bytes)),
                                make_mul(a, elements_from(p, t->columns, first, FACE_EDGE), bytes)};
    return call_statement(p, t->span, write ? "noc_async_write" : "noc_async_read", 5, arguments);
}

struct node *move_rows(struct protocol *p, const struct tile_of_rows *t, bool write) {
    struct arena *a = p->arena;
    const char *row = name_fresh(&p->names, "i"), *half = name_fresh(&p->names, "half");
    struct node *only = t->first_row ? t->only : number(p, 0),
                *body = move_half(p, t, write, only ? only : make_reference(a, row), make_reference(a, half)),
                *columns = elements_from(p, t->columns, t->first_column, TILE_EDGE);
    body = make_for(a, t->span, half, number(p, 0), make_ceildiv(a, columns, number(p, FACE_EDGE)), NULL,
                    make_block(a, t->span, LIST(a, body)));
    if (only)
        return body;
    return make_for(a, t->span, row, number(p, 0), elements_from(p, t->rows, t->first_row, TILE_EDGE), NULL,
                    make_block(a, t->span, LIST(a, body)));
}

/* Does the tile go beyond the extent? NULL: never. */
static struct node *goes_beyond(struct protocol *p, struct node *extent, struct node *first) {
    if (is_whole_tiles(extent))
        return NULL;
    return make_binary(p->arena, BINARY_GREATER, make_add(p->arena, first, number(p, TILE_EDGE)), extent);
}

struct node *clear_rows(struct protocol *p, const struct tile_of_rows *t) {
    struct arena *a = p->arena;
    struct node *arguments[] = {t->address, number(p, 0)},
                *clear = call_statement(p, t->span, fill_helper(p, FILL_TILE, t->tensor->dtype), 2, arguments);
    if (!t->first_row || t->only)
        return clear;
    struct node *rows = goes_beyond(p, t->rows, t->first_row), *columns = goes_beyond(p, t->columns, t->first_column),
                *condition = rows && columns ? make_binary(a, BINARY_OR, rows, columns)
                             : rows          ? rows
                                             : columns;
    return condition ? node_new(a, if, IF, t->span, .condition = condition,
                                .then = make_block(a, t->span, LIST(a, clear)))
                     : NULL;
}

struct node *settle_rows(struct protocol *p, const struct tile_of_rows *t) {
    struct node *address = t->address;
    return call_statement(p, t->span, halves_helper(p, t->tensor->dtype), 1, &address);
}
