/* Scalar functions of the language by name, formats of data by size, and the slopes that carry errors. */
#include "support/scalar.h"

static const struct {
    const char *name;
    uint32_t tile_bytes, element_bytes;
} formats[FORMAT_COUNT] = {
    [FORMAT_BF16] = {"bf16", 2048, 2}, [FORMAT_F32] = {"f32", 4096, 4}, [FORMAT_U16] = {"u16", 2048, 2},
    [FORMAT_U32] = {"u32", 4096, 4},   [FORMAT_I32] = {"i32", 4096, 4}, [FORMAT_BFP8] = {"bfp8", 1088, 0},
    [FORMAT_BFP4] = {"bfp4", 576, 0},
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
