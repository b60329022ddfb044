/* What the ranges of a tile program owe the launch: device form counts in u32, and the blocks of a loop are
 * counted before it runs.
 */
#ifndef TILEC_ANALYSIS_RANGES_H
#define TILEC_ANALYSIS_RANGES_H

#include "analysis/access.h"

/* Reports every loop over blocks whose range depends on data, or on where cores stand that send blocks to each other
 * in it. Asked first: without the range nothing is known of what the loop reaches. */
bool ranges_counted(const struct relations *relations, struct diagnostics *diagnostics);

/* After ranges_counted: reports every loop over blocks that may end before it begins or begins at no literal,
 * and every loop over elements that may end below 0; sizes for which that happens are in the message. Sizes
 * of results are at least 1: a launch without results is not run. */
bool ranges_check(const struct relations *relations, struct diagnostics *diagnostics);

/* Does a loop over blocks that begins at a size begin at whole tiles at every launch? */
bool ranges_begin_at_tiles(const struct relations *relations, const struct node_axis *axis);

/* An axis whose upper end is min or max of sizes, one of which it always is: with that one. Any other node
 * with its axes so. */
struct node *ranges_settled(const struct relations *relations, struct node *node);

#endif
