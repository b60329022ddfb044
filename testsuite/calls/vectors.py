"""What a vector of a device call is: a kernel, its tiles, and what must come out, worked out without any code of tilec.

NumPy works out every element from the stored inputs (`meaning`, by `arithmetic`), bit for bit. A golden output of the chips shows that
it means the right thing. Where its rule is the same as that of ideal numbers it must be met bit for bit too, but for classes of
elements that the vector names (`LEFT`), where the chip's rule is another. Elsewhere (sums, products, functions: approximate on
the chips) most elements must be ALIKE.
"""
import json
import os

import numpy as np

import arithmetic
from launches import Fault, Launch

# What chip and ideal numbers do differently, told from NumPy's bits and the golden ones.
LEFT = {
    # The chip's packer makes an infinity of a NaN, its comparisons of signs order it, and what moves keeps its payload.
    "nan": lambda fmt, ours, golden: arithmetic.canonical_bits(as_f32(fmt, ours)) == arithmetic.NAN,
    # The chip's packer to bf16, and x + 0 of the matrix unit, make +0 of -0; ideal numbers keep it.
    "zero": lambda fmt, ours, golden: (as_f32(fmt, ours) == 0x80000000) & (golden == 0),
    # What the chip moves without arithmetic keeps its denormals, or their sign; ideal numbers make +0 of them.
    "denormal": lambda fmt, ours, golden: (ours == 0) & (as_f32(fmt, golden) & 0x7F800000 == 0),
}
ALIKE = 0.9  # of the elements that are finite and not zero, within
ALIKE_WITHIN = 2.0 ** -5  # of the greater of two values
WITH_TIES = "tie"  # packing to bf16: halves away from zero on the chip, to even in ideal numbers


def as_f32(fmt, bits):
    return arithmetic.widen(bits) if fmt == "bf16" else bits


class Golden:
    """The cases of golden.npz."""

    def __init__(self, path):
        self.file = np.load(path)
        self.index = json.loads(str(self.file["index"]))

    def __contains__(self, case):
        return case in self.index

    def array(self, case, part):
        return self.file[self.index[case][part]]

    def output(self, case):
        bits = self.array(case, "out")
        if bits.ndim == 1:  # all patterns in order; each output as the difference to the one before
            bits = np.cumsum(bits, dtype=np.uint16).reshape(-1, 32, 32)
        return bits


GOLDEN = Golden(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.npz"))
ALL_BF16 = np.arange(65536, dtype=np.uint16).reshape(64, 32, 32)


class Vector:
    """`calls` are what the vector is about. `judge(results)` gives a list of what is wrong; `text` is all its kernels."""

    def __init__(self, name, calls, launch, text, judge):
        self.name, self.calls, self.launch, self.text, self.judge = name, calls, launch, text, judge


class Input:
    """Tiles of a buffer; a step of the kernel has so many of them."""

    def __init__(self, fmt, tiles, each=1, to_dest=False):
        self.fmt, self.tiles, self.each, self.to_dest = fmt, tiles, each, to_dest

    def operands(self):
        """[step, tile, row, column] as the operation takes them; integers as they are."""
        values = self.tiles if self.fmt in ("u8", "u16", "u32", "i32") else arithmetic.operand(self.fmt, self.tiles, self.to_dest)
        return values.reshape(-1, self.each, 32, 32)


NAMES = "abcd"


def reader_text(inputs, steps):
    lines = [f"const TensorAccessor T{i} = tensor_accessor({i}, get_arg_val(uint32_t, {i}));" for i in range(len(inputs))]
    lines.append(f"for (uint32_t step = 0; step < {steps}; ++step) {{")
    for i, one in enumerate(inputs):
        size = one.tiles.itemsize * 1024
        lines += [f"cb_reserve_back({i}, {one.each});", f"for (uint32_t t = 0; t < {one.each}; ++t)",
                  f"noc_async_read_page(step * {one.each} + t, T{i}, get_write_ptr({i}) + t * {size});",
                  "noc_async_read_barrier();", f"cb_push_back({i}, {one.each});"]
    return "void kernel_main(void) {\n" + "\n".join(lines) + "\n}\n}\n"


def writer_text(pages, size, steps, argument):
    return f"""void kernel_main(void) {{
const TensorAccessor T = tensor_accessor(0, get_arg_val(uint32_t, {argument}));
for (uint32_t step = 0; step < {steps}; ++step) {{
cb_wait_front(16, {pages});
for (uint32_t t = 0; t < {pages}; ++t)
noc_async_write_page(step * {pages} + t, T, get_read_ptr(16) + t * {size});
noc_async_write_barrier();
cb_pop_front(16, {pages});
}}
}}
"""


def compute_text(inputs, steps, start, body, slots, after):
    buffers = range(len(inputs))
    waits = "".join(f"cb_wait_front({i}, {inputs[i].each}); " for i in buffers)
    pops = "".join(f"cb_pop_front({i}, {inputs[i].each}); " for i in buffers)
    packs = "".join(f"pack_tile(OUT_OF_ORDER, {slot}, out, {page}); " for page, slot in enumerate(slots))
    return f"""enum {{ a, b, c, d, out = 16 }};
void kernel_main(void) {{
compute_kernel_hw_startup({start});
for (uint32_t step = 0; step < {steps}; ++step) {{
{waits}
tile_regs_acquire();
{body}
tile_regs_commit();
cb_reserve_back(out, {len(slots)});
tile_regs_wait();
{packs}
{after}
tile_regs_release();
cb_push_back(out, {len(slots)});
{pops}
}}
}}
"""


def compare_bits(got, allowed):
    """The places where the bits are none of those allowed."""
    right = np.zeros(got.shape, bool)
    for bits in allowed:
        right |= got == bits
    return np.argwhere(~right)


def first_difference(places, got, wanted, judge):
    step, row, column = places[0]
    return (f"{len(places)} of {got.size} elements differ from {judge}, the first in tile {step} [{row}][{column}]:"
            f" {int(got[step, row, column]):#x}, not {int(wanted[step, row, column]):#x}")


def judge_golden(fmt, got, values, golden, left, unlike):
    """got against golden, but for the classes left to NumPy. values: what is packed; unlike: elements that differ by their operands."""
    leave = np.zeros(got.shape, bool) if unlike is None else unlike.copy()
    with np.errstate(all="ignore"):
        for name in left:
            if name == WITH_TIES:
                leave |= arithmetic.bits_of(values) & 0xFFFF == 0x8000
            else:
                leave |= LEFT[name](fmt, arithmetic.stored(fmt, values) if fmt in ("bf16", "f32") else got, golden)
    places = np.argwhere((got != golden) & ~leave)
    problems = [first_difference(places, got, golden, "the golden output")] if len(places) else []
    met = (got == golden).mean()
    if met < 0.3:
        problems.append(f"only {met:.0%} of the golden output is met, the rest is left to NumPy")
    return problems


def judge_alike(fmt, got, golden, unlike):
    """got against golden where both are finite, by far coarser than any rounding: is it the same operation?"""
    a, b = (arithmetic.canonical(arithmetic.value_of(as_f32(fmt, bits))) for bits in (got, golden))
    finite = np.isfinite(a) & np.isfinite(b) & ((a != 0) | (b != 0)) & (True if unlike is None else ~unlike)
    a, b = a[finite].astype(np.float64), b[finite].astype(np.float64)
    share = (np.abs(a - b) <= ALIKE_WITHIN * np.maximum(np.abs(a), np.abs(b))).mean()
    return [] if share >= ALIKE else [f"only {share:.0%} of its finite elements are alike to the golden output"]


def compute(name, calls, inputs, body, meaning, out="bf16", wide=True, start="REGULAR, a, a, out", slots=(0,), after="", golden=None,
            left=None, unlike=None, product="n150"):
    """A kernel whose section does `body` for each step, and packs `slots`.

    meaning(put, *operands): what these slots hold, [step, slot, row, column], or a list of alternatives; put(x) is x as an
    operation leaves it in DST. golden: a case of golden.npz whose output must be met, but for these classes of elements (left:
    names in LEFT or WITH_TIES), and those whose operands make them differ (unlike); left None: need only be alike.
    """
    steps = len(inputs[0].tiles) // inputs[0].each
    assert all(len(one.tiles) == steps * one.each for one in inputs), name
    launch = Launch(product, wide, seed=1)
    tensors = [launch.tensor(NAMES[i], one.fmt, one.tiles) for i, one in enumerate(inputs)]
    result = launch.tensor("out", out, pages=steps * len(slots))
    for i, one in enumerate(inputs):
        launch.buffer(i, NAMES[i], one.fmt, one.each, one.to_dest)
    launch.buffer(16, "out", out, len(slots))
    launch.core(0, 0, *(f"@{tensor}" for tensor in tensors + [result]))
    size = 1024 * (1 if out == "u8" else 2 if out in ("bf16", "u16") else 4)
    texts = (reader_text(inputs, steps), compute_text(inputs, steps, start, body, slots, after),
             writer_text(len(slots), size, steps, len(inputs)))
    for role, text, bindings in zip(("reader", "compute", "writer"), texts, (tensors, (), [result])):
        launch.kernel(role, text, bindings)

    def judge(results):
        if isinstance(results, Fault):
            return [f"the device refuses it: {results}"]
        got = results[0]
        with np.errstate(all="ignore"):
            meant = meaning(lambda values: arithmetic.result(values, wide), *(one.operands() for one in inputs))
        meant = meant if isinstance(meant, list) else [meant]
        meant = [np.broadcast_to(values, (steps, len(slots), 32, 32)).reshape(got.shape) for values in meant]
        allowed = [arithmetic.stored(out, m) if out in ("bf16", "f32") else m for m in meant]
        places = compare_bits(got, allowed)
        problems = [first_difference(places, got, allowed[0], "NumPy")] if len(places) else []
        if golden:
            output = GOLDEN.output(golden)
            problems += judge_alike(out, got, output, unlike) if left is None else judge_golden(out, got, meant[0], output, left, unlike)
        return problems

    return Vector(name, calls, launch, "".join(texts), judge)


def refused(vector, message):
    """The same launch, which the device must refuse, with this in its message."""

    def judge(results):
        if isinstance(results, Fault) and message in results:
            return []
        return [f"it runs, or is refused with another message than '{message}': {results if isinstance(results, Fault) else ''}"]

    return Vector(vector.name, [], vector.launch, vector.text, judge)
