"""Every function of one value, on the embedded device and in the evaluator, against its float64 in NumPy, over all magnitudes: within
what functions.def allows, and the same bits on both.

    check_functions.py BATCH FUNCTIONS.DEF SCRATCH
"""
import os
import re
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../calls"))
import arithmetic
import carried
from batch import Batch, Count
from case import Case

SHAPE = (70, 90)
SMALLEST = 2.0 ** -126  # below it the device has 0


def functions(path):
    """Name to v of the rows of functions.def."""
    with open(path) as file:
        rows = re.findall(r"^UNARY_FUNCTION\((\w+), (-?\w+),", file.read(), re.M)
    return {name: 0.0 if power in ("FUNCTION_EXACT", "FUNCTION_WHOLE") else 2.0 ** int(power) for name, power in rows}


def arguments(dtype):
    """All magnitudes of both signs, and as many near 0."""
    generator = np.random.default_rng(7)
    count = SHAPE[0] * SHAPE[1] // 2
    wide = np.ldexp(generator.uniform(-2, 2, count), generator.integers(-120, 127, count))
    near = generator.uniform(-30, 30, count)
    values = np.concatenate([wide, near]).astype(np.float32).reshape(SHAPE)
    return (values.view(np.uint32) & 0xffff0000).view(np.float32) if dtype == "bf16" else values


def reference(function, allowed, x, dtype):
    value = function(x.astype(np.float64))
    return carried.store(carried.Carried(value, allowed * np.abs(value) + SMALLEST), dtype)


def in_range(function, x):
    """1, or 1/2 where that is a pole, where the function is beyond what f32 holds, or is none: the vectors of the calls judge that."""
    with np.errstate(all="ignore"):
        value, at_one = function(x.astype(np.float64)), function(np.float64(1))
    return np.where(np.isfinite(value) & (np.abs(value) < 2.0 ** 127), x, np.float32(1 if np.isfinite(at_one) else 0.5))


def main():
    tool, table, scratch = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count = Count("functions against NumPy in float64")
    batch = Batch(tool, scratch)
    cases = []
    rows, root = list(functions(table)), os.path.join(os.path.dirname(table), "..")
    with open(f"{root}/docs/language.md") as file:
        listed = re.search(r"\| functions of one value \| `([a-z0-9 ]+)` \|", file.read()).group(1).split()
    count.check(listed == rows, f"docs/language.md lists functions of one value otherwise than functions.def: lacks "
                f"{[name for name in rows if name not in listed]}, has {[name for name in listed if name not in rows]}, or another order")
    with open(f"{root}/grammar/library.def") as file:
        made = set(re.findall(r"^LIBRARY_FUNCTION\(([a-z]\w*),", file.read(), re.M))
    with open(f"{root}/docs/language.md") as file:
        listed = set(re.findall(r"[a-z]\w+", re.sub(r"\(.*?\)|of \w+ value|of several|made of others", "", " ".join(
            line for line in file if line.startswith("| made of others")))))
    count.check(listed == made, f"docs/language.md and grammar/library.def do not both have {sorted(listed ^ made)}")
    with open(f"{root}/testsuite/oracle/kinds/functions.py") as file:
        tried = set(re.findall(r"\w+(?=\()", file.read()))
    count.check(made <= tried, f"testsuite/oracle/kinds/functions.py does not try {sorted(made - tried)}")
    for name, allowed in functions(table).items():
        known = arithmetic.FUNCTIONS.get({"neg": "negative"}.get(name, name))
        if not count.check(known is not None, f"{name}: testsuite/calls/arithmetic.py has no float64 of it"):
            continue
        for dtype in ("f32", "bf16"):
            source = f"{scratch}/{name}_{dtype}.tl"
            with open(source, "w") as file:
                file.write(f"kernel k(X: {dtype}[M, N]) -> Y: {dtype}[M, N] {{\n    for i in M, j in N {{ Y[i, j] = {name}(X[i, j]); }}\n}}\n")
            x = in_range(known, arguments(dtype))
            cases.append((Case(batch, scratch, f"{name}.{dtype}", source, {"X": x}, ["Y"], dtype,
                               [[], ["--arch", "blackhole", "--grid", "3x2"], ["--device", "eval"]]),
                          reference(known, allowed, x, dtype)))
    outcomes = batch.run()
    for case, expected in cases:
        case.judge(count, outcomes, {"Y": expected})
    shutil.rmtree(scratch)
    count.finish()


main()
