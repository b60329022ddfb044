"""The vectors of the calls of compute kernels, one function for each family: copies, matrix unit, reductions, vector unit.

Not here, since the device has no such call or takes no such tile: bfp8 and bfp4, 16-bit DST for integers (refused, below), f32 in DST of 16 bits, sums of several operations in DST of 16 bits, REDUCE_SCALAR, accumulation by the packer.
"""
import functools
import itertools

import numpy as np

import arithmetic
from vectors import ALL_BF16, GOLDEN, WITH_TIES, Input, as_f32, compute, refused

# golden name of formats and DST: format of the inputs, DST of f32, format of the result
FORMATS = {"bf16.d16": ("bf16", False, "bf16"), "bf16.d32": ("bf16", True, "f32"), "f32.d32": ("f32", True, "f32")}
SCALAR = 0x3FC00123  # of add_unary and so on in the golden cases
MOVED = ("nan", "zero", "denormal")


def golden_input(case, part, fmt, **keywords):
    return Input(fmt, GOLDEN.array(case, part), **keywords)


def random_tiles(seed, count, fmt="bf16"):
    """Values of both signs over a few binades, of which no product or sum of some is a special value."""
    values = np.random.default_rng(seed).standard_normal((count, 32, 32)).astype(np.float32)
    return arithmetic.stored(fmt, values)


def spread_values(seed):
    """128 tiles of f32 of both signs, evenly over the binades from 2^-8 to 2^7: where functions are curved, so many that an error far
    below half a unit in the last place changes some."""
    random = np.random.default_rng(seed)
    values = np.exp2(random.uniform(-8, 7, (128, 32, 32))) * random.choice([-1, 1], (128, 32, 32))
    return arithmetic.bits_of(values)


def load(buffer, tile, slot):
    return f"copy_init({buffer}); copy_tile({buffer}, {tile}, {slot}); "


# ---- what moves elements

def copies():
    for case in ("bf16.to.bf16.d16", "bf16.to.bf16.d32", "bf16.to.f32.d32", "f32.to.bf16.d32", "f32.to.bf16.d32.unpack_to_dest",
                 "f32.to.f32.d32", "f32.to.f32.d32.unpack_to_dest"):
        fmt, _, out, dst = case.split(".")[:4]
        source = golden_input(f"copy.{case}", "a", fmt, to_dest=case.endswith("unpack_to_dest"))
        # The chip's packer rounds a denormal before it makes zeros of denormals: the greatest reach a normal number.
        unlike = as_f32(fmt, source.tiles) & 0x7F800000 == 0 if out == "bf16" else None
        yield compute(f"copy {case}", ["copy_tile", "pack_tile"], [source], load("a", 0, 0), lambda put, a: put(a), out=out,
                      wide=dst == "d32", golden=f"copy.{case}", left=MOVED + (WITH_TIES,), unlike=unlike)
    for fmt in ("i32", "u32"):
        source = golden_input(f"copy.{fmt}.to.{fmt}.d32", "a", fmt)
        yield compute(f"copy {fmt}", ["copy_tile", "pack_tile"], [source], load("a", 0, 0), lambda put, a: a, out=fmt,
                      golden=f"copy.{fmt}.to.{fmt}.d32", left=())
    # Each tile from another page to another slot, and from there to another page.
    for fmt in ("bf16", "f32"):
        tiles = Input(fmt, random_tiles(1, 8, fmt), each=4, to_dest=fmt == "f32")
        body = "".join(load("a", tile, slot) for tile, slot in ((0, 2), (1, 0), (2, 3), (3, 1)))
        yield compute(f"copy of tiles to slots, {fmt}", ["copy_tile", "pack_tile"], [tiles], body, lambda put, a: a[:, [2, 3, 0, 1]],
                      out=fmt, slots=(3, 1, 2, 0))
    # The formats of source and packer set anew before each.
    first, second = Input("bf16", random_tiles(2, 1)), Input("f32", random_tiles(3, 1, "f32"))
    body = load("a", 0, 0) + "reconfig_data_format_srca(b); " + load("b", 0, 1) + "reconfig_data_format_srca(a);"
    yield compute("copy of two formats", ["copy_tile"], [first, second], body, lambda put, a, b: np.concatenate([a, b], 1), out="f32",
                  slots=(0, 1))
    # Start-up for other formats than those of the operation.
    for order in ("REGULAR", "REVERSE"):
        body = (f"reconfig_data_format({order}, b, a); pack_reconfig_data_format(out); sub_init(b, a); sub_tiles(b, a, 0, 0, 0); "
                if order == "REGULAR" else
                "reconfig_data_format(REVERSE, b, a); pack_reconfig_data_format(out); sub_init(a, b); sub_tiles(a, b, 0, 0, 0); ")
        yield compute(f"formats of start-up changed, {order}", ["reconfig_data_format", "pack_reconfig_data_format"], [first, second], body,
                      lambda put, a, b, order=order: put(b - a if order == "REGULAR" else a - b), out="bf16",
                      start="REGULAR, a, a, b" if order == "REGULAR" else "REGULAR, b, b, b")
    body = ("reconfig_data_format_srcb(b); add_init(a, b); add_tiles(a, b, 0, 0, 0); "
            "reconfig_data_format_srcb(a); mul_init(a, a); mul_tiles(a, a, 0, 0, 1);")
    yield compute("format of SrcB changed", ["reconfig_data_format_srcb"], [first, second], body,
                  lambda put, a, b: np.concatenate([put(a + b), put(a * a)], 1), out="f32", slots=(0, 1))


def integers_of_16_bits_dst():
    i32 = golden_input("copy.i32.to.i32.d16", "a", "i32")
    yield refused(compute("copy i32 to 16 bits", [], [i32], load("a", 0, 0), None, out="i32", wide=False), "DST has 16 bits")


def transposes():
    for case in ("bf16.d16", "bf16.d32", "f32.d32", "f32.d32.unpack_to_dest"):
        fmt, wide, out = FORMATS[case[:8].rstrip(".")]
        source = golden_input(f"transpose.{case}", "a", fmt, to_dest=case.endswith("unpack_to_dest"))
        yield compute(f"transpose {case}", ["transpose_tile"], [source], "transpose_init(a); transpose_tile(a, 0, 0);",
                      lambda put, a: put(a.swapaxes(2, 3)), out=out, wide=wide, golden=f"transpose.{case}", left=MOVED)
    for fmt in ("i32", "u32"):
        source = golden_input(f"copy.{fmt}.to.{fmt}.d32", "a", fmt, each=2)
        yield compute(f"transpose {fmt}", ["transpose_tile"], [source],
                      "transpose_init(a); transpose_tile(a, 1, 2); transpose_tile(a, 0, 1);", lambda put, a: a.swapaxes(2, 3), out=fmt,
                      slots=(1, 2))


SPREAD = {
    "ROW": lambda tiles: np.broadcast_to(tiles[:, :, :1, :], tiles.shape),
    "COL": lambda tiles: np.broadcast_to(tiles[:, :, :, :1], tiles.shape),
    "SCALAR": lambda tiles: np.broadcast_to(tiles[:, :, :1, :1], tiles.shape),
}


def spread(word, tile, slot):
    return f"unary_bcast_init({word}, a); unary_bcast({word}, a, {tile}, {slot}); unary_bcast_uninit({word}, a); "


def unary_broadcasts():
    for case in ("row.bf16.d16", "col.bf16.d16", "scalar.bf16.d16", "col.bf16.d32", "scalar.bf16.d32"):
        word, fmt = case.split(".")[0].upper(), case.split(".", 1)[1]
        _, wide, out = FORMATS[fmt]
        yield compute(f"unary_bcast {case}", ["unary_bcast"], [golden_input(f"unary_bcast.{case}", "a", "bf16")], spread(word, 0, 0),
                      lambda put, a, word=word: put(SPREAD[word](a)), out=out, wide=wide, golden=f"unary_bcast.{case}", left=MOVED)
    for word in SPREAD:
        source = golden_input("copy.f32.to.f32.d32", "a", "f32", each=2, to_dest=True)
        yield compute(f"unary_bcast {word} of f32", ["unary_bcast"], [source], spread(word, 1, 1) + spread(word, 0, 3),
                      lambda put, a, word=word: put(SPREAD[word](a)), out="f32", slots=(3, 1))
        for fmt in ("i32", "u32"):
            source = golden_input(f"copy.{fmt}.to.{fmt}.d32", "a", fmt)
            yield compute(f"unary_bcast {word} of {fmt}", ["unary_bcast"], [source], spread(word, 0, 2),
                          lambda put, a, word=word: SPREAD[word](a), out=fmt, slots=(2,))


# ---- the matrix unit

EXACT_PRODUCTS = "mul.none.HiFi4.bf16.d32.normal"  # which f32 holds, as the chip's four phases together do
ELEMENTWISE = {"add": np.add, "sub": np.subtract, "mul": np.multiply}
BROADCASTS = {"none": None, "rows": "ROW", "cols": "COL", "scalar": "SCALAR"}


def elementwise_names(op, broadcast):
    infix = "" if broadcast == "none" else f"_bcast_{broadcast}"
    return f"{op}{infix}_init", f"{op}_tiles{infix}"


def elementwise_meaning(op, broadcast):
    def meaning(put, a, b):
        word = BROADCASTS[broadcast]
        value = ELEMENTWISE[op](a, SPREAD[word](b) if word else b)
        # A product is added to what DST holds, +0 here.
        return put(np.float32(0) + arithmetic.canonical(value) if op == "mul" else value)
    return meaning


def elementwise():
    for op in ELEMENTWISE:
        for broadcast in BROADCASTS:
            init, call = elementwise_names(op, broadcast)
            meaning = elementwise_meaning(op, broadcast)
            for formats, (fmt, wide, out) in FORMATS.items():
                for kind in ("spec", "wide", "normal"):
                    case = f"{op}.{broadcast}.HiFi4.{formats}.{kind}"
                    if case in GOLDEN:
                        inputs = [golden_input(case, part, fmt) for part in "ab"]
                        # Row 0 of the second operand of `spec` is 0: its products with it tell nothing.
                        golden = None if op == "mul" and broadcast in ("rows", "scalar") else case
                        yield compute(f"{call} {formats} {kind}", [call], inputs, f"{init}(a, b); {call}(a, b, 0, 0, 0);", meaning,
                                      out=out, wide=wide, start="REGULAR, a, b, out", golden=golden,
                                      left=() if case == EXACT_PRODUCTS else None)
            # Other tiles, another slot; formats of the two sources apart.
            inputs = [Input("bf16", random_tiles(4, 3), each=3), Input("f32", random_tiles(5, 2, "f32"), each=2)]
            yield compute(f"{call} of tiles", [call], inputs, f"{init}(a, b); {call}(a, b, 2, 1, 3); {call}(a, b, 1, 0, 1);",
                          lambda put, a, b, meaning=meaning: meaning(put, a[:, [2, 1]], b[:, [1, 0]]), out="f32",
                          start="REGULAR, a, b, out", slots=(3, 1))


def products_that_add():
    for formats in ("bf16.d32", "f32.d32"):
        fmt, wide, out = FORMATS[formats]
        case = f"mul_twice.HiFi4.{formats}"
        inputs = [golden_input(case, part, fmt, each=2) for part in "ab"]
        yield compute(f"mul_tiles twice {formats}", ["mul_tiles"], inputs,
                      "mul_init(a, b); mul_tiles(a, b, 0, 0, 0); mul_tiles(a, b, 1, 1, 0);",
                      lambda put, a, b: put(put(np.float32(0) + put(a[:, :1] * b[:, :1])) + put(a[:, 1:] * b[:, 1:])), out=out, wide=wide,
                      start="REGULAR, a, b, out", golden=case)
    # Sums and differences replace what the slot holds.
    for op in ("add", "sub"):
        inputs = [Input("bf16", random_tiles(seed, 2), each=2) for seed in (6, 7)]
        yield compute(f"{op}_tiles twice", [f"{op}_tiles"], inputs,
                      f"{op}_init(a, b); {op}_tiles(a, b, 0, 0, 0); {op}_tiles(a, b, 1, 1, 0);",
                      lambda put, a, b, op=op: put(ELEMENTWISE[op](a[:, 1:], b[:, 1:])), out="f32", start="REGULAR, a, b, out")


def split_along(tiles, axis):
    """Tiles of a matrix [n, rows, columns] along its summed axis."""
    return np.concatenate(np.split(tiles, tiles.shape[axis] // 32, axis)[:], 0) if len(tiles) == 1 else tiles


def matrix_products():
    for formats, (fmt, wide, out) in FORMATS.items():
        for kind in ("K32.edge", "K32.near", "K32.normal", "K32.wide", "K64.near", "K256.normal"):
            case = f"matmul.HiFi4.{formats}.{kind}"
            if case not in GOLDEN:
                continue
            left, right = split_along(GOLDEN.array(case, "a"), 2), split_along(GOLDEN.array(case, "b"), 1)
            depth = len(left)
            body = f"matmul_init(a, b, 0); for (uint32_t k = 0; k < {depth}; ++k) matmul_tiles(a, b, k, k, 0);"

            def meaning(put, a, b):
                total = np.zeros((1, 32, 32), np.float32)
                for k in range(a.shape[1]):
                    total = put(arithmetic.matrix_product(a[:, k], b[:, k], total))
                return total[:, None]
            # The terms of `near` all but cancel: what is left of the chip's sums is its rounding.
            yield compute(f"matmul_tiles {formats} {kind}", ["matmul_tiles"],
                          [Input(fmt, left, each=depth), Input(fmt, right, each=depth)], body, meaning, out=out, wide=wide,
                          start="REVERSE, a, b, out", golden=None if kind.endswith("near") else case)
    for formats in ("bf16.d16", "f32.d32"):
        fmt, wide, out = FORMATS[formats]
        case = f"matmul_transpose.HiFi4.{formats}"
        inputs = [golden_input(case, part, fmt) for part in "ab"]
        yield compute(f"matmul_tiles transposed {formats}", ["matmul_tiles"], inputs,
                      "matmul_init(a, b, 1); matmul_tiles(a, b, 0, 0, 0);",
                      lambda put, a, b: put(arithmetic.matrix_product(a, b.swapaxes(2, 3), np.zeros_like(a))), out=out, wide=wide,
                      start="REVERSE, a, b, out", golden=case)
    # Onto what the slot holds, other tiles, operands of two formats.
    inputs = [Input("bf16", random_tiles(8, 2), each=2), Input("f32", random_tiles(9, 3, "f32"), each=3),
              Input("f32", random_tiles(10, 1, "f32"), to_dest=True)]
    body = ("reconfig_data_format_srca(c); " + load("c", 0, 2) +
            "reconfig_data_format_srca(b); matmul_init(a, b, 0); matmul_tiles(a, b, 1, 2, 2);")
    yield compute("matmul_tiles onto a slot", ["matmul_tiles"], inputs, body,
                  lambda put, a, b, c: arithmetic.matrix_product(a[:, 1:], b[:, 2:], c), out="f32", start="REGULAR, c, a, out", slots=(2,))


def products_that_f32_cannot_hold():
    """Are rounded before they are added: one that is denormal and above half a unit of the sum; one that is infinite where the sum
    would not be."""
    for fmt, fine in (("bf16", 1.0078125), ("f32", 1.0009765625)):
        for left, right in (((2.0 ** -60, fine * 2.0 ** -74), (2.0 ** -65, fine * 2.0 ** -75)),
                            ((-1.5 * 2.0 ** 63, 2.0 ** 64), (2.0 ** 64, 2.0 ** 64))):
            a, b = np.zeros((1, 32, 32), np.float32), np.zeros((1, 32, 32), np.float32)
            a[0, 5, :2], b[0, :2, 7] = left, right
            inputs = [Input(fmt, arithmetic.stored(fmt, values)) for values in (a, b)]
            yield compute(f"matmul_tiles {fmt} of {left[0]:g} {right[0]:g}", ["matmul_tiles"], inputs,
                          "matmul_init(a, b, 0); matmul_tiles(a, b, 0, 0, 0);",
                          lambda put, a, b: put(arithmetic.matrix_product(a, b, np.zeros_like(a))), out="f32", start="REVERSE, a, b, out")


def blocks():
    """rt tiles of in0, kt apart, times ct neighbours of in1, a step of k for each call."""
    for number, (rt, ct, kt, transpose, fmt, wide) in enumerate((
            (2, 2, 2, 0, "bf16", True), (1, 4, 3, 0, "bf16", True), (4, 1, 3, 0, "f32", True), (2, 2, 1, 1, "bf16", True),
            (1, 3, 2, 1, "f32", True), (2, 4, 1, 0, "bf16", False), (8, 1, 1, 1, "bf16", False))):
        out = "f32" if wide else "bf16"
        inputs = [Input(fmt, random_tiles(20 + number, rt * kt, fmt), each=rt * kt),
                  Input(fmt, random_tiles(30 + number, kt * ct, fmt), each=kt * ct)]
        body = (f"matmul_block_init(a, b, {transpose}, {ct}, {rt}, {kt}); for (uint32_t k = 0; k < {kt}; ++k)"
                f" matmul_block(a, b, k, k * {ct}, 0, {transpose}, {ct}, {rt}, {kt});")

        def meaning(put, a, b, rt=rt, ct=ct, kt=kt, transpose=transpose):
            slots = []
            for row in range(rt):
                for column in range(ct):
                    total = np.zeros((len(a), 32, 32), np.float32)
                    for k in range(kt):
                        right = b[:, k * ct + column]
                        total = put(arithmetic.matrix_product(a[:, row * kt + k], right.swapaxes(1, 2) if transpose else right, total))
                    slots.append(total)
            return np.stack(slots, 1)
        yield compute(f"matmul_block {rt}x{ct}, kt {kt}, transpose {transpose}, {fmt} in DST{32 if wide else 16}", ["matmul_block"],
                      inputs, body, meaning, out=out, wide=wide, start="REVERSE, a, b, out", slots=tuple(range(rt * ct)))


# ---- reductions

def reduce_body(pool, dim, count):
    calls = "".join(f"reduce_tile({pool}, {dim}, a, b, {tile}, 0, 0); " for tile in range(count))
    return f"reduce_init({pool}, {dim}, a, b, out); {calls}"


def reduce_meaning(pool, dim):
    """The weights are row 0 of the faces: along rows one for each column, along columns one for each row."""
    def meaning(put, a, b, onto=None):
        if onto is None:
            line = np.full((len(a), 32), -np.inf if pool == "MAX" else 0, np.float32)
        else:
            line = onto[:, 0, :, 0] if dim == "REDUCE_ROW" else onto[:, 0, 0, :]
        for tile in range(a.shape[1]):
            data = a[:, tile] if dim == "REDUCE_COL" else a[:, tile].swapaxes(1, 2)
            faces = b[:, 0, 0, :] if dim == "REDUCE_ROW" else np.concatenate([b[:, 0, 0, :16], b[:, 0, 16, :16]], 1)
            if pool == "SUM":
                line = put(arithmetic.row_fold((data[:, i] * faces[:, i:i + 1] for i in range(32)), line))
            else:
                for i in range(32):
                    line = arithmetic.canonical(arithmetic.greatest(line, data[:, i]))
        result = np.zeros((len(a), 1, 32, 32), np.float32)
        if dim == "REDUCE_ROW":
            result[:, 0, :, 0] = line
        else:
            result[:, 0, 0, :] = line
        return result
    return meaning


def scaler(fmt, weights, dim):
    """The tile whose faces have these 32 weights in their row 0."""
    bits, tile = arithmetic.stored(fmt, np.asarray(weights, np.float32)), None
    tile = np.zeros((1, 32, 32), bits.dtype)
    for face in range(4):
        half = face % 2 if dim == "REDUCE_ROW" else face // 2
        tile[0, face // 2 * 16, face % 2 * 16:face % 2 * 16 + 16] = bits[half * 16:half * 16 + 16]
    return tile


def reductions():
    for pool in ("SUM", "MAX"):
        for word in ("row", "col"):
            dim = f"REDUCE_{word.upper()}"
            # A sum along rows has the scaler in SrcA.
            start = "REGULAR, b, a, out" if (pool, word) == ("SUM", "row") else "REGULAR, a, b, out"
            for formats, (fmt, wide, out) in FORMATS.items():
                for kind in ("edge", "ones", "scaled"):
                    case = f"reduce_{pool.lower()}.{word}.HiFi4.{formats}.{kind}"
                    if case not in GOLDEN:
                        continue
                    inputs = [golden_input(case, part, fmt) for part in "ab"]
                    # The chip's maximum of an FPU operand orders signs of NaN and takes -0 and denormals as +0.
                    yield compute(f"reduce_tile {pool} {dim} {formats} {kind}", ["reduce_tile"], inputs, reduce_body(pool, dim, 1),
                                  reduce_meaning(pool, dim), out=out, wide=wide, start=start, after="reduce_uninit(a);",
                                  golden=case, left=MOVED if pool == "MAX" else None)
                weights = np.where(np.arange(32) < 19, 0.75 + np.arange(32) / 8, 0) if pool == "SUM" else np.ones(32)
                if wide:
                    inputs = [Input(fmt, random_tiles(40, 3, fmt), each=3), Input(fmt, scaler(fmt, weights, dim))]
                    yield compute(f"reduce_tile {pool} {dim} of three tiles, {formats}", ["reduce_tile"], inputs,
                                  reduce_body(pool, dim, 3), reduce_meaning(pool, dim), out=out, wide=wide, start=start,
                                  after="reduce_uninit(a);")
                    # Onto what the slot holds; what it holds elsewhere is not packed.
                    slot = Input("f32", random_tiles(41, 1, "f32"), to_dest=True)
                    yield compute(f"reduce_tile {pool} {dim} onto a slot, {formats}", ["reduce_tile"], inputs + [slot],
                                  load("c", 0, 0) + f"reconfig_data_format(REGULAR, {start[9:13]}); " + reduce_body(pool, dim, 3),
                                  reduce_meaning(pool, dim), out=out, wide=wide, start="REGULAR, c, a, out",
                                  after="reduce_uninit(a);")


# ---- the vector unit

# Its calls in C where they have more than a slot, or words; and more than functions of one value.
UNARY_FORM = {"softplus": "softplus_tile({slot}, 0x3f800000, 0x3f800000, 0x41a00000);", "erf": "erf_tile(ACCURATE, {slot});",
              "round": "round_tile({slot}, 0);"}
UNARY_INIT = {"erf": "erf_tile_init(ACCURATE)", **{name: "rounding_op_tile_init()" for name in ("round", "trunc", "floor", "ceil")}}
# Operands where a function of the chips leaves its definition.
UNARY_UNLIKE = {"sin": lambda values: np.abs(values) > 2.0 ** 20}
UNARY_EXACT = ("abs", "negative", "relu", "square")  # on the chips as well


def unary(names):
    for name in arithmetic.FUNCTIONS:
        call = f"{name}_tile"
        if call not in names:
            continue
        form = UNARY_FORM.get(name, f"{call}({{slot}});")
        unlike = UNARY_UNLIKE.get(name, lambda values: None)

        def meaning(put, a, name=name):
            return [put(value) for value in arithmetic.function(name, a)]
        for wide, out in ((False, "bf16"), (True, "f32")):
            case = f"sfpu.{name}.bf16.d16"
            golden = case if not wide and case in GOLDEN else None
            body = load("a", 0, 2) + UNARY_INIT.get(name, f"{call}_init()") + "; " + form.format(slot=2)
            yield compute(f"{call} of all bf16 in DST{32 if wide else 16}", [call], [Input("bf16", ALL_BF16)], body, meaning, out=out,
                          wide=wide, slots=(2,), golden=golden, left=MOVED if name in UNARY_EXACT else None,
                          unlike=unlike(arithmetic.operand("bf16", ALL_BF16)))
        body = load("a", 0, 0) + UNARY_INIT.get(name, f"{call}_init()") + "; " + form.format(slot=0)
        yield compute(f"{call} of many f32", [call], [Input("f32", spread_values(60), to_dest=True)], body, meaning, out="f32")
        case = f"sfpu.{name}.f32.d32"
        if case in GOLDEN:
            yield compute(f"{call} of f32", [call], [golden_input(case, "a", "f32", to_dest=True)], body, meaning, out="f32",
                          golden=case, left=MOVED if name in UNARY_EXACT and name != "square" else None,
                          unlike=unlike(arithmetic.operand("f32", GOLDEN.array(case, "a"), True)))


def with_scalar():
    value = arithmetic.value_of(SCALAR)
    meanings = {"add": lambda a: a + value, "sub": lambda a: a - value, "mul": lambda a: a * value, "rsub": lambda a: value - a}
    for name, exact in meanings.items():
        call, case = f"{name}_unary_tile", f"sfpu.{name}_unary"
        for title, source, wide, out, golden in (
                ("all bf16 in DST16", Input("bf16", ALL_BF16), False, "bf16", f"{case}.bf16.d16"),
                ("all bf16 in DST32", Input("bf16", ALL_BF16), True, "f32", None),
                ("f32", golden_input(f"{case}.f32.d32", "a", "f32", to_dest=True), True, "f32", f"{case}.f32.d32")):
            body = load("a", 0, 1) + f"binop_with_scalar_tile_init(); {call}(1, {SCALAR:#x});"
            yield compute(f"{call} of {title}", [call], [source], body, lambda put, a, exact=exact: put(exact(a)), out=out, wide=wide,
                          slots=(1,), golden=golden)


def fills():
    patterns = (0x3F800000, 0xC2F6E979, 0x80000000, 0x7F800000, 0xFF800001, 0x00400000, 0x3F808000)
    for bits in patterns:
        yield compute(f"fill_tile_bitcast {bits:#x}", ["fill_tile_bitcast"], [Input("bf16", random_tiles(50, 1))],
                      f"fill_tile_init(); fill_tile_bitcast(3, {bits:#x});",
                      lambda put, a, bits=bits: put(np.full(a.shape, arithmetic.value_of(bits))), out="f32", slots=(3,))
        yield compute(f"fill_tile_bitcast {bits:#x} in DST16", ["fill_tile_bitcast"], [Input("bf16", random_tiles(50, 1))],
                      f"fill_tile_init(); fill_tile_bitcast(3, {bits:#x});",
                      lambda put, a, bits=bits: put(np.full(a.shape, arithmetic.value_of(bits))), out="bf16", wide=False, slots=(3,))


COMPARE = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
# name of the golden case: call, meaning, what is left to NumPy; None: need only be alike
BINARY = {name: (f"{name}_binary_tile", lambda a, b, test=test: np.where(test(a, b), np.float32(1), np.float32(0)), ())
          for name, test in COMPARE.items()}
BINARY |= {
    "max": ("binary_max_tile", arithmetic.greatest, MOVED),
    "min": ("binary_min_tile", arithmetic.least, MOVED),
    "add": ("add_binary_tile", np.add, None),
    "sub": ("sub_binary_tile", np.subtract, None),
    "mul": ("mul_binary_tile", np.multiply, MOVED),
    "div": ("div_binary_tile", np.divide, None),
}


def any_nan(case, fmt, parts):
    nan = False
    for part in parts:
        nan = nan | (as_f32(fmt, GOLDEN.array(case, part)) & 0x7FFFFFFF > arithmetic.INFINITY)
    return nan


def chains():
    """What one unit leaves in DST is what another takes: whole f32, of which no operand was cut on its way."""
    inputs = [Input("bf16", random_tiles(70, 2), each=2), Input("bf16", random_tiles(71, 2), each=2),
              Input("f32", random_tiles(72, 1, "f32"), to_dest=True)]
    body = ("matmul_init(a, b, 0); matmul_tiles(a, b, 0, 0, 1); matmul_tiles(a, b, 1, 1, 1); reconfig_data_format_srca(c); " +
            load("c", 0, 0) + "add_binary_tile_init(); add_binary_tile(0, 1, 0); square_tile_init(); square_tile(1); "
            "binop_with_scalar_tile_init(); sub_unary_tile(1, 0x3f800001); reconfig_data_format_srca(a); mul_init(a, b); "
            "mul_tiles(a, b, 0, 1, 1); reconfig_data_format_srca(b);")

    def meaning(put, a, b, c):
        product = np.zeros((1, 32, 32), np.float32)
        for k in range(2):
            product = arithmetic.matrix_product(a[:, k], b[:, k], product)
        other = put(put(put(product * product) - np.float32(1 + 2.0 ** -23)) + put(a[:, 0] * b[:, 1]))
        return np.stack([put(c[:, 0] + product), other], 1)
    yield compute("a chain over both units", ["add_binary_tile", "square_tile", "sub_unary_tile", "mul_tiles"], inputs, body, meaning,
                  out="f32", start="REVERSE, a, b, out", slots=(0, 1))
    # A row that is spread over the slot that a product then adds to.
    body = ("reconfig_data_format(REGULAR, c, c); unary_bcast_init(ROW, c); unary_bcast(ROW, c, 0, 2); unary_bcast_uninit(ROW, c); "
            "reconfig_data_format(REVERSE, a, b); matmul_init(a, b, 0); matmul_tiles(a, b, 0, 1, 2);")
    yield compute("a product onto a row", ["unary_bcast", "matmul_tiles"], inputs, body,
                  lambda put, a, b, c: arithmetic.matrix_product(a[:, :1], b[:, 1:], SPREAD["ROW"](c)), out="f32",
                  start="REVERSE, a, b, out", slots=(2,))
    # The vector unit goes on from the result of a reduction, packed under its mask.
    weights = Input("bf16", scaler("bf16", np.ones(32), "REDUCE_ROW"))
    yield compute("a function of a reduction", ["reduce_tile", "negative_tile"], [inputs[0], weights],
                  reduce_body("MAX", "REDUCE_ROW", 2) + "negative_tile_init(); negative_tile(0);",
                  lambda put, a, b: np.where(np.arange(32) == 0, -reduce_meaning("MAX", "REDUCE_ROW")(put, a, b), np.float32(0)),
                  out="f32", start="REGULAR, a, b, out", after="reduce_uninit(a);")


def line_sum(line, word):
    """The tree of sfpu_reduce: along a row pairs of columns, down a column each fourth row."""
    def add(*terms):
        return functools.reduce(lambda a, b: arithmetic.canonical(a + b), terms)
    if word == "ROW":
        s = [add(line[17 + 2 * j], line[16 + 2 * j], line[1 + 2 * j], line[2 * j]) for j in range(8)]
        return add(add(add(s[0], s[4]), add(s[2], s[6])), add(add(s[1], s[5]), add(s[3], s[7])))
    t = [add(add(*(line[q + r] for r in (12, 8, 4, 0))), add(*(line[16 + q + r] for r in (12, 8, 4, 0)))) for q in range(4)]
    return add(add(t[0], t[1]), add(t[2], t[3]))


def slot_reductions():
    """The fold of each row or column; in the chip's own registers beside it, NaN of the device at hand."""
    folds = {"SUM": line_sum, "MAX": lambda line, _: functools.reduce(arithmetic.greatest, line),
             "MIN": lambda line, _: functools.reduce(arithmetic.least, line)}

    def meaning(pool, word):
        def folded(put, a):
            tile = np.array(a[:, 0])
            if word == "ROW":
                tile[:, :, 2:16:2] = np.nan
                tile[:, :, 0] = folds[pool](np.moveaxis(a[:, 0], -1, 0), word)
            else:
                tile[:, 1:4] = np.nan
                tile[:, 0] = folds[pool](np.moveaxis(a[:, 0], -2, 0), word)
            return put(tile[:, None])
        return folded
    for pool, word in itertools.product(folds, ("ROW", "COL")):
        for seed, kind in ((90, "random"), (91, "edges")):
            tiles = random_tiles(seed, 2, "f32")
            if kind == "edges":
                places = np.random.default_rng(seed).integers(0, 1024, 64)
                edges = np.array([0x7FC00000, 0x7F800000, 0xFF800000, 0x80000000, 0, 0x00800000, 0xFF7FFFFF], np.uint32)
                tiles.reshape(2, -1)[1, places] = np.resize(edges, 64)
            data = Input("f32", tiles, to_dest=True)
            yield compute(f"sfpu_reduce {pool} REDUCE_{word} {kind}", ["sfpu_reduce"], [data],
                          load("a", 0, 0)
                          + f"sfpu_reduce_init({pool}, Float32); sfpu_reduce({pool}, Float32, REDUCE_{word}, 0);",
                          meaning(pool, word), out="f32", slots=(0,))


def sums_so_far():
    """Down the columns of one tile, and on from the tile before."""
    def meaning(put, a):
        out, total = np.zeros_like(a), np.zeros_like(a[:, 0, 0])
        for tile in range(a.shape[1]):
            for row in range(32):
                total = out[:, tile, row] = arithmetic.canonical(total + a[:, tile, row])
        return put(out)
    tiles = random_tiles(97, 6, "f32")
    places = np.random.default_rng(98).integers(0, 1024, 16)
    edges = np.array([0x7FC00000, 0x7F800000, 0xFF800000, 0x80000000, 0, 0x00800000, 0xFF7FFFFF], np.uint32)
    tiles.reshape(6, -1)[3, places] = np.resize(edges, 16)
    body = "cumsum_tile_init(); " + "".join(load("a", t, t) + f"cumsum_tile({t}, {int(t == 0)}); " for t in range(3))
    data = Input("f32", tiles, each=3, to_dest=True)
    yield compute("cumsum_tile", ["cumsum_tile"], [data], body, meaning, out="f32", slots=(0, 1, 2))
    body = "cumsum_tile_init(); " + load("a", 0, 0) + "cumsum_tile(0, 0);"
    yield refused(compute("cumsum_tile without a tile before", [], [data], body, None, out="f32"), "goes on from sums")
    body = ("cumsum_tile_init(); " + load("a", 0, 0) + load("a", 1, 1) +
            "cumsum_tile(0, 1); negative_tile_init(); negative_tile(0); cumsum_tile_init(); cumsum_tile(1, 0);")
    yield refused(compute("cumsum_tile behind another call", [], [data], body, None, out="f32"), "goes on from sums")


def vector_binary():
    for name, (call, exact, left) in BINARY.items():
        for formats in ("bf16.d16", "f32.d32"):
            fmt, wide, out = FORMATS[formats]
            case = f"sfpub.{name}.{formats}"
            inputs = [golden_input(case, part, fmt, to_dest=wide) for part in "ab"]
            for slots in ((0, 1, 2), (1, 2, 1), (3, 0, 0)):
                first, second, result = slots
                body = load("a", 0, first) + load("b", 0, second) + f"{call}_init(); {call}({first}, {second}, {result});"
                yield compute(f"{call} {formats}, slots {slots}", [call], inputs, body,
                              lambda put, a, b, exact=exact: put(exact(a, b)), out=out, wide=wide, slots=(result,),
                              golden=case, left=None if (name, wide) == ("mul", True) else left)


def selections():
    for formats, word in (("bf16.d16", "Float16_b"), ("f32.d32", "Float32")):
        fmt, wide, out = FORMATS[formats]
        case = f"sfpub.where.{formats}"
        inputs = [golden_input(case, part, fmt, to_dest=wide) for part in "abc"]
        condition = as_f32(fmt, GOLDEN.array(case, "a"))
        # Denormals are zero here; the chip looks at all bits, and so does the device of -0.
        unlike = (condition & 0x7FFFFFFF != 0) & (condition & 0x7F800000 == 0)
        for result in (3, 0, 1):
            body = load("a", 0, 0) + load("b", 0, 1) + load("c", 0, 2) + f"where_tile_init(); where_tile({word}, 0, 1, 2, {result});"
            yield compute(f"where_tile {formats} to slot {result}", ["where_tile"], inputs, body,
                          lambda put, a, b, c: put(np.where(arithmetic.bits_of(a) != 0, b, c)), out=out, wide=wide, slots=(result,), golden=case, left=MOVED,
                          unlike=unlike)


def all_vectors(names):
    for family in (copies, integers_of_16_bits_dst, transposes, unary_broadcasts, elementwise, products_that_add, matrix_products, products_that_f32_cannot_hold, blocks,
                   reductions, slot_reductions, sums_so_far, with_scalar, fills, vector_binary, selections, chains):
        yield from family()
    yield from unary(names)
