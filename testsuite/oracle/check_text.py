"""What the compiler writes, for every example: the IR after each pass reads back equal, and building from it gives the same bytes as
building from the source; two builds are equal; other names change nothing but names; each pass is settled by running it once; results
keep under --check-passes.

    check_text.py BATCH EXAMPLES SCRATCH PASS...
"""
import os
import re
import shutil
import sys

from batch import Batch, Count

EXAMPLES = ["matmul", "matmul_loops", "matmul_tiled", "elementwise", "broadcast_add", "softmax", "digits"]
ARCHITECTURES = ["wormhole_b0", "blackhole"]

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support/functions.def")) as file:
    FUNCTIONS = re.findall(r"^(?:UNARY|BINARY)_FUNCTION\((\w+),", file.read(), re.M)
# Words of the language; every other identifier of a source is a name that its author chose.
RESERVED = set("""kernel program def import for in by grid let var shared fragment gemm copy clear fill reduce transpose if else where
    inf select sum product argmax argmin lo hi len out true false bf16 f32 bfp8 bfp4 u16 u32 i32 bool index inout
    pipeline layout schedule exact l1_acc""".split() + FUNCTIONS)
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def tree(root):
    """Relative path to contents of every file below root."""
    files = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            with open(path) as file:
                files[os.path.relpath(path, root)] = file.read()
    return files


def code_parts(text):
    """The text in pieces: (is it a comment, piece)."""
    for piece in re.split(r"(//[^\n]*)", text):
        yield piece.startswith("//"), piece


def rename(text, keep):
    """The source with every name of its author replaced by one of the same length, so that no column moves, in another alphabetical
    order."""
    names = sorted({w for comment, piece in code_parts(text) if not comment for w in IDENTIFIER.findall(piece)} - RESERVED - keep)
    letters = [c for c in "zywvutsqponmlkjihgfedbaZYXWVUTSRQPONMLKJIHGFEDCBA"]
    fresh, used = {}, set(RESERVED) | keep
    for name in names:
        new = next(w for a in letters for b in letters for w in [(a + b + "q" * len(name))[: len(name)]] if w not in used and w != name)
        used.add(new)
        fresh[name] = new
    return "".join(piece if comment else IDENTIFIER.sub(lambda m: fresh.get(m.group(), m.group()), piece)
                   for comment, piece in code_parts(text)), fresh


def differ_only_in_names(old, new, fixed_code=False):
    """None, or the first difference that a one-to-one change of identifiers does not explain. fixed_code: parts of the text are the same for
    every kernel, and may use a word that is also a name."""
    words = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9a-zA-Z.]*|[^\sA-Za-z0-9_]")
    prose = re.compile(r'"""(?:.|\n)*?"""|//[^\n]*|#[^\n]*')  # English, in which a word may look like a name
    a, b = words.findall(prose.sub("", old)), words.findall(prose.sub("", new))
    there, back = {}, {}
    for x, y in zip(a, b):
        if fixed_code and x == y:
            continue
        both = IDENTIFIER.fullmatch(x) and IDENTIFIER.fullmatch(y)
        if x != y and not both or both and (there.setdefault(x, y) != y or back.setdefault(y, x) != x):
            return f"{x!r} became {y!r}"
    return None if len(a) == len(b) else "one is longer"


class Example:
    def __init__(self, examples, scratch, name, passes):
        self.name, self.scratch, self.passes = name, f"{scratch}/{name}", passes
        self.source = f"{examples}/{name}/{name}.tl"
        os.makedirs(self.scratch)

    def text(self, index):
        return f"{self.scratch}/{index:02}.ir"

    def add_first(self, batch):
        """What needs the source only."""
        name, s = self.name, self.scratch
        self.irs = [(p, batch.add("ir", self.source, "--after", p)) for p in self.passes]
        self.builds = [(f"{s}/{arch}", batch.add("build", self.source, "-o", f"{s}/{arch}", "--arch", arch)) for arch in ARCHITECTURES]
        self.again = batch.add("build", self.source, "-o", f"{s}/again", "--arch", "wormhole_b0")
        self.checked = batch.add("check", self.source, "--check-passes")
        with open(self.source) as file:
            text, _ = rename(file.read(), {name, "dense", "dense_2"} | ({"digits"} if name == "digits" else set()))
        os.makedirs(f"{s}/renamed_source")
        self.renamed_source = f"{s}/renamed_source/{name}.tl"
        with open(self.renamed_source, "w") as file:
            file.write(text)
        self.renamed = batch.add("build", self.renamed_source, "-o", f"{s}/renamed", "--arch", "wormhole_b0")

    def check_first(self, count, outcomes):
        name = self.name
        for number, what in [(self.again, "build"), (self.checked, "check --check-passes"), (self.renamed, "build, renamed"),
                             *((n, f"ir --after {p}") for p, n in self.irs), *((n, f"build {d}") for d, n in self.builds)]:
            code, _, messages = outcomes[number]
            count.check(code == 0, f"{name}: {what}: exit {code}: {messages.strip()[:400]}")
        for index, (_, number) in enumerate(self.irs):
            with open(self.text(index), "w") as file:
                file.write(outcomes[number][1])
        built = tree(f"{self.scratch}/wormhole_b0")
        count.check(built and built == tree(f"{self.scratch}/again"), f"{name}: two builds differ")
        renamed = tree(f"{self.scratch}/renamed")
        if count.check(built.keys() == renamed.keys(), f"{name}: other names give other files: {sorted(renamed)}"):
            for path in built:
                difference = differ_only_in_names(built[path], renamed[path], path.endswith(".py"))
                count.check(difference is None, f"{name}: other names change more than names in {path}: {difference}")

    def add_second(self, batch):
        """What needs the printed IR."""
        self.second = []
        for index, pass_name in enumerate(self.passes):
            text, out = self.text(index), f"{self.scratch}/from_{index:02}"
            same = batch.add("ir", text, "--after", pass_name, "--from", pass_name)
            build = batch.add("build", text, "--from", pass_name, "-o", out)
            found = batch.add("build", text, "-o", f"{out}_found")
            alone = batch.add("ir", text, "--only", pass_name) if pass_name != "parse" else None
            self.second.append((index, pass_name, same, build, found, alone, out))

    def check_second(self, count, outcomes):
        built = tree(f"{self.scratch}/wormhole_b0")
        for index, pass_name, same, build, found, alone, out in self.second:
            with open(self.text(index)) as file:
                text = file.read()
            what = f"{self.name}: IR after {pass_name}"
            code, again, messages = outcomes[same]
            count.check(code == 0 and again == text, f"{what} does not read back equal: exit {code}: {messages[:400]}")
            for number, folder in [(build, out), (found, f"{out}_found")]:
                code, _, messages = outcomes[number]
                count.check(code == 0 and tree(folder) == built, f"{what} builds other kernels: exit {code}: {messages[:400]}")
            if alone is not None:
                # A pass that gives another form than it needs cannot be given its own result.
                code, again, messages = outcomes[alone]
                other_form = pass_name in ("tensorize_tt", "insert_cb_protocol_tt")
                count.check(code != 0 if other_form else code == 0 and again == text,
                            f"{what} changes when the pass runs again: exit {code}: {messages[:400]}")


def main():
    tool, examples, scratch = map(os.path.abspath, sys.argv[1:4])
    passes = sys.argv[4:]
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    count = Count("texts of the compiler")
    each = [Example(examples, scratch, name, ["parse", *passes]) for name in EXAMPLES]
    first = Batch(tool, scratch)
    for example in each:
        example.add_first(first)
    outcomes = first.run()
    for example in each:
        example.check_first(count, outcomes)
    second = Batch(tool, scratch)
    for example in each:
        example.add_second(second)
    outcomes = second.run()
    for example in each:
        example.check_second(count, outcomes)
    shutil.rmtree(scratch)
    count.finish()


main()
