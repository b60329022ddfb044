"""Every example on the embedded device against NumPy in float64, within the carried bound, and against itself: the same bits on both
products, on every grid, under every schedule, with open and with fixed sizes, and by the evaluator.

    check_examples.py BATCH EXAMPLES SCRATCH
"""
import os
import shutil
import sys

import numpy as np

import arrays
import kernels
from batch import Batch, Count
from case import Case, random_inputs

ARCHITECTURES = ["wormhole_b0", "blackhole"]
GRIDS = ["1x1", "1x8", "8x1", "3x5", "8x8"]
SEEDS = [1, 7, 20261]


def variants(size, defines):
    """The option lists of all runs of one case; the first is the one that the oracle judges."""
    yield ["--arch", "wormhole_b0", "--grid", "8x8"]
    for arch in ARCHITECTURES:
        for grid in GRIDS:
            if (arch, grid) != ("wormhole_b0", "8x8"):
                yield ["--arch", arch, "--grid", grid]
        yield ["--arch", arch]
        yield ["--arch", arch, "--grid", "3x5", *defines]
        yield ["--arch", arch, *defines[:2]]
    for seed in SEEDS:
        yield ["--schedule", seed, "--grid", "3x5"]
    yield ["--schedule", SEEDS[0], "--arch", "blackhole", "--grid", "8x8", *defines]
    yield ["--device", "eval", "--grid", "3x5"]
    if max(size) <= 100:
        yield ["--device", "eval", "--arch", "blackhole", *defines]


def source_of(examples, scratch, name, dtype):
    source = f"{examples}/{name}/{name}.tl"
    if dtype == "bf16":
        return source
    with open(source) as file:
        text = file.read()
    assert "bf16" in text
    path = f"{scratch}/{name}_{dtype}.tl"
    with open(path, "w") as file:
        file.write(text.replace("bf16", dtype))
    return path


def define_words(sizes):
    return [word for name, value in sizes.items() if value > 0 for word in ("-D", f"{name}={value}")]


def add_examples(batch, examples, scratch):
    for name, (meaning, dtypes, shapes, outputs) in kernels.EXAMPLES.items():
        for dtype in dtypes:
            source = source_of(examples, scratch, name, dtype)
            for m, k, n in kernels.SIZES:
                case = f"{name}.{dtype}.{m}x{k}x{n}"
                inputs = random_inputs(shapes(m, k, n), dtype, case)
                sizes = {"M": m, "N": n}
                if name.startswith("matmul"):
                    sizes["K"] = k
                yield Case(batch, scratch, case, source, inputs, outputs, dtype,
                           variants((m, k, n), define_words(sizes))), \
                    (lambda i=inputs, f=meaning, d=dtype: f(i, d))


def digits_inputs(examples, b, d, n):
    if b is None:
        data = f"{examples}/digits/data"
        names = {"X": "images", "W1": "w1", "b1": "b1", "W2": "w2", "b2": "b2"}
        return {p: arrays.rounded(np.load(f"{data}/{f}.npy"), "bf16") for p, f in names.items()}
    shapes = {"X": (b, 64), "W1": (64, d), "b1": (d,), "W2": (d, n), "b2": (n,)}
    return random_inputs(shapes, "bf16", f"digits.{b}x{d}x{n}")


class Digits:
    """The program, and its two kernels by themselves on the inputs that they have in it."""

    def __init__(self, batch, examples, scratch, b, d, n):
        self.inputs = digits_inputs(examples, b, d, n)
        self.name = "digits.real" if b is None else f"digits.{b}x{d}x{n}"
        source = f"{examples}/digits/digits.tl"
        sizes = {"B": len(self.inputs["X"]), "D": len(self.inputs["b1"]), "C": len(self.inputs["b2"])}
        self.program = Case(batch, scratch, self.name, source, self.inputs, ["Y"], "bf16", variants(self.shape_sizes(), define_words(sizes)))
        first = {"X": self.inputs["X"], "W": self.inputs["W1"], "b": self.inputs["b1"]}
        self.first = Case(batch, scratch, f"{self.name}.dense", source, first, ["Y"], "bf16", variants(self.shape_sizes(), []), ["--kernel", "dense"])

    def shape_sizes(self):
        return [extent for array in self.inputs.values() for extent in array.shape]

    def judge(self, count, outcomes, scratch):
        a = self.inputs
        hidden = self.first.judge(count, outcomes, kernels.dense({"X": a["X"], "W": a["W1"], "b": a["b1"]}, "bf16", True))
        if hidden:
            reference = kernels.dense({"X": hidden["Y"], "W": a["W2"], "b": a["b2"]}, "bf16", False)
            self.program.judge(count, outcomes, reference)


def main():
    tool, examples, scratch = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count = Count("examples against NumPy in float64")
    batch = Batch(tool, scratch)
    cases = list(add_examples(batch, examples, scratch))
    digits = [Digits(batch, examples, scratch, *sizes) for sizes in [(None, 0, 0), *kernels.SIZES]]
    outcomes = batch.run()
    with np.errstate(over="ignore"):
        for case, reference in cases:
            case.judge(count, outcomes, reference())
        for program in digits:
            program.judge(count, outcomes, scratch)
    shutil.rmtree(scratch)
    count.finish()


main()
