/* All that a kernel is refused for, not the first of it.
 *
 * A pass stops at what it refuses. The kernel is then compiled again without the refused statements and
 * without what needs them, for its messages alone, until the rest compiles or nothing is left:
 *
 *     for i { s[i] = product(j: X[i, j]) }     refused      |  -
 *     for i { t[i] = sum(j: X[i, j]) }         compiles     |  for i { t[i] = sum(j: X[i, j]) }
 *     for i { u[i] = X[i, i] + s[i] }          not reached  |  for i { u[i] = X[i, i] + s[i] }   refused; s is an input here
 */
#ifndef TILEC_TRANSFORMS_REFUSALS_H
#define TILEC_TRANSFORMS_REFUSALS_H

#include "transforms/pass.h"

struct diagnostic;

/* Adds the other refusals of a kernel to those that passes_run reported: `kernel` as it was before the
 * passes, `errors` the first diagnostic that they reported. Refusals only: a fault of tilec in what is left
 * of a kernel is nobody's business. */
void refusals_add(const struct compilation *compilation, struct node *kernel, const char *first,
                  const struct pass_options *options, const struct diagnostic *errors);

#endif
