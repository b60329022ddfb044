/* The parts of writing a group as a tile program: sizes of blocks and panels (auto_tile_size.c), what values
 * may ask of tiles (auto_tile_check.c), operands that cores send to each other (auto_tile_multicast.c), the
 * statements (auto_tile_emit.c).
 */
#ifndef TILEC_TRANSFORMS_AUTO_TILE_EMIT_H
#define TILEC_TRANSFORMS_AUTO_TILE_EMIT_H

#include "support/scalar.h"
#include "transforms/auto_tile.h"

struct emitter {
    struct tiler *t;
    struct arena *arena;
    struct list_builder *out;
    const struct equation *equation;
    int64_t outer_tiles[AXIS_LIMIT]; /* block of each grid axis; 0: one matrix at a time */
    int64_t section;                 /* tiles of f32 in a DST section */
};

struct emitter new_emitter(struct tiler *t, struct list_builder *out);

/* Tiles of an axis of fixed size, at least 1; -1 when it is open. */
int64_t fixed_tiles(const struct range *range);
/* At most as many tiles as the axis has. */
int64_t clip_tiles(int64_t tiles, const struct range *range);
/* Blocks of the grid axes: matrices one at a time; tiles as a DST section holds them. */
void choose_blocks(struct emitter *e);
/* Tiles of a panel of the axis for a reduction with this body: what it reads may take half of the L1 that
 * buffers have. */
int64_t panel_tiles(struct emitter *e, const struct range *range, struct node *body);

/* Reports what no tile operation does: subscripts that are no axes, indices as values, reductions of
 * integers, ... */
void check_equation(struct emitter *e);
bool is_integer_type(enum dtype dtype);

/* The body of a reduction over panels of the axis `folded`, with the operands that are sent in buffers of
 * their own, which are declared in `out`. The body itself unless the kernel's schedule asks for it. */
struct node *emit_multicast(struct emitter *e, struct node *body, const char *folded,
                            struct list_builder *out);

#endif
