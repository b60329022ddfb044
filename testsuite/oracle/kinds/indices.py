"""Indices of elements as values: masks, positions, one-hot, identity; in products, folds, tile programs, beside whole numbers."""
import carried as c
import numpy as np
from kind import Array, Kernel, normal

SIZES = [dict(M=1, N=31), dict(M=33, N=100), dict(M=70, N=65)]


def grid(M, N):
    return np.arange(M)[:, None] + np.zeros((1, N)), np.arange(N)[None] + np.zeros((M, 1))


def exact(text, mean, result="f32", inputs="X: f32[M, N]"):
    """Y[i, j] = text, where nothing but the result is rounded."""
    def make(generator, M, N):
        made = {"X": normal(generator, M, N, dtype="f32"), "t": Array(generator.integers(0, N, (M, N)), "i32")}
        return {name: made[name] for name in made if f"{name}:" in inputs}

    def value(a, M, N):
        i, j = grid(M, N)
        x = a["X"] if "X" in a else None
        y = mean(x, i, j, a.get("t"), M, N)
        return {"Y": c.store(c.carried(y), result) if result in ("f32", "bf16") else np.asarray(y, {"i32": np.int32, "bool": np.bool_}[result])}
    name = f"index_{abs(hash_of(text)) % 10 ** 8}_{result}"
    source = f"kernel k({inputs}) -> Y: {result}[M, N] {{\n    for i in M, j in N {{ Y[i, j] = {text}; }}\n}}\n"
    return Kernel(name, source, make, value, SIZES)


def hash_of(text):
    return sum(ord(character) * 31 ** (k % 7) for k, character in enumerate(text))


def choose(condition, x, other):
    return c.Carried(np.where(condition, x.value, other), np.where(condition, x.error, 0.0))


def pairs(condition):
    return lambda x, i, j, t, M, N: choose(condition(i, j, M, N), x, 0.0)


def softmax_of_the_past(a, M, N):
    i, j = grid(M, N)
    z = choose(j <= i, a["X"], -1e30)
    e = c.exp(z - c.fold_max(z, 1))
    e = choose(j <= i, e, 0.0)
    return {"Y": c.store(e / c.fold_sum(c.operand(e, "f32"), 1), "f32")}


CAUSAL = """kernel k(X: bf16[M, N]) -> Y: f32[M, N] {
    for i in M {
        let z[j in N] = select(j <= i, X[i, j], -inf);
        let m = max(j in N: z[j]);
        let e[j in N] = exp(z[j] - m);
        let s = sum(j in N: e[j]);
        for j in N { Y[i, j] = e[j] / s; }
    }
}
"""

BLOCKS = """kernel k(X: f32[M, N]) -> Y: f32[M, N] {
    grid i in M by 64, j in N by 32 {
        shared x = X[i, j];
        Y[i, j] = select(j < i, x, lo(i) - lo(j) + len(j));
    }
}
"""


def blocks(a, M, N):
    i, j = grid(M, N)
    first, place = i // 64 * 64, j // 32 * 32
    return {"Y": c.store(choose(j < i, a["X"], first - place + np.minimum(32, N - place)), "f32")}


kernels = [
    exact("select(j <= i, X[i, j], 0)", pairs(lambda i, j, M, N: j <= i)),
    exact("select(abs(i - j) < 5 && j > 2, X[i, j], 0)", pairs(lambda i, j, M, N: (abs(i - j) < 5) & (j > 2))),
    exact("select((i + j) % 3 == 0, X[i, j], 0)", pairs(lambda i, j, M, N: (i + j) % 3 == 0)),
    exact("select(2 * j < N, X[i, j], 0)", pairs(lambda i, j, M, N: 2 * j < N)),
    exact("select(i == j, 1, 0) + 0 * X[i, j]", lambda x, i, j, t, M, N: (i == j) * 1.0),
    exact("i * N + j + 0 * X[i, j]", lambda x, i, j, t, M, N: i * N + j),
    exact("X[i, j] + 0.5 * (j - i)", lambda x, i, j, t, M, N: x + 0.5 * (j - i)),
    exact("X[i, j] * max(i, N - 1 - j)", lambda x, i, j, t, M, N: x * np.maximum(i, N - 1 - j)),
    exact("select(t[i, j] == j, X[i, j], 0)", lambda x, i, j, t, M, N: choose(t == j, x, 0.0), inputs="X: f32[M, N], t: i32[M, N]"),
    exact("t[i, j] * 3 - (i * N + j) % 7 + (j - i) / 4", lambda x, i, j, t, M, N: t * 3 - (i * N + j) % 7 + (j - i) // 4, "i32", "t: i32[M, N]"),
    exact("j <= t[i, j]", lambda x, i, j, t, M, N: j <= t, "bool", "t: i32[M, N]"),
    Kernel("causal", CAUSAL, lambda g, M, N: {"X": normal(g, M, N)}, softmax_of_the_past, SIZES),
    Kernel("blocks", BLOCKS, lambda g, M, N: {"X": normal(g, M, N, dtype="f32")}, blocks, SIZES),
]
