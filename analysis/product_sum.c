/* Arithmetic of sums of products. */
#include "analysis/product_sum.h"

#include <string.h>

static const struct product_sum lost = {.lost = true};

struct product_sum product_sum_number(int64_t value) {
    struct product_sum p = {.count = value != 0};
    p.terms[0].times = value;
    return p;
}

struct product_sum product_sum_atom(size_t atom) {
    struct product_sum p = {.count = 1};
    p.terms[0] = (struct product){.times = 1, .degree = 1, .atoms = {(uint8_t)atom}};
    return p;
}

static bool same_atoms(const struct product *a, const struct product *b) {
    return a->degree == b->degree && memcmp(a->atoms, b->atoms, a->degree) == 0;
}

static void add_term(struct product_sum *p, const struct product *term, int64_t times) {
    struct product scaled = *term;
    p->lost |= __builtin_mul_overflow(term->times, times, &scaled.times);
    for (size_t i = 0; i < p->count; i++) {
        if (!same_atoms(&p->terms[i], &scaled))
            continue;
        p->lost |= __builtin_add_overflow(p->terms[i].times, scaled.times, &p->terms[i].times);
        if (p->terms[i].times == 0)
            p->terms[i] = p->terms[--p->count];
        return;
    }
    if (scaled.times == 0)
        return;
    if (p->count == TERMS_LIMIT)
        p->lost = true;
    else
        p->terms[p->count++] = scaled;
}

struct product_sum product_sum_add(const struct product_sum *left, const struct product_sum *right, int64_t times) {
    struct product_sum sum = *left;
    sum.lost |= right->lost;
    for (size_t i = 0; i < right->count && !sum.lost; i++)
        add_term(&sum, &right->terms[i], times);
    return sum;
}

static bool multiply_terms(const struct product *a, const struct product *b, struct product *product) {
    if (a->degree + b->degree > DEGREE_LIMIT || __builtin_mul_overflow(a->times, b->times, &product->times))
        return false;
    product->degree = (uint8_t)(a->degree + b->degree);
    for (size_t i = 0, of_a = 0, of_b = 0; i < product->degree; i++) {
        bool first = of_b == b->degree || (of_a < a->degree && a->atoms[of_a] <= b->atoms[of_b]);
        product->atoms[i] = first ? a->atoms[of_a++] : b->atoms[of_b++];
    }
    return true;
}

struct product_sum product_sum_multiply(const struct product_sum *left, const struct product_sum *right) {
    struct product_sum product = {.lost = left->lost || right->lost};
    for (size_t i = 0; i < left->count && !product.lost; i++)
        for (size_t k = 0; k < right->count && !product.lost; k++) {
            struct product term = {0};
            if (!multiply_terms(&left->terms[i], &right->terms[k], &term))
                return lost;
            add_term(&product, &term, 1);
        }
    return product;
}

bool product_sum_equal(const struct product_sum *a, const struct product_sum *b) {
    struct product_sum difference = product_sum_add(a, b, -1);
    return !difference.lost && difference.count == 0;
}

bool product_sum_is_number(const struct product_sum *p, int64_t *value) {
    if (p->lost || p->count > 1 || (p->count && p->terms[0].degree))
        return false;
    *value = p->count ? p->terms[0].times : 0;
    return true;
}

bool product_sum_take(const struct product_sum *p, size_t atom, struct product_sum *factor, struct product_sum *rest) {
    *factor = *rest = (struct product_sum){.lost = p->lost};
    for (size_t i = 0; i < p->count; i++) {
        struct product term = p->terms[i];
        size_t at = 0, power = 0;
        for (size_t k = 0; k < term.degree; k++)
            if (term.atoms[k] == atom) {
                at = k;
                power++;
            }
        if (power > 1)
            return false;
        if (power) {
            memmove(&term.atoms[at], &term.atoms[at + 1], term.degree - at - 1);
            term.degree--;
        }
        add_term(power ? factor : rest, &term, 1);
    }
    return true;
}

bool product_divides(const struct product *by, const struct product *of, struct product *quotient) {
    *quotient = (struct product){.times = of->times / by->times};
    if (of->times % by->times != 0)
        return false;
    size_t k = 0;
    for (size_t i = 0; i < of->degree; i++) {
        if (k < by->degree && by->atoms[k] == of->atoms[i])
            k++;
        else
            quotient->atoms[quotient->degree++] = of->atoms[i];
    }
    return k == by->degree;
}

void product_sum_divide(const struct product_sum *p, const struct product *by, struct product_sum *quotient,
                       struct product_sum *rest) {
    *quotient = *rest = (struct product_sum){.lost = p->lost};
    for (size_t i = 0; i < p->count; i++) {
        struct product part;
        bool divides = product_divides(by, &p->terms[i], &part);
        add_term(divides ? quotient : rest, divides ? &part : &p->terms[i], 1);
    }
}
