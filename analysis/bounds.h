/* Proof that every access of a kernel in loop form stays inside its tensor or array.
 */
#ifndef TILEC_ANALYSIS_BOUNDS_H
#define TILEC_ANALYSIS_BOUNDS_H

#include "analysis/access.h"

struct explanations;

/* Reports every access that is not proved in bounds, with the first iteration that leaves them. Guarded
 * accesses (`else`) need no proof.
 *
 *     matmul.tl:4:22: error: index k of B runs to 511, but B has 256 rows
 *     matmul.tl:4:22: note: first at i = 0, j = 0, k = 256: k is 256 there, and B has 256 rows
 *     matmul.tl:1:29: note: B is declared here
 */
bool bounds_check(const struct relations *relations, struct diagnostics *diagnostics);

/* What bounds_check proved: every access, with the iterations outside of the tensor. */
void bounds_explain(const struct relations *relations, struct explanations *list);

/* Is this one proved, whether guarded or not? */
/* Conditions on numbers that a launch is given, under which accesses are in bounds that are not at all of them; `place`: what
 * the first is of. Empty: there are none. */
struct node_list bounds_conditions(const struct relations *relations, const struct access_site **place);
bool bounds_proved(const struct relations *relations, const struct access_site *site);

#endif
