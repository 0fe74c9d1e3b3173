"""Errors about a model file: one sentence that names the file."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ir.errors import LoadError

SAVE_AGAIN = 'load it in Keras and save it with model.save("model.keras")'
MALFORMED = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    OSError,
    EOFError,
    RuntimeError,
    MemoryError,
)
"""What reading a file that makes no sense may raise."""

MAX_LETTERS = 800
"""Letters of a message; what a file says may be longer."""


@contextmanager
def reported(subject: str) -> Iterator[None]:
    """Turn whatever goes wrong into a `LoadError` that begins with `subject`.

    >>> with reported("The file 'a.h5'"):
    ...     raise LoadError("is empty.")
    Traceback (most recent call last):
    ir.LoadError: The file 'a.h5' is empty.
    """
    try:
        with np.errstate(all="ignore"):  # the numbers of a file are what they are
            yield
    except LoadError as error:
        text = str(error)
        short = (
            text
            if len(text) <= MAX_LETTERS
            else f"{text[: MAX_LETTERS // 2]} … {text[-MAX_LETTERS // 2 :]}"
        )
        raise LoadError(f"{subject} {short}") from error.__cause__
    except MALFORMED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise LoadError(f"{subject} cannot be read: {error.strerror}.") from error
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise LoadError(f"{subject} is damaged or was not written by Keras: {detail}") from error


def file_subject(path: str | os.PathLike[str]) -> str:
    """Return how a sentence about a file begins."""
    return f"The file {str(path)!r}"


def require_file(path: Path) -> None:
    """Raise `LoadError` unless `path` is an ordinary file."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise LoadError("does not exist.") from error
    if stat.S_ISDIR(mode):
        what = "a SavedModel directory" if (path / "saved_model.pb").exists() else "a directory"
        raise LoadError(f"is {what}; a file is needed: {SAVE_AGAIN}.")
    if not stat.S_ISREG(mode):
        raise LoadError("is no ordinary file.")


def unknown(start: bytes) -> LoadError:
    """Return the error for a file of no known format that begins with these bytes."""
    if not start:
        return LoadError("is empty.")
    if start.startswith(b"version https://git-lfs"):
        return LoadError(
            "is a placeholder of Git LFS, not the model itself: fetch it with `git lfs pull`."
        )
    return LoadError(
        f"is no model file (it begins with {start[:8]!r}): one that Keras saved as .keras or .h5, "
        "or one of ir.save, is needed."
    )
