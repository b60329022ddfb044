/* `if` in tile programs, on what is one truth value for a block: scalars and sizes of the launch, where blocks begin and
 * how long they are, which matrix is at hand. Both branches are computed, and what they change is chosen between.
 *
 *     if beta != 0 {                                   acc[i, j] = select(beta != 0, beta * C[i, j], acc[i, j])
 *         acc[i, j] = beta * C[i, j]            =>
 *     }
 *     if causal { Y[i, j] = a } else { Y[i, j] = b }   Y[i, j] = select(causal, a, b)
 */
#ifndef TILEC_TRANSFORMS_BLOCK_BRANCHES_H
#define TILEC_TRANSFORMS_BLOCK_BRANCHES_H

#include "support/diagnostic.h"
#include "ir/ir.h"

/* The kernel, with no `if`; NULL after a reported error. */
struct node *block_branches(struct arena *arena, struct diagnostics *diagnostics, struct node *kernel);

#endif
