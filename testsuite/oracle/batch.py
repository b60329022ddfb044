"""Many command lines of tilec at once, through the batch tool, and the count of what held."""
import os
import subprocess


class Batch:
    def __init__(self, tool, folder):
        self.tool, self.folder, self.commands = os.path.abspath(tool), folder, []

    def add(self, *words):
        """Adds a command line; the result is its number."""
        words = [str(w) for w in words]
        assert all(w and "\t" not in w and "\n" not in w for w in words), words
        self.commands.append(words)
        return len(self.commands) - 1

    def run(self):
        """Runs all; the result is a list of (exit code, what it printed, messages)."""
        folder = os.path.join(self.folder, "runs")
        os.makedirs(folder, exist_ok=True)
        jobs = str(min(os.cpu_count() or 1, 16))
        text = "".join("\t".join(words) + "\n" for words in self.commands)
        done = subprocess.run([self.tool, jobs], input=text, text=True, cwd=folder, stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise SystemExit(f"{self.tool} failed with {done.returncode}")
        codes = dict(map(int, line.split()) for line in done.stdout.splitlines())
        results = []
        for n in range(len(self.commands)):
            with open(f"{folder}/{n}.out", errors="replace") as out, open(f"{folder}/{n}.err", errors="replace") as err:
                results.append((codes[n], out.read(), err.read()))
        return results


class Count:
    """Passed and failed checks of one test; prints failures as they come."""

    def __init__(self, name, shown=20):
        self.name, self.passed, self.failed, self.shown = name, 0, 0, shown

    def check(self, holds, what):
        if holds:
            self.passed += 1
            return True
        self.failed += 1
        if self.failed <= self.shown:
            print(f"FAIL {self.name}: {what}")
        elif self.failed == self.shown + 1:
            print(f"FAIL {self.name}: further failures are only counted")
        return False

    def finish(self):
        print(f"{self.name}: {self.passed} passed, {self.failed} failed")
        raise SystemExit(1 if self.failed or not self.passed else 0)
