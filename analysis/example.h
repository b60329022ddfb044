/* Counterexamples: the first point of a set of iterations, in the words of the kernel.
 *
 * Sizes come first and are as small as they can be (at least 1 where that is possible, scalar parameters near
 * 0), then the iteration is the first in the order of the loops.
 */
#ifndef TILEC_ANALYSIS_EXAMPLE_H
#define TILEC_ANALYSIS_EXAMPLE_H

#include "analysis/access.h"

struct example {
    const struct relations *relations;
    size_t size_count;
    int64_t *values; /* of the sizes, then of the dimensions of the set */
};

/* The first point; NULL when the set is empty or isl cannot tell. Every attempt has an operation budget of
 * its own. */
struct example *example_of(const struct relations *relations, __isl_take isl_set *set);

/* The value of a dimension of the set. */
int64_t example_value(const struct example *example, size_t dimension);

/* " with M = 1, N = 3", "" without sizes. */
const char *example_sizes(const struct example *example);
/* "i = 0, j = 3" of the axes of a site whose domain begins at this dimension of the set; "" without axes. */
const char *example_axes(const struct example *example, const struct access_site *site, size_t first);
/* "X[0, 3]" of the dimensions from the first on. */
const char *example_element(const struct example *example, const char *name, size_t first, size_t rank);

#endif
