"""The groups of an HDF5 file as the loaders see them."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, takewhile
from typing import TypeVar

import numpy as np

from ir.errors import LoadError
from ir.formats import source
from ir.formats.hdf5.attributes import NotTextError
from ir.formats.hdf5.metadata import DamagedError, UnsupportedError
from ir.formats.hdf5.reader import Path, Reader, quote_path
from ir.formats.hdf5.separate import rewrite
from ir.formats.source import Source

T = TypeVar("T")


@contextmanager
def open_root(origin: str | os.PathLike[str] | Source, only_own: bool = False) -> Iterator["Group"]:
    """Open an HDF5 file.

    Args:
        origin: The file's path, or a source of its bytes.
        only_own: Whether to refuse what our own reader does not know. Otherwise the HDF5 library
            reads it.

    Yields:
        The root group.
    """
    with ExitStack() as stack:
        if isinstance(origin, str | os.PathLike):
            origin = stack.enter_context(source.open_file(origin))
        file = _File(origin, stack, only_own)
        file.attempt("its start", lambda reader: reader.links(()))
        yield Group(file, ())


class _File:
    """A file with its reader. If the reader does not know something, the file is rewritten."""

    def __init__(self, origin: Source, stack: ExitStack, only_own: bool) -> None:
        self._source, self._stack, self._only_own = origin, stack, only_own
        self._reader: Reader | None = None
        self._rewritten = False

    def attempt(self, what: str, work: Callable[[Reader], T]) -> T:
        """Do `work` and return its result; every error becomes a `LoadError` about `what`."""
        with _as_load_errors(what):
            try:
                return work(self._read())
            except UnsupportedError as error:
                if self._only_own:
                    raise LoadError(
                        f"has {error} at {what}, which only the HDF5 library reads, and hdf5='own' "
                        "keeps it out: save the model again in Keras, or allow the library with "
                        "hdf5='any'."
                    ) from error
                if self._rewritten:
                    raise
            self._source = self._stack.enter_context(rewrite(self._source))
            self._reader, self._rewritten = None, True
            return work(self._read())

    def _read(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self._source)
        return self._reader


class Group:
    """A group of an HDF5 file. Messages name paths from the file's root."""

    def __init__(self, file: _File, parts: Path) -> None:
        self._file, self._parts = file, parts

    @property
    def path(self) -> str:
        """Where the group is in the file."""
        return "/" + "/".join(self._parts)

    def __contains__(self, name: str) -> bool:
        """Whether the group has a member of this name, of any kind."""
        return name in self._attempt(lambda reader: reader.links(self._parts))

    def members(self) -> list[str]:
        """The names of all members, sorted."""
        return sorted(self._attempt(lambda reader: reader.links(self._parts)))

    def is_group(self, name: str) -> bool:
        """Whether the member of this name is a group in this file."""
        if self._attempt(lambda reader: reader.links(self._parts)).get(name) is None:
            return False
        return self._attempt(lambda reader: reader.is_group(self._at(name)), name)

    def group(self, name: str) -> "Group":
        """The group at the path `name`."""
        self._attempt(lambda reader: reader.links(self._at(name)), name)
        return Group(self._file, self._at(name))

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of the dataset at the path `name`. It does not read the numbers."""
        return self._attempt(lambda reader: reader.shape(self._at(name)), name)

    def array(self, name: str) -> np.ndarray:
        """The dataset at the path `name`. Float16 and bfloat16 become float32."""
        what = f"dataset {quote_path(self._at(name))}"
        return self._file.attempt(what, lambda reader: reader.array(self._at(name)))

    def has_attribute(self, name: str) -> bool:
        """Whether there is an attribute of this name, whole or in pieces `name0`, `name1`, …."""
        return self._has(name) or self._has(f"{name}0")

    def text(self, name: str) -> str | None:
        """The attribute as one string; `None` if there is no such attribute."""
        if not self.has_attribute(name):
            return None
        values = self.names(name)
        if len(values) != 1:
            raise LoadError(
                f"is damaged: the attribute {name!r} of {self._label} should be one string."
            )
        return values[0]

    def names(self, name: str) -> list[str]:
        """The attribute as a list of strings. Pieces `name0`, `name1`, … are joined."""
        if not self.has_attribute(name):
            raise LoadError(f"is damaged: {self._label} lacks the attribute {name!r}.")
        if self._has(name):
            return self._strings(name)
        pieces = takewhile(self._has, (f"{name}{index}" for index in count()))
        return [text for piece in pieces for text in self._strings(piece)]

    @property
    def _label(self) -> str:
        return quote_path(self._parts)

    def _at(self, name: str) -> Path:
        return (*self._parts, *name.split("/"))

    def _has(self, name: str) -> bool:
        what = f"the attributes of {self._label}"
        return name in self._file.attempt(what, lambda reader: reader.attributes(self._parts))

    def _strings(self, name: str) -> list[str]:
        what = f"the attribute {name!r} of {self._label}"
        try:
            return list(self._file.attempt(what, lambda reader: reader.strings(self._parts, name)))
        except NotTextError as error:
            raise LoadError(f"is damaged: {what} {error}.") from error

    def _attempt(self, work: Callable[[Reader], T], name: str | None = None) -> T:
        return self._file.attempt(self._label if name is None else quote_path(self._at(name)), work)


@contextmanager
def _as_load_errors(what: str) -> Iterator[None]:
    """Turn a reader's errors into `LoadError`s that say what it was reading."""
    try:
        yield
    except DamagedError as error:
        raise LoadError(f"is cut off or damaged: {what} cannot be read ({error}).") from error
    except UnsupportedError as error:
        raise LoadError(
            f"has {error} at {what}, which cannot be read: load it in Keras and save it again."
        ) from error
    except MemoryError as error:
        raise LoadError(f"needs more memory than there is: {what} cannot be read.") from error
