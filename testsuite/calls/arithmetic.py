"""The numbers of the language in NumPy, from docs/language.md alone: formats, roundings, and functions in float64."""
import math

import numpy as np

NAN, INFINITY = 0x7FC00000, 0x7F800000


def bits_of(values):
    return np.ascontiguousarray(values, np.float32).view(np.uint32)


def value_of(bits):
    return np.ascontiguousarray(bits, np.uint32).view(np.float32)


def canonical_bits(bits):
    """Denormals are +0, any NaN is 0x7fc00000; -0 stays."""
    magnitude = bits & 0x7FFFFFFF
    bits = np.where((magnitude > 0) & (magnitude < 0x00800000), 0, bits)
    return np.where(magnitude > INFINITY, NAN, bits).astype(np.uint32)


def canonical(values):
    return value_of(canonical_bits(bits_of(values)))


def bf16_bits(values):
    """Canonical values rounded to the nearest bf16, ties to even."""
    bits = canonical_bits(bits_of(values)).astype(np.uint64)
    return np.where(bits == NAN, 0x7FC0, (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def widen(bits):
    return np.asarray(bits, np.uint32) << 16


def operand(fmt, bits, to_dest=False):
    """The values of stored elements as an operation takes them: f32 as TF32, or whole where it goes to DST."""
    if fmt == "bf16":
        return value_of(canonical_bits(widen(bits)))
    return value_of(canonical_bits(bits) & np.uint32(0xFFFFFFFF if to_dest else 0xFFFFE000))


def result(values, wide):
    """What an operation leaves in DST: canonical, rounded where DST has 16 bits."""
    return canonical(values) if wide else value_of(widen(bf16_bits(values)))


def stored(fmt, values):
    """The bits that the packer stores."""
    return bf16_bits(values) if fmt == "bf16" else canonical_bits(bits_of(values))


def row_fold(products, start):
    """((start + products[0]) + products[1]) + ..., each sum rounded to f32: one step of the matrix unit, canonical at its end."""
    total = start.astype(np.float32)
    for product in products:
        total = total + product
    return canonical(total)


def matrix_product(a, b, start):
    """start + a b, one 32x32x32 product behind the other along the summed axis, each in ascending order."""
    total = start
    for k in range(0, a.shape[-1], 32):
        total = row_fold((a[..., :, k + i, None] * b[..., None, k + i, :] for i in range(32)), total)
    return total


def greatest(a, b):
    """NaN where either is; max(-0, +0) is +0."""
    chosen = np.where((a > b) | ((a == b) & ~np.signbit(a)), a, b)
    return np.where(np.isnan(a) | np.isnan(b), np.float32(np.nan), chosen)


def least(a, b):
    chosen = np.where((a < b) | ((a == b) & np.signbit(a)), a, b)
    return np.where(np.isnan(a) | np.isnan(b), np.float32(np.nan), chosen)


def silu(x):
    """x sigmoid(x), negative below 0: what is too small for float64 is -0."""
    return np.where(x < -200, -0.0, x / (1 + np.exp(-np.maximum(x, -200))))


def softplus(x):
    """log(1 + exp(x)), without cancellation to both sides of 0."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# In float64, to be rounded once.
FUNCTIONS = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "recip": lambda x: 1 / x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": silu,
    "tanh": np.tanh,
    "relu": lambda x: np.where(x <= 0, 0.0, x),
    "abs": np.abs,
    "negative": np.negative,
    "square": np.square,
    "softplus": softplus,
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    "sin": np.sin,
    "expm1": np.expm1,
    "exp2": np.exp2,
    "log1p": np.log1p,
    "cbrt": np.cbrt,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "round": np.rint,
    "trunc": np.trunc,
    "floor": np.floor,
    "ceil": np.ceil,
}
NOT_ROUNDED = ("relu", "abs", "negative", "round", "trunc", "floor", "ceil")
# Relative error of the float64 of NumPy and of the device: where they fall on two sides of a tie, both neighbours are right.
MODEL_ERROR = 2.0 ** -44


def function(name, values):
    """The two roundings to f32 that the name's definition allows; they differ next to a tie alone."""
    exact = FUNCTIONS[name](values.astype(np.float64))
    error = 0 if name in NOT_ROUNDED else MODEL_ERROR
    return [canonical((exact * (1 + side * error)).astype(np.float32)) for side in (-1, 1)]
