"""What only moves: every permutation of three and four dimensions, slices at every alignment, every shape of 96 x 40 elements."""
import itertools

import numpy as np
from kind import normal
from parts import moved

EXTENTS = {3: [("X", (3, 34, 45)), ("X", (33, 2, 65))], 4: [("X", (2, 3, 37, 5))]}
NAMES = "ABCD"
SHIFTS = range(34)


def shaped(*shape):
    return lambda g, **s: {"X": normal(g, *shape)}


def permutation(order):
    """Y[..] = X[..] with the dimensions of X in this order."""
    rank = len(order)
    loops = ", ".join(f"{n.lower()} in {n}" for n in NAMES[:rank])
    source = (f"kernel permuted(X: bf16[{', '.join(NAMES[:rank])}]) -> Y: bf16[{', '.join(NAMES[k] for k in order)}] {{\n"
              f"    for {loops} {{ Y[{', '.join(NAMES[k].lower() for k in order)}] = X[{', '.join(NAMES[:rank].lower())}]; }}\n}}")
    sizes = [dict(zip(NAMES, shape)) for _, shape in EXTENTS[rank]]
    return moved("permuted_" + "".join(str(k) for k in order), source, lambda X, **s: X.transpose(order),
                 lambda g, **s: {"X": normal(g, *s.values())}, sizes)


def window(r, c):
    """37 x 50 elements from (r, c) on, which no proof has to know: the offset is given at launch, or is a literal."""
    def meaning(X, **s):
        return X[r:r + 37, c:c + 50]
    given = """kernel window(X: bf16[M, N], r: index, c: index) -> Y: bf16[37, 50] where r >= 0, c >= 0, r + 37 <= M, c + 50 <= N {
    for i in 37, j in 50 { Y[i, j] = X[i + r, j + c]; }
}"""
    literal = f"""kernel window(X: bf16[M, N]) -> Y: bf16[37, 50] where M >= {r + 37}, N >= {c + 50} {{
    for i in 37, j in 50 {{ Y[i, j] = X[i + {r}, j + {c}]; }}
}}"""
    return [moved(f"window_given_{r}_{c}", given, meaning, shaped(80, 90), [dict(M=80, N=90)], options=["--set", f"r={r}", "--set", f"c={c}"]),
            moved(f"window_{r}_{c}", literal, meaning, shaped(80, 90), [dict(M=80, N=90)])]


def placed(r, c):
    """The other way round: 37 x 50 elements written from (r, c) on, among others that keep their bits."""
    def meaning(W, X, **s):
        W = W.copy()
        W[r:r + 37, c:c + 50] = X
        return {"W": W}
    return moved(f"placed_{r}_{c}", f"""kernel placed(inout W: bf16[M, N], X: bf16[37, 50]) where M >= {r + 37}, N >= {c + 50} {{
    for i in 37, j in 50 {{ W[i + {r}, j + {c}] = X[i, j]; }}
}}""", meaning, lambda g, **s: {"W": normal(g, 80, 90), "X": normal(g, 37, 50)}, [dict(M=80, N=90)])


def reshape(rows, columns):
    return moved(f"reshape_{rows}x{columns}", f"""kernel reshape(X: bf16[96, 40]) -> Y: bf16[{rows}, {columns}] {{
    for a in {rows}, e in {columns} {{ Y[a, e] = X[(a * {columns} + e) / 40, (a * {columns} + e) % 40]; }}
}}""", lambda X, **s: X.reshape(rows, columns), shaped(96, 40), [{}])


def reshape_open(rows, columns):
    return moved(f"reshape_open_{rows}x{columns}", """kernel reshape(X: bf16[P, Q], w: f32[A]) -> Y: bf16[A, E] where E == P * Q / A, A * E == P * Q {
    for a in A, e in E { Y[a, e] = X[(a * E + e) / Q, (a * E + e) % Q]; }
}""", lambda X, **s: X.reshape(rows, columns), lambda g, **s: {"X": normal(g, 96, 40), "w": normal(g, rows)}, [{}])


ROWS = [n for n in range(1, 3841) if 3840 % n == 0]
kernels = [permutation(order) for rank in (3, 4) for order in itertools.permutations(range(rank)) if order != tuple(range(rank))]
kernels += [k for r in SHIFTS for k in window(r, (r * 5 + 3) % 34)]
kernels += [placed(r, (r * 7 + 1) % 34) for r in SHIFTS]
kernels += [reshape(n, 3840 // n) for n in ROWS] + [reshape_open(n, 3840 // n) for n in ROWS]
