"""What compiling a kernel costs: benchmark_compile.py TILEC KINDS [PATTERN ...]

Every kernel of the modules in the folder KINDS (kernels of every kind as people first write them) and each function of the language by
itself, with open sizes: the time of the processor that a `tilec check` takes, the least of several runs. The median may be 12 ms, the
worst 60 ms.
"""

import importlib
import os
import statistics
import subprocess
import sys
import tempfile

RUNS = 5
MEDIAN_LIMIT, WORST_LIMIT = 12.0, 60.0  # ms


def kernels(folder):
    sys.path[:0] = [folder, os.path.dirname(folder)]
    for module in sorted(name[:-3] for name in os.listdir(folder) if name.endswith(".py") and name != "kind.py"):
        for kernel in importlib.import_module(module).kernels:
            yield f"{module}-{kernel.name}", kernel


def milliseconds(command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)}: status {status}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def main():
    tilec, folder, *patterns = sys.argv[1:]
    costs = {}
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "kernel.tl")
        for name, kernel in kernels(os.path.abspath(folder)):
            if patterns and not any(name.startswith(pattern) for pattern in patterns):
                continue
            with open(path, "w", encoding="utf-8") as file:
                file.write(kernel.source)
            costs[name] = min(milliseconds([tilec, "check", path]) for _ in range(RUNS))
    median, dearest = statistics.median(costs.values()), sorted(costs, key=costs.get, reverse=True)
    for name in dearest[:8]:
        print(f"{costs[name]:7.1f} ms  {name}")
    kept = median <= MEDIAN_LIMIT, costs[dearest[0]] <= WORST_LIMIT
    print(f"{len(costs)} kernels: median {median:.1f} ms, at most {MEDIAN_LIMIT:.0f}: {'kept' if kept[0] else 'NOT KEPT'}")
    print(f"worst {costs[dearest[0]]:.1f} ms, at most {WORST_LIMIT:.0f}: {'kept' if kept[1] else 'NOT KEPT'}")
    sys.exit(not all(kept))


main()
