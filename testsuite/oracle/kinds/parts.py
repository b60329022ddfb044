"""Results that statements write in part, or at other places than bare loop variables."""
import carried as c
import numpy as np
from kind import Array, Kernel, normal

SIZES = [dict(M=1, N=1), dict(M=33, N=31), dict(M=70, N=100)]


def moved(name, source, meaning, make=None, sizes=SIZES, **options):
    """A kernel that moves elements: the result is exact."""
    def mean(a, **s):
        got = meaning(**{k: v.value for k, v in a.items()}, **s)
        return {k: c.Carried(np.asarray(v, np.float64)) for k, v in (got if isinstance(got, dict) else {"Y": got}).items()}
    return Kernel(name, source, make or (lambda g, M, N: {"A": normal(g, M, N), "B": normal(g, M, N + 8)}), mean, sizes, **options)


def two(g, M, N):
    return {"A": normal(g, M, N), "B": normal(g, M, N)}


def one(g, M, N):
    return {"A": normal(g, M, N)}


def whole(g, *shape):
    """Small whole numbers: their sums of products are exact."""
    return Array(g.integers(-8, 9, shape), "f32")


def transposed(A, w, M, N):
    y = np.ones((M, 2 * N + 1))
    for r in range(3):
        y[:, r:r + 2 * N:2] += A * w[r]
    return y


def rope(a, M, N):
    x, cos, sin = a["X"], a["c"], a["s"]
    left, right = x[:, :N], x[:, N:]
    first, second = left * cos - right * sin, right * cos + left * sin
    return {"Y": c.store(c.Carried(np.concatenate([first.value, second.value], 1), np.concatenate([first.error, second.error], 1)), "bf16")}


kernels = [
    moved("columns", """kernel columns(A: bf16[M, N], B: bf16[M, K]) -> Y: bf16[M, P] where P == N + K {
    for i in M { for j in N { Y[i, j] = A[i, j]; } for k in K { Y[i, k + N] = B[i, k]; } }
}""", lambda A, B, M, N: np.concatenate([A, B], 1)),
    moved("rows", """kernel rows(A: bf16[M, N], B: bf16[M, N]) -> Y: bf16[P, N] where P == 2 * M {
    for i in M, j in N { Y[i + M, j] = A[i, j]; Y[i, j] = B[i, j]; }
}""", lambda A, B, M, N: np.concatenate([B, A], 0), two),
    moved("matrices", """kernel matrices(A: bf16[M, N], B: bf16[M, N]) -> Y: bf16[3, M, N] {
    for i in M, j in N { Y[0, i, j] = A[i, j]; Y[2, i, j] = B[i, j]; Y[1, i, j] = -A[i, j]; }
}""", lambda A, B, M, N: np.stack([A, -A, B]), two),
    moved("in_turn", """kernel in_turn(A: bf16[M, N], B: bf16[M, N]) -> Y: bf16[M, P] where P == 2 * N {
    for i in M, j in N { Y[i, 2 * j + 1] = A[i, j]; Y[i, 2 * j] = B[i, j]; }
}""", lambda A, B, M, N: np.stack([B, A], 2).reshape(M, 2 * N), two),
    moved("backwards", """kernel backwards(A: bf16[M, N]) -> Y: bf16[M, N] {
    for i in M, j in N { Y[M - 1 - i, N - 1 - j] = A[i, j]; }
}""", lambda A, M, N: A[::-1, ::-1], one),
    moved("framed", """kernel framed(A: bf16[M, N]) -> Y: bf16[P, Q] where P == M + 2, Q == N + 3 {
    for i in P, j in Q { Y[i, j] = 1; }
    for i in M, j in N { Y[i + 1, j + 1] = A[i, j]; }
}""", lambda A, M, N: np.pad(A, [(1, 1), (1, 2)], constant_values=1.0), one),
    moved("diagonal", """kernel diagonal(x: bf16[N], w: bf16[M]) -> Y: bf16[N, N] {
    for i in N, j in N { Y[i, j] = 0; }
    for i in N { Y[i, i] = x[i]; }
}""", lambda x, w, M, N: np.diag(x), lambda g, M, N: {"x": normal(g, N), "w": normal(g, M)}),
    moved("triangle", """kernel triangle(A: bf16[M, M], w: bf16[N]) -> Y: bf16[M, M] {
    for i in M { for j in 0..i + 1 { Y[i, j] = A[i, j]; Y[j, i] = A[i, j]; } }
}""", lambda A, w, M, N: np.tril(A) + np.tril(A, -1).T, lambda g, M, N: {"A": normal(g, M, M), "w": normal(g, N)}),
    moved("overlapping", """kernel overlapping(A: f32[M, N], w: f32[3]) -> Y: f32[M, P] where P == 2 * N + 1 {
    for i in M, p in P { Y[i, p] = 1; }
    for i in M, j in N, r in 3 { Y[i, 2 * j + r] += A[i, j] * w[r]; }
}""", transposed, lambda g, M, N: {"A": whole(g, M, N), "w": whole(g, 3)}),
    moved("strip", """kernel strip(inout W: bf16[M, N], A: bf16[P, N]) where P <= M {
    for i in P, j in N { W[i + M - P, j] = A[i, j]; }
}""", lambda W, A, M, N: {"W": np.concatenate([W[:M - (M + 1) // 2], A])},
          lambda g, M, N: {"W": normal(g, M, N), "A": normal(g, (M + 1) // 2, N)}),
    moved("appended", """kernel appended(inout W: bf16[2, M, N], A: bf16[P, 2, N], pos: index = 0) where pos >= 0, pos + P <= M {
    for h in 2, i in P, j in N { W[h, i + pos, j] = A[i, h, j]; }
}""", lambda W, A, M, N: {"W": np.concatenate([A.transpose(1, 0, 2), W[:, (M + 1) // 2:]], 1)},
          lambda g, M, N: {"W": normal(g, 2, M, N), "A": normal(g, (M + 1) // 2, 2, N)}),
    Kernel("rope", """kernel rope(X: bf16[M, E], c: bf16[M, N], s: bf16[M, N]) -> Y: bf16[M, E] where E == 2 * N {
    for i in M, f in N {
        Y[i, f] = X[i, f] * c[i, f] - X[i, f + N] * s[i, f];
        Y[i, f + N] = X[i, f + N] * c[i, f] + X[i, f] * s[i, f];
    }
}""", lambda g, M, N: {"X": normal(g, M, 2 * N), "c": normal(g, M, N), "s": normal(g, M, N)}, rope, SIZES),
]
