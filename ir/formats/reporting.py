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
"""What the readers may raise for a file that makes no sense."""

MAX_LETTERS = 800
"""Letters of a message. A longer one, which quotes the file, is cut in the middle."""


@contextmanager
def report_errors(subject: str) -> Iterator[None]:
    """Turn every error into a `LoadError` that begins with `subject`.

    Example:
        >>> with report_errors("The file 'a.h5'"):
        ...     raise LoadError("is empty.")
        Traceback (most recent call last):
        ir.LoadError: The file 'a.h5' is empty.
    """
    try:
        with np.errstate(all="ignore"):  # no warnings about numbers of the file
            yield
    except LoadError as error:
        text = str(error)
        if len(text) > MAX_LETTERS:
            text = f"{text[: MAX_LETTERS // 2]} … {text[-MAX_LETTERS // 2 :]}"
        raise LoadError(f"{subject} {text}") from error.__cause__
    except MALFORMED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise LoadError(f"{subject} cannot be read: {error.strerror}.") from error
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise LoadError(f"{subject} is damaged or was not written by Keras: {detail}") from error


def file_subject(path: str | os.PathLike[str]) -> str:
    """The beginning of a sentence about a file."""
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


def unknown_format(start: bytes) -> LoadError:
    """The error for a file of no known format that begins with these bytes."""
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
