"""Expressions of any size: more values at once than a section of the device holds, conditions joined, choices in choices."""
import carried as c
import numpy as np
from kind import Kernel, normal

HEAD = "kernel {name}(X: {t}[M, N], Y: {t}[M, N], v: {t}[N]) -> Z: f32[{result}] {{\n    for {loops} {{ {body} }}\n}}\n"
SIZES = [dict(M=1, N=31), dict(M=45, N=70)]


def short(text):
    """x, y, w for the elements."""
    return text.replace("x", "X[i, j]").replace("y", "Y[i, j]").replace("w", "v[j]")


def select(condition, a, b):
    a, b = c.carried(a), c.carried(b)
    return c.Carried(np.where(condition, a.value, b.value), np.where(condition, a.error, b.error))


def made(t):
    return lambda g, M, N: {"X": normal(g, M, N, dtype=t), "Y": normal(g, M, N, dtype=t), "v": normal(g, N, dtype=t)}


def long_sum(x, y, w):
    total = x * 1.0 * y
    for k in range(2, 60):
        total = total + x * float(k) * y
    return total


def quotients(x, y, w):
    return ((x + y) * (x - w)) / ((y * w + 30.0) * (x * x + y * y + 1.0)) + ((x * w) - (y + x)) * ((w + 1.0) * (y - 2.0))


def choices(x, y, w):
    a, b, d = x.value, y.value, w.value + 0 * x.value
    first = ((a > 0) & (b > 0)) | ((a < d) & ~(b < d))
    return select(first, select(a > b, x * y, x + w), select((b > 1) | (d > 1), y * w, x * 3.0))


def either(x, y, w):
    first = ((x.value > 0) & (y.value > 0)) | (w.value * x.value > 1)
    return select(first, x * w + y, (x - w) * (y + w))


TEXTS = {
    "long_sum": (long_sum, " + ".join(f"x * {k}.0 * y" for k in range(1, 60))),
    "quotients": (quotients, "((x + y) * (x - w)) / ((y * w + 30) * (x * x + y * y + 1)) + ((x * w) - (y + x)) * ((w + 1) * (y - 2))"),
    "choices": (choices, "select(x > 0 && y > 0 || x < w && !(y < w), select(x > y, x * y, x + w), select(y > 1 || w > 1, y * w, 3 * x))"),
    "either": (either, "select(x > 0 && y > 0 || w * x > 1, x * w + y, (x - w) * (y + w))"),
}


def elementwise(name, t):
    mean, text = TEXTS[name]
    source = HEAD.format(name=name, t=t, result="M, N", loops="i in M, j in N", body=f"Z[i, j] = {short(text)};")
    return Kernel(f"{name}_{t}", source, made(t), lambda a, M, N: {"Z": c.store(mean(a["X"], a["Y"], a["v"]), "f32")}, SIZES)


def folded(axis, t):
    result, outer, inner = ("M", "i", "j in N") if axis == 1 else ("N", "j", "i in M")
    body = f"Z[{outer}] = sum({inner}: {short(TEXTS['either'][1])});"
    source = HEAD.format(name="folded", t=t, result=result, loops=f"{outer} in {result}", body=body)

    def mean(a, M, N):
        total = c.fold_sum(c.operand(either(a["X"], a["Y"], a["v"]), "f32"), axis)
        return {"Z": c.store(c.Carried(total.value.squeeze(axis), total.error.squeeze(axis)), "f32")}
    return Kernel(f"folded_{axis}_{t}", source, made(t), mean, SIZES)


kernels = [elementwise(name, t) for name in TEXTS for t in ("bf16", "f32")] + [folded(axis, t) for axis in (0, 1) for t in ("bf16", "f32")]
