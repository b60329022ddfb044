"""Every device call against vectors that were not made by tilec's code: check_calls.py RUN_LAUNCH [NAME]

A call that computes or moves values must be what some vector is about; an init, or what sets the state alone, and each word of the
table must stand in the kernel of one. What has no vector fails by name. With NAME only the vectors whose name contains it run.
"""
import re
import sys

import compute_vectors
import launches
import movement_vectors
import whole_vectors

PLACES = "a row of compute_vectors.py or movement_vectors.py makes one; of a function of the language its float64 in arithmetic.py"
# Effects of calls that neither compute nor move: they set what later calls read.
STATE = {"INIT", "UNINIT", "VECTOR_INIT", "STARTUP", "RECONFIGURE", "RECONFIGURE_PACKER", "ACQUIRE", "COMMIT", "DST_WAIT", "RELEASE"}


def check_coverage(calls, words, vectors):
    about = {call for vector in vectors for call in vector.calls}
    text = "".join(vector.text for vector in vectors)
    used = set(re.findall(r"\b(\w+)\s*\(", text))
    failures = [f"{call}: no vector is about it ({PLACES})" for call in calls if calls[call] not in STATE and call not in about]
    failures += [f"{call}: no vector's kernel uses it" for call in calls if calls[call] in STATE and call not in used]
    failures += [f"{call}: a vector is about it, but there is no such call" for call in about - set(calls)]
    return failures + [f"{word}: no vector's kernel has this word" for word in words if not re.search(rf"\b{word}\b", text)]


def main():
    program, chosen = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    calls, words = launches.call_table(program)
    vectors = list(compute_vectors.all_vectors(calls)) + list(movement_vectors.all_vectors()) + list(whole_vectors.all_vectors())
    failures = check_coverage(calls, words, vectors)
    vectors = [vector for vector in vectors if chosen in vector.name]
    for vector, result in zip(vectors, launches.run(program, [vector.launch for vector in vectors])):
        failures += [f"{vector.name}: {problem}" for problem in vector.judge(result)]
    for failure in failures:
        print("FAIL device calls:", failure)
    failed = len({failure.split(": ")[0] for failure in failures})
    total = len(vectors) + len(calls) + len(words)
    print(f"device calls: {total - failed} passed, {failed} failed")
    return 1 if failures or not vectors else 0


if __name__ == "__main__":
    sys.exit(main())
