"""Write `tests/slow.txt`: the tests that `make test-fast` leaves out because of the time they take.

    KERAS_BACKEND=jax XLA_FLAGS=--xla_backend_optimization_level=0 \\
        python -m pytest -m "not slow or timed" --durations=0 --durations-min=0.02 -vv > durations.txt
    python -m tools.write_slow durations.txt

A test is left out if it took more than `LONGEST`, unless it is the quickest of its function and
took less than `LONGEST_OF_ONE`: so what is tested at all is tested quickly too, in one case. Give
a report of `-m "not slow"` as well: the first test of several that share a program compiles it.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

LIST = Path(__file__).parent.parent / "tests" / "slow.txt"
LONGEST, LONGEST_OF_ONE = 0.05, 0.4
"""In seconds, on two cores of 2026, without XLA's optimisation."""

HEADING = """# The tests that `make test-fast` leaves out: those that take long, but one of each function.
# `python -m tools.write_slow` writes this file from the times of a run.
"""


def times(report: str) -> dict[str, float]:
    """The seconds of each test, with what it sets up."""
    found: dict[str, float] = defaultdict(float)
    for seconds, test in re.findall(
        r"^([\d.]+)s (?:call|setup) +(\S.*?)\s*$", report, re.MULTILINE
    ):
        found[test] += float(seconds)
    return found


def slow(found: dict[str, float]) -> list[str]:
    """The tests to leave out."""
    by_function: dict[str, list[str]] = defaultdict(list)
    for test in found:
        by_function[test.partition("[")[0]].append(test)
    kept = {min(tests, key=found.__getitem__) for tests in by_function.values()}
    kept = {test for test in kept if found[test] <= LONGEST_OF_ONE}
    return sorted(test for test, seconds in found.items() if seconds > LONGEST and test not in kept)


if __name__ == "__main__":
    reports = [times(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:]]
    tests = sorted({test for report in reports for test in slow(report)})
    LIST.write_text(HEADING + "".join(f"{test}\n" for test in tests), encoding="utf-8")
    print(f"{len(tests)} tests in {LIST}")
