"""Adds up the checks of all tests in build directories: tally.py BUILD... Its last line is `N passed, N failed`."""
import json
import re
import sys

COUNTS = re.compile(r": (\d+) passed, (\d+) failed\b")
CHECK = re.compile(r"Checks: (\d+), Failures: (\d+), Errors: (\d+)")


def counts(test):
    """Passed and failed checks of one test: as it printed them, else itself as one."""
    text = test.get("stdout", "")
    own = [(int(p), int(f)) for p, f in COUNTS.findall(text)] or \
          [(int(n) - int(f) - int(e), int(f) + int(e)) for n, f, e in CHECK.findall(text)]
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if not own:
        return (1, 0) if good else (0, 1)
    passed, failed = (sum(column) for column in zip(*own))
    return passed, failed if good or failed else 1


passed = failed = 0
for build in sys.argv[1:]:
    try:
        with open(f"{build}/meson-logs/testlog.json") as log:
            tests = [json.loads(line) for line in log]
    except OSError:
        tests = []
    if not tests:
        print(f"{build}: no tests ran")
        failed += 1
    for test in tests:
        p, f = counts(test)
        print(f"{build}: {test['name']}: {p} passed, {f} failed, {test['duration']:.1f} s")
        passed, failed = passed + p, failed + f
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
