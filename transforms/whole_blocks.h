/* A tile program as its blocks are: loops over the elements of a block become statements for the block, and axes of
 * one element are no axes of what a core keeps.
 *
 *     grid p in 0..P by 1, i in 0..M by 32 {             grid p in 0..P by 1, i in 0..M by 32 {
 *         shared a[p, i]: bf16 = A[p, i, 0]                  shared a[i]: bf16 = A[p, i, 0]
 *         for x in lo(i)..lo(i) + len(i) {         =>
 *             Y[p, x] = a[p, x] * 2                           Y[p, i] = a[i] * 2
 *         }
 *     }                                                  }
 */
#ifndef TILEC_TRANSFORMS_WHOLE_BLOCKS_H
#define TILEC_TRANSFORMS_WHOLE_BLOCKS_H

#include "ir/ir.h"

/* The body; loops over elements that have no such form remain. */
struct node *whole_blocks(struct arena *arena, struct node *body);
/* The block whose elements the axis runs over; NULL when it is no such axis. */
const char *block_of_elements(const struct node_axis *axis);

#endif
