"""What long programs cost: benchmark_long_programs.py TILEC SCRATCH

  launches   programs of 100, 400 and 1600 launches in a chain, of one kernel and of a kernel each: milliseconds a launch of
             `tilec run`, without what a program of one launch takes where they launch one kernel; and peak memory; the
             dearest may cost 1.2 times the cheapest
  kernels    a file of 1000 kernels: peak memory of check and build; at most 100 MB

Times are those of the processor, the least of several runs. Fails when a limit is not kept.
"""

import os
import subprocess
import sys

import numpy as np

COUNTS = (100, 400, 1600)
RUNS = 5
GROWTH_LIMIT = 1.2
MEMORY_LIMIT = 100.0  # MB
EDGE = 256  # of the square matrix that goes through a chain

SCALE = """kernel scale{0}(X: f32[M, N]) -> Y: f32[M, N] {{
    for i in M, j in N {{ Y[i, j] = X[i, j] * 2 + {1}; }}
}}
"""
DENSE = """kernel dense{0}(A: bf16[M, K], B: bf16[K, N], bias: bf16[N]) -> C: bf16[M, N] {{
    for i in M, j in N {{ C[i, j] = max(sum(k in K: A[i, k] * B[k, j]) + bias[j], {0}); }}
}}
"""


def chain(count, different):
    """Y = scale(scale(...(X))): of one kernel, or of as many as there are launches."""
    names = [str(i) if different else "" for i in range(count)]
    text = "".join(SCALE.format(name, i + 1) for i, name in enumerate(names if different else names[:1]))
    text += "program chain(X: f32[M, N]) -> Y: f32[M, N] {\n"
    for i in range(count):
        result = "Y" if i == count - 1 else f"let H{i}"
        text += f"    {result} = scale{names[i]}({f'H{i - 1}' if i else 'X'});\n"
    return text + "}\n"


def measure(command):
    """Seconds of the processor, and peak memory in MB."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)}: status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    tilec, scratch = sys.argv[1], sys.argv[2]
    os.makedirs(scratch, exist_ok=True)
    os.chdir(scratch)
    np.save("x.npy", np.zeros((EDGE, EDGE), "f4"))
    passed = failed = 0

    def judge(name, good):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(f"{name}: {'kept' if good else 'NOT KEPT'}")

    for title, different in (("one kernel", False), ("a kernel each", True)):
        costs, start = [], 0.0
        for count in COUNTS if different else (1,) + COUNTS:
            with open("chain.tl", "w", encoding="utf-8") as file:
                file.write(chain(count, different))
            command = [tilec, "run", "chain.tl", "--in", "X=x.npy", "--out", "Y=y.npy"]
            runs = [measure(command) for _ in range(RUNS if not different else 2)]
            seconds = min(seconds for seconds, _ in runs)
            if count == 1:
                start = seconds
                print(f"{title}: 1 launch, {seconds * 1000:.3f} ms with start and compilation", flush=True)
                continue
            costs.append((seconds - start) * 1000 / (count - (start > 0)))
            print(f"{title}: {count} launches, {costs[-1]:.3f} ms each, {seconds * 1000 / count:.3f} ms with start"
                  f" and compilation, {runs[0][1]:.1f} MB", flush=True)
        judge(f"{title}: the dearest costs {max(costs) / min(costs):.2f} of the cheapest, at most {GROWTH_LIMIT}",
              max(costs) / min(costs) <= GROWTH_LIMIT)

    with open("kernels.tl", "w", encoding="utf-8") as file:
        file.write("".join(DENSE.format(i) for i in range(1000)))
    for command in (["check", "kernels.tl"], ["build", "kernels.tl", "-o", "out"]):
        seconds, memory = measure([tilec] + command)
        judge(f"1000 kernels: {command[0]} takes {memory:.1f} MB and {seconds:.1f} s, at most {MEMORY_LIMIT:.0f} MB",
              memory <= MEMORY_LIMIT)
    print(f"long programs: {passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
