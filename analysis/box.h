/* What holds of conditions where axes run over ranges of sizes: asked of isl, over all sizes of a launch at once.
 */
#ifndef TILEC_ANALYSIS_BOX_H
#define TILEC_ANALYSIS_BOX_H

#include "analysis/access.h"

/* Is the condition false for all values of these axes (node_axis, with ranges of sizes), at every launch? What is not affine
 * is left out, so that false may be the answer where it is so, never true where it is not. */
bool box_never(const struct relations *relations, struct node_list axes, const struct node *condition);

#endif
