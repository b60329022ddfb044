/* Sums of products with whole coefficients, of atoms: numbers that are told apart by their index alone. products.c proves bounds
 * with them. A sum that has too many terms or factors, or leaves 64 bits, is lost, and so is all that is made of it.
 */
#ifndef TILEC_ANALYSIS_PRODUCT_SUM_H
#define TILEC_ANALYSIS_PRODUCT_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TERMS_LIMIT = 32, DEGREE_LIMIT = 7 };

struct product {
    int64_t times;
    uint8_t degree; /* 0: the constant */
    uint8_t atoms[DEGREE_LIMIT]; /* in ascending order */
};

struct product_sum {
    struct product terms[TERMS_LIMIT]; /* no two of the same atoms, none that is 0 times */
    size_t count;
    bool lost;
};

struct product_sum product_sum_number(int64_t value);
struct product_sum product_sum_atom(size_t atom);
/* left + times * right */
struct product_sum product_sum_add(const struct product_sum *left, const struct product_sum *right, int64_t times);
struct product_sum product_sum_multiply(const struct product_sum *left, const struct product_sum *right);
bool product_sum_equal(const struct product_sum *a, const struct product_sum *b);
bool product_sum_is_number(const struct product_sum *p, int64_t *value);

/* p == factor * atom + rest, with the atom in neither; false where it is there to a higher power. */
bool product_sum_take(const struct product_sum *p, size_t atom, struct product_sum *factor, struct product_sum *rest);
/* p == quotient * by + rest: the terms that the single term `by` divides, whose coefficient is positive, and the others. */
void product_sum_divide(const struct product_sum *p, const struct product *by, struct product_sum *quotient,
                       struct product_sum *rest);
/* Does the one divide the other, coefficients too? The quotient. */
bool product_divides(const struct product *by, const struct product *of, struct product *quotient);

#endif
