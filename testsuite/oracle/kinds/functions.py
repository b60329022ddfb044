"""Functions that the language makes of others (grammar/library.def), on ordinary values and at the edges of their domains."""
import math
import re

import carried as c
import numpy as np
from kind import Array, Kernel
from threefry import threefry

SOURCE = "kernel k(X: {t}[M, N], Z: {t}[M, N]) -> Y: f32[M, N] {{\n    for i in M, j in N {{ Y[i, j] = {body}; }}\n}}\n"
SIZES = [dict(M=1, N=31), dict(M=33, N=64)]
EDGES = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 1e-30, -1e-30, 1e10, -1e10]
ULP = 2.0 ** -23

erf, erfc = np.vectorize(math.erf, otypes=[float]), np.vectorize(math.erfc, otypes=[float])


def erfinv(x):
    """By bisection."""
    low, high = np.zeros(x.shape), np.full(x.shape, 8.0)
    for _ in range(80):
        middle = (low + high) / 2
        below = np.where(np.abs(x) > 0.5, erfc(middle) > 1 - np.abs(x), erf(middle) < np.abs(x))
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.sign(x) * low


def digamma(x):
    """The slope of log gamma from 20 on, and the recurrence."""
    value = np.zeros(x.shape)
    for _ in range(40):
        value, x = np.where(x < 20, value - 1 / x, value), np.where(x < 20, x + 1, x)
    return value + np.log(x) - 1 / (2 * x) - 1 / (12 * x ** 2) + 1 / (120 * x ** 4) - 1 / (252 * x ** 6)


lgamma = np.vectorize(math.lgamma, otypes=[float])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def clamp(x, least, most):
    return np.minimum(np.maximum(x, least), most)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(x))


def truth(x):
    return x.astype(np.float64)


# Text, meaning of x and z, what may be missed of |value| and beside it, and whether edges are judged.
ROWS = [
    ("select(isnan(x), 1.0, 0.0)", lambda x, z: truth(np.isnan(x)), 0, 0, True),
    ("select(isinf(x), 1.0, 0.0)", lambda x, z: truth(np.isinf(x)), 0, 0, True),
    ("select(isposinf(x), 1.0, 0.0)", lambda x, z: truth(x == np.inf), 0, 0, True),
    ("select(isneginf(x), 1.0, 0.0)", lambda x, z: truth(x == -np.inf), 0, 0, True),
    ("select(isfinite(x), 1.0, 0.0)", lambda x, z: truth(np.isfinite(x)), 0, 0, True),
    ("select(signbit(x), 1.0, 0.0)", lambda x, z: truth(np.signbit(np.where(np.isnan(x), 1, x))), 0, 0, True),
    ("sign(x)", lambda x, z: np.sign(x), 0, 0, True),
    ("copysign(x, z)", lambda x, z: np.copysign(x, np.where(np.isnan(z), 1, z)), 0, 0, True),
    ("frac(x)", lambda x, z: x - np.trunc(x), 0, 0, True),
    ("x % 1.0", lambda x, z: np.mod(x, 1.0), ULP, 1e-7, False),
    ("x % 0.75", lambda x, z: np.mod(x, 0.75), ULP, 1e-6, False),
    ("x % z", lambda x, z: np.mod(x, np.where(z == 0, np.nan, z)), ULP, 1e-5, False),
    ("fmod(x, z)", lambda x, z: np.fmod(x, np.where(z == 0, np.nan, z)), ULP, 1e-5, False),
    ("log2(x)", lambda x, z: np.log2(x), 2 ** -19, 0, True),
    ("log10(x)", lambda x, z: np.log10(x), 2 ** -19, 0, True),
    ("logaddexp(x, z)", lambda x, z: np.logaddexp(x, z), 2 ** -18, 1e-6, False),
    ("pow(x, 2)", lambda x, z: x ** 2, 2 ** -20, 1e-30, True),
    ("pow(x, 3.0)", lambda x, z: x ** 3, 2 ** -20, 1e-30, True),
    ("pow(x, 7)", lambda x, z: x ** 7, 2 ** -19, 1e-30, True),
    ("pow(x, -1)", lambda x, z: 1 / x, 2 ** -20, 1e-30, True),
    ("pow(x, -2)", lambda x, z: x ** -2.0, 2 ** -19, 1e-30, False),
    ("pow(x, 0.5)", lambda x, z: np.sqrt(x), 2 ** -20, 0, True),
    ("pow(x, -0.5)", lambda x, z: 1 / np.sqrt(x), 2 ** -20, 0, True),
    ("pow(x, 0.75)", lambda x, z: np.exp(0.75 * np.log(x)), 2 ** -16, 1e-30, True),
    ("pow(x, z)", lambda x, z: np.power(x, z), 2 ** -15, 1e-30, False),
    ("pow(2.0, x)", lambda x, z: np.power(2.0, x), 2 ** -15, 1e-30, False),
    ("hypot(x, z)", lambda x, z: np.hypot(x, z), 2 ** -18, 1e-30, False),
    ("deg2rad(x)", lambda x, z: np.deg2rad(x), 2 ** -21, 1e-36, True),
    ("rad2deg(x)", lambda x, z: np.rad2deg(x), 2 ** -21, 1e-36, True),
    ("atan2(x, z)", lambda x, z: np.arctan2(x, z), 2 ** -18, 1e-6, True),
    ("erfc(x)", lambda x, z: erfc(x), 2 ** -15, 1e-36, True),
    ("erfinv(clamp(x, -1, 1) * 0.5)", lambda x, z: erfinv(clamp(x, -1, 1) * 0.5), 2 ** -16, 1e-30, False),
    ("erfinv(clamp(x, -1, 1) * 0.9990234375)", lambda x, z: erfinv(clamp(x, -1, 1) * 0.9990234375), 2 ** -14, 1e-30, False),
    ("lgamma(abs(x) + 0.25)", lambda x, z: lgamma(np.abs(x) + 0.25), 2 ** -18, 2 ** -15, False),
    ("lgamma(0.25 - round(abs(x)))", lambda x, z: lgamma(0.25 - np.round(np.abs(x))), 2 ** -18, 2 ** -14, False),
    ("digamma(abs(x) + 0.25)", lambda x, z: digamma(np.abs(x) + 0.25), 2 ** -17, 2 ** -17, False),
    ("digamma(0.25 - round(abs(x)))", lambda x, z: digamma(0.25 - np.round(np.abs(x))), 2 ** -17, 2 ** -16, False),
    ("i0(x)", lambda x, z: np.i0(x), 2 ** -16, 1e-30, False),
    ("logaddexp2(x, z)", lambda x, z: np.logaddexp2(x, z), 2 ** -18, 1e-6, False),
    ("xlogy(x, abs(z))", lambda x, z: np.where(x == 0, 0, x * np.log(np.abs(z))), 2 ** -18, 1e-6, False),
    ("logit(x)", lambda x, z: np.log(x / (1 - x)), 2 ** -18, 2 ** -18, False),
    ("clamp(x, -1, 0.5)", lambda x, z: clamp(x, -1, 0.5), 0, 0, True),
    ("hardtanh(x)", lambda x, z: clamp(x, -1, 1), 0, 0, True),
    ("hardtanh(x, -2, 3)", lambda x, z: clamp(x, -2, 3), 0, 0, True),
    ("relu6(x)", lambda x, z: clamp(x, 0, 6), 0, 0, True),
    ("hardsigmoid(x)", lambda x, z: clamp(x + 3, 0, 6) / 6, 2 ** -19, 1e-7, True),
    ("hardswish(x)", lambda x, z: x * clamp(x + 3, 0, 6) / 6, 2 ** -19, 2e-6, True),
    ("leaky_relu(x)", lambda x, z: np.where(x > 0, x, 0.01 * x), 2 ** -21, 1e-36, True),
    ("leaky_relu(x, 0.2)", lambda x, z: np.where(x > 0, x, 0.2 * x), 2 ** -21, 1e-36, True),
    ("prelu(x, z)", lambda x, z: np.where(x > 0, x, z * x), 2 ** -21, 1e-36, False),
    ("threshold(x, 0.5, -7)", lambda x, z: np.where(x <= 0.5, -7, x), 0, 0, True),
    ("hardshrink(x, 0.5)", lambda x, z: np.where(np.abs(x) <= 0.5, 0, x), 0, 0, True),
    ("softshrink(x, 0.5)", lambda x, z: x - clamp(x, -0.5, 0.5), 2 ** -22, 1e-7, True),
    ("tanhshrink(x)", lambda x, z: x - np.tanh(x), 2 ** -20, 2e-6, True),
    ("softcap(x, 30)", lambda x, z: 30 * np.tanh(x / 30), 2 ** -18, 1e-6, True),
    ("softsign(x)", lambda x, z: x / (1 + np.abs(x)), 2 ** -19, 1e-36, True),
    ("logsigmoid(x)", lambda x, z: -np.logaddexp(0, -x), 2 ** -18, 1e-36, True),
    ("elu(x)", lambda x, z: elu(x), 2 ** -19, 1e-36, True),
    ("elu(x, 1.5)", lambda x, z: elu(x, 1.5), 2 ** -19, 1e-36, True),
    ("celu(x)", lambda x, z: elu(x), 2 ** -19, 1e-36, True),
    ("celu(x, 1.5)", lambda x, z: np.where(x > 0, x, 1.5 * np.expm1(x / 1.5)), 2 ** -18, 1e-36, True),
    ("selu(x)", lambda x, z: 1.0507009873554805 * elu(x, 1.6732632423543772), 2 ** -18, 1e-36, True),
    ("gelu(x)", lambda x, z: x * 0.5 * (1 + erf(x * math.sqrt(0.5))), 2 ** -18, 4e-6, True),
    ("gelu_tanh(x)", lambda x, z: x * sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)), 2 ** -15, 1e-30, True),
    ("mish(x)", lambda x, z: x * np.tanh(np.logaddexp(0, x)), 2 ** -17, 1e-36, True),
]


def inputs(dtype, edges):
    def make(generator, M, N):
        x, z = (generator.choice([0.3, 2.0, 6.0], (M, N)) * generator.standard_normal((M, N)) for _ in range(2))
        if edges:
            x.flat[:len(EDGES)] = EDGES
            z.flat[3:3 + len(EDGES)] = EDGES
        return {"X": Array(x, dtype), "Z": Array(z, dtype)}
    return make


def meaning(mean, relative, absolute):
    def whole(a, M, N):
        with np.errstate(all="ignore"):
            value = mean(a["X"].value, a["Z"].value)
            value = np.where(np.abs(value) > np.finfo(np.float32).max, np.copysign(np.inf, value), value)
            error = np.where(np.isfinite(value), relative * np.abs(value) + absolute, 0)
        return {"Y": c.store(c.Carried(value, error), "f32")}
    return whole


def kernel(number, row, dtype):
    text, mean, relative, absolute, edges = row
    body = re.sub(r"\b[xz]\b", lambda found: f"{found.group().upper()}[i, j]", text)
    return Kernel(f"function_{number}_{dtype}", SOURCE.format(t=dtype, body=body), inputs(dtype, edges), meaning(mean, relative, absolute), SIZES)


def normal_numbers(a, M, N):
    """By Box and Muller, from the uniform numbers of two neighbouring counters."""
    first, second = (threefry(7, 2 * a["I"] + np.uint32(part)) / np.float64(256) // 1 / 2.0 ** 24 for part in (0, 1))
    radius = np.sqrt(-2 * np.log(1 - first))
    value = radius * np.cos(2 * np.pi * second)
    return {"Y": c.store(c.Carried(value, 2 ** -18 * np.abs(value) + 1e-6 * radius), "f32")}


NORMAL = Kernel("normal", "kernel k(I: u32[M, N]) -> Y: f32[M, N] {\n    for i in M, j in N { Y[i, j] = normal(7, I[i, j]); }\n}\n",
                lambda generator, M, N: {"I": Array(generator.integers(0, 2 ** 32, (M, N)), "u32")}, normal_numbers, SIZES)

kernels = [kernel(number, row, dtype) for number, row in enumerate(ROWS) for dtype in ("f32", "bf16")] + [NORMAL]
