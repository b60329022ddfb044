"""Cores that exchange blocks by multicast, in device form written by hand: against NumPy in float64 within the carried bound, the embedded device
under many schedules and a tile program of the same product in the evaluator bit for bit; and kernels of which one line is wrong, run without their proofs and refused with the reason.

    check_core_to_core.py BATCH KERNELS SCRATCH
"""
import os
import shutil
import sys

import carried as c
from batch import Batch, Count
from case import Case, random_inputs

# name: rows of A, columns of B, product
KERNELS = {
    "matmul_2x2": (128, 128, "n150"),
    "matmul_3x2": (128, 192, "n150"),
    "matmul_8x2_blackhole": (128, 512, "p150"),
}
SEND = "noc_async_write_multicast(A_write, get_noc_multicast_addr(row_first_x, row_y, row_last_x, row_y, A_write), 4096, 2, 1)\n"
TELL = "noc_semaphore_set_multicast(A_valid_address, get_noc_multicast_addr(row_first_x, row_y, row_last_x, row_y, A_valid_address), 2)\n"
INVALID = "noc_semaphore_set(A_valid_address, 0)\n"
SAY = "noc_semaphore_inc(get_noc_addr(row_first_x, row_y, A_ready_address), 1)\n"
SPACE = " " * 16

# The same product with the same order of sums, every core for itself.
PRODUCT = """kernel matmul(A: bf16[M, K], B: bf16[K, N]) -> C: bf16[M, N] {
    grid i in M by 32, j in N by 32 {
        fragment acc[i, j]: f32 = 0;
        for k in K by 32 {
            shared a = A[i, k], b = B[k, j];
            gemm(a, b, acc);
        }
        C[i, j] = acc[i, j];
    }
}
"""

# what is wrong with matmul_3x2: (text, what stands there instead, what the device says)
FAULTS = {
    "another number of receivers": (
        "A_write), 4096, 2, 1)", "A_write), 4096, 3, 1)",
        "multicasts to 3 receivers, but the rectangle (18,18) to (20,18) has 2 beside the sender"),
    "nobody receives": (
        "(row_first_x, row_y, row_last_x, row_y, A_write), 4096, 2, 1)", "(row_first_x, row_y, row_first_x, row_y, A_write), 4096, 0, 1)",
        "has 0 beside the sender: nothing may be sent to nobody"),
    "a rectangle beyond the cores": (
        "row_last_x = noc_x(2, core_y())", "row_last_x = noc_x(2, core_y()) + 20", "no core has the NoC coordinates (40,18)"),
    "a core that is not in the map": (
        "row_last_x = noc_x(2, core_y())", "row_last_x = noc_x(3, core_y())", "noc_x(3, core_y()): core (3, 0) is not in the kernel's tt.core_map"),
    "nothing waits for the receivers": (
        SPACE + "noc_semaphore_wait(A_ready_address, 2)\n", "", "receivers reserve before they say that they are ready"),
    "one receiver too many is waited for": (
        "noc_semaphore_wait(A_ready_address, 2)", "noc_semaphore_wait(A_ready_address, 3)",
        "in noc_semaphore_wait at k = 0 for semaphore A_ready to be 3: it is 2; so does 1 more core"),
    "the counter is not reset": (
        SPACE + "noc_semaphore_set(A_ready_address, 0)\n", "", "for semaphore A_ready to be 2: it is 4"),
    "the flag is reset behind the increment": (
        INVALID + SPACE + SAY, SAY + SPACE + INVALID,
        "A_valid of core (1,0) is also set by core (0,0), and nothing says which comes first: one may undo the other"),
    "the flag is not reset": (
        SPACE + INVALID, "", "which is 1 already: its waits cannot tell this one from the last"),
    "nothing waits for the block": (
        SPACE + "noc_semaphore_wait(A_valid_address, 1)\n", "",
        "pushes page 0 of cb_A, which a multicast of core (0,0) writes, without waiting for a semaphore that tells of it"),
    "the flag may overtake the block": (
        "A_write), 4096, 2, 1)", "A_write), 4096, 2, 0)",
        "a multicast of core (0,0) into these pages of cb_A may not have landed: the semaphore that told of it can overtake it"),
    "the block may be overwritten before it left": (
        SPACE + "noc_async_writes_flushed()\n" + SPACE + "noc_semaphore_set_multicast(A", SPACE + "noc_semaphore_set_multicast(A",
        "a multicast may still read these bytes"),
    "half of the block": (
        "A_write), 4096, 2, 1)", "A_write), 2048, 2, 1)", "reads page 1 of cb_A, which nobody wrote"),
    "another place": (
        "row_y, A_write), 4096", "row_y, A_write + 2048), 4096", "multicasts byte 0 of cb_A to byte 2048: a block has the same place on all cores"),
    "the block is never sent": (
        SPACE + SEND, "", "reads page 0 of cb_A, which nobody wrote"),
    "nobody is told": (SPACE + TELL, "", "the last multicast was linked"),
    "multicasts are not acknowledged": (
        "        noc_async_write_barrier()\n        noc_async_atomic", "        noc_async_atomic",
        "the kernel ends with multicasts that are not acknowledged: noc_async_write_barrier is missing"),
    "increments are not acknowledged": (
        "        noc_async_atomic_barrier()\n", "",
        "the kernel ends with increments of semaphores that are not acknowledged: noc_async_atomic_barrier is missing"),
}


def right_cases(batch, kernels, scratch):
    tiles = f"{scratch}/product.tl"
    with open(tiles, "w") as file:
        file.write(PRODUCT)
    for name, (rows, columns, product) in KERNELS.items():
        for depth in [32, 96, 320]:
            case = f"{name}.{depth}"
            inputs = random_inputs({"A": (rows, depth), "B": (depth, columns)}, "bf16", case)
            variants = [[], *[["--schedule", seed] for seed in range(1, 6)]]
            right = Case(batch, scratch, case, f"{kernels}/{name}.ir", inputs, ["C"], "bf16", variants, ["--arch", product])
            right.add(batch, tiles, ["--device", "eval"])
            yield right, \
                {"C": c.store(c.contract(inputs["A"], inputs["B"], "bf16"), "bf16")}


def add_faults(batch, kernels, scratch):
    """(what, number of the run, what must be said)"""
    with open(f"{kernels}/matmul_3x2.ir") as file:
        text = file.read()
    arrays = f"{scratch}/matmul_3x2.96"
    for number, (what, (old, new, message)) in enumerate(FAULTS.items()):
        if old not in text:
            raise SystemExit(f"{what}: the kernel has no such text")
        path = f"{scratch}/fault_{number}.ir"
        with open(path, "w") as file:
            file.write(text.replace(old, new, 1))
        yield what, message, batch.add(
            "run", path, "--from", "verify_tt_ir", "--in", f"A={arrays}/A.npy", "--in", f"B={arrays}/B.npy", "--out", f"C={path}.npy")


def main():
    tool, kernels, scratch = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count = Count("core to core against NumPy in float64")
    batch = Batch(tool, scratch)
    cases = [*right_cases(batch, kernels, scratch)]
    faults = [*add_faults(batch, kernels, scratch)]
    outcomes = batch.run()
    for case, reference in cases:
        case.judge(count, outcomes, reference)
    for what, message, number in faults:
        code, _, messages = outcomes[number]
        count.check(code in (1, 3) and message in messages, f"{what}: exit {code}: {messages.strip()[:400]}")
    shutil.rmtree(scratch)
    count.finish()


main()
