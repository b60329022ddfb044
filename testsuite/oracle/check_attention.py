"""State that loops over blocks carry, written for each row: attention with a running maximum, causal and not, heads in groups; softmax, moments
and linear attention by blocks. Against NumPy in float64 within a bound that is carried through the same recurrences, against the evaluator bit
for bit, and what is read from DRAM.

    check_attention.py BATCH SCRATCH
"""
import os
import re
import shutil
import sys

import numpy as np

import carried as c
from batch import Batch, Count
from case import Case, random_inputs

FLASH = """kernel k(Q: bf16[H, S, E], K: bf16[G, T, E], V: bf16[G, T, E]) -> O: bf16[H, S, E] where H == 4 * G{where} {{
    for h in H, i in S {{
        var m = -inf, l = 0, o[e in E]: f32 = 0;
        for j in {range} by {block} {{
            let z[j] = sum(e in E: Q[h, i, e] * K[h / 4, j, e]) * rsqrt(E);
            let n = max(m, max(j: z[j])), a = exp(m - n), p[j] = exp(z[j] - n);
            l = l * a + sum(j: p[j]);
            for e in E {{ o[e] = o[e] * a + sum(j: p[j] * V[h / 4, j, e]); }}
            m = n;
        }}
        for e in E {{ O[h, i, e] = o[e] / l; }}
    }}
}}
"""


def masked(a, keep, other):
    """The value where `keep`, elsewhere exactly another."""
    return c.Carried(np.where(keep, a.value, other), np.where(keep, a.error, 0))


def attention(q, k, v, block, causal):
    """One head, block by block."""
    s, t = len(q), len(k)
    m = l = o = None
    for at in range(0, t, block):
        keep = np.arange(at, min(t, at + block))[None, :] <= np.arange(s)[:, None] if causal else np.ones((s, 1), bool)
        z = c.contract(q, np.transpose(k[at:at + block]), "bf16")
        z = z * c.Carried(1 / np.sqrt(q.shape[1]), c.V / np.sqrt(q.shape[1]))
        n = c.fold_max(masked(z, keep, -1e30), 1)
        n = c.maximum(m, n) if m is not None else n
        p = masked(c.exp(z - n), keep, 0)
        part, product = c.fold_sum(c.operand(p, "f32"), 1), c.contract(c.operand(p, "f32"), v[at:at + block], "bf16")
        a = c.exp(m - n) if m is not None else None
        l = l * a + part if m is not None else part
        o = o * a + product if m is not None else product
        m = n
    return c.store(o / l, "bf16")


def heads(inputs, block, causal):
    q, k, v = (inputs[name].astype(np.float64) for name in "QKV")
    found = [attention(q[h], k[h // 4], v[h // 4], block, causal) for h in range(len(q))]
    return {"O": c.Carried(np.stack([x.value for x in found]), np.stack([x.error for x in found]))}


def softmax(inputs, block):
    x = c.carried(inputs["X"])
    m = s = None
    for at in range(0, x.value.shape[1], block):
        part = x[:, at:at + block]
        n = c.fold_max(part, 1)
        n = c.maximum(m, n) if m is not None else n
        e = c.fold_sum(c.operand(c.exp(part - n), "f32"), 1)
        s = s * c.exp(m - n) + e if m is not None else e
        m = n
    return {"Y": c.store(c.exp(x - m) / s, "f32")}


SOFTMAX = """kernel k(X: f32[M, N]) -> Y: f32[M, N] {
    for i in M {
        var m = -inf, s = 0;
        for j in N by 96 {
            let n = max(m, max(j: X[i, j]));
            s = s * exp(m - n) + sum(j: exp(X[i, j] - n));
            m = n;
        }
        for j in N { Y[i, j] = exp(X[i, j] - m) / s; }
    }
}
"""


def linear(inputs, block):
    q, k, v = (inputs[name].astype(np.float64) for name in "QKV")
    values, errors = [], []
    for h in range(len(q)):
        state, rows = c.carried(np.zeros((q.shape[2], v.shape[2]))), []
        for at in range(0, q.shape[1], block):
            rows.append(c.contract(q[h, at:at + block], c.operand(state, "f32"), "bf16"))
            state = state + c.contract(np.transpose(k[h, at:at + block]), v[h, at:at + block], "bf16")
        values.append(np.concatenate([row.value for row in rows]))
        errors.append(np.concatenate([row.error for row in rows]))
    return {"O": c.store(c.Carried(np.stack(values), np.stack(errors)), "bf16")}


LINEAR = """kernel k(Q: bf16[H, T, D], K: bf16[H, T, D], V: bf16[H, T, E]) -> O: bf16[H, T, E] {
    for h in H {
        var S[d in D, e in E]: f32 = 0;
        for t in T by 32 {
            for x in t, e in E { O[h, x, e] = sum(d in D: Q[h, x, d] * S[d, e]); }
            for d in D, e in E { S[d, e] += sum(t: K[h, t, d] * V[h, t, e]); }
        }
    }
}
"""


def triangle(inputs):
    x = inputs["X"].astype(np.float64)
    return {"Y": c.store(c.contract(np.tril(x), inputs["B"], "bf16"), "bf16")}


TRIANGLE = """kernel k(X: bf16[N, N], B: bf16[N, E]) -> Y: bf16[N, E] {
    for i in N, e in E { Y[i, e] = sum(j in 0..i + 1: X[i, j] * B[j, e]); }
}
"""


def tiles(extent):
    return -(-extent // 32)


def cases():
    """name, source, shapes, type, result, meaning, tiles read of each tensor (None: not counted), a size to fix."""
    for s, t, e, block in [(17, 17, 64, 128), (33, 70, 40, 64), (128, 128, 128, 128), (100, 300, 64, 96), (1, 33, 31, 32)]:
        shapes = {"Q": (4, s, e), "K": (1, t, e), "V": (1, t, e)}
        every = 4 * tiles(s) * tiles(t) * tiles(e)
        yield (f"attention.{s}.{t}.{e}", FLASH.format(range="T", block=block, where=""), shapes, "bf16", "O",
               lambda a, block=block: heads(a, block, False), {"Q": 4 * tiles(s) * tiles(e), "K": every, "V": every}, f"E={e}")
    for s, g, e, block in [(17, 1, 64, 128), (50, 2, 40, 64), (128, 2, 128, 128), (300, 1, 64, 96)]:
        shapes = {"Q": (4 * g, s, e), "K": (g, s, e), "V": (g, s, e)}
        half = 4 * g * tiles(e) * tiles(s) * (tiles(s) + 1) // 2
        yield (f"causal.{s}.{g}.{e}", FLASH.format(range="0..i + 1", block=block, where=", S == T"), shapes, "bf16", "O",
               lambda a, block=block: heads(a, block, True), {"Q": 4 * g * tiles(s) * tiles(e), "K": half, "V": half}, f"E={e}")
    for m, n in [(1, 1), (33, 300), (7, 2000)]:
        yield (f"softmax.{m}.{n}", SOFTMAX, {"X": (m, n)}, "f32", "Y", lambda a: softmax(a, 96), {"X": 2 * tiles(m) * tiles(n)}, f"N={n}")
    for h, t, d, e in [(2, 32, 32, 32), (3, 70, 40, 50)]:
        yield (f"linear.{h}.{t}.{d}.{e}", LINEAR, {"Q": (h, t, d), "K": (h, t, d), "V": (h, t, e)}, "bf16", "O",
               lambda a: linear(a, 32), None, f"D={d}")
    for n, e in [(31, 33), (200, 64)]:
        yield f"triangle.{n}.{e}", TRIANGLE, {"X": (n, n), "B": (n, e)}, "bf16", "Y", triangle, None, f"N={n}"


def main():
    tool, scratch = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count, batch, launched = Count("state of blocks"), Batch(tool, scratch), []
    for name, source, shapes, dtype, result, meaning, read, fixed in cases():
        path = f"{scratch}/{name}.tl"
        with open(path, "w") as file:
            file.write(source)
        inputs = random_inputs(shapes, dtype, name)
        variants = [["--stats"], ["--device", "eval"], ["--arch", "blackhole", "--grid", "3x5", "--schedule", "5"], ["-D", fixed]]
        launched.append((Case(batch, scratch, name, path, inputs, [result], dtype, variants), meaning, inputs, read))
    outcomes = batch.run()
    for case, meaning, inputs, read in launched:
        case.judge(count, outcomes, meaning(inputs))
        printed = outcomes[case.runs[0][0]][1]
        for tensor, least in (read or {}).items():
            found = re.search(rf"^    {tensor} +(\d+) read from DRAM", printed, re.M)
            count.check(found and int(found[1]) == least, f"{case.name}: of {tensor} {found and found[1]} tiles are read, not {least}")
    shutil.rmtree(scratch)
    count.finish()


main()
