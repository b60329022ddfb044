"""Kernels whose cores send blocks to each other against the same kernels without the mark: the same bits at every size, on every plane of
cores, on both products, under every schedule and by the evaluator; and the tiles that are read and sent, counted.

    check_multicast.py BATCH SCRATCH
"""
import os
import re
import shutil
import sys

import arrays
from batch import Batch, Count
from case import random_inputs

GRIDS = ["1x1", "1x8", "8x1", "3x5", "8x8"]
SIZES = [(50, 70, 90), (1, 1, 1), (33, 1, 65), (32, 32, 32), (256, 128, 512), (300, 64, 700), (0, 40, 50), (40, 0, 50), (40, 50, 0)]

PRODUCT = """kernel f(A: TYPE[M, K], B: TYPE[K, N]) SCHEDULE -> C: TYPE[M, N] {
    grid i in M by 32, j in N by 32 {
        fragment acc[i, j]: f32 = 0;
        for k in K by 32 {
            shared a = A[i, k] MARK_A, b = B[k, j] MARK_B;
            gemm(a, b, acc);
        }
        C[i, j] = acc[i, j];
    }
}"""
TURNED = """kernel f(A: bf16[K, M], B: bf16[N, K]) -> C: bf16[M, N] {
    grid i in M by 64, j in N by 32 {
        fragment acc[i, j]: f32 = 0;
        for k in K by 64 {
            shared a = A[k, i] MARK, b = B[j, k] MARK;
            gemm(a, b, acc);
        }
        C[i, j] = acc[i, j];
    }
}"""
LOOPS = """kernel f(A: bf16[M, K], B: bf16[K, N], bias: bf16[N]) SCHEDULE -> C: bf16[M, N] {
    for i in M, j in N { C[i, j] = max(sum(k in K: A[i, k] * B[k, j]) + bias[j], 0); }
}"""
MATRICES = """kernel f(A: bf16[G, M, K], B: bf16[K, N]) SCHEDULE -> C: bf16[G, M, N] {
    for g in G, i in M, j in N { C[g, i, j] = sum(k in K: A[g, i, k] * B[k, j]); }
}"""
ROWS = """kernel f(A: bf16[M, 96], B: bf16[96, 64]) -> C: bf16[M, 64] {
    grid i in M by 32 {
        for j in 0..64 by 64 {
            fragment acc[i, j]: f32 = 0;
            for k in 0..96 by 32 {
                shared a = A[i, k], b = B[k, j] MARK;
                gemm(a, b, acc);
            }
            C[i, j] = acc[i, j];
        }
    }
}"""
VECTORS = """kernel f(A: bf16[M, N], row: bf16[N], column: bf16[M]) -> C: bf16[M, N] {
    grid i in M by 32, j in N by 64 {
        shared r = row[j] MARK, c = column[i] MARK;
        C[i, j] = A[i, j] * r[j] + c[i];
    }
}"""


def product(m, k, n):
    return {"A": (m, k), "B": (k, n)}


# name: text, what stands for its marks where blocks are sent, type, shapes of the inputs from (M, K, N)
KERNELS = {
    "both": (PRODUCT, {"MARK_A": "@multicast", "MARK_B": "@multicast"}, "bf16", product),
    "rows_alone": (PRODUCT, {"MARK_A": "@multicast"}, "bf16", product),
    "columns_alone": (PRODUCT, {"MARK_B": "@multicast"}, "f32", product),
    "column_major": (PRODUCT.replace("SCHEDULE", "@schedule(order = column_major)"), {"MARK_A": "@multicast", "MARK_B": "@multicast"}, "bf16",
                     product),
    "turned": (TURNED, {"MARK": "@multicast"}, "bf16", lambda m, k, n: {"A": (k, m), "B": (n, k)}),
    "loops": (LOOPS, {"SCHEDULE": "@schedule(multicast = 1)"}, "bf16", lambda m, k, n: {"A": (m, k), "B": (k, n), "bias": (n,)}),
    "matrices": (MATRICES, {"SCHEDULE": "@schedule(multicast = 1)"}, "bf16", lambda m, k, n: {"A": (3, m, k), "B": (k, n)}),
    "one_axis": (ROWS, {"MARK": "@multicast"}, "bf16", lambda m, k, n: {"A": (m, 96), "B": (96, 64)}),
    "vectors": (VECTORS, {"MARK": "@multicast"}, "bf16", lambda m, k, n: {"A": (m, n), "row": (n,), "column": (m,)}),
}


def variants(name, size):
    for grid in GRIDS:
        yield ["--grid", grid, "--stats"]
    yield ["--grid", "8x8", "--arch", "blackhole"]
    yield ["--grid", "3x5", "--arch", "blackhole", "--schedule", 7]
    yield ["--grid", "8x8", "--schedule", 1]
    yield ["--grid", "3x5", "--schedule", 20261]
    yield ["--device", "eval", "--grid", "3x5"]
    if min(size) > 0:
        fixed = [w for n, value in zip("MKN", size) if re.search(rf"\b{n}\b", KERNELS[name][0]) for w in ("-D", f"{n}={value}")]
        yield ["--grid", "3x5", *fixed[:2]]
        yield ["--grid", "8x8", *fixed]
        yield ["--arch", "blackhole", *fixed]


def text_of(text, marks, dtype):
    for mark in ("MARK_A", "MARK_B", "MARK", "SCHEDULE"):
        text = text.replace(mark, marks.get(mark, ""))
    return text.replace("TYPE", dtype)


def spread(blocks, cores):
    """Blocks of each core and cores in use along one direction."""
    each = -(-blocks // cores)
    return each, (-(-blocks // each) if each else 0)


def tiles(extent):
    return -(-extent // 32)


def product_counts(marks, size, grid):
    """Tiles read, sent and received of PRODUCT, whose blocks are single tiles."""
    m, k, n = map(tiles, size)
    x, y = map(int, grid.split("x"))
    if not ("MARK_A" in marks and x > 1) and not ("MARK_B" in marks and y > 1):
        return 2 * m * k * n, 0, 0
    (each_y, rows), (each_x, columns) = spread(m, y), spread(n, x)
    turns_y, turns_x = each_y * rows, each_x * columns
    row, column = "MARK_A" in marks and columns > 1, "MARK_B" in marks and rows > 1
    read = turns_y * (each_x if row else turns_x) * k + (each_y if column else turns_y) * turns_x * k
    sent = (turns_y * each_x * k if row else 0) + (each_y * turns_x * k if column else 0)
    received = (turns_y * each_x * k * (columns - 1) if row else 0) + (each_y * turns_x * k * (rows - 1) if column else 0)
    return read, sent, received


def counted(text, pattern):
    found = re.search(pattern, text)
    return tuple(map(int, found.groups())) if found else None


def check_shares(count):
    """Blocks that divide evenly over 8 x 8 cores: an eighth of the reads of A and of B is left."""
    m, k, n = size = (256, 128, 512)
    every = 2 * tiles(m) * tiles(k) * tiles(n)
    both, one = {"MARK_A": "", "MARK_B": ""}, {"MARK_A": ""}
    count.check(product_counts(both, size, "8x8")[0] == every // 8, "both operands are sent")
    count.check(product_counts(one, size, "8x8")[0] == every // 2 // 8 + every // 2, "one operand is sent")


class Comparison:
    """One kernel at one size: without marks once, with them in all variants."""

    def __init__(self, batch, scratch, name, size):
        text, self.marks, dtype, shapes = KERNELS[name]
        self.name, self.size, self.dtype, self.runs = name, size, dtype, []
        self.counts = name in ("both", "rows_alone", "columns_alone")
        folder = f"{scratch}/{name}." + "x".join(map(str, size))
        os.makedirs(folder)
        words = []
        for parameter, array in random_inputs(shapes(*size), dtype, folder[len(scratch):]).items():
            arrays.write(f"{folder}/{parameter}.npy", array, dtype)
            words += ["--in", f"{parameter}={folder}/{parameter}.npy"]
        for marks in ({}, self.marks):
            source = f"{folder}/{'marked' if marks else 'plain'}.tl"
            with open(source, "w") as file:
                file.write(text_of(text, marks, dtype))
            for options in (variants(name, size) if marks else [["--grid", "8x8"]]):
                result = f"{folder}/C.{len(self.runs)}.npy"
                number = batch.add("run", source, *words, "--out", f"C={result}", *options)
                self.runs.append((number, options, result))

    def judge(self, count, outcomes):
        reference = None
        for number, options, path in self.runs:
            code, printed, messages = outcomes[number]
            what = f"{self.name} {self.size} {' '.join(map(str, options))}"
            if not count.check(code == 0, f"{what}: exit {code}: {messages.strip()[:400]}"):
                continue
            with open(path, "rb") as file:
                result = file.read()
            reference = reference or result
            count.check(result == reference, f"{what}: not the bits without multicast")
            if self.counts and "--stats" in options and min(self.size) > 0:
                read, sent, received = product_counts(self.marks, self.size, options[1])
                found = counted(printed + messages, r"tiles +(\d+) read from DRAM")
                count.check(found == (read,), f"{what}: {found} tiles read, not {read}")
                found = counted(printed + messages, r"(\d+) tiles? sent, (\d+) received")
                count.check((found or (0, 0)) == (sent, received), f"{what}: {found} tiles sent and received, not {(sent, received)}")


def main():
    tool, scratch = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count = Count("multicast against every core for itself")
    batch = Batch(tool, scratch)
    comparisons = [Comparison(batch, scratch, name, size) for name in KERNELS for size in SIZES]
    outcomes = batch.run()
    for comparison in comparisons:
        comparison.judge(count, outcomes)
    check_shares(count)
    shutil.rmtree(scratch)
    count.finish()


if __name__ == "__main__":
    main()
