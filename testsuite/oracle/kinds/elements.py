"""Tensors read at one element of an axis that lies in tiles: v[i, 3], X[i, d] in a loop over d, folds that take one element after the other."""
import carried as c
import numpy as np
from kind import Array, Kernel, normal

SIZES = [dict(M=1, N=1, D=1), dict(M=31, N=33, D=5), dict(M=100, N=70, D=33), dict(M=33, N=100, D=0)]


def both(t):
    return lambda g, M, N, D: {"X": normal(g, M, D, dtype=t), "Z": normal(g, N, D, dtype=t)}


def pairs(a):
    """Terms over (i, j, d)."""
    X, Z = a["X"], a["Z"]
    return c.Carried(X.value[:, None], X.error[:, None]), c.Carried(Z.value[None], Z.error[None])


def squares(a, sizes):
    x, z = pairs(a)
    difference = x - z
    return c.fold_sum(difference * difference, 2)[:, :, 0]


def distances(a, sizes):
    x, z = pairs(a)
    difference = x - z
    return c.fold_sum(c.Carried(np.abs(difference.value), difference.error), 2)[:, :, 0]


def largest(a, sizes):
    x, z = pairs(a)
    total = x + z
    if not total.value.shape[2]:
        return c.Carried(np.full(total.value.shape[:2], -np.inf))
    return c.fold_max(total, 2)[:, :, 0]


FOLDS = [("squares", squares, "sum(d in D: square(X[i, d] - Z[j, d]))"), ("distances", distances, "sum(d in D: abs(X[i, d] - Z[j, d]))"),
         ("largest", largest, "max(d in D: X[i, d] + Z[j, d])")]
NEST = "kernel elements(X: {t}[M, D], Z: {t}[N, D]) -> R: f32[M, N] {{ for i in M, j in N {{ R[i, j] = {fold}; }} }}"
LOOP = """kernel elements(X: {t}[M, D], Z: {t}[D, N]) -> R: f32[M, N] {{
    grid i in M by 64, j in N by 96 {{
        fragment acc[i, j]: f32 = 0;
        for d in D {{ acc += square(X[i, d] - Z[d, j]); }}
        R[i, j] = acc;
    }}
}}"""


def turned(t):
    return lambda g, M, N, D: {"X": normal(g, M, D, dtype=t), "Z": normal(g, D, N, dtype=t)}


def loop(a, sizes):
    return squares({"X": a["X"], "Z": c.Carried(a["Z"].value.T, a["Z"].error.T)}, sizes)


def nearest(a, sizes):
    x, z = pairs(a)
    return np.abs(np.float32(x.value) - np.float32(z.value)).argmin(2).astype(np.int32)


STORED = """kernel elements(X: {t}[M, D], Z: {t}[N, D]) -> R: f32[M, N], H: f32[M, D] {{
    for i in M {{
        let h[d in D]: bf16 = X[i, d] * 0.5;
        for d in D {{ H[i, d] = h[d]; }}
        for j in N {{ R[i, j] = sum(d in D: abs(h[d] - Z[j, d])); }}
    }}
}}"""


def stored(a, sizes):
    half = c.store(a["X"] * 0.5, "bf16")
    return {"H": c.store(half, "f32"), "R": c.store(distances({"X": half, "Z": a["Z"]}, sizes), "f32")}


PROJECTED = """kernel elements(X: {t}[M, D], Z: {t}[N, D], W: {t}[D, D]) -> R: f32[M, N] {{
    for i in M, j in N {{ R[i, j] = sum(d in D: abs(sum(e in D: X[i, e] * W[e, d]) - Z[j, d])); }}
}}"""


def projected_arrays(t):
    return lambda g, M, N, D: {**both(t)(g, M, N, D), "W": normal(g, D, D, dtype=t)}


def projected(t):
    return lambda a, sizes: distances({"X": c.contract(a["X"], a["W"], t), "Z": a["Z"]}, sizes)


# Places that are worked out: shifted, reversed, clamped, quotients that begin below 0, elements of blocks.
PLACES = """kernel elements(X: {t}[M, D], Z: {t}[N, D]) -> R: f32[M, N] where D > 0 {{
    grid i in M by 64, j in N by 64 {{
        fragment acc[i, j]: f32 = 0;
        for d in D {{ acc += abs(X[i, D - 1 - d] - Z[j, min(d + 1, D - 1)]); }}
        for d in D by 32 {{ for e in len(d) {{ acc += abs(X[i, lo(d) + e] - Z[j, (lo(d) + e - 1) / 2 + (lo(d) + e + 1) % 2]); }} }}
        R[i, j] = acc;
    }}
}}"""


def places(a, sizes):
    d = np.arange(sizes["D"])
    first = {"X": a["X"][:, ::-1], "Z": a["Z"][:, np.minimum(d + 1, len(d) - 1)]}
    return distances(first, sizes) + distances({"X": a["X"], "Z": a["Z"][:, (d - 1) // 2 + (d + 1) % 2]}, sizes)


TRIANGLE = """kernel elements(X: {t}[M, M], Z: {t}[N, M]) -> R: f32[M, N] {{
    for i in M, j in N {{ R[i, j] = sum(d in 0..i + 1: abs(X[i, d] - Z[j, d])) + max(d in i..M: Z[j, d]); }}
}}"""


def triangle_arrays(t):
    return lambda g, M, N: {"X": normal(g, M, M, dtype=t), "Z": normal(g, N, M, dtype=t)}


def triangle(a, sizes):
    x, z = pairs(a)
    places = np.arange(sizes["M"])
    inside = places[None, None, :] <= places[:, None, None]
    below = c.Carried(np.where(inside, np.abs(x.value - z.value), 0), np.where(inside, (x - z).error, 0))
    above = c.Carried(np.where(places[None, None, :] >= places[:, None, None], z.value, -np.inf), z.error)
    return c.fold_sum(below, 2)[:, :, 0] + c.fold_max(above, 2)[:, :, 0]


# Folds along blocks, of tensors, of what they fill, and of what is computed.
BLOCKS = """kernel elements(X: {t}[M, D], Z: {t}[N, D]) -> R: f32[M, N] {{
    grid i in M by 64, j in N by 32 {{
        fragment acc[i, j]: f32 = 0;
        for d in D by 32 {{
            shared z = Z[j, d], h[i, d]: bf16 = X[i, d] * 0.5;
            acc += sum(d: abs(h - z));
            for e in d {{ acc += abs(X[i, e] - z[j, e]); }}
        }}
        R[i, j] = acc;
    }}
}}"""


def blocks(a, sizes):
    half = c.store(a["X"] * 0.5, "bf16")
    return distances({"X": half, "Z": a["Z"]}, sizes) + distances(a, sizes)


CHOSEN = """kernel elements(X: {t}[M, D], w: {t}[N, D]) -> R: f32[M, D] where D > 4, N > 9 {{
    grid i in M by 64 {{
        for d in D by D {{ shared h[i, d]: {t} = X[i, d] * 2; R[i, d] = h[i, d] - h[i, D - 1] + h[i, 3] * w[9, d]; }}
    }}
}}"""


def chosen_arrays(t):
    return lambda g, M, N, D: {"X": normal(g, M, D, dtype=t), "w": normal(g, N, D, dtype=t)}


def chosen(a, sizes):
    double = a["X"] * 2.0
    return double - double[:, -1:] + double[:, 3:4] * a["w"][9:10]


LINES = """kernel elements(v: {t}[M, D], w: {t}[40, N], S: {t}[M, 3], B: {t}[3, M, N]) -> Y: f32[3, M, N] where D > 4 {{
    for b in 3, i in M, j in N {{ Y[b, i, j] = B[b, i, j] * v[i, D - 2] + w[35, j] * S[i, b] - v[i, 3]; }}
}}"""


def line_arrays(t):
    return lambda g, M, N, D: {"v": normal(g, M, D, dtype=t), "w": normal(g, 40, N, dtype=t), "S": normal(g, M, 3, dtype=t),
                               "B": normal(g, 3, M, N, dtype=t)}


def lines(a, sizes):
    v, w, S, B = a["v"], a["w"], a["S"], a["B"]
    turn = c.Carried(S.value.T[:, :, None], S.error.T[:, :, None])
    return B * v[:, -2:][:, :1] + w[35:36] * turn - v[:, 3:4]


WHOLE = """kernel elements(v: {t}[M, D], w: {t}[D, N]) -> Y: i32[M, N] where D > 4 {{
    for i in M, j in N {{ Y[i, j] = i32(v[i, 4]) * 2 + i32(w[D - 1, j]); }}
}}"""


def whole_arrays(t):
    def make(g, M, N, D):
        return {"v": Array(g.integers(0, 2 if t == "bool" else 200, (M, D)), t), "w": Array(g.integers(0, 2 if t == "bool" else 200, (D, N)), t)}
    return make


def whole(a, sizes):
    return a["v"][:, 4:5].astype(np.int32) * 2 + a["w"][-1:].astype(np.int32)


# Single elements: at numbers, one for each matrix, and one for each term of a fold, in nests and tile programs.
NUMBERS = """kernel elements(X: {t}[M, D], Z: {t}[N, D], a: {t}[70], w: {t}[D], P: {t}[40, 3]) -> Y: f32[3, M, D] where D > 4, N > 0 {{
    {loops} {{
        {total}
        Y[b, i, j] = X[i, j] * a[69] - Z[N - 1, D - 2] + P[33, b] * total;
    }}
}}"""
FORMS = {"nest": ("for b in 3, i in M, j in D", "let total = sum(d in D: w[d] * abs(X[i, j] - Z[0, d]));"),
         "tiles": ("grid b in 3, i in M by 64, j in D by 32",
                   "fragment total[i, j]: f32 = 0; for d in D { total += w[d] * abs(X[i, j] - Z[0, d]); }")}


def number_arrays(t):
    return lambda g, M, N, D: {"X": normal(g, M, D, dtype=t), "Z": normal(g, N, D, dtype=t), "a": normal(g, 70, dtype=t),
                               "w": normal(g, D, dtype=t), "P": normal(g, 40, 3, dtype=t)}


def numbers(a, sizes):
    X, Z, w, P = a["X"], a["Z"], a["w"], a["P"]
    difference = c.Carried(X.value[:, :, None], X.error[:, :, None]) - Z[0]
    total = c.fold_sum(w * c.Carried(np.abs(difference.value), difference.error), 2)[:, :, 0]
    turn = c.Carried(P.value[33][:, None, None], P.error[33][:, None, None])
    return X * a["a"][69] - Z[-1, -2] + turn * total


def kernel(name, t, source, make, mean, sizes=SIZES):
    output = "R" if "-> R" in source else "Y"

    def meaning(a, **sizes):
        result = mean(a, sizes)
        return result if isinstance(result, dict) else {output: c.store(result, "f32") if isinstance(result, c.Carried) else result}
    return Kernel(f"{name}_{t}", source, make, meaning, sizes)


LONG = [sizes for sizes in SIZES if sizes["D"] > 4]
SOME = [sizes for sizes in SIZES if sizes["D"] > 0]
kernels = [kernel(name, t, NEST.format(t=t, fold=fold), both(t), mean) for t in ("bf16", "f32") for name, mean, fold in FOLDS]
kernels += [kernel("loop", t, LOOP.format(t=t), turned(t), loop) for t in ("bf16", "f32")]
kernels += [kernel("nearest", t, NEST.format(t=t, fold="argmin(d in D: abs(X[i, d] - Z[j, d]))").replace("R: f32", "R: i32"), both(t), nearest, SOME)
            for t in ("bf16", "f32")]
kernels += [kernel("lines", t, LINES.format(t=t), line_arrays(t), lines, LONG) for t in ("bf16", "f32")]
kernels += [kernel(f"numbers_{form}", t, NUMBERS.format(t=t, loops=loops, total=total), number_arrays(t), numbers, LONG)
            for form, (loops, total) in FORMS.items() for t in ("bf16", "f32")]
kernels += [kernel("whole", t, WHOLE.format(t=t), whole_arrays(t), whole, LONG) for t in ("u8", "u16", "bool", "i32")]
kernels += [kernel("stored", t, STORED.format(t=t), both(t), stored) for t in ("bf16", "f32")]
kernels += [kernel("projected", t, PROJECTED.format(t=t), projected_arrays(t), projected(t), SOME) for t in ("bf16", "f32")]
kernels += [kernel("places", t, PLACES.format(t=t), both(t), places, SOME) for t in ("bf16", "f32")]
kernels += [kernel("blocks", t, BLOCKS.format(t=t), both(t), blocks) for t in ("bf16", "f32")]
kernels += [kernel("chosen", t, CHOSEN.format(t=t), chosen_arrays(t), chosen, LONG) for t in ("bf16", "f32")]
kernels += [kernel("triangle", t, TRIANGLE.format(t=t), triangle_arrays(t), triangle, [dict(M=40, N=33), dict(M=70, N=100)])
            for t in ("bf16", "f32")]
