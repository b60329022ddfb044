"""plan.json of every module: complete, and of one piece with the kernels that are emitted beside it.

plan_test.py EMIT_MODULE LAUNCH_WORDS TILEC
"""

import json
import os
import subprocess
import tempfile
import unittest

from host_case import EMIT_MODULE, MODULES, run_tests


class PlanTest(unittest.TestCase):
    def plans(self):
        with tempfile.TemporaryDirectory() as folder:
            for module in sorted(os.listdir(MODULES)):
                subprocess.run([EMIT_MODULE, os.path.join(MODULES, module), folder], check=True)
            for name in sorted(os.listdir(folder)):
                path = os.path.join(folder, name, "plan.json")
                if os.path.exists(path):
                    with open(path, encoding="utf-8") as file:
                        lines = {target: self.line_counts(folder, name, target) for target in ("c", "cpp")}
                        yield name, json.load(file), lines

    @staticmethod
    def line_counts(folder, name, extension):
        counts = {}
        for role in ("reader", "compute", "writer"):
            path = os.path.join(folder, name, f"{role}.{extension}")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    counts[f"{role}.{extension}"] = len(file.readlines())
        return counts

    def test_plans_are_complete(self):
        seen = 0
        for name, plan, lines in self.plans():
            with self.subTest(kernel=name):
                seen += 1
                self.assertGreaterEqual(plan["schema_version"], 1)
                self.assertIsInstance(plan["backend_version"], str)
                self.assertEqual(plan["kernel"], name)
                self.check_cores(plan)
                self.check_arguments(plan)
                self.check_buffers(plan)
                self.check_semaphores(plan)
                for layout in plan["layouts"].values():
                    self.assertIn(layout["memory"], ("dram", "l1"))
                    self.assertIn(layout["layout"], ("interleaved", "sharded"))
                    self.assertEqual("nd_shard" in layout, layout["layout"] == "sharded")
                    if "nd_shard" in layout:
                        self.assertEqual(
                            set(layout["nd_shard"]) - {"orientation", "distribution"},  # where the author gave them
                            {
                                "axes",
                                "grid",
                                "shard_shape_elems",
                                "order",
                                "align_tiles",
                                "projected_grid",
                                "projected_shard_tiles",
                            },
                        )
                    self.assertIn(layout["direction"], ("in", "out", "inout"))
                self.assertEqual(set(plan["sites"]), set(lines["c"]) | set(lines["cpp"]))
                for file, sites in plan["sites"].items():
                    for line, place in sites.items():
                        self.assertRegex(place, r"^\d+:\d+-\d+:\d+$")
                        self.assertTrue(1 <= int(line) <= lines[file.rpartition(".")[2]][file])
        self.assertGreaterEqual(seen, 5)

    def check_cores(self, plan):
        width, height = plan["core_grid"]
        covered = []
        for item in plan["core_ranges"]:
            (x, y), (w, h) = item["start"], item["extent"]
            self.assertTrue(x + w <= width and y + h <= height)
            covered += [f"({x + i},{y + j})" for j in range(h) for i in range(w)]
        self.assertEqual(len(set(covered)), len(covered))
        self.assertEqual(set(plan["work_partition"]), set(covered))
        blocks = [
            (block.get("outer"), block["io"], block["jo"])
            for work in plan["work_partition"].values()
            for block in work
            if "io" in block
        ]
        if isinstance(plan["blocks"], int):
            self.assertEqual(len(blocks), plan["blocks"])
            self.assertEqual(len(set(map(str, blocks))), len(blocks))
        else:
            for work in plan["work_partition"].values():
                placed = plan["partition_mode"] == "local_shard" or "core_plane" in plan
                self.assertEqual(set(work[0]), {"sy", "sx", "count"} if placed else {"start", "count"})

    def check_arguments(self, plan):
        self.assertEqual(
            [argument["offset"] for argument in plan["runtime_args"]],
            [4 * i for i in range(len(plan["runtime_args"]))],
        )
        self.assertEqual(
            [argument["name"] for argument in plan["runtime_args"]][:7],
            ["start_id", "count", "Mt", "Kt", "Nt", "Gm", "Gn"],
        )
        self.assertEqual({argument["type"] for argument in plan["runtime_args"]}, {"uint32"})

    def check_semaphores(self, plan):
        semaphores = plan.get("semaphores", [])
        self.assertEqual(bool(semaphores), plan["kernel"] == "spread")
        for semaphore in semaphores:
            self.assertEqual(set(semaphore), {"id", "name", "initial"})

    def check_buffers(self, plan):
        numbers = [buffer["id"] for buffer in plan["circular_buffers"]]
        self.assertEqual(len(set(numbers)), len(numbers))
        for buffer in plan["circular_buffers"]:
            self.assertIn(buffer["data_format"], ("Float16_b", "Float32", "UInt16"))
            self.assertEqual(buffer["page_size"] % 16, 0)


if __name__ == "__main__":
    run_tests("plan")
