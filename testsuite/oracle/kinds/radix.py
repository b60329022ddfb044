"""Subscripts that multiply loop variables by sizes, or divide by sizes: dimensions joined and split, repeated, in another order."""
import numpy as np
from kind import normal
from parts import moved

SIZES = [dict(B=1, M=1, N=1), dict(B=3, M=33, N=31), dict(B=2, M=64, N=40), dict(B=5, M=7, N=70)]


def three(g, B, M, N):
    return {"X": normal(g, B, M, N)}


def radix(name, source, meaning, make=three, sizes=SIZES):
    return moved(name, source, meaning, make, sizes)


kernels = [
    radix("join", """kernel join(X: bf16[B, M, N]) -> Y: bf16[P, N] where P == B * M {
    for b in B, i in M, j in N { Y[b * M + i, j] = X[b, i, j]; }
}""", lambda X, **s: X.reshape(-1, X.shape[2])),
    radix("join_unnamed", """kernel join(X: bf16[B, M, N]) -> Y: bf16[B * M, N] {
    for b in B, i in M, j in N { Y[b * M + i, j] = X[b, i, j]; }
}""", lambda X, **s: X.reshape(-1, X.shape[2])),
    radix("join_columns", """kernel join(X: bf16[B, M, N]) -> Y: bf16[M, P] where P == B * N {
    for b in B, i in M, j in N { Y[i, b * N + j] = X[b, i, j]; }
}""", lambda X, B, M, N: X.transpose(1, 0, 2).reshape(M, -1)),
    radix("join_turned", """kernel join(X: bf16[B, M, N]) -> Y: bf16[M * N, B] {
    for b in B, i in M, j in N { Y[j * M + i, b] = X[b, i, j]; }
}""", lambda X, **s: X.transpose(2, 1, 0).reshape(-1, X.shape[0])),
    radix("join_all", """kernel join(X: bf16[B, M, N]) -> Y: bf16[P] where P == B * M * N {
    for b in B, i in M, j in N { Y[b * M * N + i * N + j] = X[b, i, j]; }
}""", lambda X, **s: X.reshape(-1), sizes=SIZES[:2]),
    radix("split", """kernel split(X: bf16[P, N], w: f32[B]) -> Y: bf16[B, M, N] where M == P / B, P == B * M {
    for b in B, i in M, j in N { Y[b, i, j] = X[b * M + i, j]; }
}""", lambda X, w, B, M, N: X.reshape(B, M, N), lambda g, B, M, N: {"X": normal(g, B * M, N), "w": normal(g, B)}),
    radix("split_heads", """kernel split(X: bf16[M, P], w: f32[N]) -> Y: bf16[B, M, N] where B == P / N, P == B * N {
    for b in B, i in M, e in N { Y[b, i, e] = X[i, b * N + e]; }
}""", lambda X, w, B, M, N: X.reshape(M, B, N).transpose(1, 0, 2),
          lambda g, B, M, N: {"X": normal(g, M, B * N), "w": normal(g, N)}),
    radix("by_quotient", """kernel flat(X: bf16[B, M, N]) -> Y: bf16[P, N] where P == B * M {
    for p in P, j in N { Y[p, j] = X[p / M, p % M, j]; }
}""", lambda X, **s: X.reshape(-1, X.shape[2])),
    radix("repeat", """kernel repeat(X: bf16[B, M, N], r: f32[R]) -> Y: bf16[P, M, N] where P == B * R {
    for p in P, i in M, j in N { Y[p, i, j] = X[p / R, i, j]; }
}""", lambda X, r, **s: np.repeat(X, 3, 0), lambda g, B, M, N: {"X": normal(g, B, M, N), "r": normal(g, 3)}),
    radix("tile", """kernel tile(X: bf16[B, M, N]) -> Y: bf16[P, M, N] where P == 3 * B {
    for p in P, i in M, j in N { Y[p, i, j] = X[p % B, i, j]; }
}""", lambda X, **s: np.tile(X, (3, 1, 1))),
    radix("tile_rows", """kernel tile(X: bf16[M, N], r: f32[B]) -> Y: bf16[P, Q] where P == B * M, Q == 2 * N {
    for p in P, q in Q { Y[p, q] = X[p % M, q % N]; }
}""", lambda X, r, B, M, N: np.tile(X, (B, 2)), lambda g, B, M, N: {"X": normal(g, M, N), "r": normal(g, B)}),
    radix("join_parts", """kernel join(X: bf16[B, M, N], Z: bf16[B, L, N]) -> Y: bf16[P, N] where P == B * (M + L) {
    for b in B, i in M, j in N { Y[b * (M + L) + i, j] = X[b, i, j]; }
    for b in B, i in L, j in N { Y[b * (M + L) + M + i, j] = Z[b, i, j]; }
}""", lambda X, Z, **s: np.concatenate([X, Z], 1).reshape(-1, X.shape[2]),
          lambda g, B, M, N: {"X": normal(g, B, M, N), "Z": normal(g, B, 2 * M + 1, N)}),
    radix("heads_of_three", """kernel join(Q: bf16[B, M, N], K: bf16[B, M, N], V: bf16[B, M, N]) -> Y: bf16[M, P] where P == B * 3 * N {
    for b in B, i in M, e in N {
        Y[i, b * 3 * N + e] = Q[b, i, e];
        Y[i, b * 3 * N + N + e] = K[b, i, e];
        Y[i, b * 3 * N + 2 * N + e] = V[b, i, e];
    }
}""", lambda Q, K, V, B, M, N: np.stack([Q, K, V], 1).transpose(2, 0, 1, 3).reshape(M, -1),
          lambda g, B, M, N: {k: normal(g, B, M, N) for k in "QKV"}),
    radix("in_place", """kernel scaled(inout X: bf16[P, N], w: f32[B], v: f32[M]) where P == B * M {
    for b in B, i in M, j in N { X[b * M + i, j] = X[b * M + i, j] * 2; }
}""", lambda X, w, v, **s: {"X": 2 * X},
          lambda g, B, M, N: {"X": normal(g, B * M, N), "w": normal(g, B), "v": normal(g, M)}),
    radix("join_backwards", """kernel join(X: bf16[B, M, N]) -> Y: bf16[B * M, N] {
    for b in B, i in M, j in N { Y[(B - 1 - b) * M + M - 1 - i, j] = X[b, i, j]; }
}""", lambda X, **s: X[::-1, ::-1].reshape(-1, X.shape[2])),
    radix("join_each_backwards", """kernel join(X: bf16[B, M, N]) -> Y: bf16[M, B * N] {
    for b in B, i in M, j in N { Y[i, b * N + N - 1 - j] = X[b, i, j]; }
}""", lambda X, **s: X[:, :, ::-1].transpose(1, 0, 2).reshape(X.shape[1], -1)),
    radix("join_four", """kernel join(X: bf16[A, B, M, N]) -> Y: bf16[A * B * M, N] {
    for a in A, b in B, i in M, j in N { Y[(a * B + b) * M + i, j] = X[a, b, i, j]; }
}""", lambda X, **s: X.reshape(-1, X.shape[3]), lambda g, B, M, N: {"X": normal(g, 2, B, M, N)}, SIZES[:2]),
    radix("flat", """kernel flat(X: f32[A, B, M, N]) -> Y: f32[A * B * M * N] {
    for p in A * B * M * N { Y[p] = X[p / N / M / B, p / (N * M) % B, p / N % M, p % N]; }
}""", lambda X, **s: X.reshape(-1), lambda g, B, M, N: {"X": normal(g, 2, B, M, N, dtype="f32")}, SIZES[:2]),
    radix("parted", """kernel parted(X: f32[B * M * N], w: f32[B], v: f32[M]) -> Y: f32[B, M, N] {
    for b in B, i in M, j in N { Y[b, i, j] = X[(b * M + i) * N + j]; }
}""", lambda X, w, v, B, M, N: X.reshape(B, M, N),
          lambda g, B, M, N: {"X": normal(g, B * M * N, dtype="f32"), "w": normal(g, B, dtype="f32"), "v": normal(g, M, dtype="f32")}, SIZES[:2]),
    radix("space_to_channels", """kernel parted(X: bf16[A, B, H, W]) -> Y: bf16[A, P, M, N] where P == B * 4, M == H / 2, N == W / 2 {
    for b in A, c in P, h in M, w in N { Y[b, c, h, w] = X[b, c / 4, 2 * h + c % 4 / 2, 2 * w + c % 2]; }
}""", lambda X, B, M, N: X.reshape(2, B, M, 2, N, 2).transpose(0, 1, 3, 5, 2, 4).reshape(2, 4 * B, M, N),
          lambda g, B, M, N: {"X": normal(g, 2, B, 2 * M, 2 * N)}),
    radix("channels_to_space", """kernel joined(X: bf16[A, P, M, N]) -> Y: bf16[A, B, H, W] where B == P / 4, P == B * 4, H == 2 * M, W == 2 * N {
    for b in A, c in B, h in H, w in W { Y[b, c, h, w] = X[b, c * 4 + h % 2 * 2 + w % 2, h / 2, w / 2]; }
}""", lambda X, B, M, N: X.reshape(2, B, 2, 2, M, N).transpose(0, 1, 4, 2, 5, 3).reshape(2, B, 2 * M, 2 * N),
          lambda g, B, M, N: {"X": normal(g, 2, 4 * B, M, N)}),
    radix("channels_shuffled", """kernel shuffled(X: bf16[B, G, K, M, N]) -> Y: bf16[B, P, M, N] where P == G * K {
    for b in B, c in P, i in M, j in N { Y[b, c, i, j] = X[b, c % G, c / G, i, j]; }
}""", lambda X, **s: X.transpose(0, 2, 1, 3, 4).reshape(X.shape[0], -1, *X.shape[3:]),
          lambda g, B, M, N: {"X": normal(g, B, 3, 2, M, N)}),
]
