"""Results written where integer tensors say: sums of all that goes to a place, or the last that does."""
import carried as c
import numpy as np
from kind import Array, Kernel

SIZES = [dict(T=1, V=1, D=1), dict(T=40, V=33, D=31), dict(T=70, V=20, D=100)]


def make(g, T, V, D):
    return {"Y": Array(g.integers(-8, 9, (V, D)), "f32"), "X": Array(g.integers(-8, 9, (T, D)), "f32"),
            "ids": Array(g.integers(0, V, T), "i32")}


def kernel(name, statement, put):
    def mean(a, T, V, D):
        y = a["Y"].value.copy()
        for t in range(T):
            put(y, a["ids"][t], a["X"].value[t])
        return {"Y": c.Carried(y)}
    source = f"kernel {name}(inout Y: f32[V, D], X: f32[T, D], ids: i32[T]) {{\n    for t in T, d in D {{ {statement} }}\n}}"
    return Kernel(name, source, make, mean, SIZES)


def add(y, at, x):
    y[at] += x


def last(y, at, x):
    y[at] = x


def most(y, at, x):
    y[at] = np.maximum(y[at], x)


def above(y, at, x):
    if at > 0:
        y[at - 1] = x


kernels = [
    kernel("added", "Y[ids[t], d] += X[t, d];", add),
    kernel("last", "Y[ids[t], d] = X[t, d];", last),
    kernel("most", "Y[ids[t], d] max= X[t, d];", most),
    kernel("above", "if ids[t] > 0 { Y[ids[t] - 1, d] = X[t, d]; }", above),
]
