"""Rows of any length: kernels that fold rows, at lengths that a core holds and at others, against NumPy in float64 and the evaluator bit for
bit; rows that are held give the same bits where they are streamed; and how often each tensor is read from DRAM, against the least that the dependences of the kernel ask for.

    check_rows.py BATCH SCRATCH
"""
import os
import re
import shutil
import sys

import numpy as np

import carried as c
from batch import Batch, Count
from case import Case, random_inputs


def unrounded_sum(value):
    """A sum of computed f32 values, which the matrix unit may have cut."""
    return c.fold_sum(c.operand(c.carried(value), "f32"), 1)


def root(a):
    return c.function(np.sqrt, lambda low, high: 0.5 / np.sqrt(np.maximum(low, 1e-30)), a)


def logarithm(a):
    return c.function(np.log, lambda low, high: 1 / np.maximum(low, 1e-30), a)


def shares(a, dtype):
    x = c.carried(a["X"])
    return {"Y": c.store(x / c.fold_sum(c.operand(x, dtype), 1), dtype)}


def softmax(a, dtype):
    e = c.exp(c.carried(a["X"]) - c.fold_max(c.carried(a["X"]), 1))
    return {"Y": c.store(e / unrounded_sum(e), dtype)}


def log_softmax(a, dtype):
    x = c.carried(a["X"])
    m = c.fold_max(x, 1)
    return {"Y": c.store(x - m - logarithm(unrounded_sum(c.exp(x - m))), dtype)}


def rmsnorm(a, dtype):
    x = c.carried(a["X"])
    mean = unrounded_sum(x * x) / float(x.value.shape[1])
    return {"Y": c.store(x / root(mean + 1e-5) * a["g"][None, :], dtype)}


def layernorm(a, dtype):
    x = c.carried(a["X"])
    n = float(x.value.shape[1])
    d = x - c.fold_sum(c.operand(x, dtype), 1) / n
    return {"Y": c.store(d / root(unrounded_sum(d * d) / n + 1e-5) * a["g"][None, :], dtype)}


def cross_entropy(a, dtype):
    x = c.carried(a["X"])
    m = c.fold_max(x, 1)
    loss = m + logarithm(unrounded_sum(c.exp(x - m))) - unrounded_sum(x * a["T"])
    return {"R": c.store(loss[:, 0], dtype)}


def moments(a, dtype):
    x = c.carried(a["X"])
    s = c.fold_sum(c.operand(x, dtype), 1)
    return {"Y": c.store(x * s - unrounded_sum(x * x), dtype)}


def squares(a, dtype):
    x = c.carried(a["X"])
    return {"R": c.store((unrounded_sum(x * x) + c.fold_max(x, 1))[:, 0], dtype)}


EXP = "let m = max(j in N: X[i, j]); let s = sum(j in N: exp(X[i, j] - m)); "

# name: meaning, statements of a row, types, further inputs, result, times that each tensor is read where rows are streamed: the folds on
# the longest chain of those that wait for each other, and once more for a result along the row
KERNELS = {
    "moments": (moments, "let s = sum(j in N: X[i, j]); let q = sum(j in N: square(X[i, j])); for j in N { Y[i, j] = X[i, j] * s - q; }",
                ["bf16", "f32"], [], "Y", {"X": 2}),
    "shares": (shares, "let s = sum(j in N: X[i, j]); for j in N { Y[i, j] = X[i, j] / s; }",
               ["bf16", "f32"], [], "Y", {"X": 2}),
    "softmax": (softmax, "let m = max(j in N: X[i, j]); let e[j in N] = exp(X[i, j] - m); let s = sum(j in N: e[j]); "
                "for j in N { Y[i, j] = e[j] / s; }", ["bf16", "f32"], [], "Y", {"X": 3}),
    "log_softmax": (log_softmax, EXP + "for j in N { Y[i, j] = X[i, j] - m - log(s); }", ["bf16", "f32"], [], "Y", {"X": 3}),
    "rmsnorm": (rmsnorm, "let r = sqrt(sum(j in N: square(X[i, j])) / N + 1e-5); for j in N { Y[i, j] = X[i, j] / r * g[j]; }",
                ["bf16", "f32"], ["g"], "Y", {"X": 2, "g": 1}),
    "layernorm": (layernorm, "let mean = sum(j in N: X[i, j]) / N; let v = sum(j in N: square(X[i, j] - mean)) / N; "
                  "for j in N { Y[i, j] = (X[i, j] - mean) / sqrt(v + 1e-5) * g[j]; }", ["bf16", "f32"], ["g"], "Y", {"X": 3, "g": 1}),
    "cross_entropy": (cross_entropy, EXP + "R[i] = m + log(s) - sum(j in N: X[i, j] * T[i, j]);", ["bf16", "f32"], ["T"], "R",
                      {"X": 2, "T": 1}),
    "squares": (squares, "R[i] = sum(j in N: square(X[i, j])) + max(j in N: X[i, j]);", ["bf16", "f32"], [], "R", {"X": 1}),
}

# rows, length, are they held?
SIZES = [(33, 100, True), (7, 1000, True), (1, 31, True), (40, 20001, False), (1, 50000, False)]


def source_of(name, dtype):
    _, statements, _, inputs, result, _ = KERNELS[name]
    taken = "".join(f", {n}: {dtype}[{'N' if n == 'g' else 'M, N'}]" for n in inputs)
    given = f"R: {dtype}[M]" if result == "R" else f"Y: {dtype}[M, N]"
    return f"kernel k(X: {dtype}[M, N]{taken}) -> {given} {{\n    for i in M {{ {statements} }}\n}}\n"


def inputs_of(name, dtype, m, n):
    arrays = random_inputs({"X": (m, n), **{i: (n,) if i == "g" else (m, n) for i in KERNELS[name][3]}}, dtype,
                           f"{name}.{dtype}.{m}.{n}")
    if name == "moments":  # of many magnitudes: another order of additions gives other bits
        arrays["X"] *= np.exp2(np.arange(m * n) % 13).reshape(m, n).astype(np.float32)
    if name == "shares":
        arrays["X"] = np.abs(arrays["X"])
    if "T" in arrays:
        arrays["T"] = np.float32(np.arange(n) == np.arange(m)[:, None] * 7 % n)
    return arrays


def tiles(shape):
    rows = 1 if len(shape) == 1 else shape[0]
    return -(-rows // 32) * -(-shape[-1] // 32)


def streamed_kernels(tool, scratch):
    """Writes the IR of every kernel, with the mark that has its rows streamed: (name, type) to the file."""
    os.makedirs(f"{scratch}/marked")
    batch, numbers, files = Batch(tool, f"{scratch}/marked"), {}, {}
    for name, (_, _, types, _, _, _) in KERNELS.items():
        for dtype in types:
            with open(f"{scratch}/{name}_{dtype}.tl", "w") as file:
                file.write(source_of(name, dtype))
            numbers[name, dtype] = batch.add("ir", f"{scratch}/{name}_{dtype}.tl", "--after", "infer_tt_layout", "--plain")
    outcomes = batch.run()
    for key, number in numbers.items():
        code, text, messages = outcomes[number]
        if code != 0 or text.count(") @{tt.schedule") != 1:
            raise SystemExit(f"{key}: no loop form to mark: {messages}")
        files[key] = f"{scratch}/{'_'.join(key)}.ir"
        with open(files[key], "w") as file:
            file.write(text.replace(") @{tt.schedule", ") @{tt.streamed = 1, tt.schedule"))
    return files


def main():
    tool, scratch = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    marked = streamed_kernels(tool, scratch)
    count, batch, cases = Count("rows of any length"), Batch(tool, scratch), []
    for name, (meaning, _, types, _, result, passes) in KERNELS.items():
        for dtype in types:
            source = f"{scratch}/{name}_{dtype}.tl"
            for m, n, held in SIZES:
                inputs = inputs_of(name, dtype, m, n)
                variants = [["--stats"], ["--device", "eval"], ["--arch", "blackhole", "--grid", "3x2", "--schedule", "5"],
                            ["-D", f"N={n}"]]
                case = Case(batch, scratch, f"{name}.{dtype}.{m}x{n}", source, inputs, [result], dtype, variants)
                if held:
                    case.add(batch, marked[name, dtype], [])
                cases.append((case, meaning, inputs, dtype, m, held, passes))
    outcomes = batch.run()
    for case, meaning, inputs, dtype, m, held, passes in cases:
        case.judge(count, outcomes, meaning(inputs, dtype))
        printed = outcomes[case.runs[0][0]][1]
        launched = "k" if held or max(passes.values()) == 1 else "k_streamed"
        count.check(printed.startswith(f"{launched}: "), f"{case.name}: {launched} was to be launched: {printed[:60]}")
        for tensor, array in inputs.items():
            blocks = -(-m // 32) if array.ndim == 1 else 1
            least = tiles(array.shape) * blocks * (1 if held else passes[tensor])
            read = re.search(rf"^    {tensor} +(\d+) read from DRAM", printed, re.M)
            count.check(read and int(read[1]) == least, f"{case.name}: of {tensor} {read and read[1]} tiles are read, not {least}")
    shutil.rmtree(scratch)
    count.finish()


main()
