"""Makes golden.npz: those of the golden vectors of the chips' number rules that the vectors of the device calls use.

    make_golden.py GOLDEN golden.npz

GOLDEN is a folder of bits that the vendor's low-level kernels gave on a full-system simulator of the chips (Wormhole and
Blackhole), documented as bit-exact: inputs with edge values for each call, and the outputs (Wormhole's, where they differ). Nothing
of it was computed by tilec. An array that several cases share is kept once; `index` is a JSON text {case: {a, b, c, out: name of
the array}}. All arrays are bits, tiles row by row; an output of one dimension is for all bf16 in order, each as the difference
to the one before.
"""
import json
import sys

import numpy as np

FORMATS = ("bf16.d16", "bf16.d32", "f32.d32")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def wanted():
    """(file, case)"""
    for fmt in FORMATS:
        for op in ("add", "sub", "mul"):
            for kind in ("spec", "wide", "normal"):
                yield "elementwise", f"{op}.none.HiFi4.{fmt}.{kind}"
            for broadcast in ("rows", "cols", "scalar"):
                yield "elementwise", f"{op}.{broadcast}.HiFi4.{fmt}.spec"
        for kind in ("edge", "near", "normal", "wide"):
            yield "matmul", f"matmul.HiFi4.{fmt}.K32.{kind}"
        for pool, kinds in (("max", ("edge", "ones")), ("sum", ("edge", "ones", "scaled"))):
            for dim in ("row", "col"):
                for kind in kinds:
                    yield "reduce", f"reduce_{pool}.{dim}.HiFi4.{fmt}.{kind}"
    for fmt in FORMATS[1:]:
        yield "elementwise", f"mul_twice.HiFi4.{fmt}"
        yield "matmul", f"matmul.HiFi4.{fmt}.K64.near"
    yield "matmul", "matmul.HiFi4.bf16.d32.K256.normal"
    yield "matmul", "matmul_transpose.HiFi4.bf16.d16"
    yield "matmul", "matmul_transpose.HiFi4.f32.d32"
    for case in ("bf16.to.bf16.d16", "bf16.to.bf16.d32", "bf16.to.f32.d32", "f32.to.bf16.d32", "f32.to.bf16.d32.unpack_to_dest",
                 "f32.to.f32.d32", "f32.to.f32.d32.unpack_to_dest", "i32.to.i32.d32", "u32.to.u32.d32", "u16.to.u16.d16",
                 "i32.to.i32.d16"):
        yield "move", f"copy.{case}"
    for case in ("bf16.d16", "bf16.d32", "f32.d32", "f32.d32.unpack_to_dest"):
        yield "move", f"transpose.{case}"
    for case in ("row.bf16.d16", "col.bf16.d16", "scalar.bf16.d16", "col.bf16.d32", "scalar.bf16.d32"):
        yield "move", f"unary_bcast.{case}"
    for fmt in ("bf16.d16", "f32.d32"):
        for op in COMPARISONS + ("max", "min", "where", "add", "sub", "mul", "div"):
            yield "sfpu_binary", f"sfpub.{op}.{fmt}"
    for op in ("abs", "negative", "relu", "square", "exp", "log", "sqrt", "rsqrt", "recip", "sigmoid", "silu", "tanh", "softplus", "erf",
               "sin", "expm1", "add_unary", "sub_unary", "rsub_unary", "mul_unary"):
        yield "sfpu_unary_bf16", f"sfpu.{op}.bf16.d16"
        if op != "expm1":
            yield "sfpu_unary_f32", f"sfpu.{op}.f32.d32"


def main():
    folder, target = sys.argv[1:]
    files, kept, names, index = {}, {}, {}, {}
    for file, case in wanted():
        if file not in files:
            files[file] = np.load(f"{folder}/{file}.npz")
        source, entry = files[file], {}
        for part in ("a", "b", "c", "out", "out.wh"):
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
