/* Expressions of indices and sizes as affine functions and sets over the variables in scope: what access.c
 * builds its relations from.
 */
#ifndef TILEC_ANALYSIS_AFFINE_H
#define TILEC_ANALYSIS_AFFINE_H

#include <isl/aff.h>
#include <isl/local_space.h>
#include <isl/set.h>

#include "analysis/access.h"

enum { SCOPE_LIMIT = 64 };

enum variable_part { PART_INDEX, PART_LOW, PART_LENGTH };

/* A dimension of the domain under construction. */
struct variable {
    const char *name;
    enum variable_part part;
    const struct node_axis *axis; /* its range; NULL for lo and len */
};

struct scope {
    struct variable variables[SCOPE_LIMIT];
    size_t variable_count;
    const struct node_let *lets[SCOPE_LIMIT]; /* of numbers: they stand for their values */
    size_t let_count;
};

struct frame {
    const struct scope *scope; /* NULL: sizes only */
    const struct relations *relations;
    isl_local_space *space; /* one dimension for each variable */
};

/* NULL when the expression is not affine; floor division and remainder by positive constants are. */
__isl_give isl_aff *affine(const struct frame *frame, const struct node *node);
/* Affine by pieces: with min and max of such, and their sums, differences and multiples (clamped subscripts).
 */
__isl_give isl_pw_aff *piecewise(const struct frame *frame, const struct node *node);

/* { left - right + offset >= 0 }; NULL when not affine by pieces. */
__isl_give isl_set *at_least(const struct frame *frame, const struct node *left, const struct node *right,
                             int offset);
/* The points where a condition holds (negated: does not hold); NULL when that is not affine. Where only one
 * half of a conjunction is, the points where that half holds, and exact becomes false. */
__isl_give isl_set *condition_set(const struct frame *frame, const struct node *node, bool negated,
                                  bool *exact);
/* The set cut by another one; by NULL, which was not affine: the set itself, and exact becomes false. */
__isl_give isl_set *cut(__isl_take isl_set *set, __isl_take isl_set *by, bool *exact);
/* The set cut to name < limit (below) or name >= limit; min and max become several constraints. */
__isl_give isl_set *bound(const struct frame *frame, __isl_take isl_set *set, const char *name,
                          const struct node *limit, bool below, bool *exact);

#endif
