"""Folds: of f32 as f32, along rows and columns, held and by panels, over leading dimensions; positions of extremes."""
import functools

import carried as c
import numpy as np
from kind import Array, Kernel


def along(fold, axis, after=lambda x: x):
    def meaning(a, dtype):
        return {"Y": c.store(after(fold(a["X"], axis)), dtype)}
    return meaning


def fold_min(x, axis):
    return c.fold_max(x * -1.0, axis) * -1.0


def factors_near_1(x, axis):
    return c.fold_product(x * 0.0625 + 1.0, axis)


def matrices(fold):
    def meaning(a, dtype):
        x = a["X"]
        return {"Y": c.store(functools.reduce(fold, [x[b] for b in range(len(x.value))]), dtype)}
    return meaning


def mean_square(a, dtype):
    x = a["X"]
    rows, columns = x.value.shape
    mean = c.fold_sum(x, 1) / float(columns)
    off = x - mean
    return {"Y": c.store((c.fold_sum(off * off, 1) / float(columns))[:, 0], dtype)}


def position(find, axis):
    """Of values that often are equal: where NumPy finds the first."""
    def meaning(a, dtype):
        return {"Y": find(np.round(a["X"].value * 2), axis).astype(np.int32)}
    return meaning


def position_in_order(find, axes, shape):
    """Of the axes, the first one slowest."""
    def meaning(a, dtype):
        x = np.round(a["X"].value * 2)
        others = [k for k in range(x.ndim) if k not in axes]
        lines = np.transpose(x, others + list(axes)).reshape([x.shape[k] for k in others] + [-1])
        return {"Y": find(lines, -1).astype(np.int32).reshape(shape)}
    return meaning


def rows(fold):
    return f"for i in M {{ Y[i] = {fold}(j in N: X[i, j]); }}"


def columns(fold):
    return f"for j in N {{ Y[j] = {fold}(i in M: X[i, j]); }}"


def near_1(kept, size, folded, length):
    """Of factors whose product does not vanish."""
    return f"for {kept} in {size} {{ Y[{kept}] = product({folded} in {length}: X[i, j] * 0.0625 + 1); }}"


def leading(fold):
    return f"for i in M, j in N {{ Y[i, j] = {fold}(b in B: X[b, i, j]); }}"


# name: meaning, dimensions of X and Y, body, distance from 0
KERNELS = {
    "row_sum": (along(c.fold_sum, 1, lambda x: x[:, 0]), "MN", "M", rows("sum"), 100),
    "row_least": (along(fold_min, 1, lambda x: x[:, 0]), "MN", "M", rows("min"), 0),
    "row_greatest": (along(c.fold_max, 1, lambda x: x[:, 0]), "MN", "M", rows("max"), 0),
    "column_sum": (along(c.fold_sum, 0, lambda x: x[0]), "MN", "N", columns("sum"), 100),
    "column_least": (along(fold_min, 0, lambda x: x[0]), "MN", "N", columns("min"), 0),
    "row_product": (along(factors_near_1, 1, lambda x: x[:, 0]), "MN", "M", near_1("i", "M", "j", "N"), 0),
    "column_product": (along(factors_near_1, 0, lambda x: x[0]), "MN", "N", near_1("j", "N", "i", "M"), 0),
    "variance": (mean_square, "MN", "M", """for i in M {
        let mean = sum(j in N: X[i, j]) / N;
        Y[i] = sum(j in N: square(X[i, j] - mean)) / N;
    }""", 30),
    "matrices_sum": (matrices(lambda x, y: x + y), "BMN", "MN", leading("sum"), 0),
    "matrices_product": (matrices(lambda x, y: x * y), "BMN", "MN", leading("product"), 1),
    "matrices_greatest": (matrices(c.maximum), "BMN", "MN", leading("max"), 0),
    "matrices_least": (matrices(lambda x, y: c.maximum(x * -1.0, y * -1.0) * -1.0), "BMN", "MN", leading("min"), 0),
}
POSITIONS = {
    "row_argmax": (position(np.argmax, 1), "MN", "M", "for i in M { Y[i] = argmax(j in N: round(X[i, j] * 2)); }"),
    "row_argmin": (position(np.argmin, 1), "MN", "M", "for i in M { Y[i] = argmin(j in N: round(X[i, j] * 2)); }"),
    "column_argmax": (position(np.argmax, 0), "MN", "N", "for j in N { Y[j] = argmax(i in M: round(X[i, j] * 2)); }"),
    "matrices_argmin": (position(np.argmin, 0), "BMN", "MN",
                        "for i in M, j in N { Y[i, j] = argmin(b in B: round(X[b, i, j] * 2)); }"),
    "whole_argmax": (position_in_order(np.argmax, (0, 1), (1,)), "MN", "1", "Y[0] = argmax(i in M, j in N: round(X[i, j] * 2));"),
    "matrix_argmin": (position_in_order(np.argmin, (1, 2), (-1, 1, 1)), "BMN", "B11",
                      "for b in B { Y[b, 0, 0] = argmin(i in M, j in N: round(X[b, i, j] * 2)); }"),
    "turned_argmax": (position_in_order(np.argmax, (2, 0), (-1,)), "BMN", "M",
                      "for i in M { Y[i] = argmax(j in N, b in B: round(X[b, i, j] * 2)); }"),
}
SIZES = [(2, 1, 1), (3, 31, 100), (4, 70, 33), (2, 3, 1500)]


def make(dimensions, dtype, distance):
    def made(generator, **sizes):
        shape = [sizes[d] for d in dimensions]
        return {"X": Array(generator.standard_normal(shape) + distance, dtype)}
    return made


def kernel_of(name, dtype, meaning, of, to, body, distance=0, result=None):
    source = f"kernel {name}(X: {dtype}[{', '.join(of)}]) -> Y: {result or dtype}[{', '.join(to)}] {{\n    {body}\n}}\n"
    sizes = [{d: n for d, n in zip("BMN", size) if d in of} for size in SIZES]
    return Kernel(f"{name}_{dtype}", source, make(of, dtype, distance), lambda a, **_: meaning(a, dtype), sizes)


kernels = [kernel_of(name, dtype, *row) for name, row in KERNELS.items() for dtype in ("f32", "bf16")]
kernels += [kernel_of(name, dtype, *row, result="i32") for name, row in POSITIONS.items() for dtype in ("f32", "bf16")]
