"""Folds to a single number, what all elements read of them, results without a common axis: each takes several launches; and programs that launch such kernels."""
import numpy as np

import carried as c
from kind import Array, Kernel, normal

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


def over_norm(t, dtype):
    """The norm is made in two launches before that of the elements."""
    source = f"kernel over_norm(X: {t}[M, N]) -> Y: {dtype}[M, N] {{ for i in M, j in N {{ Y[i, j] = X[i, j] / sqrt(sum(a in M, b in N: X[a, b] * X[a, b]) + 0.5); }} }}"

    def mean(a, M, N):
        total = c.Carried(*flat(folded(a["X"] * a["X"], (1, 0), "f32", "sum"), 1, 1))
        return {"Y": c.store(a["X"] / c.function(np.sqrt, lambda low, high: 0.5 / np.sqrt(low), total + c.Carried(np.float64(0.5))), dtype)}
    return Kernel(f"over_norm_{t}", source, lambda g, M, N: {"X": normal(g, M, N, dtype=t)}, mean, SIZES)


def less_largest(t):
    source = f"kernel less_largest(x: {t}[N]) -> y: {t}[N] {{ for i in N {{ y[i] = x[i] - max(j in N: x[j]); }} }}"
    return Kernel(f"less_largest_{t}", source, lambda g, N: {"x": normal(g, N, dtype=t)},
                  lambda a, N: {"y": c.store(a["x"] - folded(a["x"], (0,), t, "max"), t)}, [dict(N=n) for n in (1, 31, 33, 1000)])


def centred_matrices(t):
    source = f"""kernel centred(X: {t}[B, M, N]) -> Y: {t}[B, M, N] {{
    for b in B, i in M, j in N {{ Y[b, i, j] = X[b, i, j] - sum(p in M, q in N: X[b, p, q]) / (M * N); }}
}}"""

    def mean(a, B, M, N):
        total = c.Carried(*flat(folded(a["X"], (2, 1), t, "sum"), B, 1, 1))
        return {"Y": c.store(a["X"] - total / c.Carried(np.float64(M * N)), t)}
    return Kernel(f"centred_{t}", source, lambda g, B, M, N: {"X": normal(g, B, M, N, dtype=t)}, mean,
                  [dict(B=5, **size) for size in SIZES[1:3]])


def rows_and_columns(t):
    source = f"""kernel sums(X: {t}[M, N]) -> r: f32[M], c: f32[N], Y: {t}[M, N] {{
    for i in M {{ r[i] = sum(j in N: X[i, j]); }}
    for j in N {{ c[j] = max(i in M: X[i, j]); }}
    for i in M, j in N {{ Y[i, j] = X[i, j] * 2; }}
}}"""

    def mean(a, M, N):
        x = a["X"]
        return {"r": c.store(c.Carried(*flat(folded(x, (1,), t, "sum"), M)), "f32"),
                "c": c.store(c.Carried(*flat(folded(x, (0,), t, "max"), N)), "f32"), "Y": c.store(x * c.Carried(np.float64(2)), t)}
    return Kernel(f"rows_and_columns_{t}", source, lambda g, M, N: {"X": normal(g, M, N, dtype=t)}, mean, SIZES)


def positive(g, M, N):
    return {"X": Array(g.uniform(1, 2, (M, N)), "f32")}


def norm_and_columns():
    """The second launch reads r, a result of the first."""
    source = """kernel norm(X: f32[M, N]) -> r: f32[M], Y: f32[M, N], c: f32[N] {
    for i in M { r[i] = sum(j in N: X[i, j]); }
    for i in M, j in N { Y[i, j] = X[i, j] / r[i]; }
    for j in N { c[j] = sum(i in M: Y[i, j]); }
}"""

    def mean(a, M, N):
        r = folded(a["X"], (1,), "f32", "sum")
        y = a["X"] / r
        return {"r": c.store(c.Carried(*flat(r, M)), "f32"), "Y": c.store(y, "f32"),
                "c": c.store(c.Carried(*flat(folded(y, (0,), "f32", "sum"), N)), "f32")}
    return Kernel("norm_and_columns", source, positive, mean, SIZES)


def shares():
    """A fold along rows that one along columns reads."""
    source = "kernel shares(X: f32[M, N]) -> c: f32[N] { for j in N { c[j] = sum(i in M: X[i, j] / sum(k in N: X[i, k])); } }"
    return Kernel("shares", source, positive,
                  lambda a, M, N: {"c": c.store(c.Carried(*flat(folded(a["X"] / folded(a["X"], (1,), "f32", "sum"), (0,), "f32", "sum"), N)), "f32")}, SIZES)


def rows_and_columns_of_a_product():
    source = """kernel both(X: bf16[M, K], W: bf16[K, N]) -> r: f32[M], c: f32[N] {
    let H[i in M, j in N] = max(sum(k in K: X[i, k] * W[k, j]), 0);
    for i in M { r[i] = sum(j in N: H[i, j]); }
    for j in N { c[j] = sum(i in M: H[i, j]); }
}"""

    def mean(a, M, N, K):
        h = c.maximum(c.contract(a["X"], a["W"], "bf16"), c.Carried(np.float64(0)))
        return {"r": c.store(c.Carried(*flat(folded(h, (1,), "f32", "sum"), M)), "f32"),
                "c": c.store(c.Carried(*flat(folded(h, (0,), "f32", "sum"), N)), "f32")}
    return Kernel("rows_and_columns_of_a_product", source,
                  lambda g, M, N, K: {"X": normal(g, M, K), "W": normal(g, K, N)}, mean, [dict(K=40, **size) for size in SIZES[:3]])


def step():
    """Each launch reads what the next ones change in place."""
    source = """kernel step(inout W: f32[M, N], inout b: f32[M], inout c: f32[N], lr: f32) {
    for j in N { c[j] -= lr * sum(i in M: W[i, j]); }
    for i in M { b[i] -= lr * sum(j in N: W[i, j]); }
    for i in M, j in N { W[i, j] -= b[i] * c[j]; }
}"""

    def mean(a, M, N):
        rate, w = c.Carried(np.float64(0.25)), a["W"]
        columns = a["c"] - rate * c.Carried(*flat(folded(w, (0,), "f32", "sum"), N))
        rows = a["b"] - rate * c.Carried(*flat(folded(w, (1,), "f32", "sum"), M))
        return {"W": c.store(w - c.Carried(*flat(rows, M, 1)) * columns, "f32"), "b": c.store(rows, "f32"), "c": c.store(columns, "f32")}
    return Kernel("step", source, lambda g, M, N: {"W": normal(g, M, N, dtype="f32"), "b": normal(g, M, dtype="f32"), "c": normal(g, N, dtype="f32")},
                  mean, SIZES, ["--set", "lr=0.25"])


def doubly_centred():
    source = """kernel centred(X: f32[M, N]) -> Y: f32[M, N] {
    for i in M, j in N {
        Y[i, j] = X[i, j] - sum(b in N: X[i, b]) / N - sum(a in M: X[a, j]) / M + sum(a in M, b in N: X[a, b]) / (M * N);
    }
}"""

    def mean(a, M, N):
        x = a["X"]
        rows, columns = (folded(x, (axis,), "f32", "sum") / c.Carried(np.float64(n)) for axis, n in ((1, N), (0, M)))
        both = c.Carried(*flat(folded(x, (1, 0), "f32", "sum"), 1, 1)) / c.Carried(np.float64(M * N))
        return {"Y": c.store(x - rows - columns + both, "f32")}
    return Kernel("doubly_centred", source, lambda g, M, N: {"X": normal(g, M, N, dtype="f32")}, mean, SIZES)


def parts():
    source = """kernel parts(X: f32[M, N], w: f32[K]) -> Y: f32[M, K] where K <= N {
    for i in M {
        let e[j in N] = square(X[i, j]);
        let s = sum(j in N: e[j]);
        for k in K { Y[i, k] = e[k] / s * w[k]; }
    }
}"""

    def mean(a, M, N, K):
        e = a["X"] * a["X"]
        return {"Y": c.store(e[:, :K] / folded(e, (1,), "f32", "sum") * a["w"], "f32")}
    return Kernel("parts", source, lambda g, M, N, K: {**positive(g, M, N), "w": normal(g, K, dtype="f32")}, mean,
                  [dict(K=k, **size) for k, size in ((1, SIZES[0]), (32, SIZES[1]), (33, SIZES[2]), (70, SIZES[2]))])


def root(total):
    return c.function(np.sqrt, lambda low, high: 0.5 / np.sqrt(low), total)


def norm_in_a_name(t):
    """A typed number that a result and all elements read."""
    source = f"""kernel norm_in_a_name(X: {t}[M, N]) -> Y: {t}[M, N], n: {t}[1] {{
    let s: {t} = max(i in M, j in N: X[i, j]);
    n[0] = s;
    for i in M, j in N {{ Y[i, j] = X[i, j] - s; }}
}}"""

    def mean(a, M, N):
        s = c.fold_max(c.fold_max(a["X"], 1), 0)
        return {"Y": c.store(a["X"] - s, t), "n": c.store(c.Carried(*flat(s, 1)), t)}
    return Kernel(f"norm_in_a_name_{t}", source, lambda g, M, N: {"X": normal(g, M, N, dtype=t)}, mean, SIZES)


def groupnorm(t):
    """A number that needs another one, of each matrix."""
    source = f"""kernel groupnorm(X: {t}[B, G, M, N]) -> Y: {t}[B, G, M, N] {{
    for b in B, g in G {{
        let mu = sum(i in M, j in N: X[b, g, i, j]) / (M * N);
        let v = sum(i in M, j in N: square(X[b, g, i, j] - mu)) / (M * N);
        for i in M, j in N {{ Y[b, g, i, j] = (X[b, g, i, j] - mu) / sqrt(v + 0.5); }}
    }}
}}"""

    def mean(a, B, G, M, N):
        count = c.Carried(np.float64(M * N))
        mu = folded(a["X"], (3, 2), t, "sum") / count
        d = a["X"] - mu
        return {"Y": c.store(d / root(folded(d * d, (3, 2), "f32", "sum") / count + 0.5), t)}
    return Kernel(f"groupnorm_{t}", source, lambda g, B, G, M, N: {"X": normal(g, B, G, M, N, dtype=t)}, mean,
                  [dict(B=2, G=3, **size) for size in SIZES[:3]])


def elements(t):
    """Tensors of one element, for each matrix and for all, in tile programs as well."""
    nest = f"for b in B, i in M, j in N {{ Y[b, i, j] = X[b, i, j] / n[b, 0, 0] * alpha[0]; }}"
    tiles = f"grid b in B, i in M by 64, j in N by 32 {{ Y[b, i, j] = X[b, i, j] / n[b, 0, 0] * alpha[0]; }}"

    def mean(a, B, M, N):
        return {"Y": c.store(a["X"] / a["n"] * a["alpha"][0], t)}
    return [Kernel(f"elements_{name}_{t}", f"kernel elements(X: {t}[B, M, N], n: f32[B, 1, 1], alpha: {t}[1]) -> Y: {t}[B, M, N] {{ {body} }}",
                   lambda g, B, M, N: {"X": normal(g, B, M, N, dtype=t), "n": Array(g.uniform(1, 2, (B, 1, 1)), "f32"), "alpha": normal(g, 1, dtype=t)},
                   mean, [dict(B=3, **size) for size in SIZES[:3]]) for name, body in (("nest", nest), ("tiles", tiles))]


kernels = ([whole(t, "sum", "f32") for t in ("bf16", "f32")] + [whole("bf16", "max", "bf16")]
           + [f(t) for f in (squares, loss, vector, matrices, less_largest, centred_matrices, rows_and_columns) for t in ("bf16", "f32")] + [launched(), over_norm("bf16", "bf16"), over_norm("f32", "f32"), norm_and_columns(), shares(),
                                                                                            rows_and_columns_of_a_product(), step(), doubly_centred(), parts()]
           + [f(t) for f in (norm_in_a_name, groupnorm) for t in ("bf16", "f32")] + elements("bf16") + elements("f32"))
