"""How long it takes to import the library, and to run the command line twice.

    python -m benchmarks.startup

Every run is a fresh process. The cache of compiled programs is a new folder, so the first run
compiles and the second does not.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.measure import ROOT, machine
from benchmarks.networks import file_of, photographs
from benchmarks.results import keep

REPEATS = 5

IMPORT = "import time; before = time.perf_counter(); import {module}; print(time.perf_counter() - before)"

RUN = """
import sys, time
before = time.perf_counter()
import jax
from jlrp.propagation import programs
original, reached = programs.explain.__class__.__call__, []
def called(self, *args):
    if self is programs.explain:
        self.lower(*args).compile()  # from the cache, where it is there
        reached.append(time.perf_counter() - before)
    return original(self, *args)
programs.explain.__class__.__call__ = called
from jlrp.cli import program
try:
    program(sys.argv[1:], standalone_mode=True, prog_name="jlrp")
except SystemExit as end:
    assert not end.code, end.code
print("computing after", reached[0])
print("ended after", time.perf_counter() - before)
"""


def main() -> None:
    """Measure, print, keep."""
    print(f"Machine: {machine()}\n")
    rows: list[dict[str, Any]] = []
    for module in ("jax", "ir", "jlrp"):
        took = statistics.median(
            float(_python(IMPORT.format(module=module))) for _ in range(REPEATS)
        )
        rows.append({"what": f"import {module}", "seconds": took})
        print(f"  import {module:<6} {took:5.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        rows += runs(Path(folder))
    print(f"\nKept in {keep('startup', rows)}")


def runs(folder: Path) -> list[dict[str, Any]]:
    """Run `jlrp explain` on one image with ResNet50, with an empty cache and again."""
    Image.fromarray(photographs(1)[0]).save(folder / "photo.png")
    rows = []
    for run in ("first", "second", "third"):
        command = [
            "explain",
            str(file_of("resnet50")),
            str(folder / "photo.png"),
            "-o",
            str(folder / run),
        ]
        lines = _python(RUN, *command, XDG_CACHE_HOME=str(folder / "cache")).splitlines()
        computing, ended = (float(line.rsplit(" ", 1)[1]) for line in lines[-2:])
        rows.append({"what": f"jlrp explain, {run} run", "seconds": computing, "ended": ended})
        print(
            f"  jlrp explain, {run} run: computing after {computing:.2f} s, done after {ended:.2f} "
            "s"
        )
    return rows


def _python(code: str, *args: str, **environment: str) -> str:
    command = [sys.executable, "-c", code, *args]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    if done.returncode:
        raise SystemExit(f"A process that was to be measured failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
