/* Numbers that a launch is given, in subscripts (given.c). */
#ifndef TILEC_ANALYSIS_GIVEN_H
#define TILEC_ANALYSIS_GIVEN_H

#include "analysis/access.h"

/* What a launch can say of a subscript with such a number: that it is nowhere below `bound` (below), or nowhere at or above it.
 * NULL: it has no such number, or is more than a sum. */
struct node *given_condition(const struct relations *relations, const struct access_site *site,
                             struct node *subscript, struct node *bound, bool below);

#endif
