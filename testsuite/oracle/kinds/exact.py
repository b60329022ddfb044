"""Contractions of f32 that are exact: within (p + K / p + 10) 2^-24 of the sum of their absolute products, p being the K of one block,
256 at most, whatever cancels; infinities and NaN where they belong."""
import carried as c
import numpy as np
from kind import Array, Kernel, normal

SIZES = [dict(M=1, K=1, N=1), dict(M=31, K=33, N=100), dict(M=100, K=300, N=31), dict(M=33, K=5000, N=70)]


@np.errstate(invalid="ignore")
def contract(a, b, panel):
    a, b = c.carried(a), c.carried(b)
    terms = np.abs(a.value) @ np.abs(b.value)
    K = a.value.shape[1]
    panel = min(K, panel)
    error = np.abs(a.value) @ b.error + a.error @ np.abs(b.value) + (panel + K / panel + 10) * 2.0 ** -24 * terms
    return c.Carried(a.value @ b.value, error)


def turned(x):
    return c.Carried(x.value.T, x.error.T)


def far(g, *shape):
    return Array(g.standard_normal(shape) + 1000, "f32")


def cancelling(g, *shape):
    """What one half of a row adds the other one takes away, but for a little."""
    x = g.standard_normal(shape) * 1e4
    half = shape[-1] // 2
    x[..., half:2 * half] = -x[..., :half] + g.standard_normal((*shape[:-1], half)) * 1e-2
    return Array(x, "f32")


def wide(g, *shape):
    return Array(g.standard_normal(shape) * 10.0 ** g.integers(-12, 12, shape), "f32")


def strange(g, *shape):
    """Here and there infinite or no number, and 0 and powers of two, which have one part."""
    x = np.round(g.standard_normal(shape))
    some = g.random(shape)
    x[some < 0.004], x[(some > 0.004) & (some < 0.006)], x[some > 0.998] = np.inf, np.nan, -np.inf
    return Array(x, "f32")


HEAD = "kernel exact(A: f32[{a}], B: {t}[{b}]) @exact -> C: f32[{c}] {{\n    {body}\n}}\n"
MATRIX = "for i in M, j in N { C[i, j] = sum(k in K: A[i, k] * B[k, j]); }"
BLOCKS = """grid i in M by 64, j in N by 32 {
        fragment acc[i, j]: f32 = 0;
        for k in K by 64 { shared a = A[i, k], b = B[k, j]; gemm(a, b, acc); }
        C[i, j] = acc[i, j];
    }"""
TURNED = "for i in M, j in N { C[i, j] = sum(k in K: A[k, i] * B[j, k]); }"
VECTOR = "for i in M { C[i] = sum(k in K: A[i, k] * B[k]); }"
ROW = "for j in N { C[j] = sum(k in K: B[k, j] * A[k]); }"
LOOP = """for i in M, j in N {
        var acc = 0;
        for k in K { acc += A[i, k] * B[k, j]; }
        C[i, j] = acc + 1;
    }"""
COMPUTED = "for i in M, j in N { C[i, j] = 2 * sum(k in K: (A[i, k] - 1) * abs(B[k, j])) + 1; }"


def matrix(panel=256):
    return lambda a: contract(a["A"], a["B"], panel)


def computed(a):
    A, B = a["A"], a["B"]
    return contract(A - c.carried(1.0), c.Carried(np.abs(B.value)), 256) * c.carried(2.0) + c.carried(1.0)


def vector(a):
    return c.Carried(*(x[:, 0] for x in pair(contract(a["A"], c.Carried(a["B"].value[:, None]), 256))))


def row(a):
    return c.Carried(*(x[0] for x in pair(contract(c.Carried(a["A"].value[None]), a["B"], 256))))


def pair(x):
    return x.value, x.error


def ones_of(made):
    """The other factor is 1 and -1 by turns of nothing: what is left is what the rows hold."""
    return lambda g, M, K, N: {"A": made(g, M, K), "B": Array(np.ones((K, N)), "f32")}


def both(made, t="f32"):
    return lambda g, M, K, N: {"A": made(g, M, K), "B": normal(g, K, N, dtype="bf16") if t == "bf16" else made(g, K, N)}


def shaped(a, b):
    def make(g, **sizes):
        return {"A": normal(g, *(sizes[d] for d in a), dtype="f32"), "B": normal(g, *(sizes[d] for d in b), dtype="f32")}
    return make


def kernel(name, body, mean, make, a="MK", b="KN", of="MN", t="f32", sizes=SIZES):
    source = HEAD.format(a=", ".join(a), b=", ".join(b), c=", ".join(of), t=t, body=body)
    used = [{d: s[d] for d in "MKN" if d in a + b} for s in sizes]
    return Kernel(name, source, make, lambda a, **_: {"C": c.store(mean(a), "f32")}, used)


def normal_f32(g, *shape):
    return normal(g, *shape, dtype="f32")


FAR = dict(sizes=[dict(M=33, K=3000, N=70)])
kernels = [
    kernel("matrix", MATRIX, matrix(), both(normal_f32)),
    kernel("blocks", BLOCKS, matrix(64), both(normal_f32)),
    kernel("loop", LOOP, lambda a: matrix()(a) + c.carried(1.0), both(normal_f32)),
    kernel("computed", COMPUTED, computed, both(normal_f32)),
    kernel("mixed", MATRIX, matrix(), both(normal_f32, "bf16"), t="bf16"),
    kernel("turned", TURNED, lambda a: contract(turned(a["A"]), turned(a["B"]), 256), shaped("KM", "NK"), a="KM", b="NK"),
    kernel("vector", VECTOR, vector, shaped("MK", "K"), b="K", of="M"),
    kernel("row", ROW, row, shaped("K", "KN"), a="K", of="N"),
    kernel("far", MATRIX, matrix(), both(far), **FAR),
    kernel("cancelling", MATRIX, matrix(), ones_of(cancelling), **FAR),
    kernel("wide", MATRIX, matrix(), both(wide), **FAR),
    kernel("strange", MATRIX, matrix(), both(strange), sizes=[dict(M=40, K=70, N=100)]),
    kernel("long", MATRIX, matrix(), ones_of(far), sizes=[dict(M=1, K=2 ** 20, N=1)]),
]
