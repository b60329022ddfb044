"""Scans: running sums along rows and columns, from any value, of computed values, by themselves and beside other folds; in nests and in tile programs."""
import carried as c
import numpy as np
from kind import Array, Kernel


def running(terms, axis, start=0.0):
    """Sums one after the other, as a loop over f32 makes them."""
    terms = terms if axis == 1 else c.Carried(terms.value.T, terms.error.T)
    total, sums = c.carried(np.full(len(terms.value), start)), []
    for k in range(terms.value.shape[1]):
        total = total + terms[:, k]
        sums.append(total)
    value, error = np.array([s.value for s in sums]), np.array([s.error for s in sums])
    return c.Carried(value.T, error.T) if axis == 1 else c.Carried(value, error)


def nest(axis, declarations, inside, behind=""):
    outer, inner = ("i in M", "j in N") if axis == 1 else ("j in N", "i in M")
    return f"for {outer} {{ {declarations} for {inner} {{ {inside} }} {behind} }}"


def plain(axis):
    return lambda a: running(a["X"], axis)


def squares(axis):
    return lambda a: running(a["X"] * a["X"] * -1.0, axis, 10.0) * 2.0


def doubly(axis):
    return lambda a: running(running(a["X"], axis), axis) - a["X"]


def shares(axis):
    """Of the sum of a row or column: read in the loop behind the one that gathers it."""
    def meaning(a):
        e = c.exp(a["X"])
        return running(e, axis) * 0.5 + c.fold_sum(e, axis)
    return meaning


BY_BLOCKS = """grid i in M by 32 {
        fragment s[i]: f32 = 0;
        for j in N by 96 {
            shared y[i, j] = scan(sum, j: X[i, j] + select(j == lo(j), s[i], 0));
            s[i] = sum(j: select(j == lo(j) + len(j) - 1, y[i, j], 0));
            Y[i, j] = y[i, j];
        }
    }"""
# name: meaning of an axis, body of an axis
KERNELS = {
    "sum": (plain, lambda axis: nest(axis, "var s: f32 = 0;", "s += X[i, j]; Y[i, j] = s;")),
    "squares": (squares, lambda axis: nest(axis, "var s = 10.0;", "s -= square(X[i, j]); Y[i, j] = s * 2;")),
    "twice": (doubly, lambda axis: nest(axis, "var s = 0.0, t = 0.0;", "s += X[i, j]; t = s + t; Y[i, j] = t - X[i, j];")),
    "shares": (shares, lambda axis: nest(axis, f"var s = 0.0; let all = sum({'j in N' if axis else 'i in M'}: exp(X[i, j]));",
                                         "let e = exp(X[i, j]); s += e; Y[i, j] = s * 0.5 + all;")),
}
SIZES = [{"M": m, "N": n} for m, n in ((1, 1), (31, 100), (33, 65), (3, 700), (700, 3))]


def kernel_of(name, dtype, meaning, body):
    source = f"kernel {name}(X: {dtype}[M, N]) -> Y: {dtype}[M, N] {{\n    {body}\n}}\n"
    return Kernel(f"{name}_{dtype}", source, lambda generator, M, N: {"X": Array(generator.standard_normal((M, N)), dtype)},
                  lambda a, **_: {"Y": c.store(meaning(a), dtype)}, SIZES)


kernels = [kernel_of(f"{'column' if axis == 0 else 'row'}_{name}", dtype, meaning(axis), body(axis))
           for name, (meaning, body) in KERNELS.items() for axis in (1, 0) for dtype in ("f32", "bf16")]
kernels += [kernel_of("by_blocks", dtype, plain(1), BY_BLOCKS) for dtype in ("f32", "bf16")]
