"""Values in float64 with the error that the device may have made: the rules of the tolerance.

E(a + b) = Ea + Eb + u|a + b|; E(a b) = |a|Eb + |b|Ea + Ea Eb + u|a b|; max and select take the greater E of their arms;
E(f(a)) = sup|f'| over a +- Ea, times Ea, plus v|f(a)|; a contraction or sum adds c = K u times its sum of absolute terms; an f32
operand of the matrix unit adds 2^-10|a|; a declared store adds half an ulp of its type. u = 2^-23; v = 2^-20 for the functions here.
"""
import functools

import numpy as np

U = 2.0 ** -23
V = 2.0 ** -20
TF32 = 2.0 ** -10
BITS = {"bf16": 8, "f32": 24}


class Carried:
    def __init__(self, value, error=None):
        self.value = np.asarray(value, np.float64)
        self.error = np.zeros_like(self.value) if error is None else np.broadcast_to(error, self.value.shape)

    def __add__(self, other):
        other = carried(other)
        value = self.value + other.value
        return Carried(value, self.error + other.error + U * np.abs(value))

    def __sub__(self, other):
        other = carried(other)
        value = self.value - other.value
        return Carried(value, self.error + other.error + U * np.abs(value))

    def __mul__(self, other):
        other = carried(other)
        value = self.value * other.value
        error = np.abs(self.value) * other.error + np.abs(other.value) * self.error + self.error * other.error
        return Carried(value, error + U * np.abs(value))

    def __truediv__(self, other):
        """a / b is a times recip(b), whose slope is 1/b^2, with v for the quotient."""
        other = carried(other)
        value = self.value / other.value
        nearest = np.maximum(np.abs(other.value) - other.error, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(other.error > 0, other.error / nearest ** 2, 0)
            error = np.abs(1 / other.value) * self.error + np.abs(self.value) * inverse + self.error * inverse
        return Carried(value, error + V * np.abs(value))

    def __getitem__(self, index):
        return Carried(self.value[index], self.error[index])


def carried(value):
    return value if isinstance(value, Carried) else Carried(value)


def maximum(a, b):
    a, b = carried(a), carried(b)
    return Carried(np.maximum(a.value, b.value), np.maximum(a.error, b.error))


def fold_max(a, axis):
    return Carried(a.value.max(axis=axis, keepdims=True), a.error.max(axis=axis, keepdims=True))


def fold_sum(a, axis):
    count = a.value.shape[axis]
    error = a.error.sum(axis=axis, keepdims=True) + count * U * np.abs(a.value).sum(axis=axis, keepdims=True)
    return Carried(a.value.sum(axis=axis, keepdims=True), error)


def fold_product(a, axis):
    first, *others = [Carried(np.take(a.value, [i], axis), np.take(a.error, [i], axis)) for i in range(a.value.shape[axis])]
    return functools.reduce(Carried.__mul__, others, first)


def function(f, slope, a):
    """f of a; slope(low, high) is sup|f'| over that interval."""
    value = f(a.value)
    return Carried(value, slope(a.value - a.error, a.value + a.error) * a.error + V * np.abs(value))


def exp(a):
    return function(np.exp, lambda low, high: np.exp(high), a)


def operand(a, dtype):
    """What the matrix unit sees of a value of this type."""
    return Carried(a.value, a.error + TF32 * np.abs(a.value)) if dtype == "f32" else a


def contract(a, b, dtype):
    """sum over k of a[i, k] b[k, j]."""
    a, b = operand(carried(a), dtype), operand(carried(b), dtype)
    terms = np.abs(a.value) @ np.abs(b.value)
    error = np.abs(a.value) @ b.error + a.error @ np.abs(b.value) + a.error @ b.error
    return Carried(a.value @ b.value, error + a.value.shape[1] * U * terms)


def store(a, dtype):
    """Rounding to a declared type: half an ulp at the largest magnitude that the value may have."""
    largest = np.abs(a.value) + a.error
    exponent = np.floor(np.log2(np.maximum(largest, 2.0 ** -126)))
    return Carried(a.value, a.error + np.where(largest > 0, 2.0 ** (exponent - BITS[dtype]), 0))


def worst(result, reference):
    """The largest |error| in units of its bound, and where; 0 for an empty array."""
    if reference.value.size == 0:
        return 0.0, None
    difference = np.abs(result - reference.value)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(difference == 0, 0.0, difference / reference.error)
    ratio = np.where(np.isfinite(result), ratio, np.inf)
    at = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    return float(ratio[at]), at
