"""The vectors of the vector unit's calls on whole numbers: i32, u32, and casts between them, floats and narrower ones."""
import numpy as np

import arithmetic
from vectors import Input, compute, refused

FORMATS = {"Int32": ("i32", np.int32), "UInt32": ("u32", np.uint32)}
EDGES = np.array([0, 1, 2, 3, 7, 31, 32, 33, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32 - 2, 65535, 65536], np.uint64)


def words(seed, count=4):
    """Words of 32 bits: any, small ones of both signs, edges."""
    random = np.random.default_rng(seed)
    shape = (count, 32, 32)
    small = random.integers(-70, 70, shape).astype(np.uint64)
    any_bits = random.integers(0, 2 ** 32, shape, np.uint64)
    return np.choose(random.integers(0, 3, shape), [small, any_bits, random.choice(EDGES, shape)]).astype(np.uint32)


def load(buffer, slot, before="a"):
    change = f"reconfig_data_format_srca({buffer}); " if buffer != before else ""
    return change + f"copy_init({buffer}); copy_tile({buffer}, 0, {slot}); "


def wide(values):
    return values.astype(np.int64)


def quotient(a, b):
    return wide(a) // wide(b)


OPERATIONS = {
    "add_int_tile": ("add_int_tile_init()", lambda a, b: wide(a) + wide(b)),
    "sub_int_tile": ("sub_int_tile_init()", lambda a, b: wide(a) - wide(b)),
    "mul_int_tile": ("mul_int_tile_init({F})", lambda a, b: a * b),
    "bitwise_and_binary_tile": ("binary_bitwise_tile_init()", lambda a, b: a & b),
    "bitwise_or_binary_tile": ("binary_bitwise_tile_init()", lambda a, b: a | b),
    "bitwise_xor_binary_tile": ("binary_bitwise_tile_init()", lambda a, b: a ^ b),
    "eq_int_tile": ("eq_int_tile_init({F})", lambda a, b: a == b),
    "ne_int_tile": ("ne_int_tile_init({F})", lambda a, b: a != b),
    "lt_int_tile": ("lt_int_tile_init({F})", lambda a, b: a < b),
    "le_int_tile": ("le_int_tile_init({F})", lambda a, b: a <= b),
    "gt_int_tile": ("gt_int_tile_init({F})", lambda a, b: a > b),
    "ge_int_tile": ("ge_int_tile_init({F})", lambda a, b: a >= b),
}


def shifted(a, b, how):
    """By 0 to 31; any other count gives 0."""
    inside = (wide(b) >= 0) & (wide(b) < 32)
    return np.where(inside, how(wide(a), np.where(inside, wide(b), 0)), 0)


SHIFTS = {
    "binary_left_shift_tile": lambda a, b: shifted(a, b, np.left_shift),
    "binary_right_shift_tile": lambda a, b: np.where(a.dtype == np.uint32, wide(a) >> np.minimum(wide(b), 31),
                                                     shifted(a, b, np.right_shift)) if a.dtype == np.uint32 else
    shifted(a, b, np.right_shift),
    "binary_logical_right_shift_tile": lambda a, b: shifted(a.view(np.uint32), b, np.right_shift),
}
ALONE = {  # of i32, or of u32
    "binary_max_int32_tile": (np.int32, lambda a, b: np.maximum(a, b)),
    "binary_min_int32_tile": (np.int32, lambda a, b: np.minimum(a, b)),
    "binary_max_uint32_tile": (np.uint32, lambda a, b: np.maximum(a, b)),
    "binary_min_uint32_tile": (np.uint32, lambda a, b: np.minimum(a, b)),
    "div_int32_floor_tile": (np.int32, quotient),
    "remainder_int32_tile": (np.int32, lambda a, b: np.where(b == 0, wide(a), wide(a) - quotient(a, np.where(b == 0, 1, b)) * wide(b))),
    "remainder_uint32_tile": (np.uint32, lambda a, b: np.where(b == 0, a, a % np.where(b == 0, 1, b).astype(np.uint32))),
}


def low(values):
    return (np.asarray(values).astype(np.int64) & 0xFFFFFFFF).astype(np.uint32)


def binary_vector(call, title, init, arguments, fmt, kind, exact, divisors=False):
    first, second = words(1), words(2)
    if divisors:
        second = np.where(second == 0, np.uint32(5), second)
    inputs = [Input(fmt, first), Input(fmt, second)]
    body = load("a", 1) + load("b", 0) + f"{init}; {call}({arguments}1, 0, 3); "
    return compute(f"{call} {title}", [call], inputs, body, lambda put, a, b: low(exact(a.view(kind), b.view(kind))), out=fmt, slots=(3,))


def binary():
    for word, (fmt, kind) in FORMATS.items():
        for call, (init, exact) in OPERATIONS.items():
            yield binary_vector(call, word, init.format(F=word), f"{word}, ", fmt, kind, exact)
        for call, exact in SHIFTS.items():
            yield binary_vector(call, word, "binary_shift_tile_init()", f"{word}, ", fmt, kind, exact)
        a = Input(fmt, words(3))
        yield compute(f"fill_tile_int {word}", ["fill_tile_int"], [a], f"fill_tile_init(); fill_tile_int({word}, 2, 0x80000005u); ",
                      lambda put, a: np.full(a.shape, 0x80000005, np.uint32), out=fmt, slots=(2,))
        inputs = [Input(fmt, words(seed)) for seed in (4, 5)]
        body = load("a", 0) + load("b", 1) + f"bitwise_and_binary_tile({word}, 0, 1, 2); where_tile_init(); where_tile({word}, 2, 0, 1, 3); "
        yield compute(f"where_tile {word}", ["where_tile"], inputs, body.replace("bitwise", "binary_bitwise_tile_init(); bitwise", 1),
                      lambda put, a, b: np.where((a & b) != 0, a, b), out=fmt, slots=(3,))
    for call, (kind, exact) in ALONE.items():
        fmt = "u32" if kind == np.uint32 else "i32"
        yield binary_vector(call, "", f"{call}_init()", "", fmt, kind, exact, "div" in call)


def folded(pool, kind, along_rows):
    """Of each row or column; in the chip's own registers beside it what the device at hand has there."""
    fold = {"SUM": lambda x, axis: x.sum(axis, dtype=kind), "MAX": lambda x, axis: x.max(axis), "MIN": lambda x, axis: x.min(axis)}[pool]

    def meaning(put, a):
        tile = np.array(a)
        if along_rows:
            tile[..., 2:16:2] = 0x7FC00000
            tile[..., 0] = low(fold(a.view(kind), -1))
        else:
            tile[..., 1:4, :] = 0x7FC00000
            tile[..., 0, :] = low(fold(a.view(kind), -2))
        return tile
    return meaning


def folds():
    for word, (fmt, kind) in FORMATS.items():
        for pool in ("SUM", "MAX", "MIN"):
            for dimension in ("REDUCE_ROW", "REDUCE_COL"):
                body = load("a", 1) + f"sfpu_reduce_init({pool}, {word}); sfpu_reduce({pool}, {word}, {dimension}, 1); "
                yield compute(f"sfpu_reduce {pool} {dimension} {word}", ["sfpu_reduce"], [Input(fmt, words(10))], body,
                              folded(pool, kind, dimension == "REDUCE_ROW"), out=fmt, slots=(1,))


def floats(seed):
    random = np.random.default_rng(seed)
    values = (random.standard_normal((4, 32, 32)) * 10.0 ** random.integers(-1, 13, (4, 32, 32))).astype(np.float32)
    values[0, 0, :12] = [0.5, -0.5, 2.5, -2.5, np.inf, -np.inf, np.nan, -0.0, 2.0 ** 31, -2.0 ** 31, 2.0 ** 32, 65535.5]
    return arithmetic.bits_of(values)


def cut(values, least, most):
    """Toward zero, clamped; NaN as +infinity."""
    values = np.where(np.isnan(values), np.inf, values).astype(np.float64)
    return low(np.clip(np.trunc(np.clip(values, -1e300, 1e300)), least, most))


CASTS = {
    "f32_to_i32": ("f32", "i32", lambda a: cut(a, -2 ** 31, 2 ** 31 - 1)),
    "f32_to_u32": ("f32", "u32", lambda a: cut(a, 0, 2 ** 32 - 1)),
    "f32_to_bf16": ("f32", "f32", lambda a: arithmetic.value_of(arithmetic.widen(arithmetic.bf16_bits(a)))),
    "i32_to_f32": ("i32", "f32", lambda a: a.view(np.int32).astype(np.float32)),
    "u32_to_f32": ("u32", "f32", lambda a: a.astype(np.float32)),
    "u16_to_u32": ("u16", "u32", lambda a: a.astype(np.uint32)),
    "u32_to_u16": ("u32", "u16", lambda a: np.minimum(a, 65535).astype(np.uint16)),
    "u8_to_i32": ("u8", "i32", lambda a: a.astype(np.uint32)),
    "i32_to_u8": ("i32", "u8", lambda a: (a & 255).astype(np.uint8)),
}


def casts():
    random = np.random.default_rng(9)
    narrow = {"u16": random.integers(0, 2 ** 16, (4, 32, 32)).astype(np.uint16), "u8": random.integers(0, 256, (4, 32, 32)).astype(np.uint8)}
    for word, (fmt, out, exact) in CASTS.items():
        tiles = floats(6) if fmt == "f32" else narrow.get(fmt, words(7))
        body = load("a", 2) + f"typecast_tile_init({word}); typecast_tile({word}, 2); "
        yield compute(f"typecast_tile {word}", ["typecast_tile"], [Input(fmt, tiles, to_dest=fmt == "f32")], body,
                      lambda put, a, exact=exact: exact(a), out=out, slots=(2,))


def misuses():
    """What DST holds must be what a call takes, and narrow numbers are cast on their way in and out."""
    narrow = Input("u16", np.zeros((1, 32, 32), np.uint16))
    yield refused(compute("u16 is packed as it came", [], [narrow], load("a", 0), None, out="u16"), "as typecast_tile leaves them")
    i32, f32 = Input("i32", words(8, 1)), Input("f32", floats(8)[:1], to_dest=True)
    yield refused(compute("floats of whole numbers", [], [i32], load("a", 0) + "exp_tile_init(); exp_tile(0); ", None, out="f32"),
                  "reads DST slot 0 as floats, but it holds integers")
    yield refused(compute("whole numbers of floats", [], [f32], load("a", 0) + "add_int_tile_init(); add_int_tile(Int32, 0, 0, 0); ",
                          None, out="i32"), "reads DST slot 0 as integers, but it holds floats")
    columns = "sfpu_reduce_init(MAX, Int32); sfpu_reduce(MAX, Int32, REDUCE_ROW, 0); sfpu_reduce(MAX, Int32, REDUCE_COL, 0); "
    yield refused(compute("columns behind rows", [], [i32], load("a", 0) + columns, None, out="i32"), "needs an init of its own")
    yield refused(compute("init of another format", [], [i32], load("a", 0) + "lt_int_tile_init(Int32); lt_int_tile(UInt32, 0, 0, 0); ",
                          None, out="i32"), "differs in its format")


def all_vectors():
    for family in (binary, folds, casts, misuses):
        yield from family()
