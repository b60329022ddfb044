"""One row or column of a tensor, read as a vector where tiles begin: v[i, 0], w[32, j]."""
import carried as c
from kind import Kernel, normal

SIZES = [dict(M=1, N=1, K=33), dict(M=31, N=33, K=40), dict(M=100, N=70, K=64), dict(M=64, N=300, K=100)]
HEAD = "kernel lines(X: {t}[M, N], v: {t}[M, 1], w: f32[K, N], b: {t}[2, M, N]) -> Y: f32[{shape}] where K > 32, N > 0 {{ for {loops} {{ {body} }} }}"


def arrays(t):
    return lambda g, M, N, K: {"X": normal(g, M, N, dtype=t), "v": normal(g, M, 1, dtype=t), "w": normal(g, K, N, dtype="f32"),
                               "b": normal(g, 2, M, N, dtype=t)}


def flat(value):
    return c.Carried(value.value.ravel(), value.error.ravel())


def scaled(a, t):
    return a["X"] * a["v"] + a["w"][32:33] * a["b"][1][:, 0:1]


def shifted(a, t):
    return flat(a["v"] + a["b"][0][:, 0:1])


def folded(a, t):
    return flat(c.fold_sum(c.operand(a["X"] * a["v"], "f32"), 0))


def product(a, t):
    X, v = a["X"], a["v"]
    return flat(c.contract(c.Carried(X.value.T, X.error.T), v, t))


TEXTS = [("scaled", scaled, "M, N", "i in M, j in N", "Y[i, j] = X[i, j] * v[i, 0] + w[32, j] * b[1, i, 0];"),
         ("shifted", shifted, "M", "i in M", "Y[i] = v[i, 0] + b[0, i, 0];"),
         ("folded", folded, "N", "j in N", "Y[j] = sum(i in M: X[i, j] * v[i, 0] * 1);"),
         ("product", product, "N", "j in N", "Y[j] = sum(i in M: X[i, j] * v[i, 0]);")]


def kernel(t, name, mean, shape, loops, body):
    return Kernel(f"{name}_{t}", HEAD.format(t=t, shape=shape, loops=loops, body=body), arrays(t),
                  lambda a, M, N, K: {"Y": c.store(mean(a, t), "f32")}, SIZES)


kernels = [kernel(t, *text) for t in ("bf16", "f32") for text in TEXTS]
