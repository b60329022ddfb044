"""Sums of f32 of what lies far from 0, cancels, or is large beside small: within (n / 256 + 16) 2^-24 of the sum of the absolute terms,
which is less than the tolerance allows; products of bf16 within n 2^-24 of it."""
import carried as c
import exact
import numpy as np
from kind import Array, Kernel

ROWS = "for i in M { Y[i] = sum(j in N: X[i, j]); }"
COLUMNS = "for j in N { Y[j] = sum(i in M: X[i, j]); }"
SQUARES = "for i in M { Y[i] = sum(j in N: X[i, j] * abs(X[i, j])); }"


def total(x, axis):
    n, size = x.shape[axis], np.abs(x).sum(axis)
    return c.Carried(x.sum(axis), (n / 256 + 16) * 2.0 ** -24 * size)


def squares(x):
    signed = x * np.abs(x)
    sum_ = total(signed, 1)
    return c.Carried(sum_.value, sum_.error + 2.0 ** -24 * np.abs(signed).sum(1))


def kernel(name, body, of, mean, made, **sizes):
    source = f"kernel sums(X: f32[M, N]) -> Y: f32[{of}] {{\n    {body}\n}}\n"
    return Kernel(name, source, lambda g, M, N: {"X": made(g, M, N)}, lambda a, **_: {"Y": c.store(mean(a["X"].value), "f32")}, [sizes])


def products(name, made, **sizes):
    def mean(a, **_):
        A, B = a["A"].value, a["B"].value
        return {"C": c.store(c.Carried(A @ B, A.shape[1] * 2.0 ** -24 * (np.abs(A) @ np.abs(B))), "f32")}

    def make(g, M, K, N):
        return {"A": Array(made(g, M, K).values, "bf16"), "B": Array(made(g, K, N).values, "bf16")}
    source = "kernel products(A: bf16[M, K], B: bf16[K, N]) -> C: f32[M, N] {\n    " + exact.MATRIX + "\n}\n"
    return Kernel(name, source, make, mean, [sizes])


MADE = {"far": exact.far, "cancelling": exact.cancelling, "wide": exact.wide}
kernels = [kernel(f"rows_{name}", ROWS, "M", lambda x: total(x, 1), made, M=33, N=5000) for name, made in MADE.items()]
kernels += [kernel(f"columns_{name}", COLUMNS, "N", lambda x: total(x, 0), made, M=5000, N=33) for name, made in MADE.items()]
kernels += [kernel(f"squares_{name}", SQUARES, "M", squares, made, M=33, N=5000) for name, made in MADE.items()]
kernels += [kernel("long_rows", ROWS, "M", lambda x: total(x, 1), exact.far, M=1, N=2 ** 20),
            kernel("long_columns", COLUMNS, "N", lambda x: total(x, 0), exact.far, M=2 ** 20, N=1)]
kernels += [products(f"products_{name}", made, M=33, K=3000, N=70) for name, made in MADE.items()]
