/* Arithmetic of the three number models. extra is the sum of absolute terms (ideal), nothing (device), the
 * error bound (bound).
 */
#ifndef TILEC_EVALUATE_NUMBER_H
#define TILEC_EVALUATE_NUMBER_H

#include <math.h>

#include "evaluate/evaluate.h"
#include "support/scalar.h"

struct number {
    double value, extra;
};

#define UNIT 0x1p-23          /* u: one f32 operation */
#define DIVISION_UNIT 0x1p-20 /* v of a division */
#define FPU_UNIT 0x1p-10      /* an f32 operand of the FPU */

/* A place that nothing was written to: a signalling NaN that no operation makes. */
#define HOLE_BITS 0x7ff4deadbeef0001u

static inline struct number number_hole(void) {
    return (struct number){f64_from_bits(HOLE_BITS), 0};
}

static inline bool number_is_hole(struct number x) {
    return f64_bits(x.value) == HOLE_BITS;
}

/* Infinities and NaN are exact; a bound that is not a number says nothing. */
static inline struct number number_settle(struct number x) {
    if (!isfinite(x.value))
        x.extra = 0;
    else if (x.extra != x.extra)
        x.extra = (double)INFINITY;
    return x;
}

static inline struct number number_exact(enum number_model model, double value) {
    struct number x = {value, model == MODEL_IDEAL && isfinite(value) ? fabs(value) : 0};
    return x;
}

static inline struct number number_add(enum number_model model, struct number a, struct number b) {
    if (model == MODEL_DEVICE)
        return (struct number){(double)scalar_add((float)a.value, (float)b.value), 0};
    double value = a.value + b.value;
    return number_settle(
        (struct number){value, a.extra + b.extra + (model == MODEL_BOUND ? UNIT * fabs(value) : 0)});
}

static inline struct number number_negate(enum number_model model, struct number a) {
    return (struct number){model == MODEL_DEVICE ? (double)scalar_neg((float)a.value) : -a.value, a.extra};
}

static inline struct number number_subtract(enum number_model model, struct number a, struct number b) {
    if (model == MODEL_DEVICE)
        return (struct number){(double)scalar_sub((float)a.value, (float)b.value), 0};
    return number_add(model, a, (struct number){-b.value, b.extra});
}

static inline struct number number_multiply(enum number_model model, struct number a, struct number b) {
    if (model == MODEL_DEVICE)
        return (struct number){(double)scalar_mul((float)a.value, (float)b.value), 0};
    double value = a.value * b.value;
    if (model == MODEL_IDEAL)
        return number_settle((struct number){value, a.extra * b.extra});
    double error = fabs(a.value) * b.extra + fabs(b.value) * a.extra + a.extra * b.extra + UNIT * fabs(value);
    return number_settle((struct number){value, error});
}

struct number number_divide(enum number_model model, struct number a, struct number b);
struct number number_function(enum number_model model, const struct language_function *function,
                              struct number a);
struct number number_function_2(enum number_model model, const struct language_function *function,
                                struct number a, struct number b);
/* 1 or 0; extra in MODEL_BOUND: 1 when the device may decide otherwise. */
struct number number_compare(enum number_model model, enum binary_operator op, struct number a,
                             struct number b);
/* The chosen arm; under an uncertain condition with the error of having chosen the other. */
struct number number_select(enum number_model model, struct number condition, struct number then,
                            struct number otherwise);
/* What the FPU makes of an operand: bf16 as it is, f32 cut to TF32. */
struct number number_fpu(enum number_model model, bool narrow, struct number a);
/* A declared store. Floats round, integers wrap. */
struct number number_store(enum number_model model, enum dtype dtype, struct number a);

#endif
