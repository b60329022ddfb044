/* Loops over blocks whose range differs from element to element of the blocks around them:
 *
 *     for j in 0..i + 1 by 128 {                    for j in 0..lo(i) + len(i) by 128 {
 *         s[i] += sum(j: X[i, j])            =>         s[i] += sum(j: select(j < i + 1, X[i, j], 0))
 *     }                                             }
 *
 * The loop runs as long as any element of the block i needs it. What lies outside the range of an element is no
 * part of its folds, and an iteration that lies outside as a whole changes nothing of it.
 */
#ifndef TILEC_IR_ELEMENT_RANGE_H
#define TILEC_IR_ELEMENT_RANGE_H

#include "ir/ir.h"
#include "ir/value_type.h"

/* A block axis around the loop, and the size of its blocks; they begin at 0. */
struct block_around {
    const char *name;
    struct node *step;
};

struct blocks_around {
    const struct block_around *items;
    size_t count;
};

/* Do the statements only add up over the axis, or find a product, maximum or minimum, so that they do not tell how it is cut
 * into blocks? The statement that does more; NULL. */
const struct node *find_use_of_blocks(const struct node *body, const char *axis);

/* Does the bound differ from element to element of one of the blocks: outside lo and len? */
bool bound_differs(const struct node *bound, struct blocks_around around);

/* The least or the greatest value of a bound in the blocks, of lo(i) and len(i); NULL where that is not known. */
struct node *bound_extreme(struct arena *arena, struct node *bound, struct blocks_around around, bool greatest);

struct element_range_problem {
    struct span span;
    const char *text, *help;
};

/* The loop (one block axis) with a range of numbers, and a body that keeps to the range of each element; types: of what
 * its folds read. NULL where that cannot be said: the problem tells. */
struct node *element_range_settle(struct arena *arena, const struct node_for *loop,
                                  struct blocks_around around, const struct value_types *types,
                                  struct element_range_problem *problem);

#endif
