"""A long attack on the readers and commands.

In a pool of workers, as processes, and with processes that are killed.

    python -m tests.fuzz.attack --inputs 100000 --processes 2000 --kills 200 --seed 0

A failure is printed with the words that make it again: `python -m tests.fuzz.surfaces SURFACE
    NUMBER`.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
CHUNK = 200
PATIENCE = 300
"""Seconds after which a process is one that does not end."""


def batch(cases: list[tuple[str, int]]) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Some inputs in this process: counts of what came of them, and failures."""
    from tests.fuzz.surfaces import once

    warnings.simplefilter("error")
    counts: Counter[tuple[str, str]] = Counter()
    failures = []
    with TemporaryDirectory(prefix="fuzz-") as folder:
        os.chdir(folder)
        for surface, number in cases:
            try:
                outcome = once(surface, number, Path(folder))
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                outcome = "failed"
                failures.append(
                    f"{surface} {number}: {''.join(traceback.format_exception(error, limit=-4))}"
                )
            counts[surface, outcome] += 1
        os.chdir(ROOT)
    return counts, failures


def in_process(inputs: int, seed: int, workers: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Inputs in a pool of workers."""
    from tests.fuzz.surfaces import SHARES

    rng = Random(f"attack {seed}")
    cases = [
        (s, rng.getrandbits(48)) for s in rng.choices(list(SHARES), list(SHARES.values()), k=inputs)
    ]
    counts: Counter[tuple[str, str]] = Counter()
    failures: list[str] = []
    chunks = [cases[begin : begin + CHUNK] for begin in range(0, inputs, CHUNK)]
    with get_context("spawn").Pool(workers, maxtasksperchild=40) as pool:
        for number, (found, failed) in enumerate(pool.imap_unordered(batch, chunks), 1):
            counts += found
            failures += failed
            for failure in failed:
                print(f"FAILED {failure}", flush=True)
            if number % 10 == 0:
                print(f"{sum(counts.values()):,} inputs, {len(failures)} failed", flush=True)
    return counts, failures


def one_process(number: int) -> tuple[str, str]:
    """A command as a process of its own, with streams and surroundings of any kind."""
    from tests.fuzz.surfaces import FailedError, images, judge, made_arguments, require_whole

    rng = Random(f"process {number}")
    with TemporaryDirectory(prefix="fuzz-") as place:
        folder = Path(place)
        for name in ("a.png", "b.png"):
            (folder / name).write_bytes(images()["png RGB"])
        given = [
            each.encode("utf-8", "surrogateescape" if rng.random() < 0.5 else "replace")
            for each in (_encodable(each) for each in made_arguments(rng, folder))
        ]
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JAX_PLATFORMS": "cpu",
            "XDG_CACHE_HOME": _cache(),
        }
        env |= rng.choice(
            (
                {},
                {},
                {"PYTHONIOENCODING": "ascii"},
                {"LC_ALL": "C", "PYTHONUTF8": "0"},
                {"NO_COLOR": "1"},
            )
        )
        streams = rng.choice(("both", "both", "both", "no reader", "closed", "full"))
        command = [sys.executable.encode(), b"-m", b"jlrp", *given]
        out: object = subprocess.PIPE
        if streams == "no reader":
            ours, out = os.pipe()
            os.close(ours)
        elif streams == "full":
            out = os.open("/dev/full", os.O_WRONLY)
        before = set(folder.rglob("*"))
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,  # type: ignore[arg-type]
                timeout=PATIENCE,
                check=False,
                close_fds=True,
                preexec_fn=(lambda: os.close(1)) if streams == "closed" else None,
            )
        except subprocess.TimeoutExpired:
            return "failed", f"process {number}: does not end: {given}"
        finally:
            if isinstance(out, int) and out >= 0:
                os.close(out)
        try:
            seen = (
                (done.stdout or b"").decode("utf-8", "replace")
                if streams == "both"
                else "Usage: nobody knows"
            )
            judge(done.returncode, seen, done.stderr.decode("utf-8", "replace"))
            for path in set(folder.rglob("*")) - before:
                require_whole(path)
        except FailedError as error:
            return "failed", f"process {number} ({streams}) {given}: {error}"
        return ("fine" if done.returncode == 0 else "refused"), ""


def one_kill(number: int) -> tuple[str, str]:
    """A run that is killed: what it has written is whole, and the next run removes what was not."""
    from tests.fuzz.surfaces import SMALL, FailedError, images, require_whole

    rng = Random(f"kill {number}")
    with TemporaryDirectory(prefix="fuzz-") as place:
        folder = Path(place)
        for k in range(30):
            (folder / f"{k}.png").write_bytes(images()["png RGB"])
        what = rng.choice(("explain", "explain", "convert"))
        rest = ["."] if what == "explain" else ["m.safetensors", "--force"]
        more = ["-o", "maps", "--force", "--batch-size", "4"] if what == "explain" else []
        command = [sys.executable, "-m", "jlrp", what, str(SMALL), *rest, *more]
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JAX_PLATFORMS": "cpu",
            "XDG_CACHE_HOME": _cache(),
        }
        with subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            if what == "explain":  # from its first file on
                until = time.monotonic() + PATIENCE
                while (
                    process.poll() is None
                    and not (folder / "maps").exists()
                    and time.monotonic() < until
                ):
                    time.sleep(0.005)
                time.sleep(rng.random() * 2)
            else:
                time.sleep(1 + rng.random() * 2)
            process.send_signal(
                rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
            )
            process.communicate(timeout=PATIENCE)
        parts = 0
        try:
            for path in folder.rglob("*"):
                if path.suffix == ".part":
                    parts += 1
                    os.utime(path, (0, 0))
                else:
                    require_whole(path)
            if parts:
                again = subprocess.run(
                    command, cwd=folder, env=env, capture_output=True, timeout=PATIENCE, check=False
                )
                if again.returncode or list(folder.rglob("*.part")):
                    raise FailedError(f"parts are left: {again.stderr!r}")
        except FailedError as error:
            return "failed", f"kill {number}: {error}"
        return ("part removed by the next run" if parts else "whole"), ""


def _encodable(text: str) -> str:
    return "".join(letter if not "\ud800" <= letter <= "\udfff" else "\udcff" for letter in text)


def _cache() -> str:
    return os.environ.get("FUZZ_CACHE", "/tmp/fuzz-cache")


def _several(what: str, function: object, count: int, seed: int, workers: int) -> Iterator[str]:
    """Processes, several at a time; yields failures."""
    counts: Counter[str] = Counter()
    rng = Random(f"{what} {seed}")
    with ThreadPoolExecutor(workers) as pool:
        for number, (outcome, failure) in enumerate(
            pool.map(function, [rng.getrandbits(40) for _ in range(count)]), 1
        ):  # type: ignore[arg-type]
            counts[outcome] += 1
            if failure:
                print(f"FAILED {failure}", flush=True)
                yield failure
            if number % 100 == 0:
                print(f"{what}: {dict(counts)}", flush=True)
    print(f"{what}: {count:,}, {dict(counts)}", flush=True)


def main() -> int:
    """Run as the command line says; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.attack", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="in process (%(default)s)")
    parser.add_argument(
        "--processes", type=int, default=100, help="as processes of their own (%(default)s)"
    )
    parser.add_argument(
        "--kills", type=int, default=20, help="processes that are killed (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another number, other inputs")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="at a time (%(default)s)"
    )
    given = parser.parse_args()
    failures: list[str] = []
    if given.inputs:
        counts, failed = in_process(given.inputs, given.seed, given.workers)
        failures += failed
        for surface in sorted({surface for surface, _ in counts}):
            found = {
                outcome: count
                for (each, outcome), count in sorted(counts.items())
                if each == surface
            }
            print(f"{surface:10} {sum(found.values()):9,}  {found}")
    if given.processes:
        failures += _several("processes", one_process, given.processes, given.seed, given.workers)
    if given.kills:
        failures += _several("kills", one_kill, given.kills, given.seed, given.workers)
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
