"""`if` on elements and on loop variables in nests: each element takes the branch that its condition says."""
import carried as c
import numpy as np
from kind import Kernel, normal

SIZES = [dict(M=1, N=5), dict(M=33, N=31), dict(M=70, N=100)]


def make(g, M, N):
    return {"X": normal(g, M, N, dtype="f32")}


def kernel(name, body, mean, result="Y: f32[M, N]"):
    return Kernel(name, f"kernel {name}(X: f32[M, N]) -> {result} where N > 3 {{\n    for i in M {{ {body} }}\n}}", make, mean, SIZES)


def exact(meaning):
    return lambda a, M, N: {"Y": c.Carried(meaning(a["X"].value))}


def first_row(x):
    return np.concatenate([x[:1], x[1:] * 2])


def positive(a, M, N):
    x = a["X"]
    return {"t": c.store(c.Carried(*(v.ravel() for v in (lambda s: (s.value, s.error))(c.fold_sum(c.operand(c.Carried(np.maximum(x.value, 0)), "f32"), 1)))), "f32")}


kernels = [
    kernel("clipped", "for j in N { if X[i, j] > 1 { Y[i, j] = 1; } else if X[i, j] < -1 { Y[i, j] = -1; } else { Y[i, j] = X[i, j]; } }",
           exact(lambda x: np.clip(x, -1, 1))),
    kernel("kept", "for j in N { Y[i, j] = X[i, j]; if X[i, j] < 0 { Y[i, j] = 0; } }", exact(lambda x: np.maximum(x, 0))),
    kernel("variable", "for j in N { var v = X[i, j]; if v < 0 { v = 0; } if v > 0.5 { v = 0.5; } Y[i, j] = v; }",
           exact(lambda x: np.clip(x, 0, 0.5))),
    kernel("first_row", "for j in N { Y[i, j] = X[i, j] * 2; if i == 0 { Y[i, j] = X[i, j]; } }", exact(first_row)),
    kernel("fourth", "var v: f32 = 0; for j in N { if j == 3 { v = X[i, j]; } } for j in N { Y[i, j] = v; }",
           exact(lambda x: np.repeat(x[:, 3:4], x.shape[1], 1))),
    kernel("positive", "var v: f32 = 0; for j in N { if X[i, j] > 0 { v += X[i, j]; } } t[i] = v;", positive, "t: f32[M]"),
]
