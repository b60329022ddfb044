"""What every example means, in float64 with carried errors, and the arrays it takes."""
import numpy as np

import carried as c


def matmul(a, dtype):
    y = c.contract(a["A"], a["B"], dtype) + a["bias"]
    return {"C": c.store(c.maximum(y, 0.0), dtype)}


def matmul_loops(a, dtype):
    return {"C": c.store(c.contract(a["A"], a["B"], dtype), dtype)}


def matmul_tiled(a, dtype):
    return {"C": c.store(c.maximum(c.contract(a["A"], a["B"], dtype), 0.0), dtype)}


def sigmoid(x):
    def slope(low, high):
        nearest = np.where((low <= 0) & (high >= 0), 0, np.minimum(np.abs(low), np.abs(high)))
        s = 1 / (1 + np.exp(-nearest))
        return s * (1 - s)
    return c.function(lambda v: 1 / (1 + np.exp(-v)), slope, x)


def elementwise(a, dtype):
    x = c.maximum(c.carried(a["A"]) * a["B"] + a["C"], 0.0) * 0.5
    return {"Y": c.store(sigmoid(x), dtype)}


def broadcast_add(a, dtype):
    y = c.carried(a["X"]) + a["row"][None, :] + a["column"][:, None]
    return {"Y": c.store(y, dtype)}


def softmax(a, dtype):
    x = c.carried(a["X"])
    if x.value.size == 0:
        return {"Y": x}
    e = c.exp(x - c.fold_max(x, 1))
    return {"Y": c.store(e / c.fold_sum(c.operand(e, "f32"), 1), dtype)}


def dense(a, dtype, relu):
    y = c.contract(a["X"], a["W"], dtype) + a["b"]
    return {"Y": c.store(c.maximum(y, 0.0) if relu else y, dtype)}


# name: meaning, types, shapes of the inputs from (M, K, N), outputs, the size names that -D may fix
EXAMPLES = {
    "matmul": (matmul, ["bf16", "f32"], lambda m, k, n: {"A": (m, k), "B": (k, n), "bias": (n,)}, ["C"]),
    "matmul_loops": (matmul_loops, ["bf16"], lambda m, k, n: {"A": (m, k), "B": (k, n)}, ["C"]),
    "matmul_tiled": (matmul_tiled, ["bf16"], lambda m, k, n: {"A": (m, k), "B": (k, n)}, ["C"]),
    "matmul_multicast": (matmul_loops, ["bf16", "f32"], lambda m, k, n: {"A": (m, k), "B": (k, n)}, ["C"]),
    "elementwise": (elementwise, ["bf16", "f32"], lambda m, k, n: {"A": (m, n), "B": (m, n), "C": (m, n)}, ["Y"]),
    "broadcast_add": (broadcast_add, ["bf16"], lambda m, k, n: {"X": (m, n), "row": (n,), "column": (m,)}, ["Y"]),
    "softmax": (softmax, ["bf16"], lambda m, k, n: {"X": (m, n)}, ["Y"]),
}

SIZES = [(50, 70, 90), (1, 1, 1), (33, 1, 65), (32, 32, 32), (256, 128, 512), (0, 40, 50), (40, 0, 50), (40, 50, 0)]
