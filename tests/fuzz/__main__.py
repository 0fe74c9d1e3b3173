"""A long run: `python -m tests.fuzz --inputs 100000 --seed 0 [--only keras]`, or one input again.

`--again CASE`.
"""

import argparse
import heapq
import re
import resource
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.fuzz.harness import MEMORY, UNFORESEEN, Outcome
from tests.fuzz.mutate import Case, anyone
from tests.fuzz.reading import tried
from tests.fuzz.seeds import FORMATS

KINDS = ("model", "refused", "failed")


@dataclass
class Report:
    """What came of the inputs so far."""

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    edits: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: dict[str, Case] = field(default_factory=dict)
    unforeseen: Counter[str] = field(default_factory=Counter)
    apart: int = 0
    failed: list[str] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    largest: list[tuple[int, str]] = field(default_factory=list)

    def add(self, case: Case, edits: list[str], outcome: Outcome) -> None:
        """Count an input."""
        self.outcomes[case.format, case.level, outcome.kind] += 1
        self.edits.update((case.level, edit, outcome.kind) for edit in edits)
        self.apart += outcome.apart
        if UNFORESEEN in outcome.message:
            detail = re.sub(r"\w*\d\w*", "#", outcome.message.split(UNFORESEEN)[1])[:90]
            self.unforeseen[detail] += 1
            self.examples[detail] = case
        _keep(self.slowest, (outcome.seconds, str(case)))
        _keep(self.largest, (outcome.memory, str(case)))

    def show(self, every_edit: bool = False) -> None:
        """Print the tables."""
        _table(self.outcomes, "format", "level")
        if every_edit:
            _table(self.edits, "level", "change")
        print(f"{self.unforeseen.total():,} refused by the last net, most often for")
        for detail, count in self.unforeseen.most_common(40):
            print(f"{count:9,}  {detail}  {self.examples[detail]}")
        print(f"{self.apart:,} inputs were read in a process of their own")
        for seconds, case in sorted(self.slowest, reverse=True)[:5]:
            print(f"slowest: {seconds:.3f} s  {case}")
        for memory, case in sorted(self.largest, reverse=True)[:5]:
            print(f"most memory: {memory / 2**20:.0f} MiB  {case}")
        print(f"{len(self.failed)} failed")
        for line in self.failed:
            print(f"  {line}")


def main() -> int:
    """Run as the command line says; 1 if an input failed."""
    given = _parser().parse_args()
    warnings.simplefilter("error")
    _limit_memory()
    given.failures.mkdir(parents=True, exist_ok=True)
    rng = Random(f"{given.seed} {given.only}")
    report, start = Report(), time.monotonic()
    try:
        with TemporaryDirectory(prefix="fuzz-") as folder:
            for count in range(1, 2 if given.again else given.inputs + 1):
                case = Case.parsed(given.again) if given.again else anyone(rng, given.only)
                edits, outcome = tried(case, Path(folder))
                report.add(case, edits, outcome)
                if given.again:
                    print(edits, outcome)
                if outcome.kind == "failed":
                    _save(case, outcome, given.failures, report)
                if count % 2000 == 0:
                    rate = count / (time.monotonic() - start)
                    print(
                        f"{count:,} inputs, {rate:.0f} a second, {len(report.failed)} failed",
                        flush=True,
                    )
    finally:
        report.show(every_edit=not given.again)
    return 1 if report.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another number, other inputs")
    parser.add_argument("--only", choices=FORMATS, help="this format alone")
    parser.add_argument("--again", metavar="CASE", help="one input, as reports name it")
    parser.add_argument(
        "--failures", type=Path, default=Path("fuzz-failures"), help="where to save what failed"
    )
    return parser


def _save(case: Case, outcome: Outcome, folder: Path, report: Report) -> None:
    """Keep the bytes of an input that failed."""
    report.failed.append(f"{case}  {outcome.message.splitlines()[-1][:200]}")
    print(f"FAILED {case}\n{outcome.message}", flush=True)
    (folder / str(case).replace("/", "_").replace(":", "_")).write_bytes(case.made()[0])


def _limit_memory() -> None:
    """Bound what the process may take, so that a failure does not take the machine with it."""
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 3 * MEMORY, size + 3 * MEMORY))


def _keep(best: list, entry: tuple) -> None:
    heapq.heappush(best, entry)
    if len(best) > 10:
        heapq.heappop(best)


def _table(counted: Counter[tuple[str, str, str]], *titles: str) -> None:
    print(
        f"\n{titles[0]:14}{titles[1]:24}{'inputs':>9}"
        + "".join(f"{kind:>9}" for kind in KINDS)
        + "   models"
    )
    for a, b in sorted({key[:2] for key in counted}):
        counts = [counted[a, b, kind] for kind in KINDS]
        numbers = "".join(f"{count:9,}" for count in (sum(counts), *counts))
        print(f"{a:14}{b:24}{numbers}   {100 * counts[0] / sum(counts):5.1f}%")
    total = [sum(n for key, n in counted.items() if key[2] == kind) for kind in KINDS]
    print(f"{'all':38}{sum(total):9,}" + "".join(f"{n:9,}" for n in total))


if __name__ == "__main__":
    sys.exit(main())
