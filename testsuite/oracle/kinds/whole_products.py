"""Products of matrices of whole numbers, by their digits: every bit of the sum modulo 2^32."""
import numpy as np
from kind import WHOLE, Array, Kernel

SIZES = [dict(M=1, K=1, N=1), dict(M=31, K=33, N=100), dict(M=40, K=700, N=64)]
HEAD = "kernel whole(A: {s}[{a}], B: {t}[{b}]) -> C: {r}[{c}] {{\n    {body}\n}}\n"
MATRIX = "for i in M, j in N { C[i, j] = sum(k in K: A[i, k] * B[k, j]); }"
TURNED = "for i in M, j in N { C[i, j] = sum(k in K: A[k, i] * B[j, k]); }"
COMPUTED = "for i in M, j in N { C[i, j] = max(3 * sum(k in K: (A[i, k] + 7) * B[k, j]), 5 - i); }"
BLOCKS = """grid i in M by 64, j in N by 32 {
        fragment acc[i, j]: i32 = 3;
        for k in K by 64 { shared a = A[i, k], b = B[k, j]; gemm(a, b, acc); }
        C[i, j] = acc[i, j];
    }"""
BATCH = "for b in M, i in M, j in N { C[b, i, j] = sum(k in K: A[b, i, k] * B[k, j]); }"


def array(g, dtype, *shape):
    if dtype == "bool":
        return Array(g.random(shape) > 0.5, dtype)
    range_ = np.iinfo(WHOLE[dtype])
    x = g.integers(range_.min, range_.max, shape, WHOLE[dtype], endpoint=True)
    some = g.random(shape)
    return Array(np.where(some < 0.05, range_.min, np.where(some > 0.95, range_.max, x)), dtype)


def wrapped(x, result):
    return (x & 0xffffffff).astype(np.uint32).view(WHOLE[result]) if result in ("i32", "u32") else x.astype(WHOLE[result])


def wide(x):
    return x.astype(np.int64).astype(np.uint64)


def signed(x):
    return (x & 0xffffffff).astype(np.uint32).view(np.int32).astype(np.int64)


def kernel(name, s, t, result, body, mean, a="MK", b="KN", of="MN", sizes=SIZES):
    source = HEAD.format(s=s, t=t, r=result, a=", ".join(a), b=", ".join(b), c=", ".join(of), body=body)
    return Kernel(f"{name}_{s}_{t}", source,
                  lambda g, **z: {"A": array(g, s, *(z[d] for d in a)), "B": array(g, t, *(z[d] for d in b))},
                  lambda v, **_: {"C": wrapped(mean(wide(v["A"]), wide(v["B"])), result)}, sizes)


def computed(A, B):
    product = signed(np.uint64(3) * ((A + np.uint64(7)) @ B))
    return np.maximum(product, 5 - np.arange(A.shape[0])[:, None]).astype(np.uint64)


kernels = [kernel("matrix", s, t, r, MATRIX, lambda A, B: A @ B)
           for s, t, r in (("i32", "i32", "i32"), ("u32", "u32", "u32"), ("u8", "u8", "i32"),
                           ("bool", "bool", "i32"), ("i32", "u8", "i32"))]
kernels += [
    kernel("converted", "u16", "u16", "u32", MATRIX.replace("A[i, k]", "u32(A[i, k])"), lambda A, B: A @ B),
    kernel("turned", "i32", "i32", "i32", TURNED, lambda A, B: A.T @ B.T, "KM", "NK"),
    kernel("turned", "u8", "u8", "i32", TURNED, lambda A, B: A.T @ B.T, "KM", "NK"),
    kernel("blocks", "i32", "i32", "i32", BLOCKS, lambda A, B: A @ B + np.uint64(3)),
    kernel("blocks", "u8", "i32", "i32", BLOCKS, lambda A, B: A @ B + np.uint64(3)),
    kernel("batch", "i32", "i32", "i32", BATCH, lambda A, B: A @ B, "MMK", "KN", "MMN", [dict(M=3, K=100, N=33)]),
    kernel("computed", "i32", "u8", "i32", COMPUTED, computed, sizes=[dict(M=40, K=70, N=33)]),
]
