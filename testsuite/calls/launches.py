"""Launches of kernels on the embedded device, for NumPy: tiles as arrays of bits [n, 32, 32], row by row, go in and come out."""
import subprocess

import numpy as np

WORD = {"bf16": np.uint16, "u8": np.uint8, "u16": np.uint16, "f32": np.uint32, "u32": np.uint32, "i32": np.uint32}
HEADER = '#include "tilec_device.h"\n'


def to_storage(tiles):
    """Tiles as they lie in memory: four faces of 16x16, each row by row."""
    return tiles.reshape(-1, 2, 16, 2, 16).swapaxes(2, 3).tobytes()


def from_storage(data, fmt):
    return np.frombuffer(data, WORD[fmt]).reshape(-1, 2, 2, 16, 16).swapaxes(2, 3).reshape(-1, 32, 32)


class Launch:
    """One launch. Tensors and buffers are named in their order of `tensor` and `buffer`; `outputs` says what comes back."""

    def __init__(self, product="n150", wide=True, seed=0):
        self.request, self.outputs, self.tensors = [f"launch {product} {seed} {int(wide)}\n".encode()], [], 0

    def line(self, *words, payload=b""):
        self.request.append(" ".join(map(str, words)).encode() + b"\n" + payload)

    def tensor(self, name, fmt, tiles=None, pages=0):
        """An input with its tiles, or an output of so many pages; its number."""
        if tiles is None:
            self.line("tensor", name, fmt, pages, 0)
            self.outputs.append((fmt, pages))
        else:
            data = to_storage(tiles)
            self.line("tensor", name, fmt, len(tiles), len(data), payload=data)
        self.tensors += 1
        return self.tensors - 1

    def buffer(self, number, name, fmt, pages, to_dest=False):
        self.line("buffer", number, name, fmt, pages, int(to_dest))

    def core(self, x, y, *arguments):
        self.line("core", x, y, *arguments)

    def kernel(self, role, text, bindings=()):
        for tensor in bindings:
            self.line("bind", role, tensor)
        text = (HEADER + text).encode()
        self.line("kernel", role, len(text), payload=text)


class Fault(str):
    """What the device said where a launch did not run to its end."""


def run(program, launches):
    """For each launch the tiles of its outputs, or a Fault."""
    request = b"".join(b"".join(launch.request) + b"run\n" for launch in launches)
    done = subprocess.run([program], input=request, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"{program} failed with {done.returncode}")
    data, at, results = done.stdout, 0, []
    for launch in launches:
        end = data.index(b"\n", at)
        verdict, at = data[at:end].decode().split(), end + 1
        if verdict[0] == "fault":
            results.append(Fault(data[at:at + int(verdict[1])].decode()))
            at += int(verdict[1])
            continue
        tiles = []
        for fmt, pages in launch.outputs:
            size = pages * 1024 * WORD[fmt]().itemsize
            tiles.append(from_storage(data[at:at + size], fmt))
            at += size
        results.append(tiles)
    assert at == len(data)
    return results


def call_table(program):
    """The effect of each device call, and the words that stand as template arguments, by name."""
    calls, words = {}, {}
    for line in subprocess.run([program, "--calls"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        kind, name, value = line.split()
        (calls if kind == "call" else words)[name] = value
    return calls, words
