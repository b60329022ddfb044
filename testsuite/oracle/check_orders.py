"""Random orders of filling and emptying circular buffers: what `tilec check` accepts ends in a simulation of the calls alone, at all small sizes; what
it refuses as a deadlock stops at one of them.

    check_orders.py BATCH SCRATCH COUNT
"""
import os
import random
import shutil
import sys

from batch import Batch, Count

BUFFER = "@{tt.buffer = {memory = dram, layout = interleaved, tile_shape = [32, 32], dtype = bf16}}"
ARGUMENTS = "start_id = start(), count = count(), Mt = ceildiv(M, 32), Nt = ceildiv(N, 32), A_address = address(A), B_address = address(B), Y_address = address(Y)"
HEAD = f"""kernel orders(in A: bf16[M, N] {BUFFER}, in B: bf16[M, N] {BUFFER}, out Y: bf16[M, N] {BUFFER}) @{{tt.compute = {{fp32_dest_acc_en = 1}}, \
tt.core_grid = [8, 8], tt.core_ranges = [{{start = [0, 0], extent = [8, 8]}}], tt.grid_blocks = [ceildiv(M, 32)], tt.runtime_args = {{{ARGUMENTS}}}}} {{
"""
NUMBERS = {"cb_a": 0, "cb_b": 1, "cb_m": 24, "cb_y": 16}
DEPTHS = {"1": lambda n: 1, "2": lambda n: 2, "3": lambda n: 3, "ceildiv(N, 32)": lambda n: n, "2 * ceildiv(N, 32)": lambda n: 2 * n}
# The pages of a row in one stretch or in two: (lower, upper bound of the loop; None: one page), and which pages these are.
STRETCHES = {
    "all": (("0", "Nt"), lambda n: range(n)),
    "first": (("0", None), lambda n: range(1)),
    "others": (("1", "Nt"), lambda n: range(1, n)),
    "but the last": (("0", "Nt - 1"), lambda n: range(n - 1)),
    "last": (("Nt - 1", None), lambda n: range(n - 1, n)),
}
PARTS = [["all"], ["all"], ["all"], ["first", "others"], ["but the last", "last"]]


def push(buffer, page):
    if buffer in ("cb_a", "cb_b"):
        tensor = buffer[-1].upper()
        fill = f"noc_async_read_page(page({tensor}, tid, {page}), {tensor}, get_write_ptr({buffer}))\nnoc_async_read_barrier()\n"
    else:
        fill = f"tile_regs_acquire()\nfill_tile_init()\nfill_tile_bitcast(0, 0)\ntile_regs_commit()\ntile_regs_wait()\npack_tile(OUT_OF_ORDER, 0, {buffer}, 0)\ntile_regs_release()\n"
    return f"cb_reserve_back({buffer}, 1)\n{fill}cb_push_back({buffer}, 1)\n"


def pop(buffer, page):
    use = f"noc_async_write_page(page(Y, tid, {page}), Y, get_read_ptr(cb_y))\nnoc_async_writes_flushed()\n" if buffer == "cb_y" else ""
    return f"cb_wait_front({buffer}, 1)\n{use}cb_pop_front({buffer}, 1)\n"


def random_order(choice, moves):
    """A row of a function: [(stretch, moves of each page)], every move over all its pages in order."""
    left, order = {move: list(choice.choice(PARTS)) for move in moves}, []
    while any(left.values()):
        first = choice.choice([move for move in moves if left[move]])
        stretch = left[first].pop(0)
        together = [first] + [move for move in moves if move != first and left[move][:1] == [stretch] and choice.random() < 0.8]
        for move in together[1:]:
            left[move].pop(0)
        choice.shuffle(together)
        order.append((stretch, together))
    return order


def function_text(role, order, tail=""):
    used = {buffer for _, moves in order for _, buffer in moves}
    text = f"function {role} {role}() {{\n" + "".join(f"constant {b} = {n}\n" for b, n in NUMBERS.items() if b in used)
    text += "".join(f"let {name}: u32 = get_arg_val(uint32_t, {i})\n" for i, name in enumerate(["start_id", "count", "Mt", "Nt"]))
    tensors = {"reader": [("A", 4), ("B", 5)], "writer": [("Y", 6)]}.get(role, [])
    text += "".join(f"accessor {name} at get_arg_val(uint32_t, {i}) tiles [Mt, Nt]\n" for name, i in tensors)
    text += "compute_kernel_hw_startup(REGULAR, cb_a, cb_b, cb_y)\n" if role == "compute" else ""
    text += "for tid in start_id..start_id + count {\n"
    for stretch, moves in order:
        (lower, upper), _ = STRETCHES[stretch]
        body = "".join(move(buffer, "j" if upper else lower) for move, buffer in moves)
        text += f"for j in {lower}..{upper} {{\n{body}}}\n" if upper else body
    return text + f"}}\n{tail}}}\n"


def ends(orders, depths, rows, pages):
    """Does a core with so many rows of so many pages come to its end?"""
    todo = [[move for _ in range(rows) for stretch, moves in order for _ in STRETCHES[stretch][1](pages) for move in moves] for order in orders]
    filled, at, moved = dict.fromkeys(depths, 0), [0] * len(todo), True
    while moved:
        moved = False
        for f, moves in enumerate(todo):
            while at[f] < len(moves):
                move, buffer = moves[at[f]]
                if not (filled[buffer] < DEPTHS[depths[buffer]](pages) if move is push else filled[buffer] > 0):
                    break
                filled[buffer] += 1 if move is push else -1
                at[f], moved = at[f] + 1, True
    return at == list(map(len, todo))


def random_kernel(seed):
    """Its text, and whether it ends at all small sizes."""
    choice = random.Random(seed)
    depths = {buffer: choice.choice(list(DEPTHS)) for buffer in NUMBERS}
    orders = [random_order(choice, moves) for moves in (
        [(push, "cb_a"), (push, "cb_b")], [(pop, "cb_a"), (pop, "cb_b"), (push, "cb_m"), (pop, "cb_m"), (push, "cb_y")], [(pop, "cb_y")])]
    text = HEAD + "".join(f"circular_buffer {b} = {NUMBERS[b]}: bf16 pages {d} @{{tt.cb = {{page_size = 2048, depth = 1, data_format = Float16_b, unpack_to_dest = 0}}}}\n"
                          for b, d in depths.items())
    text += "".join(function_text(role, order, "noc_async_write_barrier()\n" if role == "writer" else "") for role, order in zip(["reader", "compute", "writer"], orders))
    return text + "}\n", all(ends(orders, depths, rows, pages) for rows in range(1, 4) for pages in range(1, 9))


def main():
    tool, scratch = map(os.path.abspath, sys.argv[1:3])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count = Count("random orders")
    batch = Batch(tool, scratch)
    kernels = []
    for seed in range(int(sys.argv[3])):
        text, right = random_kernel(seed)
        with open(f"{scratch}/{seed}.ir", "w") as file:
            file.write(text)
        kernels.append((seed, right, batch.add("check", f"{scratch}/{seed}.ir")))
    outcomes = batch.run()
    for seed, right, number in kernels:
        code, _, messages = outcomes[number]
        said = code == 0 if right else code == 1 and "deadlock" in messages
        count.check(said, f"kernel {seed} {'ends' if right else 'stops'}, exit {code}: {messages.strip()[:300]}")
    count.check(any(right for _, right, _ in kernels) and not all(right for _, right, _ in kernels), "kernels of both kinds")
    if not count.failed:
        shutil.rmtree(scratch)
    count.finish()


main()
