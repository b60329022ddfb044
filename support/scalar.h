/* The scalar definitions of the device: number formats, rounding, and the elementary functions.
 *
 * The embedded device and the IR evaluator share this file and nothing else, so every definition is exact and
 * the same on each processor: plain IEEE single and double operations, no libm, no contraction
 * (-ffp-contract=off). Denormals of f32, as operands and as results, are +0; any NaN is 0x7fc00000 (0x7fc0 in
 * bf16). A scalar_* function works on f32; an elementary_* function is its double-precision model without
 * rounding to f32 and without flushing.
 */
#ifndef TILEC_SUPPORT_SCALAR_H
#define TILEC_SUPPORT_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum data_format {
    FORMAT_BF16,
    FORMAT_F32,
    FORMAT_U8,
    FORMAT_U16,
    FORMAT_U32,
    FORMAT_I32,
    FORMAT_BFP8, /* 64 shared exponents, then sign and 7 bits for each element */
    FORMAT_BFP4, /* 64 shared exponents, then sign and 3 bits for each element */
    FORMAT_COUNT
};

#define TILE_EDGE 32
#define TILE_ELEMENTS 1024
#define FACE_EDGE 16

/* The name in the language ("bf16"). */
const char *data_format_name(enum data_format format);
/* Bytes of one 32x32 tile. */
uint32_t data_format_tile_bytes(enum data_format format);
/* Bytes of one element; 0 for the formats with a shared exponent. */
uint32_t data_format_element_bytes(enum data_format format);
static inline bool data_format_is_integer(enum data_format format) {
    return format == FORMAT_U8 || format == FORMAT_U16 || format == FORMAT_U32 || format == FORMAT_I32;
}

static inline uint32_t f32_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float f32_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t f64_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double f64_from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Denormals become +0 and NaN becomes 0x7fc00000; everything else, -0 too, stays. */
static inline uint32_t f32_canonical_bits(uint32_t bits) {
    uint32_t magnitude = bits & 0x7fffffffu;
    uint32_t flushed = magnitude - 1u < 0x007fffffu ? 0u : bits;
    return magnitude > 0x7f800000u ? 0x7fc00000u : flushed;
}

static inline float f32_canonical(float value) {
    return f32_from_bits(f32_canonical_bits(f32_bits(value)));
}

/* The value of a bf16 as an operand: canonical. */
static inline float f32_from_bf16(uint16_t bits) {
    return f32_from_bits(f32_canonical_bits((uint32_t)bits << 16));
}

/* Rounds to nearest, ties to even; overflow gives an infinity. Denormals become +0 first. */
static inline uint16_t bf16_from_f32(float value) {
    uint32_t bits = f32_canonical_bits(f32_bits(value));
    uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded >> 16);
}

/* What SrcA and SrcB hold of an f32: the 13 low bits are dropped. Canonical. */
static inline float tf32_from_f32(float value) {
    return f32_from_bits(f32_canonical_bits(f32_bits(value)) & 0xffffe000u);
}

/* Position of element (row, column) of a tile in its storage order: four 16x16 faces, each row by row. */
static inline uint32_t tile_element_index(uint32_t row, uint32_t column) {
    return (row / FACE_EDGE * 2 + column / FACE_EDGE) * 256 + row % FACE_EDGE * FACE_EDGE +
           column % FACE_EDGE;
}

static inline float scalar_add(float a, float b) {
    return f32_canonical(f32_canonical(a) + f32_canonical(b));
}

static inline float scalar_sub(float a, float b) {
    return f32_canonical(f32_canonical(a) - f32_canonical(b));
}

static inline float scalar_mul(float a, float b) {
    return f32_canonical(f32_canonical(a) * f32_canonical(b));
}

static inline float scalar_div(float a, float b) {
    return f32_canonical(f32_canonical(a) / f32_canonical(b));
}

/* The quotient of two i32, floored, and what it leaves, of the sign of b; b is not 0. The least number by -1 wraps. */
static inline uint32_t whole_remainder(uint32_t a, uint32_t b) {
    int64_t rest = (int64_t)(int32_t)a % (int32_t)b;
    return (uint32_t)(rest != 0 && (rest < 0) != ((int32_t)b < 0) ? rest + (int32_t)b : rest);
}

static inline uint32_t whole_quotient(uint32_t a, uint32_t b) {
    int64_t quotient = (int64_t)(int32_t)a / (int32_t)b, rest = (int64_t)(int32_t)a % (int32_t)b;
    return (uint32_t)(quotient - (rest != 0 && (rest < 0) != ((int32_t)b < 0)));
}

/* A float as a whole number in least..most: cut toward zero, clamped; NaN is 0. */
static inline int64_t whole_from_float(double value, int64_t least, int64_t most) {
    return value != value           ? 0
           : value <= (double)least ? least
           : value >= (double)most  ? most
                                    : (int64_t)value;
}

/* Threefry-2x32, a counter-based generator (Salmon, Moraes, Dror, Shaw: Parallel random numbers, 2011), of 20 rounds. */
enum { THREEFRY_ROUNDS = 20, THREEFRY_ROTATIONS = 8, THREEFRY_PARITY = 0x1bd11bda };
static const unsigned char threefry_rotations[THREEFRY_ROTATIONS] = {13, 15, 26, 6, 17, 29, 16, 24};

static inline void threefry_2x32(const uint32_t key[2], const uint32_t counter[2], uint32_t out[2]) {
    const uint32_t keys[3] = {key[0], key[1], (uint32_t)THREEFRY_PARITY ^ key[0] ^ key[1]};
    uint32_t x0 = counter[0] + keys[0], x1 = counter[1] + keys[1];
    for (uint32_t round = 0; round < THREEFRY_ROUNDS; round++) {
        uint32_t rotation = threefry_rotations[round % THREEFRY_ROTATIONS], group = (round + 1) / 4;
        x0 += x1;
        x1 = (x1 << rotation | x1 >> (32 - rotation)) ^ x0;
        if (round % 4 == 3) {
            x0 += keys[group % 3];
            x1 += keys[(group + 1) % 3] + group;
        }
    }
    out[0] = x0;
    out[1] = x1;
}

/* random(seed, index) of the language. */
static inline uint32_t random_word(uint32_t seed, uint32_t index) {
    uint32_t words[2];
    threefry_2x32((const uint32_t[]){seed, 0}, (const uint32_t[]){index, 0}, words);
    return words[0];
}

/* The bits of yes or of no: a choice that compilers turn into vector code. */
static inline uint32_t choose32(int condition, uint32_t yes, uint32_t no) {
    uint32_t mask = 0u - (uint32_t)condition;
    return (yes & mask) | (no & ~mask);
}

static inline double choose64(int condition, double yes, double no) {
    uint64_t mask = 0u - (uint64_t)condition;
    return f64_from_bits((f64_bits(yes) & mask) | (f64_bits(no) & ~mask));
}

/* The sum of the 32 elements of a row or column of a tile as the vector unit makes it: a fixed tree, of plain additions
 * whose results are canonical. (Down the columns the chips differ in the order of their last two additions; this is
 * the order of Wormhole.) */
float scalar_sum_of_line(const float element[TILE_EDGE], bool along_row);

/* NaN if either operand is; max(-0, +0) is +0, min(-0, +0) is -0. */
static inline float scalar_max(float a, float b) {
    float x = f32_canonical(a), y = f32_canonical(b);
    uint32_t greater = choose32(x > y, f32_bits(x), f32_bits(y));
    uint32_t ordered = choose32(x == y, f32_bits(x) & f32_bits(y), greater);
    return f32_from_bits(choose32((x != x) | (y != y), 0x7fc00000u, ordered));
}

static inline float scalar_min(float a, float b) {
    float x = f32_canonical(a), y = f32_canonical(b);
    uint32_t lesser = choose32(x < y, f32_bits(x), f32_bits(y));
    uint32_t ordered = choose32(x == y, f32_bits(x) | f32_bits(y), lesser);
    return f32_from_bits(choose32((x != x) | (y != y), 0x7fc00000u, ordered));
}

/* Double-precision models, relative error below 2^-46; infinities, NaN and overflow as in mathematics. They
 * have no branches (nor || and &&), so that a loop over a tile can use vectors.
 */
static inline double elementary_exp(double x) {
    /* x = n ln 2 + r, |r| <= ln 2 / 2; adding and subtracting 1.5 * 2^52 rounds to an integer. */
    const double shift = 6755399441055744.0;
    double clamped = x < -708.0 ? -708.0 : x;
    clamped = clamped > 709.5 ? 709.5 : clamped;
    clamped = clamped == clamped ? clamped : 0.0;
    double shifted = clamped * 1.44269504088896340736 + shift;
    double n = shifted - shift;
    double r = (clamped - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
    double p = 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    /* The low bits of shifted hold n; 2^(n-1) is built from them, since n may be 1024. */
    double scale = f64_from_bits(((f64_bits(shifted) + 1022u) & 0x7ffu) << 52);
    double result = p * scale * 2.0;
    result = x < -708.0 ? 0.0 : result;
    result = x > 709.5 ? f64_from_bits(0x7ff0000000000000u) : result;
    return x == x ? result : x;
}

/* artanh(s) / s = 1 + z / 3 + z^2 / 5 + ... with z = s^2: p is what its terms from z^10 / 21 on are, over z^10. */
static inline double artanh_series(double z, double p) {
    p = p * z + 1.0 / 19.0;
    p = p * z + 1.0 / 17.0;
    p = p * z + 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    return p * z + 1.0;
}

static inline double elementary_log(double x) {
    /* x = 2^e m with m in [sqrt 1/2, sqrt 2); log m = 2 artanh s, s = (m - 1) / (m + 1), |s| < 0.1716. */
    uint64_t bits = f64_bits(x);
    uint64_t high = (bits & 0x000fffffffffffffu) > 0x0006a09e667f3bccu ? 1u : 0u;
    double m = f64_from_bits((bits & 0x000fffffffffffffu) | ((1023u - high) << 52));
    /* The exponent as a double: its bits beneath those of 2^52. */
    double e = f64_from_bits(0x4330000000000000u | (((bits >> 52) & 0x7ffu) + high)) - 4503599627371519.0;
    double s = (m - 1.0) / (m + 1.0);
    double z = s * s;
    double p = artanh_series(z, 1.0 / 21.0);
    double result = e * 6.93147180559945309417e-01 + 2.0 * s * p;
    result = choose64(x == 0.0, f64_from_bits(0xfff0000000000000u), result);
    result = choose64((x < 0.0) | (x != x), f64_from_bits(0x7ff8000000000000u), result);
    return choose64(x == f64_from_bits(0x7ff0000000000000u), x, result);
}

static inline double elementary_sqrt(double x) {
    return __builtin_sqrt(x); /* one instruction under -fno-math-errno */
}

static inline double elementary_rsqrt(double x) {
    return 1.0 / __builtin_sqrt(x);
}

static inline double elementary_recip(double x) {
    return 1.0 / x;
}

static inline double elementary_sigmoid(double x) {
    return 1.0 / (1.0 + elementary_exp(-x));
}

/* x sigmoid(x), negative below 0: far down, and at minus infinity, it is -0. */
static inline double elementary_silu(double x) {
    double result = x / (1.0 + elementary_exp(-x));
    return x < -700.0 ? -0.0 : result;
}

static inline double elementary_tanh(double x) {
    double magnitude = x < 0.0 ? -x : x;
    double bounded = magnitude > 20.0 ? 20.0 : magnitude;
    double t = elementary_exp(2.0 * bounded);
    double large = (t - 1.0) / (t + 1.0);
    double z = x * x;
    double p = 62.0 / 2835.0;
    p = p * z - 17.0 / 315.0;
    p = p * z + 2.0 / 15.0;
    p = p * z - 1.0 / 3.0;
    double small = magnitude + magnitude * z * p;
    double result = magnitude < 0.02 ? small : large;
    return x < 0.0 ? -result : x == 0.0 ? x : result;
}

/* log(1 + e^x) = max(x, 0) + log(1 + t) with t = e^-|x|; log(1 + t) = 2 artanh s, s = t / (2 + t) <= 1/3. */
static inline double elementary_softplus(double x) {
    double magnitude = f64_from_bits(f64_bits(x) & 0x7fffffffffffffffu);
    double t = elementary_exp(-magnitude);
    double s = t / (2.0 + t), z = s * s;
    double p = 1.0 / 33.0;
    p = p * z + 1.0 / 31.0;
    p = p * z + 1.0 / 29.0;
    p = p * z + 1.0 / 27.0;
    p = p * z + 1.0 / 25.0;
    p = p * z + 1.0 / 23.0;
    p = artanh_series(z, p * z + 1.0 / 21.0);
    return (x > 0.0 ? x : 0.0) + 2.0 * s * p;
}

/* Below 1 by its series; above, 1 - e^(-x^2) q(t), where q, in t = (x - 2.5) / (x + 2.5), meets e^(x^2) erfc(x) on [1, 6]
 * within 2^-51. Beyond 6 it is 1. */
static inline double elementary_erf(double x) {
    double magnitude = f64_from_bits(f64_bits(x) & 0x7fffffffffffffffu);
    double z = magnitude * magnitude;
    double p = 1.0 / 236887827111936000.0;
    p = p * z - 1.0 / 12449059983360000.0;
    p = p * z + 1.0 / 690452066304000.0;
    p = p * z - 1.0 / 40537905408000.0;
    p = p * z + 1.0 / 2528170444800.0;
    p = p * z - 1.0 / 168129561600.0;
    p = p * z + 1.0 / 11975040000.0;
    p = p * z - 1.0 / 918086400.0;
    p = p * z + 1.0 / 76204800.0;
    p = p * z - 1.0 / 6894720.0;
    p = p * z + 1.0 / 685440.0;
    p = p * z - 1.0 / 75600.0;
    p = p * z + 1.0 / 9360.0;
    p = p * z - 1.0 / 1320.0;
    p = p * z + 1.0 / 216.0;
    p = p * z - 1.0 / 42.0;
    p = p * z + 1.0 / 10.0;
    p = p * z - 1.0 / 3.0;
    p = p * z + 1.0;
    double below = magnitude * 1.12837916709551257390 * p; /* 2 / sqrt(pi) */
    double bounded = magnitude > 6.0 ? 6.0 : magnitude;
    double t = (bounded - 2.5) / (bounded + 2.5);
    double q = -2.0496613271656293e-06;
    q = q * t + 6.527899731555253e-06;
    q = q * t + 1.8500135323518246e-05;
    q = q * t - 3.394161989919106e-05;
    q = q * t - 0.00012885536297896856;
    q = q * t + 0.00022835195229831807;
    q = q * t + 0.0008759134194222215;
    q = q * t - 0.002642364228173744;
    q = q * t - 0.003993701073826426;
    q = q * t + 0.03992253902486248;
    q = q * t - 0.12503305238060552;
    q = q * t + 0.251713193218007;
    q = q * t - 0.37173673394896367;
    q = q * t + 0.2108063640611426;
    double above = 1.0 - elementary_exp(-bounded * bounded) * q;
    double result = choose64(magnitude < 1.0, below, above);
    return f64_from_bits(f64_bits(result) | (f64_bits(x) & 0x8000000000000000u));
}

/* |x| less the nearest multiple of pi / 2, of which the quadrant is the last two bits: exact to a double, however large x is. */
double angle_reduce(double x, unsigned *quadrant);

/* The sine and the cosine of an angle of at most pi / 4, by their series. */
static inline double sine_series(double angle) {
    double z = angle * angle;
    double sine = 1.0 / 355687428096000.0;
    sine = sine * z - 1.0 / 1307674368000.0;
    sine = sine * z + 1.0 / 6227020800.0;
    sine = sine * z - 1.0 / 39916800.0;
    sine = sine * z + 1.0 / 362880.0;
    sine = sine * z - 1.0 / 5040.0;
    sine = sine * z + 1.0 / 120.0;
    sine = sine * z - 1.0 / 6.0;
    return angle + angle * z * sine;
}

static inline double cosine_series(double angle) {
    double z = angle * angle;
    double cosine = 1.0 / 20922789888000.0;
    cosine = cosine * z - 1.0 / 87178291200.0;
    cosine = cosine * z + 1.0 / 479001600.0;
    cosine = cosine * z - 1.0 / 3628800.0;
    cosine = cosine * z + 1.0 / 40320.0;
    cosine = cosine * z - 1.0 / 720.0;
    cosine = cosine * z + 1.0 / 24.0;
    cosine = cosine * z - 1.0 / 2.0;
    return cosine * z + 1.0;
}

/* The sine of an angle and that many quadrants. */
static inline double sine_in_quadrant(double angle, unsigned quadrant) {
    double result = quadrant & 1u ? cosine_series(angle) : sine_series(angle);
    return f64_from_bits(f64_bits(result) ^ (uint64_t)(quadrant >> 1 & 1u) << 63);
}

/* The sign of `sign` on a number that has none, or the product of both signs. */
static inline double with_sign(double x, double sign) {
    return f64_from_bits(f64_bits(x) ^ (f64_bits(sign) & 0x8000000000000000u));
}

static inline double elementary_abs(double x) {
    return f64_from_bits(f64_bits(x) & 0x7fffffffffffffffu);
}

static inline double elementary_sin(double x) {
    unsigned quadrant;
    double angle = angle_reduce(x, &quadrant);
    return with_sign(sine_in_quadrant(angle, quadrant), x);
}

static inline double elementary_cos(double x) {
    unsigned quadrant;
    double angle = angle_reduce(x, &quadrant);
    return sine_in_quadrant(angle, quadrant + 1);
}

static inline double elementary_tan(double x) {
    unsigned quadrant;
    double angle = angle_reduce(x, &quadrant);
    return with_sign(sine_in_quadrant(angle, quadrant) / sine_in_quadrant(angle, quadrant + 1), x);
}

/* 2^x = 2^n e^(f log 2), n whole and |f| <= 1/2. */
static inline double elementary_exp2(double x) {
    const double shift = 6755399441055744.0;
    double clamped = x < -1000.0 ? -1000.0 : x;
    clamped = clamped > 1023.0 ? 1023.0 : clamped;
    clamped = clamped == clamped ? clamped : 0.0;
    double shifted = clamped + shift;
    double fraction = elementary_exp((clamped - (shifted - shift)) * 6.93147180559945309417e-01);
    double result = fraction * f64_from_bits(((f64_bits(shifted) + 1023u) & 0x7ffu) << 52);
    result = x < -1000.0 ? 0.0 : result;
    result = x > 1023.0 ? f64_from_bits(0x7ff0000000000000u) : result;
    return x == x ? result : x;
}

/* log(u) with u = 1 + x rounded, times x / (u - 1): what rounding took is put back. */
static inline double elementary_log1p(double x) {
    double u = 1.0 + x, result = elementary_log(u) * (x / (u - 1.0));
    result = choose64(u == f64_from_bits(0x7ff0000000000000u), u, result);
    return choose64(u == 1.0, x, result);
}

/* The cube root by e^(log |x| / 3) and a step of Newton's. */
static inline double elementary_cbrt(double x) {
    double magnitude = elementary_abs(x), root = elementary_exp(elementary_log(magnitude) / 3.0);
    root = root - (root - magnitude / (root * root)) / 3.0;
    root = choose64((magnitude == 0.0) | (magnitude == f64_from_bits(0x7ff0000000000000u)), magnitude, root);
    return with_sign(root, x);
}

/* Of the lesser of |x| and 1 / |x|, halved twice: at most pi / 16, by its series. */
static inline double elementary_atan(double x) {
    double magnitude = elementary_abs(x), inverse = 1.0 / magnitude;
    double t = magnitude > 1.0 ? inverse : magnitude;
    t = t / (1.0 + elementary_sqrt(1.0 + t * t));
    t = t / (1.0 + elementary_sqrt(1.0 + t * t));
    double z = t * t, p = -1.0 / 23.0;
    p = p * z + 1.0 / 21.0;
    p = p * z - 1.0 / 19.0;
    p = p * z + 1.0 / 17.0;
    p = p * z - 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z - 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z - 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z - 1.0 / 3.0;
    double angle = 4.0 * (t + t * z * p);
    return with_sign(magnitude > 1.0 ? 1.57079632679489661923 - angle : angle, x);
}

static inline double elementary_asin(double x) {
    return elementary_atan(x / elementary_sqrt((1.0 - x) * (1.0 + x)));
}

static inline double elementary_acos(double x) {
    return 2.0 * elementary_atan(elementary_sqrt((1.0 - x) / (1.0 + x)));
}

/* By its series x (1 + x / 2! + x^2 / 3! + ...) where e^x - 1 would cancel. */
static inline double elementary_expm1(double x) {
    double p = 1.0 / 87178291200.0;
    p = p * x + 1.0 / 6227020800.0;
    p = p * x + 1.0 / 479001600.0;
    p = p * x + 1.0 / 39916800.0;
    p = p * x + 1.0 / 3628800.0;
    p = p * x + 1.0 / 362880.0;
    p = p * x + 1.0 / 40320.0;
    p = p * x + 1.0 / 5040.0;
    p = p * x + 1.0 / 720.0;
    p = p * x + 1.0 / 120.0;
    p = p * x + 1.0 / 24.0;
    p = p * x + 1.0 / 6.0;
    p = p * x + 0.5;
    p = p * x + 1.0;
    return choose64((x > -0.4) & (x < 0.4), x * p, elementary_exp(x) - 1.0);
}

/* e^|x| / 2 as a product, which is finite wherever that is. */
static inline double half_exp(double magnitude) {
    double root = elementary_exp(0.5 * magnitude);
    return 0.5 * root * root;
}

static inline double elementary_sinh(double x) {
    double magnitude = elementary_abs(x), t = elementary_expm1(magnitude > 20.0 ? 20.0 : magnitude);
    double near = 0.5 * (t + t / (t + 1.0));
    return with_sign(magnitude > 20.0 ? half_exp(magnitude) : near, x);
}

static inline double elementary_cosh(double x) {
    double half = half_exp(elementary_abs(x));
    return half + 0.25 / half;
}

static inline double elementary_asinh(double x) {
    double magnitude = elementary_abs(x), z = magnitude * magnitude;
    double result = elementary_log1p(magnitude + z / (1.0 + elementary_sqrt(1.0 + z)));
    return with_sign(choose64(magnitude == f64_from_bits(0x7ff0000000000000u), magnitude, result), x);
}

static inline double elementary_acosh(double x) {
    double t = x - 1.0, result = elementary_log1p(t + elementary_sqrt(t * (t + 2.0)));
    return choose64(x < 1.0, f64_from_bits(0x7ff8000000000000u), result);
}

static inline double elementary_atanh(double x) {
    double magnitude = elementary_abs(x);
    return with_sign(0.5 * elementary_log1p(2.0 * magnitude / (1.0 - magnitude)), x);
}

/* To the nearest whole number, halves to even: a number of 2^52 has no fraction. -0 stays, here and below. */
static inline double elementary_round(double x) {
    const double whole = 4503599627370496.0;
    double magnitude = elementary_abs(x), rounded = (magnitude + whole) - whole;
    return with_sign(choose64(magnitude < whole, rounded, magnitude), x);
}

static inline double elementary_trunc(double x) {
    double magnitude = elementary_abs(x), rounded = elementary_round(magnitude);
    return with_sign(rounded - choose64(rounded > magnitude, 1.0, 0.0), x);
}

static inline double elementary_floor(double x) {
    double cut = elementary_trunc(x);
    return cut - choose64(cut > x, 1.0, 0.0);
}

static inline double elementary_ceil(double x) {
    return -elementary_floor(-x);
}

static inline double elementary_relu(double x) {
    return choose64((x > 0.0) | (x != x), x, 0.0);
}

static inline double elementary_neg(double x) {
    return -x;
}

static inline double elementary_square(double x) {
    return x * x;
}

static inline double elementary_max(double a, double b) {
    double larger = a > b || (a == b && f64_bits(a) >> 63 == 0) ? a : b;
    return a != a || b != b ? f64_from_bits(0x7ff8000000000000u) : larger;
}

static inline double elementary_min(double a, double b) {
    double smaller = a < b || (a == b && f64_bits(a) >> 63 != 0) ? a : b;
    return a != a || b != b ? f64_from_bits(0x7ff8000000000000u) : smaller;
}

/* The f32 functions: the double model of the canonical operand, rounded once, canonical. */
#define SCALAR_UNARY(name)                                                                                   \
    static inline float scalar_##name(float x) {                                                             \
        return f32_canonical((float)elementary_##name((double)f32_canonical(x)));                            \
    }
SCALAR_UNARY(exp)
SCALAR_UNARY(log)
SCALAR_UNARY(sqrt)
SCALAR_UNARY(rsqrt)
SCALAR_UNARY(recip)
SCALAR_UNARY(sigmoid)
SCALAR_UNARY(silu)
SCALAR_UNARY(tanh)
SCALAR_UNARY(softplus)
SCALAR_UNARY(erf)
SCALAR_UNARY(sin)
SCALAR_UNARY(expm1)
SCALAR_UNARY(exp2)
SCALAR_UNARY(log1p)
SCALAR_UNARY(cbrt)
SCALAR_UNARY(cos)
SCALAR_UNARY(tan)
SCALAR_UNARY(asin)
SCALAR_UNARY(acos)
SCALAR_UNARY(atan)
SCALAR_UNARY(sinh)
SCALAR_UNARY(cosh)
SCALAR_UNARY(asinh)
SCALAR_UNARY(acosh)
SCALAR_UNARY(atanh)
SCALAR_UNARY(round)
SCALAR_UNARY(trunc)
SCALAR_UNARY(floor)
SCALAR_UNARY(ceil)
SCALAR_UNARY(abs)
SCALAR_UNARY(neg)
SCALAR_UNARY(square)
#undef SCALAR_UNARY

/* As by the double model, of which f32 holds every result. */
static inline float scalar_relu(float x) {
    float operand = f32_canonical(x);
    return f32_from_bits(choose32((operand > 0.0f) | (operand != operand), f32_bits(operand), 0));
}

/* sup |f'| over [a - e, a + e], e >= 0: how far an error of the operand is carried. Infinite where f is not
 * differentiable there. Two-operand functions take the greater error of their operands: 1.
 */
double slope_exp(double a, double e);
double slope_log(double a, double e);
double slope_sqrt(double a, double e);
double slope_rsqrt(double a, double e);
double slope_recip(double a, double e);
double slope_sigmoid(double a, double e);
double slope_silu(double a, double e);
double slope_softplus(double a, double e);
double slope_erf(double a, double e);
double slope_square(double a, double e);
double slope_exp2(double a, double e);
double slope_log1p(double a, double e);
double slope_cbrt(double a, double e);
double slope_tan(double a, double e);
double slope_asin(double a, double e);
double slope_cosh(double a, double e);
double slope_acosh(double a, double e);
double slope_atanh(double a, double e);
double slope_step(double a, double e);
double slope_one(double a, double e);

/* The functions of the language, as a table of functions.def. */
struct language_function {
    const char *name;
    unsigned arity;
    union {
        float (*unary)(float);
        float (*binary)(float, float);
    } scalar;
    union {
        double (*unary)(double);
        double (*binary)(double, double);
    } elementary;
    int tolerance; /* v = 2^tolerance: what the device may add to |f(a)|; FUNCTION_EXACT, _WHOLE: nothing */
    double (*slope)(double a, double e);
};

#define FUNCTION_EXACT (-1000) /* the result is an operand, up to its sign */
#define FUNCTION_WHOLE (-999)  /* the result is a whole number */

extern const struct language_function language_functions[];
extern const size_t language_function_count;

/* NULL when there is none of that name. */
const struct language_function *language_function_find(const char *name);
/* Is the result one of the operands, up to its sign, in whatever format they have? */
bool function_keeps_values(const char *name);

#endif
