/* Block axes in numbers of tiles: shared by the passes that turn axes into loops over tiles.
 */
#ifndef TILEC_TRANSFORMS_BLOCKS_H
#define TILEC_TRANSFORMS_BLOCKS_H

#include "ir/ir.h"
#include "support/scalar.h"

/* The axes in scope while a tree is walked, outermost first. */
struct axis_scope {
    struct node_axis *axes[32];
    size_t count;
};

/* False when the nest is deeper than any real program. */
bool axis_scope_push(struct axis_scope *scope, struct node_list axes);
struct node_axis *axis_scope_find(const struct axis_scope *scope, const char *name);

/* ceildiv(elements, 32) */
struct node *tiles_of(struct arena *arena, struct node *elements);
/* Tiles of a full block of the axis. */
struct node *block_tiles(struct arena *arena, const struct node_axis *axis);
/* The rows and columns in tiles of one block of a buffer; false where it stands outside the blocks of its
 * axes. */
bool block_shape(struct arena *arena, const struct axis_scope *scope, const struct node_buffer *buffer,
                 struct node **rows, struct node **columns);
/* The pages of a shared buffer of such blocks, as many as its depth in tt.cb says. */
struct node *shared_pages(struct arena *arena, const struct node_buffer *buffer, struct node *rows,
                          struct node *columns);
/* Is the axis one block of several, whose range follows from its number: i_block * 64..min(M, i_block * 64 + 64)? */
bool is_one_of_many(struct arena *arena, const struct node_axis *axis);
/* The extent in elements that clips the axis; NULL when every block is full. */
struct node *clipping_extent(struct arena *arena, const struct node_axis *axis);
/* Is the axis one block at every launch: no loop is needed? A known range of no elements has none. */
bool is_single_block(struct arena *arena, const struct node_axis *axis);
/* Does every axis of the loop have a single block? Then it is no loop to the device. */
bool is_one_iteration(struct arena *arena, const struct node_for *loop);
/* Is the extent above 0 wherever the kernel runs: a dimension of everything that it writes? A launch where
 * one of these is 0 writes nothing and does not run. */
bool is_positive_extent(const struct node *kernel, const struct node *extent);
/* A size expression in terms of the kernel's launch arguments, simplified: ceildiv(M, 32) is Mt where an
 * argument has that value. */
struct node *in_launch_arguments(struct arena *arena, struct node *kernel, struct node *expression);
/* expression / 32 when every term is a multiple of it, else NULL. */
struct node *divide_by_tile(struct arena *arena, struct node *expression);

#endif
