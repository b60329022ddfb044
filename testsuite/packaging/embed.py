"""Loads the shared library into Python and runs a kernel: embed.py LIBTILEC.so. Prints "embed: ok".

The structures are those of tilec.h.
"""

import ctypes
import sys

OK, ERROR = 0, 1
F32 = 1
RANK_MAX = 16

SOURCE = b"""kernel scale(X: f32[M, N], row: f32[N]) -> Y: f32[M, N] {
    for i in M, j in N {
        Y[i, j] = max(X[i, j] * row[j], 0);
    }
}
"""


class Array(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_int), ("rank", ctypes.c_size_t),
                ("shape", ctypes.c_uint64 * RANK_MAX), ("data", ctypes.c_void_p)]


class Parameter(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_char_p), ("direction", ctypes.c_int),
                ("rank", ctypes.c_size_t), ("has_default", ctypes.c_bool)]


def load(path):
    library = ctypes.CDLL(path)
    library.tilec_version.restype = ctypes.c_char_p
    library.tilec_compile.restype = ctypes.c_void_p
    library.tilec_compile.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
    library.tilec_status.argtypes = [ctypes.c_void_p]
    library.tilec_diagnostics.restype = ctypes.c_char_p
    library.tilec_diagnostics.argtypes = [ctypes.c_void_p]
    library.tilec_parameter_count.restype = ctypes.c_size_t
    library.tilec_parameter_count.argtypes = [ctypes.c_void_p]
    library.tilec_parameter.restype = Parameter
    library.tilec_parameter.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.tilec_run.argtypes = [ctypes.c_void_p, ctypes.POINTER(Array), ctypes.c_size_t, ctypes.c_void_p]
    library.tilec_free.argtypes = [ctypes.c_void_p]
    return library


def main():
    tilec = load(sys.argv[1])
    unit = tilec.tilec_compile(b"scale.tl", SOURCE, len(SOURCE), None)
    assert tilec.tilec_status(unit) == OK, tilec.tilec_diagnostics(unit).decode()
    parameters = [tilec.tilec_parameter(unit, i) for i in range(tilec.tilec_parameter_count(unit))]
    described = [(p.name, p.type, p.direction, p.rank) for p in parameters]
    assert described == [(b"X", b"f32", 0, 2), (b"row", b"f32", 0, 1), (b"Y", b"f32", 1, 2)], described

    rows, columns = 5, 33
    x = (ctypes.c_float * (rows * columns))(*[float(i % 7) - 3 for i in range(rows * columns)])
    row = (ctypes.c_float * columns)(*[float(j % 3) - 1 for j in range(columns)])
    shape = ctypes.c_uint64 * RANK_MAX
    arrays = (Array * 3)(Array(b"X", F32, 2, shape(rows, columns), ctypes.addressof(x)),
                         Array(b"row", F32, 1, shape(columns), ctypes.addressof(row)), Array(b"Y"))
    assert tilec.tilec_run(unit, arrays, 3, None) == OK, tilec.tilec_diagnostics(unit).decode()
    assert list(arrays[2].shape)[:2] == [rows, columns]
    y = ctypes.cast(arrays[2].data, ctypes.POINTER(ctypes.c_float))
    for i in range(rows * columns):
        assert y[i] == max(x[i] * row[i % columns], 0), i

    assert tilec.tilec_run(unit, arrays, 1, None) == ERROR
    assert b"the array was not given" in tilec.tilec_diagnostics(unit)
    tilec.tilec_free(unit)
    print("embed: ok")


main()
