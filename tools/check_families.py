"""Check every network of `keras.applications` against Keras, and write `docs/families.md`.

    python -m tools.check_families              # all, and the page
    python -m tools.check_families VGG16 VGG19  # some, printed only

Keras builds each network with random weights, in a separate process, and saves it in the three
formats of Keras 3. Then it is loaded and explained. `tests/families.py` says what is checked. The
largest network needs about 16 GiB of memory.
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
    """Check the given networks, or all, and return how many failed."""
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
        print(
            f"{name}: FAILED: {(done.stderr.strip().splitlines() or ['no message'])[-1]}",
            flush=True,
        )
        return None
    report = Report(**json.loads(done.stdout.strip().splitlines()[-1]))
    print(
        f"{name}: error {report.error:.1e}, relevance {report.relevance:.4f} of the start",
        flush=True,
    )
    return report


PAGE = """\
# Networks of `keras.applications`

This page covers every builder that Keras {keras} ships. Keras builds each network with random
weights, for images of noise of the smallest size that it takes (32 pixels, {sizes}). It saves
the network as {formats}. `jlrp` loads the files without Keras and explains the images with
`epsilon_plus`. `make families` checks them all and writes this page.

- **error** is the largest difference between our outputs and Keras's, before the softmax, in
  float32. It is that of the worst of the three formats, as a part of the largest output. The
  limit is {tolerance:g}.
- **seconds** is the time to load each format.
- **relevance** is the part of the start that arrives at the pixels, with all biases set to
  zero, in float64. The rest stayed at units without a positive contribution, and in the
  stabiliser. In every network, pixels, these units and the stabiliser add up to the start
  within {rounding:g} of the largest sum. Depthwise convolutions have few contributions. On the
  last maps of images this small there is only one each, so much relevance stays there (most in
  NASNet).

{networks}

## Ops of each family

{ops}
"""


def table(reports: dict[str, Report]) -> str:
    """The text of the page."""
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
        networks=_markdown(
            ("family", "network", "parameters", "error", seconds, "relevance"), rows
        ),
        ops=_markdown(("family", "ops"), ops),
    )


def _markdown(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
