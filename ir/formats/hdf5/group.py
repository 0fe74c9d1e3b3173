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
from ir.formats.hdf5.reader import Path, Reader, shown
from ir.formats.hdf5.separate import rewritten
from ir.formats.source import Source

T = TypeVar("T")


@contextmanager
def opened(origin: str | os.PathLike[str] | Source, only_own: bool = False) -> Iterator["Group"]:
    """The root group of an HDF5 file, given by its path or as a source of bytes.

    Args:
        origin: The file.
        only_own: Whether to refuse what our own reader does not know, in place of asking the HDF5 library.
    """
    with ExitStack() as stack:
        if isinstance(origin, str | os.PathLike):
            origin = stack.enter_context(source.opened(origin))
        file = _File(origin, stack, only_own)
        file.tried("its start", lambda reader: reader.links(()))
        yield Group(file, ())


class _File:
    """The reader of a file; from the first thing that it does not know on, that of the file rewritten."""

    def __init__(self, origin: Source, stack: ExitStack, only_own: bool) -> None:
        self._source, self._stack, self._only_own = origin, stack, only_own
        self._reader: Reader | None = None
        self._rewritten = False

    def tried(self, what: str, work: Callable[[Reader], T]) -> T:
        """What `work` returns; whatever can go wrong is a `LoadError` about `what`."""
        with _reported(what):
            try:
                return work(self._read())
            except UnsupportedError as error:
                if self._only_own:
                    raise LoadError(
                        f"has {error} at {what}, which only the HDF5 library reads, and hdf5='own' keeps it out: save "
                        "the model again in Keras, or allow the library with hdf5='any'."
                    ) from error
                if self._rewritten:
                    raise
            self._source = self._stack.enter_context(rewritten(self._source))
            self._reader, self._rewritten = None, True
            return work(self._read())

    def _read(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self._source)
        return self._reader


class Group:
    """A group of an HDF5 file; names in messages are paths from the file's root."""

    def __init__(self, file: _File, parts: Path) -> None:
        self._file, self._parts = file, parts

    @property
    def path(self) -> str:
        """Where the group is in the file."""
        return "/" + "/".join(self._parts)

    def __contains__(self, name: str) -> bool:
        """Whether the group has a member of this name, of whatever kind."""
        return name in self._tried(lambda reader: reader.links(self._parts))

    def members(self) -> list[str]:
        """The names of all members, sorted."""
        return sorted(self._tried(lambda reader: reader.links(self._parts)))

    def is_group(self, name: str) -> bool:
        """Whether the group has a member of this name in this file that is a group."""
        if self._tried(lambda reader: reader.links(self._parts)).get(name) is None:
            return False
        return self._tried(lambda reader: reader.is_group(self._at(name)), name)

    def group(self, name: str) -> "Group":
        """The group at `name` (groups divided by `/`)."""
        self._tried(lambda reader: reader.links(self._at(name)), name)
        return Group(self._file, self._at(name))

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of the dataset at `name`, without reading it."""
        return self._tried(lambda reader: reader.shape(self._at(name)), name)

    def array(self, name: str) -> np.ndarray:
        """The dataset at `name` (groups divided by `/`), float16 and bfloat16 raised to float32."""
        what = f"dataset {shown(self._at(name))}"
        return self._file.tried(what, lambda reader: reader.array(self._at(name)))

    def has_attribute(self, name: str) -> bool:
        """Whether there is an attribute of this name, whole or in pieces `name0`, `name1`, …."""
        return self._has(name) or self._has(f"{name}0")

    def text(self, name: str) -> str | None:
        """The attribute as one string; `None` where there is none."""
        if not self.has_attribute(name):
            return None
        values = self.names(name)
        if len(values) != 1:
            raise LoadError(f"is damaged: the attribute {name!r} of {self._shown} should be one string.")
        return values[0]

    def names(self, name: str) -> list[str]:
        """The attribute as a list of strings, put together where the writer split it into `name0`, `name1`, …."""
        if not self.has_attribute(name):
            raise LoadError(f"is damaged: {self._shown} lacks the attribute {name!r}.")
        if self._has(name):
            return self._strings(name)
        pieces = takewhile(self._has, (f"{name}{index}" for index in count()))
        return [text for piece in pieces for text in self._strings(piece)]

    @property
    def _shown(self) -> str:
        return shown(self._parts)

    def _at(self, name: str) -> Path:
        return (*self._parts, *name.split("/"))

    def _has(self, name: str) -> bool:
        what = f"the attributes of {self._shown}"
        return name in self._file.tried(what, lambda reader: reader.attributes(self._parts))

    def _strings(self, name: str) -> list[str]:
        what = f"the attribute {name!r} of {self._shown}"
        try:
            return list(self._file.tried(what, lambda reader: reader.strings(self._parts, name)))
        except NotTextError as error:
            raise LoadError(f"is damaged: {what} {error}.") from error

    def _tried(self, work: Callable[[Reader], T], name: str | None = None) -> T:
        return self._file.tried(self._shown if name is None else shown(self._at(name)), work)


@contextmanager
def _reported(what: str) -> Iterator[None]:
    """What a reader raises as `LoadError`s that say what was being read."""
    try:
        yield
    except DamagedError as error:
        raise LoadError(f"is cut off or damaged: {what} cannot be read ({error}).") from error
    except UnsupportedError as error:
        raise LoadError(f"has {error} at {what}, which cannot be read: load it in Keras and save it again.") from error
    except MemoryError as error:
        raise LoadError(f"needs more memory than there is: {what} cannot be read.") from error
