"""Folds to a single number, which take two launches, and programs that launch such kernels."""
import numpy as np

import carried as c
from kind import Kernel, normal

SIZES = [dict(M=1, N=1), dict(M=31, N=33), dict(M=100, N=70), dict(M=300, N=1), dict(M=1, N=1000)]


def folded(value, axes, t, op):
    """Rows are rounded to f32 in between."""
    total = value
    for axis in axes:
        total = c.fold_max(total, axis) if op == "max" else c.fold_sum(c.operand(total, t), axis)
        t = "f32"
    return total


def whole(t, op, dtype):
    source = f"kernel whole(X: {t}[M, N]) -> s: {dtype}[1] {{ s[0] = {op}(i in M, j in N: X[i, j]); }}"
    return Kernel(f"{op}_of_a_matrix_{t}", source, lambda g, M, N: {"X": normal(g, M, N, dtype=t)},
                  lambda a, M, N: {"s": c.store(c.Carried(*flat(folded(a["X"], (1, 0), t, op), 1)), dtype)}, SIZES)


def flat(value, *shape):
    return value.value.reshape(shape), value.error.reshape(shape)


def squares(t):
    source = f"kernel squares(X: {t}[M, N]) -> s: f32[1, 1] {{ s[0, 0] = sum(i in M, j in N: X[i, j] * X[i, j]) / (M * N); }}"

    def mean(a, M, N):
        total = folded(a["X"] * a["X"], (1, 0), "f32", "sum")
        return {"s": c.store(c.Carried(*flat(total, 1, 1)) / c.Carried(np.float64(M * N)), "f32")}
    return Kernel(f"squares_{t}", source, lambda g, M, N: {"X": normal(g, M, N, dtype=t)}, mean, SIZES)


def loss(t):
    source = f"""kernel loss(X: {t}[M, N], Y: {t}[M, N]) -> s: f32[1] {{
    var acc: f32 = 0;
    for i in M, j in N {{ acc += square(X[i, j] - Y[i, j]); }}
    s[0] = acc / (M * N);
}}"""

    def mean(a, M, N):
        d = a["X"] - a["Y"]
        return {"s": c.store(c.Carried(*flat(folded(d * d, (1, 0), "f32", "sum"), 1)) / c.Carried(np.float64(M * N)), "f32")}
    return Kernel(f"loss_{t}", source, lambda g, M, N: {name: normal(g, M, N, dtype=t) for name in ("X", "Y")}, mean, SIZES)


def vector(t):
    source = f"kernel vector(x: {t}[N]) -> s: f32[1] {{ for o in 1 {{ s[o] = sum(j in N: x[j]); }} }}"
    return Kernel(f"vector_{t}", source, lambda g, N: {"x": normal(g, N, dtype=t)},
                  lambda a, N: {"s": c.store(c.Carried(*flat(folded(a["x"], (0,), t, "sum"), 1)), "f32")},
                  [dict(N=n) for n in (1, 31, 33, 1000)])


def matrices(t):
    source = f"kernel each(X: {t}[B, M, N]) -> s: f32[B, 1, 1] {{ for b in B {{ s[b, 0, 0] = sum(i in M, j in N: X[b, i, j]); }} }}"
    return Kernel(f"matrices_{t}", source, lambda g, B, M, N: {"X": normal(g, B, M, N, dtype=t)},
                  lambda a, B, M, N: {"s": c.store(c.Carried(*flat(folded(a["X"], (2, 1), t, "sum"), B, 1, 1)), "f32")},
                  [dict(B=5, **size) for size in SIZES[1:3]])


def launched():
    source = """kernel total(X: f32[P, Q]) -> s: f32[1] { s[0] = sum(i in P, j in Q: X[i, j]); }
program both(X: f32[M, N], Y: f32[N, 8]) -> s: f32[1], t: f32[1] { s = total(X); t = total(Y); }"""

    def mean(a, M, N):
        return {name: c.store(c.Carried(*flat(folded(a[of], (1, 0), "f32", "sum"), 1)), "f32") for name, of in (("s", "X"), ("t", "Y"))}
    return Kernel("launched", source, lambda g, M, N: {"X": normal(g, M, N, dtype="f32"), "Y": normal(g, N, 8, dtype="f32")}, mean, SIZES)


kernels = ([whole(t, "sum", "f32") for t in ("bf16", "f32")] + [whole("bf16", "max", "bf16")]
           + [f(t) for f in (squares, loss, vector, matrices) for t in ("bf16", "f32")] + [launched()])
