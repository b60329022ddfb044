"""Folds of whole numbers and truth values, which are exact: of every type, over rows, columns, matrices and everything."""
import carried
import numpy as np

from kind import Array, Kernel, WHOLE

COMPUTED = {"i32": "i32", "u32": "u32", "u16": "u32", "u8": "i32", "bool": "i32"}
FOLDS = {"sum": np.sum, "product": np.prod, "max": np.max, "min": np.min}
SIZES = [(2, 1, 1), (3, 31, 100), (2, 70, 33), (2, 3, 1500), (2, 4, 0)]


def numbers(generator, shape, dtype):
    if dtype == "bool":
        return generator.random(shape) < 0.5
    info = np.iinfo(WHOLE[dtype])
    return generator.integers(info.min, int(info.max) + 1, shape) | 1  # odd: a product does not vanish


def folded(op, x, axis, dtype, result):
    kind = WHOLE[COMPUTED[dtype]]
    if op in ("sum", "product"):
        return FOLDS[op](x.astype(kind), axis=axis, dtype=kind)
    least, greatest = (0, 1) if dtype == "bool" else (np.iinfo(WHOLE[dtype]).min, np.iinfo(WHOLE[dtype]).max)
    return FOLDS[op](x, axis=axis, initial=least if op == "max" else greatest).astype(WHOLE[result])


def kernel_of(name, op, dtype, of, to, axis, body, meant=None):
    result = COMPUTED[dtype] if op in ("sum", "product") else dtype
    source = f"kernel {name}(X: {dtype}[{', '.join(of)}]) -> Y: {result}[{', '.join(to)}] {{\n    {body.format(op=op)}\n}}\n"

    def make(generator, **sizes):
        return {"X": Array(numbers(generator, [sizes[d] for d in of], dtype), dtype)}

    def mean(a, **_):
        x = a["X"]
        y = folded(op, x, axis, dtype, result)
        return {"Y": meant(x, y).astype(WHOLE[result]) if meant else y}
    sizes = [{d: n for d, n in zip("BMN", size) if d in of} for size in SIZES]
    return Kernel(f"{name}_{op}_{dtype}", source, make, mean, sizes)


ROWS = "for i in M {{ Y[i] = {op}(j in N: X[i, j]); }}"
kernels = [kernel_of("rows", op, dtype, "MN", "M", 1, ROWS) for op in FOLDS for dtype in COMPUTED]
for op in FOLDS:
    kernels.append(kernel_of("columns", op, "i32", "MN", "N", 0, "for j in N {{ Y[j] = {op}(i in M: X[i, j]); }}"))
    kernels.append(kernel_of("matrices", op, "u32", "BMN", "MN", 0, "for i in M, j in N {{ Y[i, j] = {op}(b in B: X[b, i, j]); }}"))
    kernels.append(kernel_of("everything", op, "i32", "MN", "1", None, "Y[0] = {op}(i in M, j in N: X[i, j]);",
                             lambda x, y: np.reshape(y, 1)))
    kernels.append(kernel_of("beside", op, "i32", "MN", "MN", 1, """for i in M {{
        let v = {op}(j in N: X[i, j]);
        for j in N {{ Y[i, j] = X[i, j] ^ v; }}
    }}""", lambda x, y: x ^ y[:, None]))

TRUTHS = {"any": np.any, "all": np.all}


def truth_of(name, op, dtype, to, axis, body):
    source = f"kernel {name}(X: {dtype}[M, N]) -> Y: bool[{to}] {{\n    {body.format(op=op)}\n}}\n"

    def make(generator, M, N):
        x = generator.integers(0, 3, (M, N)) * (generator.random((M, 1)) < 0.7) + (generator.random((M, 1)) < 0.3)
        return {"X": Array(x != 0 if dtype == "bool" else x.astype(WHOLE.get(dtype, np.float32)), dtype)}

    def mean(a, **_):
        x = a["X"] if dtype in WHOLE else a["X"].value
        return {"Y": np.reshape(TRUTHS[op](x != 0, axis=axis), (1,) if axis is None else -1)}
    return Kernel(f"{name}_{op}_{dtype}", source, make, mean, [dict(M=m, N=n) for _, m, n in SIZES])


for op in TRUTHS:
    for dtype in ("f32", "bf16", "i32", "u8", "bool"):
        kernels.append(truth_of("rows", op, dtype, "M", 1, "for i in M {{ Y[i] = {op}(j in N: X[i, j]); }}"))
    kernels.append(truth_of("columns", op, "f32", "N", 0, "for j in N {{ Y[j] = {op}(i in M: X[i, j]); }}"))
    kernels.append(truth_of("everything", op, "bool", "1", None, "Y[0] = {op}(i in M, j in N: X[i, j]);"))

LOOPS = {  # name: type, body, what it is of the rows
    "found": ("bool", "var t = false; for j in N { t = t || X[i, j]; } Y[i] = t;", lambda x: x.any(1)),
    "every": ("bool", "var t = true; for j in N { t = X[i, j] && t; } Y[i] = t;", lambda x: x.all(1)),
    "found_by_blocks": ("bool", "var t = false; for j in N by 32 { t = t || any(j: X[i, j]); } Y[i] = t;", lambda x: x.any(1)),
    "cut_byte": ("u8", "var t: u8 = 200; for j in N { t += X[i, j]; } t max= 100; Y[i] = u8(t / 2);",
                 lambda x: np.maximum((x.sum(1) + 200).astype(np.uint8), 100) // 2),
    "words": ("u16", "var t: u16 = 9; for j in N { t = t * X[i, j]; } Y[i] = t;", lambda x: x.prod(1, dtype=np.uint16) * np.uint16(9)),
    "greatest_truth": ("bool", "var t = false; for j in N { t = max(t, X[i, j]); } Y[i] = t;", lambda x: x.any(1)),
    "bytes": ("u8", "var t: u8 = 3; for j in N { t += X[i, j]; } Y[i] = t;", lambda x: (x.sum(1) + 3).astype(np.uint8)),
    "greatest_byte": ("u8", "var t: u8 = 3; for j in N by 64 { t = max(t, max(j: X[i, j])); } Y[i] = t;",
                      lambda x: x.max(1, initial=3).astype(np.uint8)),
}
for name, (dtype, body, exact) in LOOPS.items():
    kernels.append(Kernel(name, f"kernel {name}(X: {dtype}[M, N]) -> Y: {dtype}[M] {{\n    for i in M {{ {body} }}\n}}\n",
                          lambda generator, M, N, dtype=dtype: {"X": Array(numbers(generator, [M, N], dtype), dtype)},
                          lambda a, exact=exact, **_: {"Y": exact(a["X"])}, [dict(M=m, N=n) for _, m, n in SIZES]))

COUNTS = {  # name: type and shape of the result, statements, what it is of where X is above 0
    "counts": ("i32", "M", "for i in M { Y[i] = sum(j in N: select(X[i, j] > 0, 1, 0)); }", lambda p: p.sum(1)),
    "counts_of_matrices": ("i32", "1", "Y[0] = sum(i in M, j in N: select(X[i, j] > 0, 1, 0));", lambda p: p.sum().reshape(1)),
    "counts_as_floats": ("f32", "M", "for i in M { let n = sum(j in N: select(X[i, j] > 0, 1, 0)); Y[i] = n * 0.5; }",
                         lambda p: p.sum(1) * 0.5),
    "counts_both_ways": ("i32", "M, N", """for i in M {
        let n = sum(j in N: select(X[i, j] > 0, 1, 0));
        for j in N { Y[i, j] = select(n * 0.5 > 7.0, n, j); }
    }""", lambda p: np.where((p.sum(1) > 14)[:, None], p.sum(1)[:, None], np.arange(p.shape[1]))),
    "places": ("u32", "M", "for i in M { Y[i] = max(j in N: select(X[i, j] > 0, j, 0)); }",
               lambda p: (p * np.arange(p.shape[1])).max(1, initial=0)),
}
for name, (dtype, to, body, exact) in COUNTS.items():
    kind = np.float32 if dtype == "f32" else WHOLE[dtype]

    def counted(a, exact=exact, kind=kind, dtype=dtype, **_):
        y = exact(a["X"].value > 0)
        return {"Y": carried.Carried(y.astype(np.float64)) if dtype == "f32" else np.asarray(y).astype(kind)}
    kernels.append(Kernel(name, f"kernel {name}(X: bf16[M, N]) -> Y: {dtype}[{to}] {{\n    {body}\n}}\n",
                          lambda generator, M, N: {"X": Array(generator.standard_normal((M, N)), "bf16")}, counted,
                          [dict(M=m, N=n) for _, m, n in SIZES[:4]]))
