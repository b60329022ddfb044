"""Single numbers on a core: folds of rows and columns at once, read by the elements of their matrix; tensors of one element."""
import carried as c
import numpy as np
from kind import Array, Kernel

SIZES = [(1, 1, 1), (3, 31, 100), (2, 33, 31), (5, 64, 1), (66, 1, 65)]


def whole(fold, a):
    """A fold of each matrix, kept as [B, 1, 1]."""
    return fold(fold(a, 2), 1)


def least(a, axis):
    return c.fold_max(a * -1.0, axis) * -1.0


def norm(a, dtype):
    x = a["X"]
    mean = whole(c.fold_sum, x) / float(x.value.shape[1] * x.value.shape[2])
    off = x - mean
    variance = whole(c.fold_sum, off * off) / float(x.value.shape[1] * x.value.shape[2])
    root = c.function(lambda v: 1 / np.sqrt(v + 0.01), lambda low, high: 0.5 * np.maximum(low + 0.01, 1e-9) ** -1.5, variance)
    return c.store(off * root, dtype)


def shares(a, dtype):
    x = a["X"]
    e = c.exp(x - whole(c.fold_max, x))
    return c.store(e / whole(c.fold_sum, e), dtype)


def span(a, dtype):
    x = a["X"]
    low, high = whole(least, x), whole(c.fold_max, x)
    return c.store((x - low) / (high - low + 1.0), dtype)


def variance(a, dtype):
    x = a["X"]
    off = x - whole(c.fold_sum, x) / float(x.value.shape[1] * x.value.shape[2])
    return c.store(whole(c.fold_sum, off * off), dtype)


FOLDS = {
    "norm_of_a_matrix": (norm, "B, M, N", """
        let mean = sum(i in M, j in N: X[b, i, j]) / (M * N), v = sum(i in M, j in N: square(X[b, i, j] - mean)) / (M * N);
        for i in M, j in N { Y[b, i, j] = (X[b, i, j] - mean) * rsqrt(v + 0.01); }"""),
    "shares_of_a_matrix": (shares, "B, M, N", """
        let m = max(i in M, j in N: X[b, i, j]), e[i in M, j in N] = exp(X[b, i, j] - m), s = sum(i in M: sum(j in N: e[i, j]));
        for i in M, j in N { Y[b, i, j] = e[i, j] / s; }"""),
    "span_of_a_matrix": (span, "B, M, N", """
        let low = min(i in M, j in N: X[b, i, j]), high = max(i in M, j in N: X[b, i, j]);
        for i in M, j in N { Y[b, i, j] = (X[b, i, j] - low) / (high - low + 1); }"""),
    "variance_of_a_matrix": (variance, "B, 1, 1", """
        let mean = sum(i in M, j in N: X[b, i, j]) / (M * N);
        Y[b, 0, 0] = sum(i in M, j in N: square(X[b, i, j] - mean));"""),
}


def fold_kernel(name, dtype):
    mean, shape, body = FOLDS[name]
    source = f"kernel {name}(X: {dtype}[B, M, N]) -> Y: {dtype}[{shape}] {{\n    for b in B {{{body}\n    }}\n}}\n"
    return Kernel(f"{name}_{dtype}", source, lambda g, B, M, N: {"X": Array(g.standard_normal((B, M, N)) + 2, dtype)},
                  lambda a, **_: {"Y": mean(a, dtype)}, [dict(zip("BMN", size)) for size in SIZES])


def channels(a, **_):
    x = a["X"]
    total = c.fold_sum(c.fold_sum(c.fold_sum(x, 1), 3), 2)
    return {"Y": c.store(x / total, "f32")}


CHANNELS = """kernel shares_of_channels(X: f32[B, C, M, N]) -> Y: f32[B, C, M, N] {
    for b in B {
        let s = sum(c in C, i in M, j in N: X[b, c, i, j]);
        for c in C, i in M, j in N { Y[b, c, i, j] = X[b, c, i, j] / s; }
    }
}
"""

# of the element: its values, and where it stands
ELEMENTS = {"f32": [0.7], "bf16": [-1.25], "i32": [-7], "u32": [70000], "u16": [60000], "u8": [200]}


def element_kernel(dtype, dimensions, place):
    source = f"""kernel scaled_by_{dtype}(X: f32[M, N], v: f32[N], a: {dtype}[{dimensions}]) -> Y: f32[M, N], S: f32[M] {{
    for i in M, j in N {{ Y[i, j] = X[i, j] * f32(a[{place}]) + f32(a[{place}]); }}
    for i in M {{ S[i] = sum(j in N: X[i, j] * v[j] + f32(a[{place}])); }}
}}
"""
    shape = [int(d) for d in dimensions.split(",")]

    def make(g, M, N):
        values = np.zeros(shape)
        values.flat[0] = ELEMENTS[dtype][0]
        return {"X": Array(g.standard_normal((M, N)), "f32"), "v": Array(g.standard_normal(N), "f32"), "a": Array(values, dtype)}

    def mean(a, **_):
        number = float(np.float64(a["a"].value.flat[0] if dtype in ("f32", "bf16") else a["a"].flat[0]))
        products = c.Carried(a["X"].value * a["v"].value, np.abs(a["X"].value * a["v"].value) * 2.0 ** -23)
        return {"Y": c.store(a["X"] * number + number, "f32"), "S": c.store(c.fold_sum(products + number, 1)[:, 0], "f32")}
    return Kernel(f"scaled_by_{dtype}_{len(shape)}", source, make, mean, [dict(M=1, N=1), dict(M=33, N=100), dict(M=70, N=31)])


kernels = [fold_kernel(name, dtype) for name in FOLDS for dtype in ("f32", "bf16")]
kernels += [Kernel("shares_of_channels", CHANNELS, lambda g, B, C, M, N: {"X": Array(g.uniform(1, 2, (B, C, M, N)), "f32")}, channels,
                   [dict(B=2, C=3, M=31, N=33), dict(B=1, C=1, M=1, N=1), dict(B=65, C=2, M=3, N=40)])]
kernels += [element_kernel(dtype, *where) for dtype in ELEMENTS for where in (("1", "0"), ("3, 2", "0, 0"))]
