"""What the tests of host.py and plan.json share: paths, bf16 arrays, and a case that builds, runs and compares.

A test is run as NAME_test.py EMIT_MODULE LAUNCH_WORDS TILEC.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
except ImportError:
    sys.exit("numpy is not installed: nothing can be tested")

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(HERE, "modules")
HOSTS = os.path.join(HERE, "hosts")
EXAMPLES = os.path.join(HERE, "..", "..", "examples")
EMIT_MODULE, LAUNCH_WORDS, TILEC = sys.argv[1:4]


def round_bf16(values):
    word = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((word + 0x7FFF + ((word >> 16) & 1)) >> 16).astype(np.uint16)


def widen_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def save_bf16(path, values):
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<V2", "fortran_order": False, "shape": values.shape}
        )
        file.write(round_bf16(values).tobytes())


def expected_output(shape, modulus=251):
    """What the stand-in leaves in a result: the numbers of the padded tensor's elements, cropped."""
    rows = (1,) + shape if len(shape) == 1 else shape
    padded = rows[:-2] + tuple(-(-extent // 32) * 32 for extent in rows[-2:])
    values = (np.arange(int(np.prod(padded))) % modulus).reshape(padded)
    return values[tuple(slice(extent) for extent in rows)].reshape(shape)


class HostCase(unittest.TestCase):
    """A case with a folder of its own, and what cases do with it."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, *parts):
        return os.path.join(self.folder.name, *parts)

    def emit(self, module):
        subprocess.run([EMIT_MODULE, os.path.join(MODULES, module), self.path("out")], check=True)

    def build(self, path):
        subprocess.run([TILEC, "build", path, "-o", self.path("out")], check=True)

    def host(self, *arguments, kernel="", file="host.py", environment=None):
        """Runs host.py; the result with what was launched."""
        if os.path.exists(self.path("log")):
            os.remove(self.path("log"))
        settings = {
            **os.environ,
            "PYTHONPATH": os.path.join(HERE, "fake_ttnn"),
            "FAKE_TTNN_LOG": self.path("log"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **(environment or {}),
        }
        result = subprocess.run(
            [sys.executable, self.path("out", kernel, file), *arguments],
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        launches = []
        if os.path.exists(self.path("log")):
            with open(self.path("log"), encoding="utf-8") as log:
                launches = [json.loads(line) for line in log]
        return result, launches

    def words(self, module, kernel, *given):
        """{(x, y): words} as C computes them."""
        out = subprocess.run(
            [LAUNCH_WORDS, os.path.join(MODULES, module), kernel, *given],
            check=True,
            capture_output=True,
            text=True,
        )
        rows = [[int(word) for word in line.split()] for line in out.stdout.splitlines()]
        return {(row[0], row[1]): row[2:] for row in rows}

    def assert_words(self, launch, expected):
        self.assertEqual(len(launch["kernels"]), 3)
        for kernel in launch["kernels"]:
            self.assertEqual({(x, y): words for x, y, words in kernel["runtime_args"]}, expected)

    def save_matmul(self, m, k, n):
        random = np.random.default_rng(1)
        save_bf16(self.path("a.npy"), random.random((m, k), dtype=np.float32))
        np.save(self.path("b.npy"), random.random((k, n), dtype=np.float32))
        np.save(self.path("v.npy"), random.random(n, dtype=np.float32).astype(np.float16))
        return [
            f"--in=A={self.path('a.npy')}",
            "--in",
            f"B={self.path('b.npy')}",
            "-i",
            f"bias={self.path('v.npy')}",
            "--out",
            f"C={self.path('c.npy')}",
        ]


def run_tests(what):
    program = unittest.main(argv=sys.argv[:1] + sys.argv[4:], exit=False)
    bad = len(program.result.failures) + len(program.result.errors)
    print(f"codegen {what}: {program.result.testsRun - bad} passed, {bad} failed")
    sys.exit(bool(bad) or not program.result.testsRun)
