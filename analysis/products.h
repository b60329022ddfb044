/* Bounds of expressions that multiply sizes with loop variables, or divide by sizes: b * M + i is below B * M, p / M below B
 * where p is below B * M. isl speaks of sums only; here numbers are sums of products, and what has a loop variable to the first
 * power is least at an end of its range.
 */
#ifndef TILEC_ANALYSIS_PRODUCTS_H
#define TILEC_ANALYSIS_PRODUCTS_H

#include "analysis/access.h"

/* Is left - right >= least in every iteration of the site? false: it is not, or that is not proved. */
bool products_at_least(const struct relations *relations, const struct access_site *site, struct node *left,
                       struct node *right, int64_t least);

/* { iteration of a -> iteration of b } with equal subscripts in this dimension: b * M + i and c * M + k, with i and k below M, are
 * equal where b == c and i == k. NULL: they have no such digits in common. */
__isl_give isl_map *products_equal(const struct relations *relations, const struct access_site *a,
                                   const struct access_site *b, size_t dimension);

#endif
