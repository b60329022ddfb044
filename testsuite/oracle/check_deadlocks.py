"""Texts that the proof of deadlock refuses, run without their proofs: the embedded device stops at the calls that the message names; with the pages
that the advice gives they end, with one page less they stop.

    check_deadlocks.py BATCH TEXTS SCRATCH
"""
import glob
import os
import re
import shutil
import sys

import numpy as np
from batch import Batch, Count


def refusal(path):
    """The sizes of the launch that stops, what waits there [(function, line)], and the advice [[(buffer, pages), ...], ...]: any of these mends it."""
    with open(path) as file:
        text = file.read()
    sizes = {name: int(value) for name, value in re.findall(r"\b([MN]) = (\d+)", text.split("\n")[0])}
    waits = [(function, int(line)) for line, function in re.findall(r":(\d+):\d+: (?:error|note): .*?(\w+) waits for", text)]
    need = r"(\w+) needs at least (\d+ \* ceildiv\(\w+, \d+\)|ceildiv\(\w+, \d+\)|\d+) pages?"
    advice = re.search(r"^help: (.*)$", text, re.M).group(1)
    return sizes, waits, [re.findall(need, choice) for choice in advice.split(", or ") if "needs" in choice]


def with_pages(text, buffer, pages):
    changed = re.sub(rf"(circular_buffer {buffer} = \d+: \w+ pages )(.*?)( @)", rf"\g<1>{pages}\g<3>", text)
    assert changed != text, (buffer, pages)
    return changed


def less_one(pages):
    return str(int(pages) - 1) if pages.isdigit() else f"{pages} - 1"


class Runs:
    def __init__(self, batch, scratch):
        self.batch, self.scratch, self.count = batch, scratch, 0

    def add(self, text, sizes):
        self.count += 1
        path = f"{self.scratch}/{self.count}"
        with open(f"{path}.ir", "w") as file:
            file.write(text)
        words = ["run", f"{path}.ir", "--from", "verify_tt_ir", "--device", "sim"]
        shape = sizes.get("M", 256), sizes.get("N", 256)
        for name, result in re.findall(r"\b(in|out) (\w+): bf16\[M, N\]", text):
            words += [f"--{name}", f"{result}={path}.{result}.npy"]
            if name == "in":
                np.save(f"{path}.{result}.npy", np.zeros(shape, np.float32))
        return self.batch.add(*words)


def main():
    tool, texts, scratch = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count = Count("deadlocks on the embedded device")
    batch = Batch(tool, scratch)
    runs = Runs(batch, scratch)
    stops, ends = [], []
    for path in sorted(glob.glob(f"{texts}/deadlock_*.ir")):
        name = os.path.basename(path)[:-3]
        sizes, waits, advice = refusal(f"{path[:-3]}.err")
        count.check(waits, f"{name}: the message names no wait")
        with open(path) as file:
            text = file.read()
        stops.append((name, runs.add(text, sizes), waits))
        for choice in advice:
            mended = text
            for buffer, pages in choice:
                mended = with_pages(mended, buffer, pages)
            ends.append((f"{name} with {choice}", runs.add(mended, sizes)))
            for buffer, pages in choice:
                if pages != "1" and less_one(pages) not in re.findall(rf"circular_buffer {buffer} = \d+: \w+ pages (\d+)", text):
                    stops.append((f"{name} with one page less of {buffer}", runs.add(with_pages(mended, buffer, less_one(pages)), sizes), []))
    outcomes = batch.run()
    for name, number, waits in stops:
        code, _, messages = outcomes[number]
        count.check(code == 1 and "deadlock" in messages, f"{name}: exit {code}: {messages.strip()[:300]}")
        for function, line in waits:
            count.check(re.search(rf"{function} waits at .*?:{line}:\d+\)", messages), f"{name}: {function} does not wait at line {line}: {messages.strip()[:600]}")
    for name, number in ends:
        code, _, messages = outcomes[number]
        count.check(code == 0, f"{name}: exit {code}: {messages.strip()[:300]}")
    shutil.rmtree(scratch)
    count.finish()


main()
