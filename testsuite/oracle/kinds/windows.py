"""Windows: convolution of one, two and three dimensions, with stride, padding, dilation and groups, transposed; pooling; stencils;
windows laid out in rows. Of small whole numbers, so that every sum is exact, or of values that only move."""
import numpy as np
from kind import Array, normal
from parts import moved


def whole(g, *shape, dtype="bf16"):
    return Array(g.integers(-4, 5, shape), dtype)


def windows(x, window, stride=1, pad=0, dilation=1, fill=0.0):
    """[..., P, Q, R, S] of [..., H, W], for every window; scalars count for all dimensions of `window`."""
    rank = len(window)
    stride, pad, dilation = ((v,) * rank if isinstance(v, int) else v for v in (stride, pad, dilation))
    x = np.pad(x, [(0, 0)] * (x.ndim - rank) + [(p, p) for p in pad], constant_values=fill)
    spans = [(w - 1) * d + 1 for w, d in zip(window, dilation)]
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(x.ndim - rank, x.ndim)))
    places = tuple(slice(None, None, s) for s in stride)
    return view[(Ellipsis, *places, *(slice(None, None, d) for d in dilation))]


def conv2d(name, stride, pad, dilation, sizes, bias=True):
    source = f"""kernel conv(X: bf16[N, C, H, W], F: bf16[O, C, R, S], b: bf16[O]) -> Y: f32[N, O, P, Q]
        where P == out(H, R, {stride}, {pad}, {dilation}), Q == out(W, S, {stride}, {pad}, {dilation}) {{
    for n in N, o in O, p in P, q in Q {{
        Y[n, o, p, q] = b[o] + sum(c in C, r in R, s in S:
            X[n, c, {stride} * p + {dilation} * r - {pad}, {stride} * q + {dilation} * s - {pad} else 0] * F[o, c, r, s]);
    }}
}}"""
    def meaning(X, F, b, **s):
        view = windows(X, F.shape[2:], stride, pad, dilation)
        return np.einsum("ncpqrs,ocrs->nopq", view, F) + b[None, :, None, None]
    return moved(name, source, meaning, lambda g, N, C, O, H, W, R, S: {"X": whole(g, N, C, H, W), "F": whole(g, O, C, R, S), "b": whole(g, O)}, sizes)


def image(N, C, O, H, W, R, S):
    return dict(N=N, C=C, O=O, H=H, W=W, R=R, S=S)


def pooled(name, value, meaning, pad, make=None, sizes=None):
    source = f"""kernel pool(X: bf16[N, C, H, W]) -> Y: {value[0]}[N, C, P, Q] where P == out(H, 3, 2, {pad}), Q == out(W, 3, 2, {pad}) {{
    for n in N, c in C, p in P, q in Q {{ Y[n, c, p, q] = {value[1]}; }}
}}"""
    return moved(name, source, meaning, make or (lambda g, N, C, H, W: {"X": normal(g, N, C, H, W)}),
                 sizes or [dict(N=1, C=1, H=3, W=5), dict(N=2, C=5, H=19, W=70)])


def transposed(X, F, **s):
    n, c, h, w = X.shape
    y = np.zeros((n, F.shape[1], 2 * h + 1, 2 * w + 1))
    for r in range(3):
        for k in range(3):
            y[:, :, r:r + 2 * h:2, k:k + 2 * w:2] += np.einsum("nchw,co->nohw", X, F[:, :, r, k])
    return y


kernels = [
    conv2d("conv", 1, 0, 1, [image(1, 1, 1, 1, 1, 1, 1), image(2, 3, 5, 9, 40, 3, 3), image(1, 33, 34, 7, 9, 1, 1)]),
    conv2d("conv_padded", 1, 1, 1, [image(2, 3, 5, 9, 40, 3, 3), image(1, 34, 3, 6, 5, 3, 5)]),
    conv2d("conv_strided", 2, 3, 1, [image(1, 3, 33, 21, 35, 7, 7)]),
    conv2d("conv_dilated", 1, 2, 2, [image(2, 5, 3, 11, 37, 3, 3)]),
    moved("conv_of_a_line", """kernel conv(X: bf16[B, C, T], F: bf16[O, C, 3]) -> Y: f32[B, O, L] where L == out(T, 3, 2, 1) {
    for b in B, o in O, t in L { Y[b, o, t] = sum(c in C, k in 3: X[b, c, 2 * t + k - 1 else 0] * F[o, c, k]); }
}""", lambda X, F, **s: np.einsum("bctk,ock->bot", windows(X, (3,), 2, 1), F),
          lambda g, B, C, O, T: {"X": whole(g, B, C, T), "F": whole(g, O, C, 3)}, [dict(B=1, C=1, O=1, T=1), dict(B=2, C=35, O=6, T=71)]),
    moved("conv_of_a_volume", """kernel conv(X: bf16[C, D, H, W], F: bf16[O, C, 2, 3, 3]) -> Y: f32[O, G, P, Q]
        where G == D - 1, P == H - 2, Q == W - 2, D >= 1, H >= 2, W >= 2 {
    for o in O, d in G, p in P, q in Q {
        Y[o, d, p, q] = sum(c in C, t in 2, r in 3, s in 3: X[c, d + t, p + r, q + s] * F[o, c, t, r, s]);
    }
}""", lambda X, F, **s: np.einsum("cdpqtrs,octrs->odpq", windows(X, (2, 3, 3)), F),
          lambda g, C, O, D, H, W: {"X": whole(g, C, D, H, W), "F": whole(g, O, C, 2, 3, 3)}, [dict(C=3, O=2, D=4, H=6, W=36)]),
    moved("conv_of_each_channel", """kernel conv(X: bf16[N, C, H, W], F: bf16[C, 3, 3]) -> Y: f32[N, C, H, W] {
    for n in N, c in C, p in H, q in W { Y[n, c, p, q] = sum(r in 3, s in 3: X[n, c, p + r - 1, q + s - 1 else 0] * F[c, r, s]); }
}""", lambda X, F, **s: np.einsum("ncpqrs,crs->ncpq", windows(X, (3, 3), 1, 1), F),
          lambda g, N, C, H, W: {"X": whole(g, N, C, H, W), "F": whole(g, C, 3, 3)}, [dict(N=1, C=1, H=1, W=1), dict(N=2, C=35, H=6, W=37)]),
    moved("conv_of_groups", """kernel conv(X: bf16[N, P, H, W], F: bf16[G, O, C, 3, 3]) -> Y: f32[N, Q, H, W] where P == G * C, Q == G * O {
    for n in N, g in G, o in O, p in H, q in W {
        Y[n, g * O + o, p, q] = sum(c in C, r in 3, s in 3: X[n, g * C + c, p + r - 1, q + s - 1 else 0] * F[g, o, c, r, s]);
    }
}""", lambda X, F, N, G, C, O, H, W: np.einsum("ngcpqrs,gocrs->ngopq", windows(X.reshape(N, G, C, H, W), (3, 3), 1, 1), F).reshape(N, G * O, H, W),
          lambda g, N, G, C, O, H, W: {"X": whole(g, N, G * C, H, W), "F": whole(g, G, O, C, 3, 3)}, [dict(N=2, G=3, C=4, O=5, H=6, W=36)]),
    moved("conv_transposed", """kernel conv(X: bf16[N, C, H, W], F: bf16[C, O, 3, 3]) -> Y: f32[N, O, P, Q] where P == 2 * H + 1, Q == 2 * W + 1 {
    for n in N, o in O, p in P, q in Q {
        Y[n, o, p, q] = sum(c in C, r in 3, s in 3: select((p - r) % 2 == 0 && (q - s) % 2 == 0, X[n, c, (p - r) / 2, (q - s) / 2 else 0], 0) * F[c, o, r, s]);
    }
}""", transposed, lambda g, N, C, O, H, W: {"X": whole(g, N, C, H, W), "F": whole(g, C, O, 3, 3)}, [dict(N=2, C=3, O=4, H=5, W=19)]),
    pooled("pool_max", ("bf16", "max(r in 3, s in 3: X[n, c, 2 * p + r - 1, 2 * q + s - 1 else -inf])"),
           lambda X, **s: windows(X, (3, 3), 2, 1, 1, -np.inf).max((-1, -2)), 1),
    pooled("pool_sum", ("f32", "sum(r in 3, s in 3: X[n, c, 2 * p + r, 2 * q + s])"),
           lambda X, **s: windows(X, (3, 3), 2).sum((-1, -2)), 0, lambda g, N, C, H, W: {"X": whole(g, N, C, H, W)}),
    moved("stencil", """kernel stencil(X: f32[M, N]) -> Y: f32[M, N] {
    for i in M, j in N { Y[i, j] = X[i - 1, j else 0] + X[i + 1, j else 0] + X[i, j - 1 else 0] + X[i, j + 1 else 0] - 4 * X[i, j]; }
}""", lambda X, **s: np.einsum("mnrs,rs->mn", windows(X, (3, 3), 1, 1), np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0.0]])),
          lambda g, M, N: {"X": whole(g, M, N, dtype="f32")}, [dict(M=1, N=1), dict(M=33, N=70)]),
    moved("rows_of_windows", """kernel columns(X: bf16[C, H, W]) -> Y: bf16[L, K] where L == (H - 2) * (W - 2), K == C * 9, H >= 3, W >= 3 {
    for c in C, p in H - 2, q in W - 2, r in 3, s in 3 { Y[p * (W - 2) + q, c * 9 + r * 3 + s] = X[c, p + r, q + s]; }
}""", lambda X, **s: np.einsum("cpqrs->pqcrs", windows(X, (3, 3))).reshape((X.shape[1] - 2) * (X.shape[2] - 2), -1),
          lambda g, C, H, W: {"X": normal(g, C, H, W)}, [dict(C=1, H=3, W=3), dict(C=5, H=9, W=13)]),
]
