/* Arithmetic on whole tiles, one set of functions for each width of the host's vectors; all sets give the
 * same bits.
 *
 * A struct tile holds a tile as f32, row by row. Every tile that comes in or goes out is canonical: no
 * denormals, one NaN. Each element of a product is one f32 accumulator to which rounded products are added in
 * ascending k.
 */
#ifndef TILEC_SIM_TILE_ENGINE_H
#define TILEC_SIM_TILE_ENGINE_H

#include <stdint.h>

#include "support/scalar.h"

struct tile {
    _Alignas(64) float element[TILE_ELEMENTS];
};

/* Biased exponents of the elements of a tile but 0: of the least, of the greatest, 255 for infinities and
 * NaN. Nothing but 0: 255 and 0. Bits of denormals that were made 0 may count as an exponent of 0. */
struct tile_range {
    uint8_t least, most;
};

/* Is every product of an element of the one with an element of the other exact in f32, where both have at
 * most 12 significant bits, as bf16 and TF32 do? Their product has at most 24, so it need only be in reach:
 * not below 2^-126, and below 2^128. What is infinite or NaN is so however it is rounded. */
static inline bool tile_products_are_exact(struct tile_range a, struct tile_range b) {
    return a.least + b.least >= 128 && a.most + b.most <= 380;
}

enum vector_binary {
    BINARY_OF_FUNCTIONS_BEGIN = -1, /* so that the rows of functions.def count from 0 */
#define BINARY_FUNCTION(name, tolerance, slope) VECTOR_FUNCTION_##name,
#include "support/functions.def"
    VECTOR_ADD,
    VECTOR_SUB,
    VECTOR_MUL,
    VECTOR_DIV,
    VECTOR_EQ,
    VECTOR_NE,
    VECTOR_LT,
    VECTOR_LE,
    VECTOR_GT,
    VECTOR_GE,
    VECTOR_BINARY_COUNT
};

enum vector_unary {
    UNARY_OF_FUNCTIONS_BEGIN = -1,
#define UNARY_FUNCTION(name, tolerance, slope) VECTOR_UNARY_##name,
#include "support/functions.def"
    VECTOR_UNARY_COUNT
};

struct tile_engine {
    const char *name;
    /* c += a b */
    void (*multiply)(const struct tile *a, const struct tile *b, struct tile *c);
    /* The same bits where tile_products_are_exact: then a fused multiply-add rounds as a product and a sum.
     */
    void (*multiply_exact)(const struct tile *a, const struct tile *b, struct tile *c);
    /* From storage order: bf16; f32 cut to TF32; f32 whole. */
    struct tile_range (*widen_bf16)(const uint8_t *bytes, struct tile *out);
    struct tile_range (*widen_tf32)(const uint8_t *bytes, struct tile *out);
    struct tile_range (*widen_f32)(const uint8_t *bytes, struct tile *out);
    /* To storage order. */
    void (*narrow_bf16)(const struct tile *in, uint8_t *bytes);
    void (*narrow_f32)(const struct tile *in, uint8_t *bytes); /* also moves 32-bit integers, bit for bit */
    void (*round_bf16)(struct tile *tile);                     /* values stay f32 */
    void (*transpose)(const struct tile *in, struct tile *out);
    /* out[0][j] = out[0][j] + in[0][j] w[0] + in[1][j] w[1] ...: for sums along columns; and the maximum. */
    void (*add_rows)(const struct tile *in, const float *weights, float *out);
    void (*max_rows)(const struct tile *in, float *out);
    void (*unary[VECTOR_UNARY_COUNT])(struct tile *tile);
    /* out may be a or b */
    void (*binary[VECTOR_BINARY_COUNT])(const struct tile *a, const struct tile *b, struct tile *out);
    /* The condition holds where a bit of it is set. */
    void (*select)(const struct tile *condition, const struct tile *a, const struct tile *b,
                   struct tile *out);
};

/* The widest set that this processor has. */
const struct tile_engine *tile_engine_best(void);
/* All sets that this processor has, NULL from the end on: for tests. */
const struct tile_engine *tile_engine_at(unsigned index);

#endif
