/* Iterations of two accesses that touch the same element, and how they follow one another as the kernel is
 * written.
 *
 * The blocks of a grid run in any order on different cores; inside one, iterations of the loops follow one
 * another. A block axis takes one iteration for each block, not for each element. Where a step is not known,
 * elements stand for blocks: the relation is then too large, never too small.
 */
#ifndef TILEC_ANALYSIS_OVERLAP_H
#define TILEC_ANALYSIS_OVERLAP_H

#include "analysis/access.h"
#include "analysis/example.h"

/* Do both stand under the same grid? What stands under different ones is not compared. */
bool overlap_same_grid(const struct access_site *a, const struct access_site *b);

/* { iteration of a -> iteration of b }: the same element, in different blocks of the grid; more where a subscript is not
 * affine. NULL when the accesses stand under different grids. */
__isl_give isl_map *overlap_across(const struct relations *relations, const struct access_site *a,
                                   const struct access_site *b);

/* The same inside one block of the grid, a before b: in an earlier iteration, or in the same one in an
 * earlier statement. */
__isl_give isl_map *overlap_before(const struct relations *relations, const struct access_site *a,
                                   const struct access_site *b);

/* The first of such pairs, by the iteration of b: its dimensions, then those of a, then the element. */
struct example *overlap_example(const struct relations *relations, const struct access_site *b,
                                __isl_take isl_map *pairs);

#endif
