/* Proof that every access of a kernel in loop form stays inside its tensor.
 */
#ifndef TILEC_ANALYSIS_BOUNDS_H
#define TILEC_ANALYSIS_BOUNDS_H

#include "analysis/access.h"

/* Reports every access that is not proved in bounds, with the first iteration that leaves them. Guarded
 * accesses (`else`) need no proof.
 *
 *     matmul.tl:4:22: error: index k of B runs to 511, but B has 256 rows
 *     matmul.tl:4:22: note: first at i = 0, k = 256, j = 0
 *     matmul.tl:1:29: note: B is declared here
 */
bool bounds_check(const struct relations *relations, struct diagnostics *diagnostics);

/* Is this one proved, whether guarded or not? */
bool bounds_proved(const struct relations *relations, const struct access_site *site);

/* The first point of a set as text, sizes first: "with M = 1, at i = 0, j = 3"; "" when isl cannot tell. */
const char *bounds_first_point(const struct relations *relations, const struct access_site *site,
                               __isl_take isl_set *set);

#endif
