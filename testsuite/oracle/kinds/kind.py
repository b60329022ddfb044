"""What the kinds of kernels have in common: arrays of the device's types, kernels with their meaning, and the judgement of results."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import arrays  # noqa: E402
import carried  # noqa: E402

WHOLE = {"i32": np.int32, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8, "bool": np.bool_}


class Array:
    """An input of a type of the language."""

    def __init__(self, values, dtype):
        self.dtype = dtype
        self.values = np.asarray(values, WHOLE[dtype]) if dtype in WHOLE else arrays.rounded(values, dtype)

    def save(self, path):
        if self.dtype in WHOLE:
            np.save(path, self.values)
        else:
            arrays.write(path, self.values, self.dtype)

    def carried(self):
        """Floats with the error that they may have (none); whole numbers as they are."""
        return self.values if self.dtype in WHOLE else carried.Carried(self.values)


def normal(generator, *shape, dtype="bf16", scale=1.0):
    return Array(generator.standard_normal(shape) * scale, dtype)


class Kernel:
    """A kernel with its meaning.

    name, source  of the `.tl`, as its author would first write it
    make          (generator, **sizes) -> {input: Array}
    mean          ({input: value}, **sizes) -> {output: Carried, stored, or an array of whole numbers}
    sizes         list of {size: number}
    options       further words for `tilec run`
    """

    def __init__(self, name, source, make, mean, sizes, options=()):
        self.name, self.source, self.make, self.mean, self.sizes, self.options = name, source, make, mean, sizes, options


def differs(got, wanted):
    """What is wrong with a result; None: nothing."""
    shape = wanted.value.shape if isinstance(wanted, carried.Carried) else wanted.shape
    if got.shape != shape:
        return f"has the shape {got.shape}, not {shape}"
    if not isinstance(wanted, carried.Carried):
        bad = int((got != wanted).sum())
        return f"differs at {bad} of {got.size} places" if bad or got.dtype != wanted.dtype else None
    if got.dtype == np.dtype("V2"):
        got = arrays.from_bf16_bits(np.frombuffer(got.tobytes(), np.uint16)).reshape(got.shape)
    strange = ~np.isfinite(wanted.value)
    if not np.array_equal(got[strange], wanted.value[strange], equal_nan=True):
        return "is infinite or no number where it should not be, or the other way round"
    finite = carried.Carried(np.where(strange, 0, wanted.value), np.where(strange, 1, wanted.error))
    ratio, at = carried.worst(np.where(strange, 0, got), finite)
    return f"{at} is {ratio:.3g} times its bound from the float64 value" if ratio > 1 else None
