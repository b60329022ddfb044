"""`if` on scalars of the launch and on sizes."""
import carried as c
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


kernels = [branches(alpha) for alpha in (2, -1, -3)]
