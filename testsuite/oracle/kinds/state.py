"""Fragments that statements of a tile program change in any way: state that loops over blocks carry, several fragments in one statement, sums of more
tiles than a section has, elements of blocks, axes of one element."""
import carried as c
import numpy as np
from kind import Kernel, normal

BLOCK = 64


def panels(extent):
    return [slice(k, min(k + BLOCK, extent)) for k in range(0, extent, BLOCK)]


def part(a, columns):
    return c.Carried(a.value[:, columns], a.error[:, columns])


def turned(x):
    return c.Carried(x.value.T, x.error.T)


def matrices(x):
    return [x[p] for p in range(len(x.value))]


def smoothed(a, dtype):
    h, steps = c.carried(np.zeros(a["X"].value.shape[1:])), []
    for x in matrices(a["X"]):
        h = h * 0.875 + x
        steps.append(c.store(h, dtype))
    return {"Y": c.Carried(np.array([s.value for s in steps]), np.array([s.error for s in steps]))}


def exchanged(a, dtype):
    u, v = a["U"], a["U"] * 0.5
    for x in matrices(a["X"]):
        u, v = v, u * 0.5 + v * x
    return {"Y": c.store(u - v, dtype)}


def decayed(a, dtype):
    h = c.carried(np.zeros((a["A"].value.shape[0], a["B"].value.shape[1])))
    for k in panels(a["A"].value.shape[1]):
        h = h * 0.5 + c.contract(part(a["A"], k), a["B"][k], dtype)
    return {"C": c.store(h, dtype)}


def gated(a, dtype):
    g, u = c.contract(a["A"], a["B"], dtype), c.contract(a["A"], a["G"], dtype)
    return {"C": c.store(c.maximum(g, 0.0) * u + g * g, dtype)}


def twice(a, dtype):
    return {"C": c.store(c.contract(a["A"], a["B"], dtype) + c.contract(a["A"], a["G"], dtype), dtype)}


def gathered(a, dtype):
    x = a["X"]
    s, m = c.carried(np.full((x.value.shape[0], 1), 2.0)), c.carried(np.zeros((x.value.shape[0], 1)))
    for j in panels(x.value.shape[1]):
        s = s + c.fold_sum(c.operand(part(x, j), dtype), 1)
        m = m * 0.5 + s
    return {"R": c.store((s - m)[:, 0], dtype)}


def attention(a, dtype):
    q, k, v = a["Q"], a["T"], a["V"]
    m, l, o = c.carried(np.full((len(q.value), 1), -1e30)), c.carried(np.zeros((len(q.value), 1))), c.carried(np.zeros(q.value.shape))
    for j in panels(len(k.value)):
        z = c.store(c.contract(q, turned(k[j]), dtype) * 0.125, "bf16")
        n = c.maximum(m, c.fold_max(z, 1))
        scale, p = c.exp(m - n), c.store(c.exp(z - n), "bf16")
        l = l * scale + c.fold_sum(p, 1)
        o = o * scale + c.contract(p, v[j], dtype)
        m = n
    return {"O": c.store(o / l, dtype)}


def elements(a, dtype):
    q = a["A"] * 2.0 + a["v"]
    return {"Z": c.store(q * q - 1.0, dtype)}


def halves(a, dtype):
    k = a["A"].value.shape[1]
    behind = slice(k // 2, k)
    return {"C": c.store(c.contract(part(a["A"], behind), a["B"][behind], dtype), dtype),
            "R": c.store(c.fold_max(part(a["A"], behind), 1)[:, 0], dtype)}


# name: meaning, types, inputs and result by their dimensions, body
KERNELS = {
    "smoothed": (smoothed, ["bf16", "f32"], {"X": "PMN"}, {"Y": "PMN"}, """grid i in M by 64, j in N by 32 {
        fragment h[i, j]: f32 = 0;
        for p in P { h *= 0.875; h += X[p, i, j]; Y[p, i, j] = h; }
    }"""),
    "exchanged": (exchanged, ["bf16", "f32"], {"X": "PMN", "U": "MN"}, {"Y": "MN"}, """grid i in M by 32, j in N by 64 {
        fragment u[i, j]: f32 = U[i, j], v[i, j]: f32 = 0.5 * U[i, j], t[i, j]: f32;
        for p in P { t = u * 0.5 + v * X[p, i, j]; u = v; v = t; }
        Y[i, j] = u - v;
    }"""),
    "decayed": (decayed, ["bf16", "f32"], {"A": "MK", "B": "KN"}, {"C": "MN"}, """grid i in M by 64, j in N by 64 {
        fragment h[i, j]: f32 = 0;
        for k in K by 64 { h *= 0.5; h += sum(k: A[i, k] * B[k, j]); }
        C[i, j] = h;
    }"""),
    "decayed_rows": (decayed, ["bf16"], {"A": "MK", "B": "KN"}, {"C": "MN"}, """grid i in M by 32 { for j in N by N {
        fragment h[i, j]: f32 = 0;
        for k in K by 64 { h = 0.5 * h + sum(k: A[i, k] * B[k, j]); }
        C[i, j] = h;
    } }"""),
    "gated": (gated, ["bf16", "f32"], {"A": "MK", "B": "KN", "G": "KN"}, {"C": "MN"}, """grid i in M by 64, j in N by 64 {
        fragment g[i, j]: f32 = 0, u[i, j]: f32 = 0;
        for k in K by 64 {
            shared a = A[i, k];
            gemm(a, B[k, j], g);
            gemm(a, G[k, j], u);
        }
        C[i, j] = max(g, 0) * u + g * g;
    }"""),
    "twice": (twice, ["bf16", "f32"], {"A": "MK", "B": "KN", "G": "KN"}, {"C": "MN"}, """grid i in M by 64, j in N by 64 {
        fragment c[i, j]: f32 = 0;
        for k in K by K, l in K by K { gemm(A[i, k], B[k, j], c); gemm(A[i, l], G[l, j], c); }
        C[i, j] = c;
    }"""),
    "gathered": (gathered, ["bf16"], {"X": "MN"}, {"R": "M"}, """grid i in M by 320 {
        fragment s[i]: f32 = 2, m[i]: f32 = 0;
        for j in N by 64 { reduce(sum, X[i, j], s); m = m * 0.5 + s; }
        R[i] = s - m;
    }"""),
    "attention": (attention, ["bf16"], {"Q": "MK", "T": "NK", "V": "NK"}, {"O": "MK"}, """grid i in M by 32 { for e in K by K, f in K by K {
        fragment m[i]: f32 = -inf, l[i]: f32 = 0, o[i, f]: f32 = 0;
        shared q = Q[i, e];
        for j in N by 64 {
            shared z[i, j]: bf16 = sum(e: q[i, e] * T[j, e]) * 0.125;
            shared n[i]: f32 = max(m[i], max(j: z[i, j]));
            shared a[i]: f32 = exp(m[i] - n[i]), p[i, j]: bf16 = exp(z[i, j] - n[i]);
            l = l * a + sum(j: p[i, j]);
            o = o * a + sum(j: p[i, j] * V[j, f]);
            m = n;
        }
        O[i, f] = o[i, f] / l[i];
    } }"""),
    "halves": (halves, ["bf16", "f32"], {"A": "MK", "B": "KN"}, {"C": "MN", "R": "M"}, """grid i in M by 64 {
        fragment m[i]: f32 = -inf;
        for k in K / 2..K by 64 { m max= max(k: A[i, k]); }
        R[i] = m;
        for j in N by 64 {
            fragment c[i, j]: f32 = 0;
            for k in K / 2..K by 64 { gemm(A[i, k], B[k, j], c); }
            C[i, j] = c;
        }
    }"""),
    "elements": (elements, ["bf16", "f32"], {"A": "PMN", "v": "N"}, {"Z": "PMN"}, """grid p in P by 1, i in M by 32, j in N by 64 {
        shared a = A[p, i, j];
        fragment b[p, i, j]: f32 = a * 2;
        for x in i, y in j {
            let q = b[p, x, y] + v[y];
            Z[p, x, y] = q * q - 1;
        }
    }"""),
}

SIZES = [{"P": 3, "M": 33, "K": 100, "N": 70}, {"P": 1, "M": 1, "K": 31, "N": 33}, {"P": 5, "M": 400, "K": 64, "N": 128}]


def source_of(name, dtype):
    _, _, inputs, outputs, body = KERNELS[name]
    written = [", ".join(f"{n}: {dtype}[{', '.join(dims)}]" for n, dims in tensors.items()) for tensors in (inputs, outputs)]
    return f"kernel {name}({written[0]}) -> {written[1]} {{\n    {body}\n}}\n"


def kernel_of(name, dtype):
    meaning, _, inputs, outputs, _ = KERNELS[name]
    letters = set("".join([*inputs.values(), *outputs.values()]))

    def make(generator, **sizes):
        return {n: normal(generator, *(sizes[d] for d in dims), dtype=dtype) for n, dims in inputs.items()}
    return Kernel(f"{name}_{dtype}", source_of(name, dtype), make, lambda a, **sizes: meaning(a, dtype),
                  [{d: 170 if name == "halves" and s == 100 else s for d, s in sizes.items() if d in letters} for sizes in SIZES])


kernels = [kernel_of(name, dtype) for name, row in KERNELS.items() for dtype in row[1]]
