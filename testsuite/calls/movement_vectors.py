"""The vectors of the calls that move data: kernels without a compute kernel, of which it is known where each byte goes."""
import itertools

import numpy as np

from launches import WORD, Fault, Launch, from_storage, to_storage
from vectors import Vector

PAGES = 12


def numbered_tiles(fmt, pages, seed=0):
    """Every element of every page another, as far as the format has enough."""
    numbers = (np.arange(pages * 1024, dtype=np.uint64) * 2654435761 + seed) & (2 ** (8 * WORD[fmt]().itemsize) - 1)
    return numbers.astype(WORD[fmt]).reshape(-1, 32, 32)


def moved(name, calls, launch, texts, expected):
    """expected: the tiles of each output."""
    for role, (text, bindings) in texts.items():
        launch.kernel(role, text, bindings)

    def judge(results):
        if isinstance(results, Fault):
            return [f"the device refuses it: {results}"]
        problems = []
        for number, (got, wanted) in enumerate(zip(results, expected)):
            places = np.argwhere(got != wanted)
            if len(places):
                page, row, column = places[0]
                problems.append(f"output {number}: {len(places)} of {got.size} elements differ, the first in page {page} [{row}][{column}]:"
                                f" {int(got[page, row, column]):#x}, not {int(wanted[page, row, column]):#x}")
        return problems

    return Vector(name, calls, launch, "".join(text for text, _ in texts.values()), judge)


BUFFER_CALLS = ["cb_reserve_back", "cb_push_back", "cb_wait_front", "cb_pop_front", "get_write_ptr", "get_read_ptr"]


def pages():
    """Pages in another order, three at a time; the writer's transfers end by a barrier, or are flushed before their pages go."""
    for fmt, size in (("bf16", 2048), ("f32", 4096)):
        for seed, flush in ((0, 0), (1, 0), (2, 1), (3, 1)):
            tiles = numbered_tiles(fmt, PAGES)
            launch = Launch("p150" if seed % 2 else "n150", seed=seed)
            source, target = launch.tensor("A", fmt, tiles), launch.tensor("B", fmt, pages=PAGES)
            launch.buffer(0, "buffer", fmt, 6)
            launch.core(1, 2, f"@{source}", f"@{target}")
            reader = f"""void kernel_main(void) {{
const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 0));
for (uint32_t i = 0; i < {PAGES}; i += 3) {{
cb_reserve_back(0, 3);
for (uint32_t j = 0; j < 3; ++j)
noc_async_read_page((i + j) * 7 % {PAGES}, A, get_write_ptr(0) + (2 - j) * {size});
noc_async_read_barrier();
cb_push_back(0, 3);
}}
}}
"""
            end = "noc_async_writes_flushed();" if flush else "noc_async_write_barrier();"
            writer = f"""void kernel_main(void) {{
const TensorAccessor B = tensor_accessor(0, get_arg_val(uint32_t, 1));
for (uint32_t i = 0; i < {PAGES}; i += 3) {{
cb_wait_front(0, 3);
for (uint32_t j = 0; j < 3; ++j)
noc_async_write_page((i + j) * 5 % {PAGES}, B, get_read_ptr(0) + j * {size});
{end}
cb_pop_front(0, 3);
}}
noc_async_write_barrier();
}}
"""
            expected = np.empty_like(tiles)
            for i in range(0, PAGES, 3):
                for j in range(3):
                    expected[(i + 2 - j) * 5 % PAGES] = tiles[(i + j) * 7 % PAGES]
            calls = ["noc_async_read_page", "noc_async_write_page", "noc_async_read_barrier",
                     "noc_async_writes_flushed" if flush else "noc_async_write_barrier"]
            yield moved(f"pages of {fmt}, seed {seed}", BUFFER_CALLS + calls, launch, {"reader": (reader, [source]), "writer": (writer, [target])}, [expected])


def windows():
    """A window of two pages that moves by one, and pages that are pushed one by one within a reservation of two."""
    tiles = numbered_tiles("bf16", PAGES, seed=5)
    launch = Launch(seed=4)
    source, target = launch.tensor("A", "bf16", tiles), launch.tensor("B", "bf16", pages=PAGES - 1)
    launch.buffer(3, "buffer", "bf16", 4)
    launch.core(0, 0, f"@{source}", f"@{target}")
    reader = f"""void kernel_main(void) {{
const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 0));
for (uint32_t i = 0; i < {PAGES}; i += 2) {{
cb_reserve_back(3, 2);
noc_async_read_page(i, A, get_write_ptr(3));
noc_async_read_barrier();
cb_push_back(3, 1);
noc_async_read_page(i + 1, A, get_write_ptr(3));
noc_async_read_barrier();
cb_push_back(3, 1);
}}
}}
"""
    writer = f"""void kernel_main(void) {{
const TensorAccessor B = tensor_accessor(0, get_arg_val(uint32_t, 1));
for (uint32_t i = 0; i < {PAGES} - 1; ++i) {{
cb_wait_front(3, 2);
noc_async_write_page(i, B, get_read_ptr(3) + (i % 4 < 3 ? 2048 : 0));
noc_async_write_barrier();
cb_pop_front(3, 1);
}}
cb_pop_front(3, 1);
}}
"""
    expected = np.stack([tiles[i + 1 if i % 4 < 3 else i] for i in range(PAGES - 1)])
    yield moved("a window that moves", BUFFER_CALLS, launch, {"reader": (reader, [source]), "writer": (writer, [target])}, [expected])


def stores():
    """A page for each core, every element stored from the arguments of that core."""
    for call, fmt, width, words in (("l1_store_u16", "bf16", 2, (3, 65521)), ("l1_store_u32", "u32", 4, (0x9E3779B1, 0xFFFFFFFF)),
                                    ("l1_store_u32", "f32", 4, (0x3F800001, 0x01234567))):
        launch = Launch(seed=6)
        target = launch.tensor("B", fmt, pages=2)
        launch.buffer(7, "buffer", fmt, 1)
        cores = ((3, 1), (0, 5))
        for page, (x, y) in enumerate(cores):
            launch.core(x, y, f"@{target}", page, words[page])
        kernel = f"""void kernel_main(void) {{
const TensorAccessor B = tensor_accessor(0, get_arg_val(uint32_t, 0));
cb_reserve_back(7, 1);
const uint32_t at = get_write_ptr(7), word = get_arg_val(uint32_t, 2);
for (uint32_t i = 0; i < 1024; ++i)
{call}(at + i * {width}, (word * i + i / 3){' & 0xffff' if width == 2 else ''});
cb_push_back(7, 1);
cb_wait_front(7, 1);
noc_async_write_page(get_arg_val(uint32_t, 1), B, get_read_ptr(7));
noc_async_write_barrier();
cb_pop_front(7, 1);
}}
"""
        i = np.arange(1024, dtype=np.uint64)
        content = [(word * i + i // 3).astype(np.uint32).astype(np.uint16 if width == 2 else np.uint32) for word in words]
        expected = np.concatenate([from_storage(page.tobytes(), fmt) for page in content])
        yield moved(f"{call} to {fmt}", [call, "get_arg_val"], launch, {"writer": (kernel, [target])}, [expected])


def copies():
    """Elements of a page to other places of the next one, and then in place, in ascending order."""
    for call, fmt, width in (("l1_copy_u8", "u8", 1), ("l1_copy_u16", "bf16", 2), ("l1_copy_u32", "f32", 4), ("l1_copy_u32", "i32", 4)):
        tiles = numbered_tiles(fmt, 2)
        launch = Launch(seed=7)
        source, target = launch.tensor("A", fmt, tiles), launch.tensor("B", fmt, pages=1)
        launch.buffer(2, "buffer", fmt, 2)
        launch.core(4, 4, f"@{source}", f"@{target}")
        kernel = f"""void kernel_main(void) {{
const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 0));
const TensorAccessor B = tensor_accessor(1, get_arg_val(uint32_t, 1));
cb_reserve_back(2, 2);
const uint32_t at = get_write_ptr(2), page = 1024 * {width};
noc_async_read_page(0, A, at);
noc_async_read_page(1, A, at + page);
noc_async_read_barrier();
for (uint32_t i = 0; i < 1000; ++i)
{call}(at + (i + 7) * {width}, at + page + i * 5 % 1024 * {width});
for (uint32_t i = 0; i < 512; ++i)
{call}(at + i * {width}, at + 2 * i * {width});
cb_push_back(2, 2);
cb_wait_front(2, 2);
noc_async_write_page(0, B, get_read_ptr(2));
noc_async_write_barrier();
cb_pop_front(2, 2);
}}
"""
        storage = np.frombuffer(to_storage(tiles), WORD[fmt]).reshape(2, 1024)
        page = storage[0].copy()
        page[7:1007] = storage[1][np.arange(1000) * 5 % 1024]
        for i in range(512):
            page[i] = page[2 * i]
        yield moved(f"{call} of {fmt}", [call], launch, {"writer": (kernel, [source, target])}, [from_storage(page.tobytes(), fmt)])


def loads():
    """Elements of a page choose the places of others."""
    for bits, fmt in ((8, "u8"), (16, "u16"), (32, "u32")):
        word, width = WORD[fmt], bits // 8
        chosen = ((np.arange(1024, dtype=np.uint32) * 37 + 5) % min(1024, 1 << bits)).astype(word)
        words = (np.arange(1024, dtype=np.uint32) * 2654435761 + 9).astype(word)
        page = lambda order: from_storage(order.tobytes(), fmt)
        launch = Launch(seed=8)
        source, target = launch.tensor("A", fmt, np.stack([page(chosen), page(words)])), launch.tensor("B", fmt, pages=1)
        launch.buffer(2, "buffer", fmt, 3)
        launch.core(1, 2, f"@{source}", f"@{target}")
        kernel = f"""void kernel_main(void) {{
const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 0));
const TensorAccessor B = tensor_accessor(1, get_arg_val(uint32_t, 1));
cb_reserve_back(2, 3);
const uint32_t at = get_write_ptr(2);
noc_async_read_page(0, A, at + {1024 * width});
noc_async_read_page(1, A, at + {2048 * width});
noc_async_read_barrier();
for (uint32_t i = 0; i < 1024; ++i)
l1_store_u{bits}(at + i * {width}, l1_load_u{bits}(at + {2048 * width} + l1_load_u{bits}(at + {1024 * width} + i * {width}) * {width}));
cb_push_back(2, 3);
cb_wait_front(2, 3);
noc_async_write_page(0, B, get_read_ptr(2));
noc_async_write_barrier();
cb_pop_front(2, 3);
}}
"""
        yield moved(f"l1_load_u{bits}", [f"l1_load_u{bits}", f"l1_store_u{bits}"], launch, {"writer": (kernel, [source, target])}, [page(words[chosen])])


def parts():
    """Parts of two pages by two cores, at all places of 16 bytes, of lengths that end anywhere."""
    tiles = numbered_tiles("bf16", 2, seed=3)
    launch = Launch(seed=9)
    source, target = launch.tensor("A", "bf16", tiles), launch.tensor("B", "bf16", pages=1)
    launch.buffer(2, "buffer", "bf16", 1)
    for page, (x, y) in enumerate(((0, 0), (5, 3))):
        launch.core(x, y, f"@{source}", f"@{target}", page)
    kernel = """void kernel_main(void) {
const uint32_t page = get_arg_val(uint32_t, 2);
const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 0));
const TensorAccessor B = tensor_accessor(1, get_arg_val(uint32_t, 1));
cb_reserve_back(2, 1);
noc_async_read_page(page, A, get_write_ptr(2));
noc_async_read_barrier();
cb_push_back(2, 1);
cb_wait_front(2, 1);
for (uint32_t i = 0; i < 128; ++i) {
const uint32_t bytes = 2 * (i % 8 + 1), offset = page ? i * 16 + bytes : i * 16, whole = page ? 16 - bytes : bytes;
if (whole > 0)
noc_async_write(0, B, offset, get_read_ptr(2) + (127 - i) * 16 + offset % 16, whole);
}
noc_async_write_barrier();
cb_pop_front(2, 1);
}
"""
    storage = np.frombuffer(to_storage(tiles), np.uint16).reshape(2, 128, 8)[:, ::-1]
    first = np.arange(8)[None, :] < (np.arange(128) % 8 + 1)[:, None]
    expected = np.where(first, storage[0], storage[1])
    yield moved("parts of pages", ["noc_async_write"], launch, {"writer": (kernel, [source, target])},
                [from_storage(np.ascontiguousarray(expected).tobytes(), "bf16")])


def read_parts():
    """A page read in parts of 64 bytes from its end to its beginning, each in two parts that meet anywhere."""
    tiles = numbered_tiles("bf16", 1, seed=4)
    launch = Launch(seed=9)
    source, target = launch.tensor("A", "bf16", tiles), launch.tensor("B", "bf16", pages=1)
    launch.buffer(2, "buffer", "bf16", 1)
    launch.core(0, 0, f"@{source}", f"@{target}")
    kernel = """void kernel_main(void) {
const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 0));
const TensorAccessor B = tensor_accessor(1, get_arg_val(uint32_t, 1));
cb_reserve_back(2, 1);
for (uint32_t i = 0; i < 32; ++i) {
const uint32_t bytes = 2 * (i % 31 + 1), to = get_write_ptr(2) + (31 - i) * 64;
noc_async_read(0, A, i * 64, to, bytes);
if (bytes < 64)
noc_async_read(0, A, i * 64 + bytes, to + bytes, 64 - bytes);
}
noc_async_read_barrier();
cb_push_back(2, 1);
cb_wait_front(2, 1);
noc_async_write_page(0, B, get_read_ptr(2));
noc_async_write_barrier();
cb_pop_front(2, 1);
}
"""
    storage = np.frombuffer(to_storage(tiles), np.uint16).reshape(32, 32)[::-1]
    yield moved("parts of a page, read", ["noc_async_read"], launch, {"writer": (kernel, [source, target])},
                [from_storage(np.ascontiguousarray(storage).tobytes(), "bf16")])


# Core 0 reads blocks of two pages and multicasts each to the others; all write what they have. `ready` counts who may receive.
SPREAD_READER = """enum { data = 0, ready = 2, valid = 5, turns = 4 };
void kernel_main(void) {
const uint32_t core = get_arg_val(uint32_t, 0), receivers = get_arg_val(uint32_t, 1);
const uint32_t x0 = get_arg_val(uint32_t, 4), y0 = get_arg_val(uint32_t, 5), x1 = get_arg_val(uint32_t, 6), y1 = get_arg_val(uint32_t, 7);
const TensorAccessor A = tensor_accessor(0, get_arg_val(uint32_t, 2));
const uint32_t r = get_semaphore(ready), v = get_semaphore(valid);
for (uint32_t i = 0; i < turns; ++i) {
cb_reserve_back(data, 2);
const uint32_t at = get_write_ptr(data);
if (core == 0) {
noc_async_read_page(i * 2, A, at + 2048);
noc_async_read_page(i * 2 + 1, A, at);
noc_async_read_barrier();
noc_semaphore_wait(r, 3 * receivers);
noc_semaphore_set(r, 0);
noc_async_write_multicast(at, get_noc_multicast_addr(x0, y0, x1, y1, at), 4096, receivers, 1);
noc_async_writes_flushed();
noc_semaphore_set(v, 7);
noc_semaphore_set_multicast(v, get_noc_multicast_addr(x0, y0, x1, y1, v), receivers);
} else {
noc_semaphore_set(v, 0);
noc_semaphore_inc(get_noc_addr(x0, y0, r), 3);
noc_semaphore_wait(v, 7);
}
cb_push_back(data, 2);
}
noc_async_write_barrier();
noc_async_atomic_barrier();
}
"""
SPREAD_WRITER = """enum { data = 0, turns = 4 };
void kernel_main(void) {
const uint32_t core = get_arg_val(uint32_t, 0);
const TensorAccessor C = tensor_accessor(0, get_arg_val(uint32_t, 3));
for (uint32_t i = 0; i < turns; ++i) {
cb_wait_front(data, 2);
for (uint32_t j = 0; j < 2; ++j)
noc_async_write_page((core * turns + i) * 2 + j, C, get_read_ptr(data) + j * 2048);
noc_async_write_barrier();
cb_pop_front(data, 2);
}
}
"""
SEMAPHORE_CALLS = ["get_semaphore", "get_noc_addr", "get_noc_multicast_addr", "noc_semaphore_set", "noc_semaphore_wait",
                   "noc_semaphore_inc", "noc_semaphore_set_multicast", "noc_async_atomic_barrier"]


def multicasts():
    """By the reader; and by the writer, whose NoC runs the other way: the corners of its rectangles are exchanged. Unlinked, pages
    must have landed before they are told of."""
    exchanged = SPREAD_READER.replace("(x0, y0, x1, y1,", "(x1, y1, x0, y0,").replace("receivers, 1);", "receivers, 0);").replace(
        "noc_async_writes_flushed", "noc_async_write_barrier")
    roles = (("reader", SPREAD_READER, "writer"), ("writer", exchanged, "reader"))
    for (product, (x, y, width, height)), (sender, text, other) in itertools.product(
            (("n150", (0, 0, 2, 2)), ("n150", (3, 1, 1, 3)), ("p150", (5, 2, 4, 1))), roles):
        for seed in range(3):
            tiles, count = numbered_tiles("bf16", 8, seed), width * height
            launch = Launch(product, seed=seed)
            source, target = launch.tensor("A", "bf16", tiles), launch.tensor("C", "bf16", pages=8 * count)
            launch.buffer(0, "data", "bf16", 4)
            launch.line("semaphore", 2, 0)
            launch.line("semaphore", 5, 0)
            corners = (f"x:{x}", f"y:{y}", f"x:{x + width - 1}", f"y:{y + height - 1}")
            for core in range(count):
                launch.core(x + core % width, y + core // width, core, count - 1, f"@{source}", f"@{target}", *corners)
            block = tiles.reshape(4, 2, 32, 32)[:, ::-1].reshape(8, 32, 32)
            yield moved(f"blocks to {width}x{height} cores of {product} by the {sender}, seed {seed}",
                        ["noc_async_write_multicast"] + SEMAPHORE_CALLS, launch,
                        {sender: (text, [source]), other: (SPREAD_WRITER, [target])}, [np.concatenate([block] * count)])


# Cores 1, 2, 3 add their amounts to core 0's semaphore; core 0 then sends a number to all. A page tells that each has come through.
COUNTING = """enum { count = 1, go = 4 };
void kernel_main(void) {
const uint32_t core = get_arg_val(uint32_t, 0), amount = get_arg_val(uint32_t, 6);
const uint32_t x0 = get_arg_val(uint32_t, 2), y0 = get_arg_val(uint32_t, 3), x1 = get_arg_val(uint32_t, 4), y1 = get_arg_val(uint32_t, 5);
const TensorAccessor C = tensor_accessor(0, get_arg_val(uint32_t, 1));
const uint32_t c = get_semaphore(count), g = get_semaphore(go);
if (core == 0) {
noc_semaphore_wait(c, 5 + 1 + 10 + 100);
noc_semaphore_set(g, 42);
noc_semaphore_set_multicast(g, get_noc_multicast_addr(x0, y0, x1, y1, g), 3);
noc_async_write_barrier();
} else {
noc_semaphore_inc(get_noc_addr(x0, y0, c), amount);
noc_async_atomic_barrier();
noc_semaphore_wait(g, 42);
}
cb_reserve_back(0, 1);
for (uint32_t i = 0; i < 1024; ++i)
l1_store_u32(get_write_ptr(0) + i * 4, core * 4096 + i);
cb_push_back(0, 1);
cb_wait_front(0, 1);
noc_async_write_page(core, C, get_read_ptr(0));
noc_async_write_barrier();
cb_pop_front(0, 1);
}
"""


def semaphores():
    for seed in range(3):
        launch = Launch(seed=seed)
        target = launch.tensor("C", "u32", pages=4)
        launch.buffer(0, "page", "u32", 1)
        launch.line("semaphore", 1, 5)
        launch.line("semaphore", 4, 0)
        for core, amount in enumerate((0, 1, 10, 100)):
            launch.core(2 + core % 2, 3 + core // 2, core, f"@{target}", "x:2", "y:3", "x:3", "y:4", amount)
        content = (np.arange(4, dtype=np.uint32)[:, None] * 4096 + np.arange(1024, dtype=np.uint32))
        yield moved(f"semaphores, seed {seed}", SEMAPHORE_CALLS, launch, {"reader": (COUNTING, [target])},
                    [from_storage(content.tobytes(), "u32")])


def all_vectors():
    for family in (pages, windows, stores, copies, loads, parts, read_parts, multicasts, semaphores):
        yield from family()
