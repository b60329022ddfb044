"""Makes golden.npz: those of the golden vectors of the chips' number rules that the vectors of the device calls use.

    make_golden.py GOLDEN golden.npz

GOLDEN is a folder of bits that the vendor's low-level kernels gave on a full-system simulator of the chips (Wormhole and
Blackhole), documented as bit-exact: inputs with edge values for each call, and the outputs. Nothing of it was computed by tilec.
Outputs are kept where the rule is the same under ideal numbers. An array that several cases share is kept once; `index` is a
JSON text {case: {a, b, c, out: name of the array}}. All arrays are bits, tiles row by row.
"""
import json
import sys

import numpy as np

FORMATS = ("bf16.d16", "bf16.d32", "f32.d32")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def wanted():
    """(file, case, are its outputs kept)"""
    for fmt in FORMATS:
        for op in ("add", "sub", "mul"):
            for kind in ("spec", "wide", "normal"):
                yield "elementwise", f"{op}.none.HiFi4.{fmt}.{kind}", (op, fmt, kind) == ("mul", "bf16.d32", "normal")
            for broadcast in ("rows", "cols", "scalar"):
                yield "elementwise", f"{op}.{broadcast}.HiFi4.{fmt}.spec", False
        for kind in ("edge", "near", "normal", "wide"):
            yield "matmul", f"matmul.HiFi4.{fmt}.K32.{kind}", False
        for dim in ("row", "col"):
            for kind in ("edge", "ones"):
                yield "reduce", f"reduce_max.{dim}.HiFi4.{fmt}.{kind}", True
            for kind in ("edge", "ones", "scaled"):
                yield "reduce", f"reduce_sum.{dim}.HiFi4.{fmt}.{kind}", False
    for fmt in FORMATS[1:]:
        yield "elementwise", f"mul_twice.HiFi4.{fmt}", False
        yield "matmul", f"matmul.HiFi4.{fmt}.K64.near", False
    yield "matmul", "matmul.HiFi4.bf16.d32.K256.normal", False
    yield "matmul", "matmul_transpose.HiFi4.bf16.d16", False
    yield "matmul", "matmul_transpose.HiFi4.f32.d32", False
    for case in ("bf16.to.bf16.d16", "bf16.to.bf16.d32", "bf16.to.f32.d32", "f32.to.bf16.d32", "f32.to.bf16.d32.unpack_to_dest",
                 "f32.to.f32.d32", "f32.to.f32.d32.unpack_to_dest", "i32.to.i32.d32", "u32.to.u32.d32", "u16.to.u16.d16",
                 "i32.to.i32.d16"):
        yield "move", f"copy.{case}", True
    for case in ("bf16.d16", "bf16.d32", "f32.d32", "f32.d32.unpack_to_dest"):
        yield "move", f"transpose.{case}", True
    for case in ("row.bf16.d16", "col.bf16.d16", "scalar.bf16.d16", "col.bf16.d32", "scalar.bf16.d32"):
        yield "move", f"unary_bcast.{case}", True
    for fmt in ("bf16.d16", "f32.d32"):
        for op in COMPARISONS + ("max", "min", "where"):
            yield "sfpu_binary", f"sfpub.{op}.{fmt}", True
        for op in ("add", "sub", "mul", "div"):
            yield "sfpu_binary", f"sfpub.{op}.{fmt}", (op, fmt) == ("mul", "bf16.d16")
    for op in ("abs", "negative", "relu", "square"):
        yield "sfpu_unary_bf16", f"sfpu.{op}.bf16.d16", True
    for op in ("abs", "negative", "relu"):
        yield "sfpu_unary_f32", f"sfpu.{op}.f32.d32", True
    for op in ("exp", "log", "sqrt", "rsqrt", "recip", "sigmoid", "silu", "tanh", "square", "softplus", "erf", "sin", "add_unary",
               "sub_unary", "rsub_unary", "mul_unary"):
        yield "sfpu_unary_f32", f"sfpu.{op}.f32.d32", False


def main():
    folder, target = sys.argv[1:]
    files, kept, names, index = {}, {}, {}, {}
    for file, case, with_output in wanted():
        if file not in files:
            files[file] = np.load(f"{folder}/{file}.npz")
        source, entry = files[file], {}
        for part in ("a", "b", "c") + (("out", "out.wh") if with_output else ()):
            name = f"{case}/{part}"
            if name not in source:
                continue
            array = source[name]
            key = (array.dtype.str, array.shape, array.tobytes())
            if key not in names:
                names[key] = f"array{len(names)}"
                kept[names[key]] = array
            entry[part.split(".")[0]] = names[key]
        assert entry, case
        index[case] = entry
    np.savez_compressed(target, index=np.array(json.dumps(index, indent=0)), **kept)


if __name__ == "__main__":
    main()
