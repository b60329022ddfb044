"""host.py: compiled, run against a stand-in for ttnn, launch arguments compared with those that C computes.

host_test.py EMIT_MODULE LAUNCH_WORDS TILEC
"""

import json
import os
import py_compile
import subprocess
import sys

from host_case import EXAMPLES, HERE, HOSTS, MODULES, HostCase, expected_output, np, round_bf16, run_tests, widen_bf16


class HostTest(HostCase):
    def test_matmul_arguments_are_those_of_the_launch(self):
        self.emit("matmul.ir")
        for m, k, n in [(64, 64, 64), (65, 1, 33), (1, 257, 1), (640, 96, 512), (2048, 64, 64)]:
            with self.subTest(m=m, k=k, n=n):
                result, launches = self.host(*self.save_matmul(m, k, n), kernel="matmul")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(len(launches), 1)
                addresses = [
                    f"@{name}={tensor['address']}"
                    for name, tensor in zip(["A", "B", "bias", "C"], launches[0]["tensors"])
                ]
                self.assert_words(
                    launches[0],
                    self.words("matmul.ir", "matmul", f"A={m}x{k}", f"B={k}x{n}", f"bias={n}", *addresses),
                )
                raw = np.load(self.path("c.npy"))
                self.assertEqual((raw.shape, raw.dtype.itemsize), ((m, n), 2))
                np.testing.assert_array_equal(
                    widen_bf16(raw.view(np.uint16).reshape(m, n)), expected_output((m, n))
                )

    def test_matmul_descriptors(self):
        self.emit("matmul.ir")
        result, launches = self.host(*self.save_matmul(100, 70, 40), kernel="matmul")
        self.assertEqual(result.returncode, 0, result.stderr)
        launch = launches[0]
        self.assertEqual(
            [tensor["shape"] for tensor in launch["tensors"]], [[128, 96], [96, 64], [32, 64], [128, 64]]
        )
        self.assertEqual(
            launch["buffers"],
            [[0, "BFLOAT16", 32768], [1, "BFLOAT16", 32768], [2, "BFLOAT16", 8192], [16, "BFLOAT16", 16384]],
        )
        self.assertEqual(launch["unpack_to_dest"], [])
        self.assertEqual(
            {kernel["file"]: (kernel["config"], kernel["compile_time_args"]) for kernel in launch["kernels"]},
            {
                "reader.cpp": ("ReaderConfigDescriptor", [2, 2048] * 3),
                "writer.cpp": ("WriterConfigDescriptor", [2, 2048]),
                "compute.cpp": ("ComputeConfigDescriptor", []),
            },
        )

    def test_padding_is_zero_and_values_arrive(self):
        self.emit("matmul.ir")
        arguments = self.save_matmul(33, 33, 33)
        result, launches = self.host(*arguments, kernel="matmul")
        self.assertEqual(result.returncode, 0, result.stderr)
        a = widen_bf16(np.load(self.path("a.npy")).view(np.uint16)).astype(np.float64)
        b = widen_bf16(round_bf16(np.load(self.path("b.npy")))).astype(np.float64)
        self.assertAlmostEqual(launches[0]["tensors"][0]["sum"], a.sum())
        self.assertAlmostEqual(launches[0]["tensors"][1]["sum"], b.sum())
        self.assertRegex(
            result.stderr, r"B: \d+ of 1089 values of '.*b.npy' were rounded from float32 to bf16"
        )
        self.assertRegex(
            result.stderr, r"bias: \d+ of 33 values of '.*v.npy' were rounded from float16 to bf16"
        )

    def test_nothing_is_launched_for_an_empty_result(self):
        self.emit("matmul.ir")
        result, launches = self.host(*self.save_matmul(0, 64, 64), kernel="matmul")
        self.assertEqual((result.returncode, launches), (0, []), result.stderr)
        self.assertEqual(np.load(self.path("c.npy")).shape, (0, 64))

    def test_an_empty_sum_is_launched(self):
        self.emit("matmul.ir")
        result, launches = self.host(*self.save_matmul(64, 0, 64), kernel="matmul")
        self.assertEqual((result.returncode, len(launches)), (0, 1), result.stderr)
        self.assertEqual(launches[0]["kernels"][0]["runtime_args"][0][2][3], 0)  # Kt

    def test_three_axes_scalars_and_open_page_counts(self):
        self.emit("scale.ir")
        np.save(self.path("x.npy"), np.ones((2, 70, 65), dtype=np.float32))
        result, launches = self.host(
            "--in",
            f"class={self.path('x.npy')}",
            "--out",
            f"Y={self.path('y.npy')}",
            "-s",
            "alpha=0.1",
            kernel="scale",
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        launch = launches[0]
        self.assertEqual(launch["unpack_to_dest"], [0])
        self.assertEqual(launch["buffers"], [[0, "FLOAT32", 4 * 4096], [16, "FLOAT32", 4 * 4096]])
        expected = self.words(
            "scale.ir",
            "scale",
            "class=2x70x65",
            f"@class={launch['tensors'][0]['address']}",
            f"@Y={launch['tensors'][1]['address']}",
            "alpha=0.1",
            "shift=-3",
        )
        self.assert_words(launch, expected)
        np.testing.assert_array_equal(np.load(self.path("y.npy")), expected_output((2, 70, 65)))
        self.assertEqual(np.load(self.path("y.npy")).dtype, np.float32)

    def test_a_program_allocates_and_launches_in_order(self):
        self.emit("scale.ir")
        np.save(self.path("x.npy"), np.full((3, 32, 32), 2, dtype=np.float32))
        result, launches = self.host(
            "--in", f"X={self.path('x.npy')}", "--out", f"Z={self.path('z.npy')}", "--set", "factor=3"
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(launches), 2)
        self.assertEqual(launches[0]["tensors"][1]["address"], launches[1]["tensors"][0]["address"])
        self.assertEqual({kernel["folder"] for kernel in launches[0]["kernels"]}, {"scale"})
        for launch, alpha, shift in zip(launches, ["3", "0.5"], ["7", "64"]):
            self.assert_words(
                launch,
                self.words(
                    "scale.ir",
                    "scale",
                    "class=3x32x32",
                    f"@class={launch['tensors'][0]['address']}",
                    f"@Y={launch['tensors'][1]['address']}",
                    f"alpha={alpha}",
                    f"shift={shift}",
                ),
            )

    def test_a_copy_has_no_compute(self):
        self.emit("copy.ir")
        np.save(self.path("x.npy"), np.arange(100, dtype=np.uint16))
        result, launches = self.host(
            "--in", f"X={self.path('x.npy')}", "--out", f"Y={self.path('y.npy')}", kernel="copy"
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([kernel["file"] for kernel in launches[0]["kernels"]], ["reader.cpp", "writer.cpp"])
        self.assertEqual(launches[0]["tensors"][0]["shape"], [32, 128])
        self.assertEqual(
            [words[:2] for _, _, words in launches[0]["kernels"][0]["runtime_args"]], [[0, 2], [2, 2]]
        )
        y = np.load(self.path("y.npy"))
        self.assertEqual(y.dtype, np.uint16)
        np.testing.assert_array_equal(y, expected_output((100,)))
        np.save(self.path("x.npy"), np.arange(100, dtype=np.int32))
        result, _ = self.host(
            "--in", f"X={self.path('x.npy')}", "--out", f"Y={self.path('y.npy')}", kernel="copy"
        )
        self.assertIn("integers are never narrowed: save it as uint16", result.stderr)

    def test_what_the_user_can_mend_is_said(self):
        self.emit("matmul.ir")
        good = self.save_matmul(64, 64, 64)
        np.save(self.path("wrong.npy"), np.ones((32, 64), dtype=np.float32))
        np.save(self.path("flat.npy"), np.ones(64, dtype=np.float32))
        np.save(self.path("integers.npy"), np.ones((64, 64), dtype=np.int32))
        cases = [
            (
                [*good[:2], f"B={self.path('wrong.npy')}", *good[3:]],
                "size K is 32 in dimension 1 of B, but 64 in dimension 2 of A",
            ),
            (
                [*good[:2], f"B={self.path('flat.npy')}", *good[3:]],
                "B has 2 dimensions, but its array has the shape (64,)",
            ),
            ([*good[:2], f"B={self.path('integers.npy')}", *good[3:]], "holds int32; save it as float32"),
            ([*good[:2], f"B={self.path('none.npy')}", *good[3:]], "cannot use"),
            ([good[0], *good[3:]], "the array of B was not given"),
            ([*good, "--in", "bais=x.npy"], "there is no such parameter; did you mean 'bias'?"),
            ([*good, "-D", "M=65"], "size M is 64 in dimension 1 of A, but 65 as given"),
            ([*good, "--set", "alpha"], "expected NAME=VALUE"),
            (good[:-2], "no result is asked for; give --out C=FILE.npy"),
            ([*good[:-1], f"C={self.path('no', 'c.npy')}"], "--out C: "),
        ]
        for arguments, message in cases:
            with self.subTest(message=message):
                result, _ = self.host(*arguments, kernel="matmul")
                self.assertEqual(result.returncode, 1)
                self.assertIn(message, result.stderr)
                self.assertNotIn("Traceback", result.stderr)

    def test_what_the_device_lacks_is_said(self):
        self.emit("matmul.ir")
        good = self.save_matmul(64, 64, 64)
        for environment, message in [
            ({"FAKE_TTNN_GRID": "8,7"}, "build it with --grid 8x7"),
            ({"FAKE_TTNN_L1": "90000"}, "90112 bytes of L1 at these sizes, and a core has 90000 free"),
        ]:
            result, launches = self.host(*good, kernel="matmul", environment=environment)
            self.assertEqual((result.returncode, launches), (1, []))
            self.assertIn(message, result.stderr)

    def test_tensors_in_l1_leave_less_room(self):
        self.emit("owned.ir")
        arguments = []
        for name in "AB":
            np.save(self.path(f"{name}.npy"), np.ones((200, 150), dtype=np.float32))
            arguments += ["--in", f"{name}={self.path(name + '.npy')}"]
        arguments += ["--out", f"C={self.path('c.npy')}"]
        # shards of 2 x 3 tiles of A and C, and buffers
        shard, buffers = 6 * 2048, 3 * 2 * 2048
        for room, message in [
            (2 * shard + buffers, None),
            (2 * shard + buffers - 1, f"take {buffers} bytes of L1 at these sizes, and a core has {buffers - 1} free"),
            (2 * shard - 1, "L1 has no room for C: Not enough space to allocate L1 buffer, "),
        ]:
            result, launches = self.host(*arguments, kernel="add", environment={"FAKE_TTNN_L1": str(room)})
            self.assertEqual((result.returncode, len(launches)), (1, 0) if message else (0, 1), result.stderr)
            self.assertIn(message or "", result.stderr)
            self.assertNotIn("Traceback", result.stderr)

    def test_tensors_lie_where_their_layout_says(self):
        self.emit("sharded.ir")
        for m, n, a_shard, c_shard, a_words, c_words in [
            (70, 100, [32, 128], [64, 64], [3, 2048, 2, 3, 3, 4, 1, 4, 0, 0], [3, 2048, 2, 4, 3, 4, 2, 2, 0, 0]),
            (300, 33, [96, 64], [160, 32], [3, 2048, 2, 4, 10, 2, 3, 2, 0, 0], [3, 2048, 2, 4, 10, 2, 5, 1, 0, 0]),
        ]:
            with self.subTest(m=m, n=n):
                for name in "ab":
                    np.save(self.path(f"{name}.npy"), np.ones((m, n), dtype=np.float32))
                result, launches = self.host(
                    *["--in", f"A={self.path('a.npy')}", "--in", f"B={self.path('b.npy')}"],
                    *["--out", f"C={self.path('c.npy')}"],
                    kernel="add",
                )
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(
                    [tensor["memory"] for tensor in launches[0]["tensors"]],
                    [["DRAM", a_shard, 12], ["L1"], ["DRAM", c_shard, 12]],
                )
                words = {kernel["file"]: kernel["compile_time_args"] for kernel in launches[0]["kernels"]}
                self.assertEqual(words["reader.cpp"], a_words + [0, 2048])
                self.assertEqual(words["writer.cpp"], c_words)
                raw = np.load(self.path("c.npy"))
                np.testing.assert_array_equal(
                    widen_bf16(raw.view(np.uint16).reshape(m, n)), expected_output((m, n))
                )

    def test_shards_in_l1_lie_on_the_cores_that_compute_them(self):
        self.emit("owned.ir")
        for name in "ab":
            np.save(self.path(f"{name}.npy"), np.ones((200, 150), dtype=np.float32))
        result, launches = self.host(
            *["--in", f"A={self.path('a.npy')}", "--in", f"B={self.path('b.npy')}"],
            *["--out", f"C={self.path('c.npy')}"],
            kernel="add",
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        # 7 x 5 tiles in shards of 2 x 3, on 2 columns and 4 rows of cores
        self.assertEqual(
            [tensor["memory"] for tensor in launches[0]["tensors"]], [["L1", [64, 96], 8], ["DRAM"], ["L1", [64, 96], 8]]
        )
        arguments = {(x, y): words for x, y, words in launches[0]["kernels"][0]["runtime_args"]}
        self.assertEqual(sorted(arguments), [(x, y) for x in range(2) for y in range(4)])
        # start_id, count, Mt, Kt, Nt, Gm, Gn, Sm, Sn, Gy, Gx, sy, sx, Ly, Lx
        self.assertEqual(arguments[0, 0][:15], [0, 6, 7, 1, 5, 7, 5, 2, 3, 4, 2, 0, 0, 2, 3])
        self.assertEqual(arguments[1, 3][:15], [0, 2, 7, 1, 5, 7, 5, 2, 3, 4, 2, 3, 1, 1, 2])

    def test_shards_by_columns_and_contiguous_shards(self):
        self.emit("turned.ir")
        for name in "ab":
            np.save(self.path(f"{name}.npy"), np.ones((200, 150), dtype=np.float32))
        result, launches = self.host(
            *["--in", f"A={self.path('a.npy')}", "--in", f"B={self.path('b.npy')}"],
            *["--out", f"C={self.path('c.npy')}"],
            kernel="add",
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        # A and C on 4 columns and 2 rows of cores; the 7 x 5 shards of B over 7 of the 12 banks
        self.assertEqual(
            [tensor["memory"] for tensor in launches[0]["tensors"]],
            [["L1", [64, 96], 8, "COL_MAJOR"], ["DRAM", [32, 32], 7, "CONTIGUOUS_1D"], ["L1", [64, 96], 8, "COL_MAJOR", "GRID_2D"]],
        )
        words = {kernel["file"]: kernel["compile_time_args"] for kernel in launches[0]["kernels"]}
        self.assertEqual(words["reader.cpp"][12:16], [3, 2048, 2, 7 | 1 << 31])
        arguments = {(x, y): words for x, y, words in launches[0]["kernels"][0]["runtime_args"]}
        self.assertEqual(sorted(arguments), [(x, y) for x in range(4) for y in range(2)])
        # start_id, count, Mt, Kt, Nt, Gm, Gn, Sm, Sn, Gy, Gx, sy, sx, Ly, Lx
        self.assertEqual(arguments[3, 1][:15], [0, 2, 7, 1, 5, 7, 5, 2, 3, 4, 2, 3, 1, 1, 2])

    def test_accessors_are_made_from_tensors_that_are_bound(self):
        self.emit("turned.ir")
        code = """
import numpy as np
import ttnn
import host
device = ttnn.open_device(device_id=0)
def tensor(device):
    return ttnn.Tensor(np.zeros((32, 32), np.float32), ttnn.bfloat16, device, ttnn.TILE_LAYOUT, ttnn.DRAM_MEMORY_CONFIG)
good = tensor(device)
for place in "AC":
    for kind, other in {"none": None, "host": tensor(None), "shape": (32, 32), "good": tensor(device)}.items():
        try:
            host.launch_add(device, *[other if name == place else good for name in "ABC"], 32, 32)
            print(place, kind, "launched")
        except host.HostError as error:
            print(place, kind, error)
"""
        settings = {**os.environ, "FAKE_TTNN_LOG": self.path("log"), "PYTHONDONTWRITEBYTECODE": "1"}
        settings["PYTHONPATH"] = os.pathsep.join([os.path.join(HERE, "fake_ttnn"), self.path("out", "add")])
        result = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 8)
        for line in lines:
            name, kind, outcome = line.split(" ", 2)
            with self.subTest(name=name, kind=kind):
                self.assertTrue(
                    outcome == "launched"
                    if kind == "good"
                    else outcome.startswith("TensorAccessorArgs must be created via ttnn.TensorAccessorArgs(tensor) of a tensor on the device: "),
                    outcome,
                )

    def test_shards_that_do_not_cover_are_refused(self):
        self.emit("sharded.ir")
        np.save(self.path("x.npy"), np.ones((161, 64), dtype=np.float32))
        result, _ = self.host(
            *["--in", f"X={self.path('x.npy')}", "--out", f"Y={self.path('y.npy')}"], kernel="cover"
        )
        self.assertEqual(result.returncode, 1)
        self.assertIn("2 shards of X cover 128 of its 192 elements, padded to tiles, along axis 0", result.stderr)

    def test_a_program_keeps_the_place_of_its_tensors(self):
        self.emit("sharded.ir")
        np.save(self.path("x.npy"), np.ones((64, 64), dtype=np.float32))
        result, launches = self.host(
            *["--in", f"X={self.path('x.npy')}", "--in", f"Z={self.path('x.npy')}"],
            *["--out", f"Y={self.path('y.npy')}"],
        )
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(launches), 1)
        self.assertIn(
            "H is sharded by (32, 32) elements in DRAM for C of add, but X of cover is to be sharded by (64, 32) elements in DRAM; "
            "give both the same @layout",
            result.stderr,
        )

    def test_conditions_are_checked(self):
        self.emit("scale.ir")
        np.save(self.path("x.npy"), np.ones((0, 32, 32), dtype=np.float32))
        result, _ = self.host(
            "--in", f"class={self.path('x.npy')}", "--out", f"Y={self.path('y.npy')}", kernel="scale"
        )
        self.assertEqual(result.returncode, 1)
        self.assertIn("the condition H >= 1 does not hold: ", result.stderr)

    def test_run_time_checks_stop_a_launch(self):
        self.emit("checked.ir")
        for elements, code in ((128, 0), (129, 1)):
            np.save(self.path("x.npy"), np.arange(elements, dtype=np.uint16))
            result, launches = self.host(
                "--in", f"X={self.path('x.npy')}", "--out", f"Y={self.path('y.npy')}", kernel="checked"
            )
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertEqual(len(launches), 1 - code)
        self.assertIn(
            "the run-time check pages_of_X of kernel checked does not hold: ceildiv(N, 32) <= 4, with N = 129",
            result.stderr,
        )

    def test_scalars_of_a_caller_are_of_their_types(self):
        self.build(os.path.join(HOSTS, "numbers.tl"))
        code = """
import numpy as np
import ttnn
import host
device = ttnn.open_device(device_id=0)
def tensor(*shape):
    return ttnn.Tensor(np.zeros(shape, np.float32), ttnn.float32, device, ttnn.TILE_LAYOUT, ttnn.DRAM_MEMORY_CONFIG)
for e, flag, a in [(2, True, 3), (np.int64(2), 1, np.float64(3.0))]:
    host.launch_halves(device, tensor(1, 64, 32), tensor(32, 32), tensor(32, 32), B=1, M=64, N=32, P=31, Q=32, e=e, flag=flag, a=a)
"""
        settings = {**os.environ, "FAKE_TTNN_LOG": self.path("log"), "PYTHONDONTWRITEBYTECODE": "1"}
        settings["PYTHONPATH"] = os.pathsep.join([os.path.join(HERE, "fake_ttnn"), self.path("out", "halves")])
        subprocess.run([sys.executable, "-c", code], env=settings, check=True)
        with open(self.path("log"), encoding="utf-8") as log:
            for line in log:
                words = json.loads(line)["kernels"][0]["runtime_args"][0][2]
                self.assertEqual(words[-3:], [2, 1, int(np.float32(3).view(np.uint32))])

    def test_a_kernel_of_one_tensor_is_launched(self):
        self.build(os.path.join(HOSTS, "one_tensor.tl"))
        np.save(self.path("w.npy"), np.ones((40, 50), dtype=np.float32))
        for kernel, arguments, shape in [
            ("grow", ["--in", f"W={self.path('w.npy')}", "--out", f"W={self.path('y.npy')}"], (40, 50)),
            ("", ["--in", f"W={self.path('w.npy')}", "--out", f"W={self.path('y.npy')}"], (40, 50)),
            ("fill", ["-D", "M=33", "--set", "v=2", "--out", f"Y={self.path('y.npy')}"], (33, 64)),
        ]:
            with self.subTest(kernel=kernel):
                result, launches = self.host(*arguments, kernel=kernel)
                self.assertEqual((result.returncode, len(launches)), (0, 1 if kernel else 2), result.stderr)
                # generic_op wants an input and a result
                self.assertEqual(len({tensor["address"] for tensor in launches[0]["tensors"]}), 1)
                np.testing.assert_array_equal(np.load(self.path("y.npy")), expected_output(shape))

    def test_pages_are_rows_where_the_layout_says(self):
        self.build(os.path.join(HOSTS, "rows.tl"))
        x, b = np.ones((33, 50), dtype=np.float32), np.ones(50, dtype=np.float32)
        np.save(self.path("x.npy"), x)
        np.save(self.path("b.npy"), b)
        result, launches = self.host(
            "--in", f"X={self.path('x.npy')}", "--in", f"b={self.path('b.npy')}", "--out", f"Y={self.path('y.npy')}"
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(
            [[tensor["shape"] for tensor in launch["tensors"]] for launch in launches],
            [[[33, 50], [64, 64]], [[64, 64], [1, 50], [33, 50]]],
        )
        words = [
            {kernel["file"]: kernel["compile_time_args"] for kernel in launch["kernels"] if kernel["file"] != "compute.cpp"}
            for launch in launches
        ]
        self.assertEqual(
            words,
            [
                {"reader.cpp": [2, 128], "writer.cpp": [2, 2048]},
                {"reader.cpp": [2, 2048, 2, 256], "writer.cpp": [2, 256]},
            ],
        )
        np.testing.assert_array_equal(np.load(self.path("y.npy")), (np.arange(33 * 50) % 251).reshape(33, 50))

    def test_rows_that_do_not_fit_are_streamed(self):
        self.build(os.path.join(HOSTS, "long_rows.tl"))
        np.save(self.path("x.npy"), np.ones((40, 6000), dtype=np.float32))
        held = 6144 + 8192 * 188
        for kernel, result, count in [("shares", "Y", 1), ("", "Z", 2)]:
            arguments = ["--in", f"X={self.path('x.npy')}", "--out", f"{result}={self.path('y.npy')}"]
            for room, folder in [(held, "shares"), (held - 1, "shares_streamed")]:
                with self.subTest(kernel=kernel, room=room):
                    run, launches = self.host(*arguments, kernel=kernel, environment={"FAKE_TTNN_L1": str(room)})
                    self.assertEqual(run.returncode, 0, run.stderr)
                    folders = [{part["folder"] for part in launch["kernels"]} for launch in launches]
                    self.assertEqual(folders, [{folder}] * count)

    def test_numbers_are_known_wherever_they_stand(self):
        self.build(os.path.join(HOSTS, "numbers.tl"))
        np.save(self.path("x.npy"), np.ones((2, 66, 40), dtype=np.float32))
        tensors = ["--in", f"X={self.path('x.npy')}", "--out", f"Y={self.path('y.npy')}"]
        sign = "the run-time check sign_of_e of kernel halves does not hold: 0 <= e, with e = -1"
        for kernel, arguments, message in [
            ("halves", ["e=2"], None),
            ("halves", ["e=2", "flag=false", "a=0.25"], None),
            ("halves", ["e=-1"], sign),
            ("halves", ["e=4"], "the condition e <= 3 does not hold: e = 4"),
            ("halves", ["e=2", "flag=2"], "flag is bool: 2 is out of range"),
            ("halves", ["e=2", "flag=maybe"], "flag is bool: 'maybe' is no such number"),
            ("halves", ["e=2", "a=1e39"], "a is f32: '1e39' is more than it holds"),
            ("", ["n=2", "c=true"], None),
            ("", ["n=-1", "c=true"], sign),
            ("", ["n=4", "c=true"], "the condition n <= 3 does not hold: n = 4"),
        ]:
            with self.subTest(kernel=kernel, arguments=arguments):
                scalars = [word for argument in arguments for word in ("--set", argument)]
                result, launches = self.host(*tensors, *scalars, kernel=kernel)
                self.assertEqual(result.returncode, 0 if message is None else 1, result.stderr)
                self.assertEqual(len(launches), (1 if kernel else 2) if message is None else 0)
                self.assertEqual(result.stderr, f"host.py: error: {message}\n" if message else "")
                if message is None:
                    self.assertEqual(np.load(self.path("y.npy")).shape, (32, 40))

    def test_every_program_has_a_host(self):
        self.build(os.path.join(HOSTS, "numbers.tl"))
        self.build(os.path.join(HOSTS, "two_programs.tl"))
        self.assertFalse(os.path.exists(self.path("out", "host.py")))  # of the file before
        np.save(self.path("x.npy"), np.ones((33, 40), dtype=np.float32))
        for program, kernels in [("once", ["twice"]), ("often", ["twice", "twice", "add"])]:
            with self.subTest(program=program):
                result, launches = self.host(
                    *["--in", f"X={self.path('x.npy')}", "--out", f"Y={self.path('y.npy')}"],
                    file=f"host_{program}.py",
                )
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual([launch["kernels"][0]["folder"] for launch in launches], kernels)

    def test_a_caller_uses_the_names_of_the_source(self):
        self.build(os.path.join(HOSTS, "names_of_python.tl"))
        for name, value in [("class", 3), ("class_", 5)]:
            np.save(self.path(f"{name}.npy"), np.full((64, 32), value, dtype=np.float32))
        first, second = [["--in", f"{name}={self.path(name + '.npy')}"] for name in ("class", "class_")]
        rest = ["--set", "lambda=2", "-D", "is=64", "--out", f"yield={self.path('y.npy')}"]
        result, launches = self.host(*first, *second, *rest, kernel="f")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(
            [tensor["sum"] for tensor in launches[0]["tensors"][:2]], [3 * 64 * 32, 5 * 64 * 32]
        )
        for arguments, message in [
            ([*second, *rest], "the array of class was not given; class: f32["),
            ([*first, *second, *rest[2:]], "the scalar lambda has no value; give it by --set lambda=VALUE"),
            ([*first, *second, *rest[:4]], "no result is asked for; give --out yield=FILE.npy"),
            ([*first, *second, *rest, "--set", "lamda=2"], "did you mean 'lambda'?"),
            ([*first, *first, *second, *rest], "--in class was given twice"),
        ]:
            result, _ = self.host(*arguments, kernel="f")
            self.assertEqual(result.returncode, 1)
            self.assertIn(message, result.stderr)

    def test_sizes_below_zero_are_refused(self):
        self.build(os.path.join(HOSTS, "one_tensor.tl"))
        arguments = ["-D", "M=-32", "--set", "v=2", "--out", f"Y={self.path('y.npy')}"]
        result, launches = self.host(*arguments, kernel="fill")
        self.assertEqual((result.returncode, launches), (1, []))
        self.assertEqual(result.stderr, "host.py: error: dimension 1 of Y is M, which is -32 here, below 0\n")

    def test_no_file_is_lost(self):
        self.build(os.path.join(HOSTS, "numbers.tl"))
        self.build(os.path.join(HOSTS, "one_tensor.tl"))
        array = np.ones((2, 66, 40), dtype=np.float32)
        for name in ["x.npy", "./y.npy"]:
            np.save(self.path(name), array)
        np.save(self.path("w.npy"), array[0])
        with open(self.path("k.tl"), "w", encoding="utf-8") as file:
            file.write("kernel")
        os.symlink(self.path("x.npy"), self.path("link.npy"))
        inputs = ["--in", f"X={self.path('x.npy')}", "--set", "e=2"]
        for kernel, arguments, message in [
            ("halves", [*inputs, "--out", f"Y={self.path('x.npy')}"], "x.npy' is that of --in X"),
            ("halves", [*inputs, "--out", f"Z={self.path('link.npy')}"], "link.npy' is that of --in X"),
            (
                "halves",
                [*inputs, "--out", f"Y={self.path('y.npy')}", "--out", f"Z={self.path('.', 'y.npy')}"],
                "y.npy' is that of --out Y",
            ),
            ("halves", [*inputs, "--out", f"Y={self.path('k.tl')}"], "k.tl' is there, and is no .npy file"),
            ("grow", ["--in", f"W={self.path('w.npy')}", "--out", f"W={self.path('w.npy')}"], None),
        ]:
            with self.subTest(arguments=arguments):
                result, launches = self.host(*arguments, kernel=kernel)
                self.assertEqual((result.returncode, len(launches)), (1, 0) if message else (0, 1), result.stderr)
                self.assertIn(message or "", result.stderr)
        np.testing.assert_array_equal(np.load(self.path("x.npy")), array)

    def test_every_example_is_launched(self):
        for folder in sorted(os.listdir(EXAMPLES)):
            self.build(os.path.join(EXAMPLES, folder, f"{folder}.tl"))
        kernels = sorted(os.listdir(self.path("out")))
        self.assertGreaterEqual(len(kernels), 8)
        for kernel in kernels:
            if os.path.isdir(self.path("out", kernel)):
                with self.subTest(kernel=kernel):
                    self.launch_example(kernel)

    def launch_example(self, kernel):
        """With arrays of 64 in every open dimension."""
        with open(self.path("out", kernel, "plan.json"), encoding="utf-8") as file:
            layouts = json.load(file)["layouts"]
        arguments = []
        for name, layout in layouts.items():
            shape = [extent if isinstance(extent, int) else 64 for extent in layout["shape"]]
            np.save(self.path(f"{name}.npy"), np.ones(shape, dtype=np.float32))
            given = {"in": ["--in"], "inout": ["--in", "--out"], "out": ["--out"]}[layout["direction"]]
            arguments += [word for option in given for word in (option, f"{name}={self.path(name + '.npy')}")]
        result, launches = self.host(*arguments, kernel=kernel)
        self.assertEqual((result.returncode, len(launches)), (0, 1), result.stderr)

    def test_hosts_compile(self):
        for module in sorted(os.listdir(MODULES)):
            self.emit(module)
        hosts = [
            os.path.join(folder, "host.py")
            for folder, _, files in os.walk(self.path("out"))
            if "host.py" in files
        ]
        self.assertGreaterEqual(len(hosts), 4)
        for host in hosts:
            py_compile.compile(host, cfile=self.path("compiled"), doraise=True)


if __name__ == "__main__":
    run_tests("host")
