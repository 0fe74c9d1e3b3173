"""Check every network of `keras.applications` against Keras, one at a time, and write the table in the docs.

    python -m tools.check_families              # all, and docs/families.md
    python -m tools.check_families VGG16 VGG19  # some, printed only

Each is built by Keras in a process of its own with weights at random, saved in the three formats of Keras 3, loaded and
explained; `tests/families.py` says what is checked. The largest needs about 16 GiB of memory.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.families import FAMILIES, FORMATS, ROUNDING, SMALLEST, TOLERANCE, Report, checked

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "families.md"
ONE = "--one"


def main(arguments: list[str]) -> int:
    """Check the networks named, or all; how many failed."""
    if arguments[:1] == [ONE]:
        print(json.dumps(asdict(_checked(arguments[1]))))
        return 0
    names = arguments or [name for members in FAMILIES.values() for name in members]
    reports = [report for name in names if (report := _in_its_own_process(name)) is not None]
    if not arguments and len(reports) == len(names):
        TABLE.write_text(table({report.name: report for report in reports}))
        print(f"wrote {TABLE.relative_to(ROOT)}")
    return len(names) - len(reports)


def _checked(name: str) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        return checked(name, Path(folder))


def _in_its_own_process(name: str) -> Report | None:
    command = [sys.executable, "-m", "tools.check_families", ONE, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        print(f"{name}: FAILED: {(done.stderr.strip().splitlines() or ['no message'])[-1]}", flush=True)
        return None
    report = Report(**json.loads(done.stdout.strip().splitlines()[-1]))
    print(f"{name}: error {report.error:.1e}, relevance {report.relevance:.4f} of the start", flush=True)
    return report


PAGE = """\
# Networks of `keras.applications`

Every builder that Keras {keras} ships, built by Keras with weights at random and the smallest images it takes (32
pixels, {sizes}; noise), saved as {formats}, loaded without
Keras, and explained with `epsilon_plus`. `make families` checks them all and writes this page.

- error: of the outputs before the softmax against Keras's, float32, the worst of the three formats, as a part of the
  largest output (at most {tolerance:g}).
- seconds: to load each format.
- relevance: what arrives at the pixels as a part of what started, with all biases set to zero, in float64. What is
  missing stayed at units none of whose contributions is positive, and in the stabiliser; pixels, these units and the
  stabiliser add up to the start within {rounding:g} of the largest sum in every network. Depthwise convolutions have
  few contributions, on the last maps of images this small only one each, so that much stays there (NASNet most).

{networks}

## Ops of each family

{ops}
"""


def table(reports: dict[str, Report]) -> str:
    """The page."""
    import keras

    rows = [
        (
            family,
            name,
            f"{reports[name].parameters:,}",
            f"{reports[name].error:.1e}",
            ", ".join(f"{reports[name].seconds[form]:.2f}" for form in FORMATS),
            f"{reports[name].relevance:.4f}",
        )
        for family, members in FAMILIES.items()
        for name in members
    ]
    seconds = f"seconds ({', '.join(FORMATS)})"
    ops = [
        (family, ", ".join(sorted({op for name in members for op in reports[name].ops})))
        for family, members in FAMILIES.items()
    ]
    return PAGE.format(
        keras=keras.__version__,
        sizes=", ".join(f"{size} for {name}" for name, size in SMALLEST.items()),
        formats=", ".join(f"`.{form}`" for form in FORMATS),
        tolerance=TOLERANCE,
        rounding=ROUNDING,
        networks=_markdown(("family", "network", "parameters", "error", seconds, "relevance"), rows),
        ops=_markdown(("family", "ops"), ops),
    )


def _markdown(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
