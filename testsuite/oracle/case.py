"""Runs of one program on one set of inputs."""
import os
import zlib

import numpy as np

import arrays
import carried


def random_inputs(shapes, dtype, key):
    generator = np.random.default_rng(zlib.crc32(key.encode()))
    return {name: arrays.rounded(generator.standard_normal(shape), dtype) for name, shape in shapes.items()}


class Case:
    """One source, type and size: its runs, one for each list of options of `variants`, and the judgement of their results. The oracle
    judges the first; the others give the same bits."""

    def __init__(self, batch, scratch, name, source, inputs, outputs, dtype, variants, extra=()):
        self.name, self.dtype, self.outputs, self.runs = name, dtype, outputs, []
        self.folder, self.extra, self.words = os.path.join(scratch, name), extra, []
        os.makedirs(self.folder)
        for parameter, array in inputs.items():
            path = f"{self.folder}/{parameter}.npy"
            arrays.write(path, array, dtype)
            self.words += ["--in", f"{parameter}={path}"]
        for options in variants:
            self.add(batch, source, options)

    def add(self, batch, source, options):
        """One more run; of another source it must give the same bits as well."""
        results = {out: f"{self.folder}/{out}.{len(self.runs)}.npy" for out in self.outputs}
        stores = [w for out, path in results.items() for w in ("--out", f"{out}={path}")]
        number = batch.add("run", source, *self.extra, *self.words, *stores, *options)
        self.runs.append((number, options, results))

    def judge(self, count, outcomes, reference):
        """reference: output name to the carried value. Returns the results of the first run, None when there are none."""
        first = None
        for number, options, paths in self.runs:
            code, _, messages = outcomes[number]
            what = f"{self.name} {' '.join(map(str, options))}"
            if not count.check(code == 0, f"{what}: exit {code}: {messages.strip()[:400]}"):
                continue
            results = {out: arrays.read(path, self.dtype) for out, path in paths.items()}
            if first is None:
                first = results
                for out, value in reference.items():
                    shape_right = count.check(results[out].shape == value.value.shape,
                                              f"{what}: {out} has the shape {results[out].shape}, not {value.value.shape}")
                    ratio, at = carried.worst(results[out], value) if shape_right else (0, None)
                    count.check(ratio <= 1, f"{what}: {out}{at} is {ratio:.3g} times its bound from the float64 value")
            else:
                same = all(results[out].tobytes() == first[out].tobytes() for out in results)
                count.check(same, f"{what}: not the bits of {' '.join(self.runs[0][1])}")
        return first
