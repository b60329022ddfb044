"""Every example on the embedded device against NumPy in float64, within the carried bound, and against itself: the same bits on both
products, on every grid, under every schedule, with open and with fixed sizes, and by the evaluator of device form.

    check_examples.py BATCH EXAMPLES SCRATCH
"""
import os
import shutil
import sys
import zlib

import numpy as np

import arrays
import carried
import kernels
from batch import Batch, Count

ARCHITECTURES = ["wormhole_b0", "blackhole"]
GRIDS = ["1x1", "1x8", "8x1", "3x5", "8x8"]
SEEDS = [1, 7, 20261]


def random_inputs(shapes, dtype, key):
    generator = np.random.default_rng(zlib.crc32(key.encode()))
    return {name: arrays.rounded(generator.standard_normal(shape), dtype) for name, shape in shapes.items()}


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


class Case:
    """One source, type and size: its runs, and the judgement of their results."""

    def __init__(self, batch, scratch, name, source, inputs, outputs, dtype, defines, extra=()):
        self.name, self.dtype, self.outputs, self.runs = name, dtype, outputs, []
        folder = os.path.join(scratch, name)
        os.makedirs(folder)
        words = []
        for parameter, array in inputs.items():
            path = f"{folder}/{parameter}.npy"
            arrays.write(path, array, dtype)
            words += ["--in", f"{parameter}={path}"]
        size = [extent for array in inputs.values() for extent in array.shape]
        for options in variants(size, defines):
            results = {out: f"{folder}/{out}.{len(self.runs)}.npy" for out in outputs}
            stores = [w for out, path in results.items() for w in ("--out", f"{out}={path}")]
            number = batch.add("run", source, *extra, *words, *stores, *options)
            self.runs.append((number, options, results))

    def judge(self, count, outcomes, reference):
        """reference: output name to the carried value. Returns the results of the first run, None when there are none."""
        first = None
        for number, options, paths in self.runs:
            code, _, messages = outcomes[number]
            what = f"{self.name} {' '.join(map(str, options))}"
            if not count.check(code == 0, f"{what}: exit {code}: {messages.strip()[:400]}"):
                continue
            results = {out: arrays.read(path, self.dtype) for out, path in paths.items()}
            if first is None:
                first = results
                for out, value in reference.items():
                    shape_right = count.check(results[out].shape == value.value.shape,
                                              f"{what}: {out} has the shape {results[out].shape}, not {value.value.shape}")
                    ratio, at = carried.worst(results[out], value) if shape_right else (0, None)
                    count.check(ratio <= 1, f"{what}: {out}{at} is {ratio:.3g} times its bound from the float64 value")
            else:
                same = all(results[out].tobytes() == first[out].tobytes() for out in results)
                count.check(same, f"{what}: not the bits of {' '.join(self.runs[0][1])}")
        return first


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
                yield Case(batch, scratch, case, source, inputs, outputs, dtype, define_words(sizes)), \
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
        self.program = Case(batch, scratch, self.name, source, self.inputs, ["Y"], "bf16", define_words(sizes))
        first = {"X": self.inputs["X"], "W": self.inputs["W1"], "b": self.inputs["b1"]}
        self.first = Case(batch, scratch, f"{self.name}.dense", source, first, ["Y"], "bf16", [], ["--kernel", "dense"])

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
