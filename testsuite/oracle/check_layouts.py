"""Where tensors lie, against NumPy in float64 within the carried bound: {DRAM, L1} x {interleaved, sharded} x {input, result} x {matmul,
elementwise, reduction} at aligned and ragged sizes, on both products, open and fixed, in any order, and by the evaluator; and products of open
sizes, compiled once for each sharded layout and launched at 20 random sizes.

    check_layouts.py BATCH TILEC SCRATCH
"""
import os
import shutil
import subprocess
import sys

import numpy as np

import carried as c
from batch import Batch, Count
from case import Case, random_inputs

DRAM_SHARDS = {
    "dram_height": "@layout(height = 5)",
    "dram_width": "@layout(width = 3)",
    "dram_block": "@layout(block = [2, 3])",
    "dram_uneven": "@layout(nd_shard = {shard_shape_elems = [96, 64]})",
    "dram_contiguous": "@layout(nd_shard = {shard_shape_elems = [32, 64], distribution = contiguous_1d})",
    "dram_misaligned": "@layout(nd_shard = {shard_shape_elems = [50, 33]})",
}
L1_SHARDS = {
    "l1_height": "@layout(memory = l1, height = 4)",
    "l1_width": "@layout(memory = l1, width = 3)",
    "l1_block": "@layout(memory = l1, block = [4, 2])",
    "l1_turned": "@layout(memory = l1, nd_shard = {grid = [4, 2], orientation = col_major})",
    "l1_turned_rows": "@layout(memory = l1, nd_shard = {grid = [4, 1], orientation = col_major})",
}
INTERLEAVED = {"dram": "", "l1": "@layout(memory = l1)", "rows": "@layout(format = row_major)",
               "l1_rows": "@layout(memory = l1, format = row_major)"}


def matmul(a):
    return {"C": c.store(c.contract(a["A"], a["B"], "bf16"), "bf16")}


def elementwise(a):
    return {"C": c.store(c.maximum(c.carried(a["A"]) * a["B"] + a["A"], 0.0), "bf16")}


def reduction(a):
    total = c.fold_sum(c.carried(a["A"]), 1)
    return {"C": c.store(c.carried(a["A"]) + total, "bf16")}


def transposed(a):
    x = c.carried(a["A"])
    return {"C": c.store(c.Carried(x.value.T, x.error.T) * 2.0, "bf16")}


def row_sums(a):
    return {"C": c.store(c.fold_sum(c.carried(a["A"]), 1)[:, 0], "bf16")}


def column_sums(a):
    x = c.carried(a["A"])
    transposed = c.Carried(x.value.T, x.error.T)
    return {"C": c.store(c.fold_sum(transposed, 1)[:, 0], "bf16")}


# name: meaning, text with the layouts of A, B and C, shapes of the inputs from (M, K, N)
KERNELS = {
    "matmul": (matmul, "kernel f(A: bf16[M, K] {A}, B: bf16[K, N] {B}) {S} -> C: bf16[M, N] {C} {{ for i in M, j in N {{ "
               "C[i, j] = sum(k in K: A[i, k] * B[k, j]); }} }}", lambda m, k, n: {"A": (m, k), "B": (k, n)}),
    "elementwise": (elementwise, "kernel f(A: bf16[M, N] {A}, B: bf16[M, N] {B}) {S} -> C: bf16[M, N] {C} {{ for i in M, j in N {{ "
                    "C[i, j] = max(A[i, j] * B[i, j] + A[i, j], 0); }} }}", lambda m, k, n: {"A": (m, n), "B": (m, n)}),
    "reduction": (reduction, "kernel f(A: bf16[M, N] {A}) {S} -> C: bf16[M, N] {C} {{ for i in M {{ let s = sum(j in N: A[i, j]); "
                  "for j in N {{ C[i, j] = A[i, j] + s; }} }} }}", lambda m, k, n: {"A": (m, n)}),
    "transposed": (transposed, "kernel f(A: bf16[N, M] {A}) {S} -> C: bf16[M, N] {C} {{ for i in M, j in N {{ C[i, j] = A[j, i] * 2; }} }}",
                   lambda m, k, n: {"A": (n, m)}),
    "row_sums": (row_sums, "kernel f(A: bf16[M, N] {A}) {S} -> C: bf16[M] {C} {{ for i in M {{ C[i] = sum(j in N: A[i, j]); }} }}",
                 lambda m, k, n: {"A": (m, n)}),
    "column_sums": (column_sums, "kernel f(A: bf16[M, N] {A}) {S} -> C: bf16[N] {C} {{ for j in N {{ C[j] = sum(i in M: A[i, j]); }} }}",
                    lambda m, k, n: {"A": (m, n)}),
}
# 10 tiles leave no shard of any layout above empty, which fixed sizes ask for.
FIXED = (300, 290, 317)
SIZES = [(128, 64, 192), (70, 45, 100), (1, 1, 1), (260, 33, 161), FIXED]

# Shards in L1 lie where the blocks are computed: per kernel the tensors that may have each of them, alone and together.
OWNED = {
    "matmul": {"l1_height": ["A", "C", "AC"], "l1_width": ["B", "C", "BC"], "l1_block": ["C"], "l1_turned": ["C"],
               "l1_turned_rows": ["A", "C", "AC"]},
    "elementwise": {shards: ["A", "B", "C", "AB", "ABC"] for shards in L1_SHARDS},
    "reduction": {"l1_height": ["A", "C", "AC"], "l1_turned_rows": ["A", "C", "AC"]},
    "transposed": {shards: ["A", "C"] for shards in L1_SHARDS},
    "row_sums": {"l1_height": ["A"], "l1_width": ["C"]},
    "column_sums": {"l1_width": ["A", "C", "AC"]},
}

# Shards of a transposed operand on the cores of the result.
TURNED = {
    "operand": {"A": "@layout(memory = l1, nd_shard = {grid = [4, 2], orientation = col_major})", "C": "@layout(memory = l1, block = [2, 4])"},
    "result": {"A": "@layout(memory = l1, block = [4, 2])", "C": "@layout(memory = l1, nd_shard = {grid = [2, 4], orientation = col_major})"},
    "rows": {"A": "@layout(memory = l1, height = 4)", "C": "@layout(memory = l1, nd_shard = {grid = [1, 4], orientation = col_major})"},
}


def placements():
    """(kernel, name, {tensor: layout}) of the whole matrix."""
    for kernel, (_, text, shapes) in KERNELS.items():
        inputs = list(shapes(1, 1, 1))
        for tensor in [*inputs, "C"]:
            vector = tensor == "C" and kernel.endswith("sums")
            for name, layout in {**INTERLEAVED, **({} if vector else DRAM_SHARDS)}.items():
                yield kernel, f"{tensor}_{name}", {tensor: layout}
        for name, choices in OWNED[kernel].items():
            for tensors in choices:
                yield kernel, f"{tensors}_{name}", {tensor: L1_SHARDS[name] for tensor in tensors}
        for name, layouts in TURNED.items() if kernel == "transposed" else []:
            yield kernel, f"AC_{name}", layouts
        # mixed: the result in L1 shards, an input in DRAM shards, another interleaved in L1
        owned = next(iter(OWNED[kernel]))
        mixed = {"A": DRAM_SHARDS["dram_uneven"], "B": INTERLEAVED["l1"]}
        if "C" in OWNED[kernel][owned]:
            yield kernel, f"mixed_{owned}", {**mixed, "C": L1_SHARDS[owned]}


def variants(kernel, sizes, owned):
    yield []
    yield ["--arch", "blackhole"]
    yield ["--device", "eval"]
    yield ["--schedule", 7]
    names = {"M": sizes[0], "N": sizes[2], **({"K": sizes[1]} if kernel == "matmul" else {})}
    if sizes == FIXED:
        yield [word for name, value in names.items() for word in ("-D", f"{name}={value}")]
    if not owned:
        yield ["--grid", "3x5"]


def write_source(scratch, name, kernel, layouts, schedule=""):
    path = f"{scratch}/{name}.tl"
    fields = {tensor: layouts.get(tensor, "") for tensor in "ABC"}
    with open(path, "w") as file:
        file.write(KERNELS[kernel][1].format(S=schedule, **fields) + "\n")
    return path


def add_matrix(batch, scratch):
    for kernel, name, layouts in placements():
        meaning, _, shapes = KERNELS[kernel]
        owned = any("memory = l1," in layout for layout in layouts.values())
        for schedule in ["", "@schedule(order = column_major)"] if owned else [""]:
            order = "_by_columns" if schedule else ""
            source = write_source(scratch, f"{kernel}_{name}{order}", kernel, layouts, schedule)
            for size in SIZES:
                case = f"{kernel}.{name}{order}.{'x'.join(map(str, size))}"
                inputs = random_inputs(shapes(*size), "bf16", case)
                yield Case(batch, scratch, case, source, inputs, ["C"], "bf16", variants(kernel, size, owned)), \
                    (lambda i=inputs, f=meaning: f(i))


# Sharded layouts of a product whose sizes are all open.
LAUNCHED = {
    "height": {"A": "@layout(height = 7)", "C": "@layout(height = 7)"},
    "width": {"B": "@layout(width = 5)", "C": "@layout(width = 5)"},
    "block": {"A": "@layout(block = [3, 2])", "B": "@layout(block = [2, 3])", "C": "@layout(block = [4, 4])"},
    "uneven": {"A": "@layout(nd_shard = {shard_shape_elems = [96, 64]})", "C": "@layout(nd_shard = {shard_shape_elems = [50, 33]})"},
    "rows": {tensor: "@layout(format = row_major)" for tensor in "ABC"},
    "l1_height": {"A": "@layout(memory = l1, height = 8)", "C": "@layout(memory = l1, height = 8)"},
    "l1_turned": {"B": "@layout(nd_shard = {shard_shape_elems = [64, 32], distribution = contiguous_1d})",
                  "C": "@layout(memory = l1, nd_shard = {grid = [4, 2], orientation = col_major, distribution = contiguous_1d})"},
}


def add_launches(batch, scratch, tilec, count):
    """Compiles each layout once, to device form that was proved, and launches that text."""
    generator = np.random.default_rng(20261124)
    meaning, _, shapes = KERNELS["matmul"]
    for name, layouts in LAUNCHED.items():
        source = write_source(scratch, f"launched_{name}", "matmul", layouts)
        compiled = subprocess.run([tilec, "ir", source], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if not count.check(compiled.returncode == 0, f"launched {name}: {compiled.stderr.strip()[:400]}"):
            continue
        with open(f"{scratch}/launched_{name}.ir", "w") as file:
            file.write(compiled.stdout)
        for launch in range(20):
            size = [int(extent) for extent in generator.integers(1, 400, 3)]
            case = f"launched_{name}.{launch}"
            inputs = random_inputs(shapes(*size), "bf16", case)
            yield Case(batch, scratch, case, f"{scratch}/launched_{name}.ir", inputs, ["C"], "bf16", [[]]), \
                (lambda i=inputs: meaning(i))


def main():
    tool, tilec, scratch = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count = Count("layouts against NumPy in float64")
    batch = Batch(tool, scratch)
    cases = [*add_matrix(batch, scratch), *add_launches(batch, scratch, tilec, count)]
    outcomes = batch.run()
    for case, reference in cases:
        case.judge(count, outcomes, reference())
    shutil.rmtree(scratch)
    count.finish()


main()
