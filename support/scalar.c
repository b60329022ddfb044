/* Scalar functions of the language by name, formats of data by size, and the slopes that carry errors. */
#include "support/scalar.h"

static const struct {
    const char *name;
    uint32_t tile_bytes, element_bytes;
} formats[FORMAT_COUNT] = {
    [FORMAT_BF16] = {"bf16", 2048, 2}, [FORMAT_F32] = {"f32", 4096, 4},  [FORMAT_U8] = {"u8", 1024, 1},
    [FORMAT_U16] = {"u16", 2048, 2},   [FORMAT_U32] = {"u32", 4096, 4},  [FORMAT_I32] = {"i32", 4096, 4},
    [FORMAT_BFP8] = {"bfp8", 1088, 0}, [FORMAT_BFP4] = {"bfp4", 576, 0},
};

const char *data_format_name(enum data_format format) {
    return formats[format].name;
}

uint32_t data_format_tile_bytes(enum data_format format) {
    return formats[format].tile_bytes;
}

uint32_t data_format_element_bytes(enum data_format format) {
    return formats[format].element_bytes;
}

/* 2 / pi: 64 bits before the binary point, and as many behind it as the largest double asks for. */
static const uint32_t two_over_pi[] = {
    0,          0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041,
    0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e,
    0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b,
    0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d,
    0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab};
enum { LIMBS = 6 };

/* Of the product of a whole number m and 192 bits of 2 / pi: its last 192 bits, the lowest limb first. */
static void multiply_limbs(uint64_t m, const uint32_t bits[LIMBS], uint32_t product[LIMBS]) {
    memset(product, 0, LIMBS * sizeof *product);
    for (int j = 0; j < 2; ++j) {
        uint64_t factor = j == 0 ? m & 0xffffffffu : m >> 32, carry = 0;
        for (int i = 0; i + j < LIMBS; ++i) {
            uint64_t sum = factor * bits[i] + product[i + j] + carry;
            product[i + j] = (uint32_t)sum;
            carry = sum >> 32;
        }
    }
}

/* By Payne and Hanek: |x| = m 2^e with whole m; bits of 2 / pi that give multiples of 4 quadrants are left out, and behind the binary
 * point of the quotient 190 bits are kept. */
double angle_reduce(double x, unsigned *quadrant) {
    uint64_t magnitude = f64_bits(x) & 0x7fffffffffffffffu;
    unsigned exponent = (unsigned)(magnitude >> 52);
    *quadrant = 0;
    if (exponent < 1022) /* below 1/2 */
        return f64_from_bits(magnitude);
    if (exponent == 2047)
        return f64_from_bits(0x7ff8000000000000u);
    unsigned first = exponent - 1075 + 62, shift = first % 32;
    uint32_t bits[LIMBS], product[LIMBS];
    for (unsigned i = 0; i < LIMBS; ++i) {
        const uint32_t *word = &two_over_pi[first / 32 + i];
        bits[LIMBS - 1 - i] = (uint32_t)((((uint64_t)word[0] << 32 | word[1]) << shift) >> 32);
    }
    multiply_limbs((magnitude & 0x000fffffffffffffu) | 0x0010000000000000u, bits, product);
    /* The quadrant is rounded to nearest: what is left is negative where its first bit is set. */
    *quadrant = ((product[LIMBS - 1] >> 29) + 1) >> 1 & 3u;
    bool negative = product[LIMBS - 1] >> 29 & 1u;
    double quotient = 0.0;
    for (int i = LIMBS - 1; i >= 0; --i) {
        uint32_t limb = negative ? ~product[i] : product[i]; /* less 2^-190 */
        quotient = quotient * 4294967296.0 + (i == LIMBS - 1 ? limb & 0x1fffffffu : limb);
    }
    double angle = quotient * f64_from_bits((uint64_t)(1023 - 190) << 52) * 1.57079632679489661923;
    return negative ? -angle : angle;
}

static double infinity_value(void) {
    return f64_from_bits(0x7ff0000000000000u);
}

double slope_exp(double a, double e) {
    return elementary_exp(a + e);
}

double slope_log(double a, double e) {
    return a - e > 0.0 ? 1.0 / (a - e) : infinity_value();
}

double slope_sqrt(double a, double e) {
    return a - e > 0.0 ? 0.5 / elementary_sqrt(a - e) : infinity_value();
}

double slope_rsqrt(double a, double e) {
    return a - e > 0.0 ? 0.5 / ((a - e) * elementary_sqrt(a - e)) : infinity_value();
}

double slope_recip(double a, double e) {
    double least = elementary_abs(a) - e;
    return least > 0.0 ? 1.0 / (least * least) : infinity_value();
}

double slope_sigmoid(double a, double e) {
    (void)a, (void)e;
    return 0.25;
}

double slope_silu(double a, double e) {
    (void)a, (void)e;
    return 1.1; /* its maximum is 1.0998, near 2.4 */
}

double slope_softplus(double a, double e) {
    return elementary_sigmoid(a + e);
}

double slope_erf(double a, double e) {
    double least = elementary_abs(a) - e;
    return 1.12837916709551257390 * (least > 0.0 ? elementary_exp(-least * least) : 1.0);
}

double slope_square(double a, double e) {
    return 2.0 * (elementary_abs(a) + e);
}

double slope_exp2(double a, double e) {
    return 0.69314718055994530942 * elementary_exp2(a + e);
}

double slope_log1p(double a, double e) {
    return slope_log(1.0 + a, e);
}

double slope_cbrt(double a, double e) {
    double least = elementary_cbrt(elementary_abs(a) - e);
    return least > 0.0 ? 1.0 / (3.0 * least * least) : infinity_value();
}

double slope_tan(double a, double e) {
    double least = elementary_abs(elementary_cos(a)) - e;
    return least > 0.0 ? 1.0 / (least * least) : infinity_value();
}

/* Of asin and acos. */
double slope_asin(double a, double e) {
    double most = elementary_abs(a) + e;
    return most < 1.0 ? 1.0 / elementary_sqrt(1.0 - most * most) : infinity_value();
}

/* Of sinh, and no less than that of cosh. */
double slope_cosh(double a, double e) {
    return elementary_cosh(elementary_abs(a) + e);
}

double slope_acosh(double a, double e) {
    double least = a - e;
    return least > 1.0 ? 1.0 / elementary_sqrt(least * least - 1.0) : infinity_value();
}

double slope_atanh(double a, double e) {
    double most = elementary_abs(a) + e;
    return most < 1.0 ? 1.0 / (1.0 - most * most) : infinity_value();
}

/* Functions that are constant between one multiple of 1/2 and the next. */
double slope_step(double a, double e) {
    double least = 2.0 * (a - e), most = 2.0 * (a + e);
    bool even = elementary_floor(least) == elementary_floor(most) && elementary_floor(least) != least;
    return e == 0.0 || even ? 0.0 : infinity_value();
}

double slope_one(double a, double e) {
    (void)a, (void)e;
    return 1.0;
}

const struct language_function language_functions[] = {
#define UNARY_FUNCTION(name, tolerance, slope)                                                               \
    {#name, 1, {.unary = scalar_##name}, {.unary = elementary_##name}, tolerance, slope},
#define BINARY_FUNCTION(name, tolerance, slope)                                                              \
    {#name, 2, {.binary = scalar_##name}, {.binary = elementary_##name}, tolerance, slope},
#include "support/functions.def"
};

const size_t language_function_count = sizeof language_functions / sizeof language_functions[0];

const struct language_function *language_function_find(const char *name) {
    for (size_t i = 0; i < language_function_count; ++i) {
        if (strcmp(language_functions[i].name, name) == 0)
            return &language_functions[i];
    }
    return NULL;
}

bool function_keeps_values(const char *name) {
    const struct language_function *function = language_function_find(name);
    return function && function->tolerance == FUNCTION_EXACT;
}

/* ---- sums of the vector unit ---- */

static float sum2(float a, float b) {
    return f32_canonical(a + b);
}

static float sum4(const float *element, size_t step) {
    return sum2(sum2(sum2(element[3 * step], element[2 * step]), element[step]), element[0]);
}

static float sum_of_row(const float x[TILE_EDGE]) {
    float s[8];
    for (size_t j = 0; j < 8; j++) {
        const float pairs[4] = {x[2 * j], x[2 * j + 1], x[2 * j + 16], x[2 * j + 17]};
        s[j] = sum4(pairs, 1);
    }
    return sum2(sum2(sum2(s[0], s[4]), sum2(s[2], s[6])), sum2(sum2(s[1], s[5]), sum2(s[3], s[7])));
}

static float sum_of_column(const float x[TILE_EDGE]) {
    float t[4];
    for (size_t q = 0; q < 4; q++)
        t[q] = sum2(sum4(x + q, 4), sum4(x + FACE_EDGE + q, 4));
    return sum2(sum2(t[0], t[1]), sum2(t[2], t[3]));
}

float scalar_sum_of_line(const float element[TILE_EDGE], bool along_row) {
    return along_row ? sum_of_row(element) : sum_of_column(element);
}
