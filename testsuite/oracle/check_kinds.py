"""Kernels of every kind that people write, as they first write them, against NumPy in float64: within the bounds of the tolerance at every
element, without a warning, on both products, at open and at fixed sizes, under any schedule and on any grid, with the same bits.

    check_kinds.py BATCH SCRATCH [PATTERN ...]

The kinds are the modules of kinds/; each gives `kernels`, a list of `kind.Kernel`. A PATTERN begins the name of a module or kernel.
"""
import importlib
import os
import shutil
import sys
import zlib

import numpy as np

from batch import Batch, Count

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "kinds"))
import kind  # noqa: E402

VARIANTS = [["--arch", "wormhole_b0"], ["--arch", "blackhole"], ["--schedule", "3"], ["--grid", "3x5"]]


class Run:
    """One kernel at one size: its variants, judged together."""

    def __init__(self, batch, scratch, name, kernel, sizes):
        self.name, self.kernel = f"{name}-{'x'.join(str(v) for v in sizes.values())}", kernel
        self.folder = os.path.join(scratch, self.name)
        os.makedirs(self.folder)
        source = f"{self.folder}/{kernel.name}.tl"
        with open(source, "w") as file:
            file.write(kernel.source)
        generator = np.random.default_rng(zlib.crc32(self.name.encode()))
        inputs = kernel.make(generator, **sizes)
        self.results = kernel.mean({k: v.carried() for k, v in inputs.items()}, **sizes)
        words = []
        for parameter, array in inputs.items():
            array.save(f"{self.folder}/{parameter}.npy")
            words += ["--in", f"{parameter}={self.folder}/{parameter}.npy"]
        fixed = [w for k, v in sizes.items() for w in ("-D", f"{k}={v}")]
        self.runs = []
        for number, variant in enumerate(VARIANTS + [fixed]):
            paths = {out: f"{self.folder}/{out}.{number}.npy" for out in self.results}
            stores = [w for out, path in paths.items() for w in ("--out", f"{out}={path}")]
            self.runs.append((variant, paths, batch.add("run", source, "--strict", *kernel.options, *words, *stores, *variant)))

    def judge(self, count, outcomes):
        first = None
        for variant, paths, number in self.runs:
            what = f"{self.name} {' '.join(variant)}"
            code, _, messages = outcomes[number]
            if not count.check(code == 0, f"{what}: exit {code}: {messages.strip()[:400]}"):
                continue
            got = {out: np.load(path) for out, path in paths.items()}
            if first is None:
                first = got
                for out, wanted in self.results.items():
                    problem = kind.differs(got[out], wanted)
                    count.check(problem is None, f"{what}: {out} {problem}")
            else:
                same = all(got[out].tobytes() == first[out].tobytes() for out in got)
                count.check(same, f"{what}: not the bits of {' '.join(self.runs[0][0])}")


def main():
    tool, scratch, *patterns = sys.argv[1:]
    scratch = os.path.abspath(scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count, batch, runs = Count("kinds of kernels against NumPy in float64"), Batch(os.path.abspath(tool), scratch), []
    for file in sorted(os.listdir(f"{HERE}/kinds")):
        module = file.removesuffix(".py")
        if not file.endswith(".py") or module == "kind":
            continue
        for kernel in importlib.import_module(module).kernels:
            name = f"{module}-{kernel.name}"
            if not patterns or any(name.startswith(p) or kernel.name.startswith(p) for p in patterns):
                runs += [Run(batch, scratch, name, kernel, sizes) for sizes in kernel.sizes]
    outcomes = batch.run()
    for run in runs:
        run.judge(count, outcomes)
    shutil.rmtree(scratch)
    count.finish()


if __name__ == "__main__":
    main()
