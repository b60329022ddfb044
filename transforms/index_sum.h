/* Sums of products in a normal form, of sizes and loop variables: b * (M + 1) + i - b is b * M + i. What is neither a sum nor
 * a product, as p / 2, is taken as it stands. Two sums that differ in spelling alone are equal.
 */
#ifndef TILEC_TRANSFORMS_INDEX_SUM_H
#define TILEC_TRANSFORMS_INDEX_SUM_H

#include "ir/ir.h"

enum { SUM_TERMS = 32, SUM_FACTORS = 8 };

struct index_term {
    int64_t times;
    struct node *factors[SUM_FACTORS]; /* no literals; in the order of their texts */
    size_t count;                      /* 0: the constant */
};

struct index_sum {
    struct index_term terms[SUM_TERMS]; /* no two of the same factors, none that is 0 times */
    size_t count;
};

/* False: it has too many terms or factors. */
bool index_sum_of(struct arena *arena, struct node *expression, struct index_sum *sum);
struct node *index_sum_node(struct arena *arena, const struct index_sum *sum);
/* The expression written out by its normal form. */
struct node *index_tidied(struct arena *arena, struct node *expression);
bool index_equal(struct arena *arena, struct node *a, struct node *b);
/* Takes out the terms with the name as a factor: what it is multiplied by. False: the sum is not linear in it. */
bool index_sum_take(struct arena *arena, struct index_sum *sum, const char *name, struct node **times);
/* A quotient or remainder by a number, which floors, of what may fall below 0, as one of what may not: with q = d - 1,
 * (a - b) / d is (a + q * b) / d - b, and (a - b) % d is (a + q * b) % d. Any other node as it is. */
struct node *index_lifted(struct arena *arena, struct node *node);

#endif
