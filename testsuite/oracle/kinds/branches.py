"""`if` on scalars of the launch and on sizes."""
import carried as c
import numpy as np
from kind import Kernel, normal

SIZES = [dict(M=1, N=1), dict(M=31, N=33), dict(M=100, N=70)]

SOURCE = """kernel branches(X: f32[M, N], alpha: f32, n: i32 = 3) -> Y: f32[M, N], r: f32[M] {
    for i in M {
        var s: f32 = 0;
        for j in N { if alpha > 0 && n == 3 { s += X[i, j]; } else { s += X[i, j] * X[i, j]; } }
        if M > 40 { s = s + 1; }
        r[i] = s;
        for j in N {
            if alpha > 0 { Y[i, j] = X[i, j] * alpha; } else if alpha == -1 { let z = X[i, j] + s; Y[i, j] = z * z; } else { Y[i, j] = 0; }
        }
    }
}"""


def branches(alpha):
    def mean(a, M, N):
        x = a["X"]
        s = c.fold_sum(c.operand(x if alpha > 0 else x * x, "f32"), 1)
        s = s + 1.0 if M > 40 else s
        z = x + s
        y = x * float(alpha) if alpha > 0 else z * z if alpha == -1 else x * 0.0
        return {"Y": c.store(y, "f32"), "r": c.store(c.Carried(s.value.ravel(), s.error.ravel()), "f32")}
    return Kernel(f"branches_{alpha}", SOURCE, lambda g, M, N: {"X": normal(g, M, N, dtype="f32")}, mean, SIZES,
                  ["--set", f"alpha={alpha}"])


TILES = """kernel tiles(A: bf16[M, N], C: bf16[M, N], inout W: f32[M, N], beta: f32, n: i32) -> Y: f32[M, N], r: f32[M] {
    grid i in M by 32 {
        fragment s[i]: f32 = 0;
        for j in N by 64 {
            fragment acc[i, j]: f32;
            if beta > 0.0 { acc = beta * C[i, j]; } else if n == 2 && M > 40 { acc = A[i, j]; } else { let z = A[i, j] * C[i, j]; acc = z + 1; }
            if n >= 2 { acc *= 2; if n == 3 { acc += A[i, j]; W[i, j] = acc; } Y[i, j] = acc; } else { let z = A[i, j]; Y[i, j] = z - acc; }
            if n != 1 { s += sum(j: acc); }
        }
        r[i] = s;
    }
}"""

GEMM = """kernel gemms(A: bf16[M, N], B: bf16[N, N], two: i32) -> Y: f32[M, N] {
    grid i in M by 32, j in N by 32 {
        fragment acc[i, j]: f32 = 0;
        for k in N by 32 {
            gemm(A[i, k], B[k, j], acc);
            if two == 1 { gemm(A[i, k], B[k, j], acc); }
        }
        Y[i, j] = acc;
    }
}"""


def tiles(beta, n):
    def mean(a, M, N):
        acc = a["C"] * float(beta) if beta > 0 else a["A"] if n == 2 and M > 40 else a["A"] * a["C"] + 1.0
        if n < 2:
            y, w = a["A"] - acc, a["W"]
        else:
            acc = acc * 2.0
            acc = acc + a["A"] if n == 3 else acc
            y, w = acc, acc if n == 3 else a["W"]
        s = c.fold_sum(acc, 1) if n != 1 else c.fold_sum(acc * 0.0, 1)
        return {"Y": c.store(y, "f32"), "W": c.store(w, "f32"), "r": c.store(c.Carried(s.value.ravel(), s.error.ravel()), "f32")}
    return Kernel(f"tiles_{beta}_{n}", TILES, lambda g, M, N: {"A": normal(g, M, N), "C": normal(g, M, N), "W": normal(g, M, N, dtype="f32")},
                  mean, SIZES, ["--set", f"beta={beta}", "--set", f"n={n}"])


def gemms(two):
    def mean(a, M, N):
        product = c.contract(a["A"], a["B"], "bf16")
        return {"Y": c.store(product + product if two == 1 else product, "f32")}
    return Kernel(f"gemms_{two}", GEMM, lambda g, M, N: {"A": normal(g, M, N), "B": normal(g, N, N)}, mean, SIZES, ["--set", f"two={two}"])


def matrices():
    """Branches on where a block begins and on which matrix is at hand."""
    source = """kernel matrices(A: bf16[H, M, N], B: bf16[H, N, N], bias: bf16[M, N]) -> Y: f32[H, M, N] {
    grid h in H, i in M by 32, j in N by 32 {
        fragment acc[i, j]: f32 = 1;
        for k in N by 32 {
            if lo(k) == 0 { if h > 0 { acc = bias[i, j]; } else { acc = 0; } }
            gemm(A[h, i, k], B[h, k, j], acc);
        }
        Y[h, i, j] = acc;
    }
}"""

    def mean(a, H, M, N):
        product = c.contract(a["A"], a["B"], "bf16")
        first = np.arange(H).reshape(H, 1, 1) > 0
        return {"Y": c.store(product + c.Carried(first * a["bias"].value), "f32")}
    return Kernel("matrices", source, lambda g, H, M, N: {"A": normal(g, H, M, N), "B": normal(g, H, N, N), "bias": normal(g, M, N)}, mean,
                  [dict(H=3, **size) for size in SIZES])


kernels = [branches(alpha) for alpha in (2, -1, -3)] + [tiles(*given) for given in ((2, 1), (0, 2), (0, 3), (-1, 0))] + [gemms(0), gemms(1), matrices()]
