"""Whole numbers, truth values, conversions, block formats and random numbers, on the embedded device and in the evaluator, against
NumPy: every element alike. Random numbers are equal on all grids and products, and pass a chi-square and a serial test.

    check_whole.py BATCH SCRATCH
"""
import os
import shutil
import sys

import numpy as np

import arrays
from batch import Batch, Count
from threefry import threefry

SHAPES = [(33, 100), (1, 31)]
WAYS = [[], ["--device", "eval"], ["--arch", "blackhole", "--grid", "3x5", "--schedule", "7"]]
TYPES = {"i32": np.int32, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8}
WIDE = {"i32": np.int32, "u32": np.uint32, "u16": np.uint16, "u8": np.int32}  # as what they are worked out
WIDTH = {"i32": 32, "u32": 32, "u16": 16, "u8": 32}


def whole(seed, dtype, shape):
    """Any bits, small numbers, zeros and the ends of the type."""
    random, kind = np.random.default_rng(seed), TYPES[dtype]
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    choices = [random.integers(low, high, shape, np.int64, endpoint=True), random.integers(max(low, -40), 40, shape),
               random.choice(np.array([0, low, high, 1, low + 1, high - 1]), shape)]
    return np.choose(random.integers(0, 3, shape), choices).astype(kind)


def floats(seed, shape):
    random = np.random.default_rng(seed)
    values = (random.standard_normal(shape) * 10.0 ** random.integers(-2, 12, shape)).astype(np.float32)
    edges = [np.nan, np.inf, -np.inf, -0.0, 0.5, -0.5, 2.5, -2.5, 2.0 ** 31, -2.0 ** 31, 2.0 ** 32, 255.9]
    values[0, :len(edges)] = edges
    return values


def divided(a, b, quotient):
    """Floored; by 0 it is 0."""
    a, b = a.astype(np.int64), np.where(b == 0, 1, b).astype(np.int64)
    return a // b if quotient else a - a // b * b


def binary(dtype):
    width = WIDTH[dtype]
    return {
        "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
        "/": lambda a, b: np.where(b == 0, 0, divided(a, b, True)), "%": lambda a, b: np.where(b == 0, 0, divided(a, b, False)),
        "&": lambda a, b: a & b, "|": lambda a, b: a | b, "^": lambda a, b: a ^ b,
        "<<": lambda a, b: a << (b.astype(np.int64) & (width - 1)).astype(a.dtype),
        ">>": lambda a, b: a >> (b.astype(np.int64) & (width - 1)).astype(a.dtype),
    }


COMPARISONS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal}


def low_bits(values, dtype):
    return np.asarray(values).astype(np.int64).astype(TYPES[dtype])


def cut(values, dtype):
    """A float toward zero, clamped; NaN is 0."""
    info, values = np.iinfo(TYPES[dtype]), values.astype(np.float64)
    return np.clip(np.trunc(np.nan_to_num(values, nan=0, posinf=1e300, neginf=-1e300)), info.min, info.max).astype(TYPES[dtype])


def mixed(shape):
    """u16 beside bytes, truth values and i32: worked out as i32, cut where u16 is stored."""
    mask, z = np.random.default_rng(7).random(shape) < 0.5, np.random.default_rng(8).integers(-70000, 70000, shape).astype(np.int32)
    x, y = whole(9, "u8", shape), whole(10, "u16", shape)
    types, inputs = {"X": "u8", "W": "u16", "m": "bool", "Z": "i32"}, {"X": x, "W": y, "m": mask, "Z": z}
    a, b, c = (values.astype(np.int64) for values in (x, y, mask))
    for expression, result, exact in (
            ("X[i, j] - W[i, j]", "i32", a - b), ("X[i, j] - W[i, j] < 0", "bool", a < b), ("f32(X[i, j] - W[i, j])", "f32", a - b),
            ("(X[i, j] * 300 - W[i, j]) / 7 + (X[i, j] - W[i, j]) % 5", "i32", (a * 300 - b) // 7 + (a - b) % 5),
            ("max(X[i, j] - 100, W[i, j]) + select(m[i, j], X[i, j] - 9, W[i, j])", "i32", np.maximum(a - 100, b) + np.where(mask, a - 9, b)),
            ("(W[i, j] << 3) ^ X[i, j]", "u16", b << 3 ^ a), ("W[i, j] + m[i, j] - X[i, j]", "u16", b + c - a),
            ("(m[i, j] - W[i, j]) >> 2", "i32", (c - b) >> 2), ("Z[i, j] - W[i, j] < 0", "bool", z < b), ("Z[i, j] < W[i, j]", "bool", z < b),
            ("min(Z[i, j], W[i, j]) + (Z[i, j] - W[i, j]) / 3", "i32", np.minimum(z, b) + (z - b) // 3)):
        used = {name: dtype for name, dtype in types.items() if f"{name}[" in expression}
        yield (used, expression, {name: inputs[name] for name in used}, result,
               low_bits(exact, result) if result in TYPES else exact.astype(np.float32 if result == "f32" else bool))


def elementwise(shape):
    """(name, types of inputs, expression, inputs, type of the result, what it is)"""
    x = floats(3, shape)
    mask = np.random.default_rng(4).random(shape) < 0.5
    for dtype in TYPES:
        a, b = whole(1, dtype, shape), whole(2, dtype, shape)
        wide_a, wide_b = a.astype(WIDE[dtype]), b.astype(WIDE[dtype])
        pair, inputs = {"X": dtype, "Z": dtype}, {"X": a, "Z": b}
        for op, exact in binary(dtype).items():
            yield pair, f"X[i, j] {op} Z[i, j]", inputs, dtype, low_bits(exact(wide_a, wide_b), dtype)
        for op, exact in COMPARISONS.items():
            yield pair, f"X[i, j] {op} Z[i, j]", inputs, "bool", exact(a, b)
        yield pair, "select(X[i, j] < Z[i, j], X[i, j], 7)", inputs, dtype, np.where(a < b, a, TYPES[dtype](7))
        yield pair, "max(X[i, j], Z[i, j]) - min(X[i, j], 5)", inputs, dtype, low_bits(np.maximum(wide_a, wide_b) - np.minimum(wide_a, 5), dtype)
        yield pair, "(X[i, j] - Z[i, j]) / 4 + (X[i, j] - Z[i, j]) % 7", inputs, dtype, low_bits(
            (wide_a - wide_b) // 4 + divided(wide_a - wide_b, np.full(shape, 7), False), dtype)
        yield pair, "-X[i, j] ^ ~Z[i, j]", inputs, dtype, low_bits(-wide_a.astype(np.int64) ^ ~wide_b.astype(np.int64), dtype)
        yield {"X": dtype}, "X[i, j] >> 33", {"X": a}, dtype, low_bits(wide_a >> 1, dtype)
        yield {"X": dtype}, "abs(X[i, j])", {"X": a}, dtype, low_bits(np.abs(wide_a), dtype)
        yield {"X": "f32"}, f"{dtype}(X[i, j])", {"X": x}, dtype, cut(x, dtype)
        yield {"X": dtype}, "f32(X[i, j])", {"X": a}, "f32", a.astype(np.float32)
        yield {"X": dtype}, "bf16(X[i, j])", {"X": a}, "bf16", arrays.rounded(a.astype(np.float32), "bf16")
        yield {"X": dtype}, "bool(X[i, j])", {"X": a}, "bool", a != 0
        for other in TYPES:
            yield {"X": dtype}, f"{other}(X[i, j])", {"X": a}, other, low_bits(a, other)
    a = whole(5, "i32", shape)
    yield {"m": "bool", "X": "i32"}, "m[i, j] + X[i, j]", {"m": mask, "X": a}, "i32", mask + a
    yield {"m": "bool", "F": "f32"}, "select(m[i, j], F[i, j], -inf)", {"m": mask, "F": x}, "f32", np.where(mask, x, -np.inf).astype(np.float32)
    yield {"m": "bool"}, "!m[i, j]", {"m": mask}, "bool", ~mask
    yield {"X": "i32"}, "X[i, j] + M * 2 - N", {"X": a}, "i32", a + np.int32(2 * shape[0] - shape[1])


def blocks(x, bits):
    """Rounded to a block format: of 16 neighbours the greatest sets the exponent."""
    x, result = x.astype(np.float64), np.zeros(x.shape)
    for at in range(0, x.shape[-1], 16):
        part = x[..., at:at + 16]
        most = np.abs(part).max(-1, keepdims=True)
        unit = 2.0 ** (np.floor(np.log2(np.where(most > 0, most, 1))) - bits + 1)
        result[..., at:at + 16] = np.sign(part) * np.minimum(np.rint(np.abs(part) / unit), 2 ** bits - 1) * unit
    return result


def block_formats(shape):
    x = np.random.default_rng(6).standard_normal(shape).astype(np.float32)
    for dtype, bits in (("bfp8", 7), ("bfp4", 3)):
        yield {"X": dtype}, "X[i, j]", {"X": x}, "f32", blocks(x, bits).astype(np.float32)
        yield {"X": dtype, "Z": "f32"}, "X[i, j] * Z[i, j]", {"X": x, "Z": x}, "f32", blocks(x, bits).astype(np.float32) * x


def random_words(count):
    assert int(threefry(0, np.zeros(1, np.uint32))[0]) == 0x6B200159  # as its authors publish it
    shape = (64, 1024)
    index = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape)
    words = threefry(4000000000, index)
    numbers = (words >> np.uint32(8)) / 2.0 ** 24
    # Chi-square of 256 classes, and of pairs of neighbours in 16 x 16: within five deviations of what is expected.
    for name, classes in (("chi-square", (numbers.ravel() * 256).astype(int)),
                          ("serial", (numbers.ravel()[:-1] * 16).astype(int) * 16 + (numbers.ravel()[1:] * 16).astype(int))):
        expected = len(classes) / 256
        statistic = ((np.bincount(classes, minlength=256) - expected) ** 2 / expected).sum()
        count.check(abs(statistic - 255) < 5 * np.sqrt(2 * 255), f"random, {name}: {statistic:.0f}, not about 255")
    yield {"I": "u32"}, "random(4000000000, I[i, j])", {"I": index}, "u32", words
    yield {"I": "u32"}, "uniform(4000000000, I[i, j])", {"I": index}, "f32", numbers.astype(np.float32)


def save(path, array, dtype):
    if dtype in ("bf16", "f32"):
        arrays.write(path, array, dtype)
    else:
        np.save(path, array)


def add(batch, scratch, number, case, ways):
    types, expression, inputs, result, _ = case
    source = f"{scratch}/{number}.tl"
    parameters = ", ".join(f"{name}: {dtype}[M, N]" for name, dtype in types.items())
    with open(source, "w") as file:
        file.write(f"kernel k({parameters}) -> Y: {result}[M, N] {{\n    for i in M, j in N {{ Y[i, j] = {expression}; }}\n}}\n")
    words = []
    for name, array in inputs.items():
        path = f"{scratch}/{number}.{name}.npy"
        save(path, array, types[name])
        words += ["--in", f"{name}={path}"]
    return [(batch.add("run", source, *words, *way, "--out", f"Y={scratch}/{number}.{k}.npy"), way, f"{scratch}/{number}.{k}.npy")
            for k, way in enumerate(ways)]


def judge(count, outcomes, runs, case):
    _, expression, inputs, result, expected = case
    title = f"{', '.join(str(array.dtype) for array in inputs.values())}: {expression} -> {result}"
    for number, way, path in runs:
        code, _, messages = outcomes[number]
        if not count.check(code == 0, f"{title} {way}: exit code {code}: {messages[:300]}"):
            continue
        got = arrays.read(path, result) if result in ("bf16", "f32") else np.load(path)
        same = (got == expected) | ((got != got) & (expected != expected))
        places = np.argwhere(~same)
        count.check(got.dtype == np.asarray(expected).dtype and not len(places),
                    f"{title} {way}: {len(places)} elements differ, the first at {places[:1].tolist()}" if len(places) else f"{title}: {got.dtype}")


def main():
    tool, scratch = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count, batch, cases = Count("whole numbers against NumPy"), Batch(tool, scratch), []
    with np.errstate(all="ignore"):
        for shape in SHAPES:
            for case in [*elementwise(shape), *mixed(shape), *block_formats(shape)]:
                cases.append((add(batch, scratch, len(cases), case, WAYS), case))
        for case in random_words(count):
            cases.append((add(batch, scratch, len(cases), case, WAYS + [["--grid", "1x1"]]), case))
        outcomes = batch.run()
        for runs, case in cases:
            judge(count, outcomes, runs, case)
    shutil.rmtree(scratch)
    count.finish()


main()
