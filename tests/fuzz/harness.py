"""Reading one input within limits, and what came of it.

A model, a `LoadError` as it should be, or a failure.
"""

import os
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ir

SECONDS = 2.0
"""Of processor time that reading an input may take, in this process and in one that it starts."""
PATIENCE = 30.0
"""Seconds that a machine that others use as well may add to them."""
MEMORY = 2**30
UNFORESEEN = "not written by Keras: "
"""Is in messages about errors that no reader expected.

They are `LoadError`s, but could say more.
"""
LONGEST = 1200
"""Letters of a message."""


@dataclass(frozen=True)
class Outcome:
    """What came of an input.

    kind: `"model"`, `"refused"` or `"failed"`; message: of the `LoadError`, or what is wrong;
    seconds of processor time; memory: bytes taken; apart: whether another process was started.
    """

    kind: str
    message: str
    seconds: float
    memory: int
    apart: bool


class LateError(BaseException):
    """Raised in whatever takes too long; nothing that is tested catches it."""


def read(path: Path, architecture: Path | None = None, seconds: float = SECONDS) -> Outcome:
    """Load a model file, with the file of its architecture if it needs one."""
    start, before = _spent(), _reset_peak()
    kind, message = "failed", ""
    try:
        with _watched(seconds):
            model = ir.load(path, architecture=architecture)
            message, kind = f"{len(model.shapes)} values", "model"
    except ir.LoadError as error:
        kind, message = _judged(str(error), error, path, architecture)
    except LateError:
        message = "is not done after the time that it has"
    except Exception:
        message = traceback.format_exc(limit=-5)
    own, others = (b - a for a, b in zip(start, _spent(), strict=True))
    memory = _peak() - before
    if kind != "failed" and own + others > seconds:
        kind, message = "failed", f"takes {own + others:.1f} s: {message}"
    if kind != "failed" and memory > MEMORY:
        kind, message = "failed", f"takes {memory / 2**20:,.0f} MiB: {message}"
    return Outcome(kind, message, own + others, memory, others > 0)


def _judged(message: str, error: BaseException, *paths: Path | None) -> tuple[str, str]:
    """Whether a `LoadError` is one.

    Of one line, not long, about the file, and not for lack of memory.
    """
    problem = ""
    if not message.isprintable():
        problem = "has letters that cannot be shown"
    elif len(message) > LONGEST:
        problem = f"has {len(message):,} letters"
    elif not any(path is not None and str(path) in message for path in paths):
        problem = "does not name the file"
    elif any(isinstance(cause, MemoryError) for cause in _causes(error)):
        problem = "is for lack of memory"
    return (
        ("failed", f"the message {problem}: {message[:2000]!a}")
        if problem
        else ("refused", message)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@contextmanager
def _watched(seconds: float) -> Iterator[None]:
    """Raise `LateError` in what takes too long."""

    def late(*_: object) -> None:
        raise LateError

    kinds = (
        (signal.ITIMER_PROF, signal.SIGPROF, seconds),
        (signal.ITIMER_REAL, signal.SIGALRM, PATIENCE + seconds),
    )
    before = [signal.signal(number, late) for _, number, _ in kinds]
    try:
        for timer, _, most in kinds:
            signal.setitimer(timer, most)
        yield
    finally:
        for (timer, number, _), handler in zip(kinds, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def _spent() -> tuple[float, float]:
    """Seconds of processor time, of this process and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time(), children.ru_utime + children.ru_stime


def _reset_peak() -> int:
    """Begin anew to watch for the most memory.

    Returns what is taken now, or the most so far where Linux is not.
    """
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return _peak()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _peak() -> int:
    """The most memory since then."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
