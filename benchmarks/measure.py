"""Timing as the benchmarks do it: medians, blocked until ready, with the machine and versions said."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jaxlib
import numpy as np


def seconds(call: Callable[[], Any]) -> float:
    """Wall-clock seconds of one call, its arrays computed."""
    before = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - before


def median_seconds(call: Callable[[], Any], repeats: int = 5) -> float:
    """The median of several calls."""
    return statistics.median(seconds(call) for _ in range(repeats))


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
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"
