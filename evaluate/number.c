/* Arithmetic on numbers with their error, term or nothing, by the model of the evaluation. */
#include "evaluate/number.h"

struct number number_divide(enum number_model model, struct number a, struct number b) {
    if (model == MODEL_DEVICE)
        return (struct number){(double)scalar_div((float)a.value, (float)b.value), 0};
    double value = a.value / b.value, size = fabs(b.value);
    if (model == MODEL_IDEAL)
        return number_settle(
            (struct number){value, a.extra / size + fabs(a.value) * b.extra / (size * size)});
    double error = DIVISION_UNIT * fabs(value);
    if (a.extra > 0 || b.extra > 0)
        error += b.extra < size ? (fabs(a.value) * b.extra + size * a.extra) / (size * (size - b.extra))
                                : (double)INFINITY;
    return number_settle((struct number){value, error});
}

struct number number_function(enum number_model model, const struct language_function *function,
                              struct number a) {
    if (model == MODEL_DEVICE)
        return (struct number){(double)function->scalar.unary((float)a.value), 0};
    double value = function->elementary.unary(a.value);
    double error = 0;
    if (a.extra > 0) {
        double slope = function->slope(a.value, model == MODEL_BOUND ? a.extra : 0);
        error = model == MODEL_BOUND || isfinite(slope) ? slope * a.extra : 0;
    }
    if (model == MODEL_IDEAL)
        error += fabs(value);
    else if (function->tolerance != FUNCTION_EXACT)
        error += ldexp(fabs(value), function->tolerance);
    return number_settle((struct number){value, error});
}

struct number number_function_2(enum number_model model, const struct language_function *function,
                                struct number a, struct number b) {
    if (model == MODEL_DEVICE)
        return (struct number){(double)function->scalar.binary((float)a.value, (float)b.value), 0};
    double value = function->elementary.binary(a.value, b.value),
           error = a.extra > b.extra ? a.extra : b.extra;
    if (model == MODEL_BOUND && function->tolerance != FUNCTION_EXACT)
        error += ldexp(fabs(value), function->tolerance);
    return number_settle((struct number){value, error});
}

static bool compare(enum binary_operator op, double a, double b) {
    switch (op) {
    case BINARY_EQUAL:
        return a == b;
    case BINARY_NOT_EQUAL:
        return a != b;
    case BINARY_LESS:
        return a < b;
    case BINARY_LESS_EQUAL:
        return a <= b;
    case BINARY_GREATER:
        return a > b;
    case BINARY_GREATER_EQUAL:
        return a >= b;
    default:
        return false;
    }
}

struct number number_compare(enum number_model model, enum binary_operator op, struct number a,
                             struct number b) {
    double error = a.extra + b.extra;
    bool uncertain = model == MODEL_BOUND && error > 0 && fabs(a.value - b.value) <= error;
    return (struct number){compare(op, a.value, b.value), uncertain ? 1 : 0};
}

struct number number_select(enum number_model model, struct number condition, struct number then,
                            struct number otherwise) {
    struct number chosen = condition.value != 0 ? then : otherwise;
    if (model != MODEL_BOUND || condition.extra == 0)
        return chosen;
    double error = then.extra > otherwise.extra ? then.extra : otherwise.extra;
    if (then.value != otherwise.value)
        error += fabs(then.value - otherwise.value);
    chosen.extra = error == error ? error : (double)INFINITY;
    return chosen;
}

struct number number_fpu(enum number_model model, bool narrow, struct number a) {
    if (model == MODEL_DEVICE)
        a.value = (double)tf32_from_f32((float)a.value);
    else if (model == MODEL_BOUND && !narrow)
        a.extra += FPU_UNIT * fabs(a.value);
    return number_settle(a);
}

/* Half a unit in the last place of a type with this many bits behind the point, over all values that the
 * error reaches; below the least normal number all may be lost. */
static struct number round_bound(struct number a, int fraction_bits) {
    double largest = fabs(a.value) + a.extra;
    int exponent;
    if (!isfinite(largest))
        return number_settle(a);
    double stored =
        fraction_bits == 7 ? (double)f32_from_bf16(bf16_from_f32((float)a.value)) : (double)(float)a.value;
    if (a.extra == 0 && stored == a.value)
        return a;
    frexp(largest, &exponent);
    double half = ldexp(1.0, exponent - 2 - fraction_bits);
    a.extra += largest == 0 ? 0 : half > 0x1p-126 || largest >= 0x1p-126 ? half : 0x1p-126;
    return a;
}

static double wrap(double value, uint64_t mask, bool is_signed) {
    if (!(value > -0x1p62 && value < 0x1p62))
        return 0;
    uint64_t bits = (uint64_t)(int64_t)value & mask;
    return is_signed ? (double)(int32_t)(uint32_t)bits : (double)bits;
}

struct number number_store(enum number_model model, enum dtype dtype, struct number a) {
    switch (dtype) {
    case DTYPE_BF16:
        if (model == MODEL_BOUND)
            return round_bound(a, 7);
        if (model == MODEL_DEVICE)
            a.value = (double)f32_from_bf16(bf16_from_f32((float)a.value));
        return a;
    case DTYPE_F32:
        if (model == MODEL_BOUND)
            return round_bound(a, 23);
        if (model == MODEL_DEVICE)
            a.value = (double)f32_canonical((float)a.value);
        return a;
    case DTYPE_U8:
        return (struct number){wrap(a.value, UINT8_MAX, false), 0};
    case DTYPE_U16:
        return (struct number){wrap(a.value, UINT16_MAX, false), 0};
    case DTYPE_U32:
        return (struct number){wrap(a.value, UINT32_MAX, false), 0};
    case DTYPE_I32:
        return (struct number){wrap(a.value, UINT32_MAX, true), 0};
    case DTYPE_BOOL:
        return (struct number){a.value != 0, 0};
    default:
        return a;
    }
}
