"""The emitted kernels: each C text compiles without a warning, and says token by token what the C++ text says.

texts_test.py EMIT_MODULE TOKEN_TEST TILEC_DEVICE_H COMPILER... -- MODULE.ir ...
"""

import os
import subprocess
import sys
import tempfile

ROLES = ("reader", "compute", "writer")


def kernels(folder):
    for directory, _, files in sorted(os.walk(folder)):
        for role in ROLES:
            if f"{role}.c" in files:
                yield os.path.join(directory, f"{role}.c"), os.path.join(directory, f"{role}.cpp")


def passes(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        print(" ".join(command), result.stdout + result.stderr, sep="\n")
    return result.returncode == 0


def main():
    emit_module, token_test, header = sys.argv[1:4]
    split = sys.argv.index("--")
    compiler, modules = sys.argv[4:split], sys.argv[split + 1 :]
    passed = failed = 0
    for module in modules:
        with tempfile.TemporaryDirectory() as folder:
            results = [passes([emit_module, module, folder])]
            for c, cpp in kernels(folder):
                results.append(
                    passes(
                        [
                            *compiler,
                            "-std=c11",
                            "-fsyntax-only",
                            "-Wall",
                            "-Wextra",
                            "-Werror",
                            "-Wno-unused-variable", "-Wno-unused-but-set-variable",
                            f"-I{os.path.dirname(header)}",
                            c,
                        ]
                    )
                )
                results.append(passes([token_test, "--mutate", c, cpp]))
            passed, failed = passed + sum(results), failed + len(results) - sum(results)
    print(f"codegen texts: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
