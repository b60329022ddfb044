/* The scalar definitions against the C library, and the tile engines against the scalar definitions. */
#include "harness.h"

#include <math.h>
#include <stdlib.h>

#include "sim/tile_engine.h"
#include "support/architecture.h"
#include "support/block_format.h"
#include "support/scalar.h"

/* Rounding of every f32 whose low half is near a tie, and of the special values, by another method: in
 * double. */
START_TEST(bf16_rounds_to_nearest_even) {
    static const uint32_t low[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    for (uint32_t high = 0; high < 0x10000; ++high) {
        for (size_t i = 0; i < sizeof low / sizeof low[0]; ++i) {
            float value = f32_from_bits(high << 16 | low[i]);
            uint32_t result = bf16_from_f32(value);
            if (value != value) {
                ck_assert_uint_eq(result, 0x7fc0);
            } else if (fabsf(value) < 0x1p-126f) {
                ck_assert_uint_eq(result, value == 0.0f ? high : 0);
            } else if (!isinf(value)) {
                /* The two neighbours; the upper one may be the infinity, which stands for 2^128. */
                double below = (double)f32_from_bits(high << 16),
                       above = (double)f32_from_bits((high + 1) << 16);
                above = isinf(above) ? copysign(0x1p128, above) : above;
                double to_below = fabs((double)value - below), to_above = fabs(above - (double)value);
                bool up = to_above < to_below || (to_above == to_below && (high & 1));
                ck_assert_uint_eq(result, up ? high + 1 : high);
            } else {
                ck_assert_uint_eq(result, high);
            }
        }
    }
}
END_TEST

START_TEST(maxima_order_zeros_and_keep_nan) {
    float nan = f32_from_bits(0xffc12345), zero = 0.0f, negative_zero = -0.0f;
    ck_assert_uint_eq(f32_bits(scalar_max(negative_zero, zero)), 0);
    ck_assert_uint_eq(f32_bits(scalar_max(zero, negative_zero)), 0);
    ck_assert_uint_eq(f32_bits(scalar_min(zero, negative_zero)), 0x80000000);
    ck_assert_uint_eq(f32_bits(scalar_max(nan, 1.0f)), 0x7fc00000);
    ck_assert_uint_eq(f32_bits(scalar_min(1.0f, nan)), 0x7fc00000);
    ck_assert(scalar_max(-3.0f, 2.0f) == 2.0f && scalar_min(-3.0f, 2.0f) == -3.0f);
    ck_assert(scalar_max(-INFINITY, -1.0f) == -1.0f);
    ck_assert_uint_eq(f32_bits(scalar_relu(negative_zero)), 0);
    ck_assert_uint_eq(f32_bits(scalar_relu(nan)), 0x7fc00000);
}
END_TEST

START_TEST(every_element_has_a_place_in_the_tile) {
    bool seen[TILE_ELEMENTS] = {false};
    for (uint32_t row = 0; row < TILE_EDGE; ++row) {
        for (uint32_t column = 0; column < TILE_EDGE; ++column)
            seen[tile_element_index(row, column)] = true;
    }
    for (size_t i = 0; i < TILE_ELEMENTS; ++i)
        ck_assert(seen[i]);
    ck_assert_uint_eq(tile_element_index(0, 16), 256);
    ck_assert_uint_eq(tile_element_index(16, 0), 512);
    ck_assert_uint_eq(tile_element_index(17, 18), 512 + 256 + 16 + 2);
}
END_TEST

static double library_recip(double x) {
    return 1.0 / x;
}
static double library_rsqrt(double x) {
    return 1.0 / sqrt(x);
}
static double library_sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}
static double library_silu(double x) {
    return x < -700.0 ? 0.0 : x / (1.0 + exp(-x));
}
static double library_softplus(double x) {
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}
static double library_relu(double x) {
    return x > 0.0 ? x : 0.0;
}
static double library_neg(double x) {
    return -x;
}
static double library_square(double x) {
    return x * x;
}

static const struct {
    const char *name;
    double (*reference)(double);
} references[] = {{"exp", exp},
                  {"log", log},
                  {"sqrt", sqrt},
                  {"rsqrt", library_rsqrt},
                  {"recip", library_recip},
                  {"sigmoid", library_sigmoid},
                  {"silu", library_silu},
                  {"tanh", tanh},
                  {"softplus", library_softplus},
                  {"erf", erf},
                  {"sin", sin},
                  {"expm1", expm1},
                  {"exp2", exp2},
                  {"log1p", log1p},
                  {"cbrt", cbrt},
                  {"cos", cos},
                  {"tan", tan},
                  {"asin", asin},
                  {"acos", acos},
                  {"atan", atan},
                  {"sinh", sinh},
                  {"cosh", cosh},
                  {"asinh", asinh},
                  {"acosh", acosh},
                  {"atanh", atanh},
                  {"round", nearbyint},
                  {"trunc", trunc},
                  {"floor", floor},
                  {"ceil", ceil},
                  {"relu", library_relu},
                  {"abs", fabs},
                  {"neg", library_neg},
                  {"square", library_square}};

START_TEST(every_function_has_a_reference) {
    for (size_t i = 0; i < language_function_count; ++i) {
        bool found = language_functions[i].arity != 1;
        for (size_t j = 0; j < sizeof references / sizeof references[0]; ++j)
            found |= strcmp(references[j].name, language_functions[i].name) == 0;
        ck_assert_msg(found, "references lacks %s", language_functions[i].name);
    }
}
END_TEST

/* The double model is within 2^-46 of the library, the f32 function within half an ulp and a hair, over all
 * exponents. */
START_TEST(elementary_functions_are_as_exact_as_promised) {
    const struct language_function *f = language_function_find(references[_i].name);
    ck_assert_ptr_nonnull(f);
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 40009) {
        float x = f32_canonical(f32_from_bits((uint32_t)bits));
        if (x != x) {
            ck_assert_uint_eq(f32_bits(f->scalar.unary(x)), 0x7fc00000);
            continue;
        }
        double expected = references[_i].reference((double)x), model = f->elementary.unary((double)x);
        float result = f->scalar.unary(x);
        if (expected != expected) {
            ck_assert(model != model);
            ck_assert_uint_eq(f32_bits(result), 0x7fc00000);
            continue;
        }
        float rounded = f32_canonical((float)expected);
        if (!isinf(expected) && fabs(expected) > 1e-300)
            ck_assert_msg(fabs(model - expected) <= 0x1p-46 * fabs(expected),
                          "%s(%.9g) = %.17g, expected %.17g", f->name, (double)x, model, expected);
        bool near = isinf(rounded)
                        ? result == rounded
                        : fabs((double)result - expected) <= 0x1.0001p-24 * fabs(expected) + 0x1p-127;
        near = near || (fabs(expected) < 0x1p-126 && result == 0.0f);
        ck_assert_msg(near, "%s(%.9g) = %.9g, expected %.17g", f->name, (double)x, (double)result, expected);
    }
}
END_TEST

/* Slopes bound the change of the function over the interval. */
START_TEST(slopes_bound_the_change_of_functions) {
    static const double points[] = {-40.0, -3.0, -0.5, 0.0, 0.01, 0.7, 2.0, 9.0, 80.0};
    for (size_t i = 0; i < language_function_count; ++i) {
        const struct language_function *f = &language_functions[i];
        if (f->arity != 1)
            continue;
        for (size_t j = 0; j < sizeof points / sizeof points[0]; ++j) {
            for (double e = 0x1p-20; e < 1.0; e *= 4.0) {
                double a = points[j], middle = f->elementary.unary(a), slope = f->slope(a, e);
                for (double at = -1.0; at <= 1.0; at += 0.25) {
                    double change = fabs(f->elementary.unary(a + at * e) - middle);
                    ck_assert_msg(!(change > slope * e * (1.0 + 1e-9) + 1e-13 * fabs(middle)),
                                  "%s at %g +- %g", f->name, a, e);
                }
            }
        }
    }
    ck_assert_ptr_null(language_function_find("gamma"));
}
END_TEST

/* Any bits: the same in every engine, and as the scalar functions say. */
static uint32_t random_bits(void) {
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    uint32_t bits = (uint32_t)(state >> 32);
    switch ((state >> 20) % 8) {
    case 0: /* near one */
        return (bits & 0x80ffffff) | 0x3f000000;
    case 1: /* small integers */
        return f32_bits((float)((int)(bits % 64) - 32));
    case 2: /* denormal or zero */
        return bits & 0x80700000;
    case 3: /* infinite or NaN */
        return (bits & 0x80700000) | 0x7f800000;
    default:
        return bits;
    }
}

static void random_tile(struct tile *tile, uint32_t mask) {
    for (int i = 0; i < TILE_ELEMENTS; ++i)
        tile->element[i] = f32_from_bits(f32_canonical_bits(random_bits()) & mask);
}

static struct tile a, b, c, expected;

static void assert_tile(const struct tile_engine *engine, const char *what) {
    for (int i = 0; i < TILE_ELEMENTS; ++i)
        ck_assert_msg(f32_bits(c.element[i]) == f32_bits(expected.element[i]),
                      "%s, %s at %d: %08x, expected %08x", engine->name, what, i,
                      (unsigned)f32_bits(c.element[i]), (unsigned)f32_bits(expected.element[i]));
}

/* c + a b into expected: products and sums rounded one after another. */
static void expect_product(void) {
    for (int i = 0; i < TILE_EDGE; ++i) {
        for (int j = 0; j < TILE_EDGE; ++j) {
            float sum = c.element[i * TILE_EDGE + j];
            for (int k = 0; k < TILE_EDGE; ++k)
                sum += a.element[i * TILE_EDGE + k] * b.element[k * TILE_EDGE + j];
            expected.element[i * TILE_EDGE + j] = f32_canonical(sum);
        }
    }
}

static void check_products(const struct tile_engine *engine) {
    for (int repeat = 0; repeat < 20; ++repeat) {
        random_tile(&a, repeat % 2 ? 0xffff0000u : 0xffffe000u);
        random_tile(&b, repeat % 2 ? 0xffff0000u : 0xffffe000u);
        random_tile(&c, 0xffffffffu);
        expect_product();
        engine->multiply(&a, &b, &c);
        assert_tile(engine, "product");
    }
}

/* A TF32 with a biased exponent from least to most, or 0 (one in eight). */
static float random_value(uint32_t least, uint32_t most) {
    uint32_t bits = random_bits(), exponent = least + random_bits() % (most - least + 1);
    return f32_from_bits(bits % 8 == 0 ? 0 : (bits & 0x807fe000) | exponent << 23);
}

/* Ranges at the ends of what tile_products_are_exact allows, and c near the least products. */
static void check_exact_products(const struct tile_engine *engine) {
    static const struct {
        struct tile_range a, b, c;
        bool exact;
    } rows[] = {
        {{64, 80}, {64, 70}, {1, 30}, true},         {{1, 20}, {127, 130}, {1, 9}, true},
        {{63, 80}, {64, 70}, {1, 30}, false},        {{100, 190}, {100, 190}, {230, 254}, true},
        {{100, 191}, {100, 190}, {230, 254}, false}, {{120, 130}, {120, 130}, {120, 130}, true},
        {{120, 126}, {254, 254}, {250, 254}, true},  {{255, 0}, {1, 254}, {1, 254}, true},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; ++row) {
        ck_assert_int_eq(tile_products_are_exact(rows[row].a, rows[row].b), rows[row].exact);
        for (int i = 0; i < TILE_ELEMENTS; ++i) {
            bool zero = rows[row].a.least > rows[row].a.most;
            a.element[i] = zero ? 0.0f : random_value(rows[row].a.least, rows[row].a.most);
            b.element[i] = random_value(rows[row].b.least, rows[row].b.most);
            c.element[i] = random_value(rows[row].c.least, rows[row].c.most);
        }
        expect_product();
        engine->multiply_exact(&a, &b, &c);
        if (rows[row].exact)
            assert_tile(engine, "exact product");
    }
}

/* The range that a widened tile has: what was a denormal may count. */
static void check_range(const struct tile_engine *engine, struct tile_range range, bool denormals) {
    struct tile_range real = {255, 0};
    for (int i = 0; i < TILE_ELEMENTS; ++i) {
        uint8_t exponent = (uint8_t)(f32_bits(c.element[i]) >> 23);
        if (c.element[i] != 0.0f) {
            real.least = exponent < real.least ? exponent : real.least;
            real.most = exponent > real.most ? exponent : real.most;
        }
    }
    ck_assert_msg(range.most == real.most && range.least == (denormals ? 0 : real.least),
                  "%s: exponents from %u to %u, expected %u to %u", engine->name, range.least, range.most,
                  real.least, real.most);
}

/* Tiles of one kind of value each: a range is that of every element, wherever it stands. */
static void check_ranges(const struct tile_engine *engine) {
    static const struct {
        uint32_t common, odd; /* f32: of all elements but one, and of that one */
        bool denormal;
    } rows[] = {
        {0x3f800000, 0x40000000, false}, {0x3f800000, 0x3f000000, false}, {0, 0, false},
        {0, 0x80800000, false},          {0x80000000, 0x7f7f0000, false}, {0x3f800000, 0x00010000, true},
        {0, 0x807f0000, true},           {0x3f800000, 0xff800000, false}, {0x3f800000, 0x7f810000, false},
        {0x3f800000, 0, false},          {0x40490000, 0xffff0000, false},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; ++row) {
        for (size_t odd = 0; odd < TILE_ELEMENTS; odd += 1 + odd % 37) {
            uint8_t halves[2048], words[4096];
            for (size_t i = 0; i < TILE_ELEMENTS; ++i) {
                uint32_t bits = i == odd ? rows[row].odd : rows[row].common;
                uint16_t half = (uint16_t)(bits >> 16);
                memcpy(halves + i * 2, &half, 2);
                memcpy(words + i * 4, &bits, 4);
            }
            struct tile_range range = engine->widen_bf16(halves, &c);
            check_range(engine, range, rows[row].denormal);
            range = engine->widen_tf32(words, &c);
            check_range(engine, range, rows[row].denormal);
            range = engine->widen_f32(words, &c);
            check_range(engine, range, rows[row].denormal);
        }
    }
}

static void check_formats(const struct tile_engine *engine) {
    uint8_t bytes[4096], back[4096];
    for (int i = 0; i < 4096; i += 4) {
        uint32_t bits = random_bits();
        memcpy(bytes + i, &bits, 4);
    }
    for (uint32_t i = 0; i < TILE_ELEMENTS; ++i) {
        uint16_t half;
        memcpy(&half, bytes + tile_element_index(i / TILE_EDGE, i % TILE_EDGE) * 2, 2);
        expected.element[i] = f32_from_bf16(half);
    }
    engine->widen_bf16(bytes, &c);
    assert_tile(engine, "widen bf16");
    engine->narrow_bf16(&c, back);
    engine->widen_bf16(back, &c);
    assert_tile(engine, "narrow bf16");
    for (uint32_t i = 0; i < TILE_ELEMENTS; ++i) {
        float value;
        memcpy(&value, bytes + tile_element_index(i / TILE_EDGE, i % TILE_EDGE) * 4, 4);
        a.element[i] = f32_canonical(value);
        expected.element[i] = tf32_from_f32(value);
    }
    engine->widen_tf32(bytes, &c);
    assert_tile(engine, "widen TF32");
    engine->widen_f32(bytes, &c);
    expected = a;
    assert_tile(engine, "widen f32");
    for (int i = 0; i < TILE_ELEMENTS; ++i)
        expected.element[i] = f32_from_bf16(bf16_from_f32(a.element[i]));
    engine->round_bf16(&c);
    assert_tile(engine, "round bf16");
    engine->narrow_bf16(&a, back);
    engine->widen_bf16(back, &c);
    assert_tile(engine, "narrow rounds");
    engine->transpose(&a, &c);
    for (int i = 0; i < TILE_ELEMENTS; ++i)
        expected.element[i] = a.element[i % TILE_EDGE * TILE_EDGE + i / TILE_EDGE];
    assert_tile(engine, "transpose");
}

static void check_elementwise(const struct tile_engine *engine) {
    random_tile(&a, 0xffffffffu);
    random_tile(&b, 0xffffffffu);
    for (int i = 0; i < TILE_ELEMENTS; i += 5)
        b.element[i] = a.element[i];
#define UNARY_FUNCTION(name, tolerance, slope)                                                               \
    c = a;                                                                                                   \
    engine->unary[VECTOR_UNARY_##name](&c);                                                                  \
    for (int i = 0; i < TILE_ELEMENTS; ++i)                                                                  \
        expected.element[i] = scalar_##name(a.element[i]);                                                   \
    assert_tile(engine, #name);
#define CHECK_BINARY(which, name)                                                                            \
    engine->binary[which](&a, &b, &c);                                                                       \
    for (int i = 0; i < TILE_ELEMENTS; ++i)                                                                  \
        expected.element[i] = scalar_##name(a.element[i], b.element[i]);                                     \
    assert_tile(engine, #name);
#define BINARY_FUNCTION(name, tolerance, slope) CHECK_BINARY(VECTOR_FUNCTION_##name, name)
#include "support/functions.def"
    CHECK_BINARY(VECTOR_ADD, add)
    CHECK_BINARY(VECTOR_SUB, sub)
    CHECK_BINARY(VECTOR_MUL, mul)
    CHECK_BINARY(VECTOR_DIV, div)
}

static void check_reductions(const struct tile_engine *engine) {
    float sums[TILE_EDGE], most[TILE_EDGE], weights[TILE_EDGE];
    random_tile(&a, 0xffffe000u);
    memset(&c, 0, sizeof c);
    memset(&expected, 0, sizeof expected);
    for (int i = 0; i < TILE_EDGE; ++i) {
        weights[i] = i < 20 ? 0.75f : 0.0f;
        sums[i] = (float)i;
        most[i] = -INFINITY;
    }
    for (int i = 0; i < TILE_EDGE; ++i) {
        float sum = sums[i], greatest = most[i];
        for (int row = 0; row < TILE_EDGE; ++row) {
            sum += a.element[row * TILE_EDGE + i] * weights[row];
            greatest = scalar_max(greatest, a.element[row * TILE_EDGE + i]);
        }
        expected.element[i] = f32_canonical(sum);
        expected.element[TILE_EDGE + i] = greatest;
    }
    engine->add_rows(&a, weights, sums);
    engine->max_rows(&a, most);
    memcpy(c.element, sums, sizeof sums);
    memcpy(c.element + TILE_EDGE, most, sizeof most);
    assert_tile(engine, "reductions");
}

START_TEST(all_tile_engines_give_the_same_bits) {
    const struct tile_engine *engine;
    for (unsigned i = 0; (engine = tile_engine_at(i)) != NULL; ++i) {
        check_products(engine);
        check_exact_products(engine);
        check_ranges(engine);
        for (int repeat = 0; repeat < 10; ++repeat) {
            check_formats(engine);
            check_elementwise(engine);
            check_reductions(engine);
        }
    }
    ck_assert_ptr_eq(tile_engine_best(), tile_engine_at(0));
}
END_TEST

/* The vectors that its authors publish for 20 rounds (Random123, kat_vectors). */
/* Magnitudes are whole multiples of the unit that the greatest of 16 sets. */
START_TEST(blocks_share_an_exponent) {
    float values[TILE_ELEMENTS] = {1.0f, -0.5f, 1.99f, 0.0078125f, -0.0f, 0.023f, INFINITY * 0.0f};
    uint8_t bytes[1088];
    static const uint8_t signed_magnitudes[] = {64, 0x80 | 32, 127, 0, 0, 1, 0};
    block_encode(FORMAT_BFP8, values, bytes);
    ck_assert_uint_eq(bytes[0], 127);
    ck_assert_int_eq(memcmp(bytes + 64, signed_magnitudes, sizeof signed_magnitudes), 0);
    block_encode(FORMAT_BFP4, values, bytes);
    ck_assert_uint_eq(bytes[0], 127);
    ck_assert_uint_eq(bytes[64], (0x8 | 2) << 4 | 4); /* the first in the low half */
    ck_assert_uint_eq(bytes[65], 7);
    values[16] = INFINITY;
    values[17] = -3.0f;
    for (int format = FORMAT_BFP8; format <= FORMAT_BFP4; ++format) {
        float decoded[TILE_ELEMENTS], rounded[32];
        memcpy(rounded, values, sizeof rounded);
        block_round((enum data_format)format, rounded, 32);
        block_encode((enum data_format)format, values, bytes);
        block_decode((enum data_format)format, bytes, decoded);
        ck_assert_int_eq(memcmp(rounded, decoded, sizeof rounded), 0);
        ck_assert(decoded[16] > 0x1.bp127f && decoded[16] < INFINITY && decoded[17] == 0);
    }
}
END_TEST

/* Every value of a block format is one of its own: rounding it changes nothing. */
START_TEST(values_of_blocks_are_kept) {
    uint64_t state = 1;
    for (int trial = 0; trial < 1000; ++trial) {
        float values[FACE_EDGE], before[FACE_EDGE];
        for (int i = 0; i < FACE_EDGE; ++i) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            values[i] = f32_from_bits((uint32_t)(state >> 32) & 0x9fffffffu);
        }
        enum data_format format = trial % 2 ? FORMAT_BFP8 : FORMAT_BFP4;
        block_round(format, values, FACE_EDGE);
        memcpy(before, values, sizeof before);
        block_round(format, values, FACE_EDGE);
        ck_assert_int_eq(memcmp(before, values, sizeof before), 0);
        for (int i = 0; i < FACE_EDGE; ++i)
            ck_assert(f32_from_bf16(bf16_from_f32(values[i])) == values[i]);
    }
}
END_TEST

START_TEST(threefry_gives_the_published_words) {
    static const struct {
        uint32_t counter[2], key[2], out[2];
    } rows[] = {
        {{0, 0}, {0, 0}, {0x6b200159, 0x99ba4efe}},
        {{0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x1cb996fc, 0xbb002be7}},
        {{0x243f6a88, 0x85a308d3}, {0x13198a2e, 0x03707344}, {0xc4923a9c, 0x483df7a0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        uint32_t out[2];
        threefry_2x32(rows[i].key, rows[i].counter, out);
        ck_assert_uint_eq(out[0], rows[i].out[0]);
        ck_assert_uint_eq(out[1], rows[i].out[1]);
    }
    ck_assert_uint_eq(random_word(0, 0), 0x6b200159);
}
END_TEST

START_TEST(products_are_found_by_name_and_alias) {
    const struct architecture *wormhole = architecture_find("wormhole_b0"),
                              *blackhole = architecture_find("blackhole");
    uint32_t x, y;
    ck_assert_str_eq(wormhole->name, "n150");
    ck_assert_uint_eq(wormhole->grid_x * wormhole->grid_y, 64);
    ck_assert_str_eq(blackhole->name, "p150");
    ck_assert_uint_eq(blackhole->grid_x, 13);
    ck_assert_ptr_null(architecture_find("n160"));
    size_t count = 0;
    for (; architecture_name(count); ++count)
        ck_assert_ptr_nonnull(architecture_find(architecture_name(count)));
    ck_assert_uint_eq(count, 6);
    ck_assert(architecture_noc_coordinates(wormhole, 7, 7, &x, &y) && x == 25 && y == 25);
    ck_assert(architecture_noc_coordinates(blackhole, 7, 0, &x, &y) && x == 10 && y == 2);
    ck_assert(!architecture_noc_coordinates(wormhole, 8, 0, &x, &y));
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("scalar");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, bf16_rounds_to_nearest_even);
    tcase_add_test(tests, maxima_order_zeros_and_keep_nan);
    tcase_add_test(tests, every_element_has_a_place_in_the_tile);
    tcase_add_test(tests, every_function_has_a_reference);
    tcase_add_loop_test(tests, elementary_functions_are_as_exact_as_promised, 0,
                        (int)(sizeof references / sizeof references[0]));
    tcase_add_test(tests, slopes_bound_the_change_of_functions);
    tcase_add_test(tests, all_tile_engines_give_the_same_bits);
    tcase_add_test(tests, blocks_share_an_exponent);
    tcase_add_test(tests, values_of_blocks_are_kept);
    tcase_add_test(tests, threefry_gives_the_published_words);
    tcase_add_test(tests, products_are_found_by_name_and_alias);
    return harness_main("sim scalar", tests);
}
