"""Scans: running sums, maxima, minima and products along rows and columns, from any value, of computed values, by themselves and beside other folds; in nests and in tile programs."""
import carried as c
import numpy as np
from kind import WHOLE, Array, Kernel


def running(terms, axis, start=0.0, fold=lambda x, y: x + y):
    """Folds one after the other, as a loop over f32 makes them."""
    terms = terms if axis == 1 else c.Carried(terms.value.T, terms.error.T)
    total, sums = c.carried(np.full(len(terms.value), start)), []
    for k in range(terms.value.shape[1]):
        total = fold(total, terms[:, k])
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


def least(x, y):
    return c.maximum(x * -1.0, y * -1.0) * -1.0


def greatest_and_least(axis):
    return lambda a: running(a["X"], axis, 0.5, c.maximum) + running(a["X"], axis, np.finfo(np.float32).max, least)


def grown(axis):
    return lambda a: running(a["X"] * 0.0625 + 1.0, axis, 2.0, lambda x, y: x * y)


def parts(axis):
    """Sums so far and the sum of all, each as an expression."""
    def meaning(a):
        e = c.exp(a["X"])
        return running(e, axis) / c.fold_sum(e, axis)
    return meaning


def formula(axis, text):
    along, other = ("j", "i") if axis == 1 else ("i", "j")
    size = "N" if axis == 1 else "M"
    at = "X[i, k]" if axis == 1 else "X[k, j]"
    return f"for i in M, j in N {{ Y[i, j] = {text.format(along=along, at=at, size=size)}; }}"


BY_BLOCKS = """grid i in M by 32 {
        fragment s[i]: f32 = 0;
        for j in N by 96 {
            shared y[i, j] = scan(sum, j: X[i, j], s[i]);
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
KERNELS |= {
    "extremes": (greatest_and_least, lambda axis: nest(axis, "var m = 0.5; var l: f32 = inf;",
                                                       "m max= X[i, j]; l = min(l, X[i, j]); Y[i, j] = m + l;")),
    "product": (grown, lambda axis: nest(axis, "var p = 2.0;", "p *= X[i, j] / 16 + 1; Y[i, j] = p;")),
    "formula": (parts, lambda axis: formula(axis, "scan(sum, {along}: exp(X[i, j])) / sum(k in {size}: exp({at}))")),
    "so_far": (plain, lambda axis: formula(axis, "sum(k in 0..{along} + 1: {at})")),
}
SIZES = [{"M": m, "N": n} for m, n in ((1, 1), (31, 100), (33, 65), (3, 700), (700, 3))]


def kernel_of(name, dtype, meaning, body):
    source = f"kernel {name}(X: {dtype}[M, N]) -> Y: {dtype}[M, N] {{\n    {body}\n}}\n"
    return Kernel(f"{name}_{dtype}", source, lambda generator, M, N: {"X": Array(generator.standard_normal((M, N)), dtype)},
                  lambda a, **_: {"Y": c.store(meaning(a), dtype)}, SIZES)


kernels = [kernel_of(f"{'column' if axis == 0 else 'row'}_{name}", dtype, meaning(axis), body(axis))
           for name, (meaning, body) in KERNELS.items() for axis in (1, 0) for dtype in ("f32", "bf16")]


def counted(name, dtype, result, body, meaning):
    """Whole numbers of all bits: their sums wrap."""
    source = f"kernel {name}(X: {dtype}[M, N]) -> Y: {result}[M, N] {{\n    {body}\n}}\n"

    def make(generator, M, N):
        return {"X": Array(generator.integers(0, 2 if dtype == "bool" else 1 << 32, (M, N), dtype=np.uint32).astype(WHOLE[dtype]), dtype)}
    return Kernel(f"{name}_{dtype}", source, make, lambda a, **_: {"Y": meaning(a["X"].astype(WHOLE[result]))}, SIZES)


def matrices(a, dtype):
    """Before and behind what changes them."""
    s, h, before, behind = c.carried(np.zeros(a["X"].value.shape[1:])), 1.0, [], []
    for x in (a["X"][b] for b in range(len(a["X"].value))):
        before.append(c.store(s + 0.0, dtype))
        s, h = s + x, c.carried(h) * 0.5 + x
        behind.append(c.store(h - s, dtype))
    return {out: c.Carried(np.array([v.value for v in values]), np.array([v.error for v in values]))
            for out, values in (("Y", before), ("Z", behind))}


def vector(a, dtype):
    x = c.Carried(a["X"].value[None], a["X"].error[None])
    y = running(x, 1, 3.0)
    return {"Y": c.store(y[0], dtype), "T": c.store(y[0][-1:], "f32")}


def beside(a, dtype):
    return {"Y": c.store(running(a["X"], 1), dtype), "Z": c.store(a["X"] * 2.0, dtype), "T": c.store(c.fold_max(a["X"], 1)[:, 0], dtype)}


def free(name, dtype, source, shape, meaning):
    """A kernel with a source of its own; {t} in it is the type."""
    def make(generator, **sizes):
        return {"X": Array(generator.standard_normal([sizes[d] for d in shape]), dtype)}
    sizes = [{d: n for d, n in zip("BMN", size) if d in shape} for size in ((1, 1, 1), (3, 33, 70), (2, 70, 31), (3, 2, 700))]
    return Kernel(f"{name}_{dtype}", source.replace("{t}", dtype), make, lambda a, **_: meaning(a, dtype), sizes)


for dtype in ("f32", "bf16"):
    kernels += [
        free("matrices", dtype, """kernel matrices(X: {t}[B, M, N]) -> Y: {t}[B, M, N], Z: {t}[B, M, N] {
    for i in M, j in N {
        var s: f32 = 0, h: f32 = 1;
        for b in B { Y[b, i, j] = s; s += X[b, i, j]; h = h * 0.5 + X[b, i, j]; Z[b, i, j] = h - s; }
    }
}
""", "BMN", matrices),
        free("vector", dtype, """kernel vector(X: {t}[N]) -> Y: {t}[N], T: f32[1] {
    var s: f32 = 3;
    for j in N { s += X[j]; Y[j] = s; }
    T[0] = s;
}
""", "N", vector),
        free("beside", dtype, """kernel beside(X: {t}[M, N]) -> Y: {t}[M, N], Z: {t}[M, N], T: {t}[M] {
    for i in M, j in N { Y[i, j] = scan(sum, j: X[i, j]); }
    for r in M, c in N { Z[r, c] = X[r, c] * 2; }
    for i in M { T[i] = max(j in N: X[i, j]); }
}
""", "MN", beside)]
kernels += [counted("row_counts", dtype, result, nest(1, "var s = 0;", "s += X[i, j]; Y[i, j] = s;"),
                    lambda x: np.cumsum(x, 1, x.dtype)) for dtype, result in (("i32", "i32"), ("u8", "i32"), ("bool", "i32"), ("u16", "u32"))]
kernels += [counted("column_counts", dtype, dtype, formula(0, "scan(sum, i: X[i, j])"), lambda x: np.cumsum(x, 0, x.dtype))
            for dtype in ("i32", "u32")]
kernels += [kernel_of("by_blocks", dtype, plain(1), BY_BLOCKS) for dtype in ("f32", "bf16")]
