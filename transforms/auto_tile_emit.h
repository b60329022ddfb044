/* The parts of writing a group as a tile program: sizes of blocks and panels (auto_tile_size.c), what values
 * may ask of tiles (auto_tile_check.c), operands that cores send to each other (auto_tile_multicast.c), the
 * statements (auto_tile_emit.c), loops over streamed axes (auto_tile_stream.c).
 */
#ifndef TILEC_TRANSFORMS_AUTO_TILE_EMIT_H
#define TILEC_TRANSFORMS_AUTO_TILE_EMIT_H

#include "support/scalar.h"
#include "transforms/auto_tile.h"

enum { PANEL_TILES = 8 }; /* of a panel, and of a block of a streamed axis, at most */

struct emitter {
    struct tiler *t;
    struct arena *arena;
    struct list_builder *out;
    const struct equation *equation;
    int64_t outer_tiles[AXIS_LIMIT]; /* block of each grid axis; 0: one matrix at a time */
    int64_t section;                 /* tiles of f32 in a DST section */
};

/* Does the reduction fold whole matrices, element by element? Then its accumulator takes one after the other. */
bool folds_matrices(const struct emitter *e, const struct node_reduction *reduction);

/* A fold on its way: fragment acc = its neutral element, in e->out; acc op= fold(axis: terms) for a block of its
 * axis, or acc op= terms for a matrix (folded: NULL); what then stands for it. False after an error. */
struct accumulator {
    struct node_reduction *reduction;
    struct node *access;
    struct span span;
};
bool accumulator_open(struct emitter *e, struct node_reduction *reduction, struct accumulator *accumulator);
struct node *accumulate(struct emitter *e, const struct accumulator *accumulator, const char *folded,
                        struct node *terms);
struct node *accumulated(struct emitter *e, const struct accumulator *accumulator);

/* The statements of an equation, with loops over the panels of its folds and, of a result, over panels of axes that
 * are none of the group's, or its matrices one at a time. */
void emit_equation(struct emitter *e, const struct equation *equation);
/* The same where loops over the latter stand around. */
void emit_statement(struct emitter *e, const struct equation *equation);
/* Has it such axes of its own? The loop over them around what writes it. */
bool has_own_panels(const struct tiler *t, const struct equation *equation);
void emit_own_panels(struct emitter *e, const struct equation *equation, struct node_list body);

/* All equations of the group, with loops over its streamed axes. */
void emit_group(struct emitter *e);
/* The statements with every buffer under a name of its own: a value that is computed again has several. */
struct node_list buffers_distinct(struct tiler *t, struct node_list statements);

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
/* The same of a loop over a streamed axis: what it reads and keeps, all together. */
int64_t stream_tiles(struct emitter *e, const struct range *range, struct node_list values);

/* value_type of ir/value_type.h, of a value of the equations. */
enum dtype emitted_type(struct emitter *e, struct node *value);

/* Reports what no tile operation does: subscripts that are no axes, indices as values, reductions of
 * integers, ... */
void check_equation(struct emitter *e);

/* The body of a reduction over panels, or single elements, of the axis `folded`, with the operands that are sent in buffers of
 * their own, which are declared in `out`. The body itself unless the kernel's schedule asks for it. */
struct node *emit_multicast(struct emitter *e, struct node *body, const char *folded,
                            struct list_builder *out);

#endif
