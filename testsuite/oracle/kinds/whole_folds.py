"""Folds of whole numbers, which are exact: of every type, over rows, columns, matrices and everything; they wrap as their type does."""
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
