/* The evaluator: computes what loop and tile form say, in one of three number models with one code. It is the oracle of
 * the passes and of the embedded device, and shares with that device nothing but support/scalar.h.
 *
 *   MODEL_IDEAL   float64 without rounding; integers wrap. extra: the sum of absolute terms behind a value
 *   MODEL_DEVICE  f32 arithmetic, rounding at declared stores, TF32 operands of contractions and sums,
 *                 ascending order. The last tile form has the bits of the embedded device: it says what computes
 *                 what (fpu(...)), what is cut on its way to DST (tt.cb), and tile operations fold 32 terms at a
 *                 time, as the matrix unit does
 *   MODEL_BOUND   the ideal value, and in extra the bound E of its error on the device
 *
 * A literal is an f32 in every model. Whatever a kernel does, evaluation ends: with the outputs, or with a
 * reported, located fault.
 */
#ifndef TILEC_EVALUATE_H
#define TILEC_EVALUATE_H

#include "ir/ir.h"
#include "ir/launch.h"

enum number_model { MODEL_IDEAL, MODEL_DEVICE, MODEL_BOUND };

/* A tensor as a row-major array. Values of `in` tensors are already rounded to their type; integers are whole
 * numbers. */
struct tensor_values {
    const char *name;
    enum dtype dtype;
    size_t rank;
    uint64_t shape[TENSOR_RANK_LIMIT];
    double *values;
    double *extra; /* see the models. Of an input NULL, or (MODEL_BOUND) the error it comes with */
};

uint64_t tensor_elements(const struct tensor_values *tensor);

struct scalar_value {
    const char *name;
    double value;
};

struct evaluation_request {
    const struct node *kernel;
    enum number_model model;
    const struct tensor_values *inputs; /* every `in` and `inout` tensor, by name */
    size_t input_count;
    const struct scalar_value *scalars; /* by name; absent ones take their default */
    size_t scalar_count;
    const struct environment *sizes; /* sizes that are fixed beforehand; may be NULL */
    uint64_t steps;     /* statements and elements until the evaluation is given up; 0: 20 billion */
    double contraction; /* MODEL_BOUND: c of a contraction or sum; 0: K * 2^-23, the embedded device */
};

struct evaluation_result {
    struct tensor_values *outputs; /* `out` and `inout`, in parameter order */
    size_t count;
    bool given_up; /* of a fault: it is beyond what the evaluator can do, and says nothing of the kernel */
};

/* False after a reported fault. The result is in the arena. */
bool evaluate_kernel(struct arena *arena, struct diagnostics *diagnostics,
                     const struct evaluation_request *request, struct evaluation_result *result);

/* Two evaluations in MODEL_IDEAL agree when everywhere |a - b| <= 1e-10 * max(1, |a|, sums of absolute
 * terms), or both are NaN. NULL when they do, else a sentence that names the first element that differs. */
const char *evaluation_difference(struct arena *arena, const struct evaluation_result *a,
                                  const struct evaluation_result *b);
/* The same for bits: equal values, zeros of equal sign, NaN with NaN. */
const char *evaluation_bit_difference(struct arena *arena, const struct evaluation_result *a,
                                      const struct evaluation_result *b);
/* Does |value - ideal| <= E hold everywhere? bound: of MODEL_BOUND. NULL, or a sentence that names the worst
 * element. */
const char *evaluation_excess(struct arena *arena, const struct evaluation_result *values,
                              const struct evaluation_result *bound);

#endif
