"""Live Keras models: they save themselves to a file, which the readers read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ir.errors import LoadError


@contextmanager
def save_to_file(model: Any) -> Iterator[Path]:
    """Let a live Keras model save itself to a file, which exists until the block ends."""
    if not callable(getattr(model, "save", None)) or not hasattr(model, "layers"):
        raise TypeError(f"ir.load takes a path or a live Keras model, not {_class_of(model)}.")
    if not getattr(model, "built", True):
        raise LoadError(
            f"{subject(model)} is not built, so that it has no weights: call it on a batch first."
        )
    with TemporaryDirectory(prefix="ir-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "live.keras"
        try:
            model.save(path)
        except Exception as error:  # Keras raises errors of many types
            detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise LoadError(f"{subject(model)} could not be saved to be read: {detail}") from error
        yield path


def subject(model: Any) -> str:
    """The beginning of a sentence about a live model."""
    return f"The model ({_class_of(model)})"


def _class_of(model: Any) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"
