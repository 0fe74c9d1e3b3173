"""Measure time and memory: medians, finished arrays, and the machine and versions."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jaxlib
import numpy as np

ROOT = Path(__file__).parent.parent


def seconds(call: Callable[[], Any]) -> float:
    """Seconds of one call, until its arrays are computed."""
    before = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - before


def median_seconds(call: Callable[[], Any], repeats: int = 5) -> float:
    """The median seconds of several calls."""
    return statistics.median(seconds(call) for _ in range(repeats))


def interleaved(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """The seconds of each call, in rounds that run all calls in turn.

    One round before does not count. What slows down a round on a shared machine slows down all its
    calls, so compare within rounds.
    """
    for call in calls.values():
        jax.block_until_ready(call())
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            taken[name].append(seconds(call))
    return taken


PEAK = """
def peak():
    import resource, sys
    try:
        return 1024 * next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
"""


def peak_of(code: str) -> int:
    """The peak memory, in bytes, of a fresh process that runs some code in the project's root."""
    done = subprocess.run(
        [sys.executable, "-c", f"{PEAK}\n{code}\nprint(peak())"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise SystemExit(f"A process that was to be measured failed:\n{done.stderr}")
    return int(done.stdout.split()[-1])


def machine() -> str:
    """Processor, cores, versions and commit, in one line."""
    return ", ".join(
        (
            _processor(),
            f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores",
            f"Python {platform.python_version()}",
            f"NumPy {np.__version__}",
            f"JAX {jax.__version__}, jaxlib {jaxlib.__version__} on {jax.default_backend()}",
            f"XLA_FLAGS={os.environ.get('XLA_FLAGS', '')!r}",
            f"commit {_commit()}",
        )
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    return done.stdout.strip() or "unknown"
