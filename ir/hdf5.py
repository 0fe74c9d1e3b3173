"""HDF5 files read with care: nothing outside the file is opened, nothing larger than the file is allocated."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, takewhile
from pathlib import Path

import h5py
import numpy as np

from ir.errors import LoadError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_COMPRESSED = 1000
"""How many bytes one byte of a compressed dataset may stand for."""


@contextmanager
def opened(path: Path) -> Iterator["Group"]:
    """The root group of the HDF5 file at `path`."""
    try:
        file = h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise LoadError(f"is cut off or damaged: HDF5 says {_brief(error)}. Copy or download it again.") from error
    with file:
        yield Group(file, Budget(os.path.getsize(path)))


class Budget:
    """How many bytes may still be read: each byte of a file is worth itself, a compressed one more."""

    def __init__(self, file_size: int) -> None:
        self.file_size = file_size
        self.left = file_size

    def spend(self, what: str, size: int, stored: int) -> None:
        """Take `size` bytes, of which the file stores `stored`; raise `LoadError` where the file cannot hold them."""
        self.left -= stored
        if stored > self.file_size or self.left < 0 or size > MOST_COMPRESSED * max(stored, 1):
            raise LoadError(
                f"is damaged: {what} claims {size:,} bytes, more than a file of {self.file_size:,} bytes holds."
            )


class Group:
    """A group of an HDF5 file; names in messages are paths from the file's root."""

    def __init__(self, group: h5py.Group, budget: Budget) -> None:
        self._group = group
        self._budget = budget

    @property
    def path(self) -> str:
        """Where the group is in the file."""
        return str(self._group.name)

    def __contains__(self, name: str) -> bool:
        """Whether the group has a member of this name, of whatever kind."""
        return bool(self._group.id.links.exists(name.encode()))

    def group(self, name: str) -> "Group":
        """The group at `name` (groups divided by `/`)."""
        member = self._walked(name)
        if not isinstance(member, h5py.Group):
            raise LoadError(f"is damaged: {member.name!r} should be an HDF5 group.")
        return Group(member, self._budget)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of the dataset at `name`, without reading it."""
        return tuple(self._dataset(name).shape or ())

    def array(self, name: str) -> np.ndarray:
        """The dataset at `name` (groups divided by `/`), float16 and bfloat16 raised to float32."""
        dataset = self._dataset(name)
        with _reported(f"dataset {dataset.name!r}"):
            return self._read(dataset)

    def has_attribute(self, name: str) -> bool:
        """Whether there is an attribute of this name, whole or in pieces `name0`, `name1`, …."""
        with _reported(f"the attributes of {self.path!r}"):
            return name in self._group.attrs or f"{name}0" in self._group.attrs

    def text(self, name: str) -> str | None:
        """The attribute as one string; `None` where there is none."""
        if not self.has_attribute(name):
            return None
        values = self._strings(name)
        if len(values) != 1:
            raise LoadError(f"is damaged: the attribute {name!r} of {self.path!r} should be one string.")
        return values[0]

    def names(self, name: str) -> list[str]:
        """The attribute as a list of strings, put together where the writer split it into `name0`, `name1`, …."""
        if not self.has_attribute(name):
            raise LoadError(f"is damaged: {self.path!r} lacks the attribute {name!r}.")
        if name in self._group.attrs:
            return self._strings(name)
        pieces = takewhile(lambda piece: piece in self._group.attrs, (f"{name}{index}" for index in count()))
        return [text for piece in pieces for text in self._strings(piece)]

    def _dataset(self, name: str) -> h5py.Dataset:
        member = self._walked(name)
        if not isinstance(member, h5py.Dataset):
            raise LoadError(f"is damaged: {member.name!r} should be an HDF5 dataset.")
        return member

    def _walked(self, name: str) -> h5py.Group | h5py.Dataset:
        member = self._group
        for part in name.split("/"):
            if not isinstance(member, h5py.Group):
                raise LoadError(f"is damaged: {member.name!r} should be an HDF5 group.")
            member = self._member(member, part)
        return member

    def _member(self, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
        """A member of `group` in this very file, through a hard link only."""
        where = f"{str(group.name).rstrip('/')}/{name}"
        with _reported(repr(where)):
            links = group.id.links
            if name in ("", ".") or not links.exists(name.encode()):
                raise LoadError(f"is damaged: it lacks {where!r}, which its lists of names announce.")
            if links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
                raise LoadError(f"has a link to another place at {where!r}, which is not followed: save it again.")
            return group[name]

    def _strings(self, name: str) -> list[str]:
        what = f"the attribute {name!r} of {self.path!r}"
        with _reported(what):
            stored = h5py.h5a.open(self._group.id, name.encode())
            size = int(np.prod(stored.shape, dtype=object)) * stored.dtype.itemsize
            if size > self._budget.file_size:
                raise LoadError(f"is damaged: {what} claims {size:,} bytes, more than the file has.")
            values = np.asarray(self._group.attrs[name])
        if values.size == 0:
            return []
        if values.dtype.kind not in "SUO":
            raise LoadError(f"is damaged: {what} should hold text.")
        return [_decoded(value, what) for value in values.reshape(-1).tolist()]

    def _read(self, dataset: h5py.Dataset) -> np.ndarray:
        what = f"dataset {dataset.name!r}"
        if dataset.is_virtual or dataset.external:
            raise LoadError(f"keeps {what} in another file, which is not opened: save the model again into one file.")
        if dataset.shape is None:
            raise LoadError(f"is damaged: {what} holds no numbers.")
        size = int(np.prod(dataset.shape, dtype=object)) * dataset.dtype.itemsize
        stored = int(dataset.id.get_storage_size())
        if stored < size and dataset.compression is None:
            raise LoadError(f"is damaged: {what} claims {size:,} bytes, but the file holds {stored:,} of them.")
        self._budget.spend(what, size, stored)
        if dataset.dtype.kind not in "fiu" and not _is_bfloat16(dataset):
            raise LoadError(f"is damaged: {what} should hold numbers, but holds {dataset.dtype}.")
        array = np.empty(dataset.shape, dataset.dtype)
        if array.size:
            dataset.read_direct(array)
        if _is_bfloat16(dataset):
            return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        return native.astype(np.float32) if native.dtype == np.float16 else native


def _is_bfloat16(dataset: h5py.Dataset) -> bool:
    """Keras marks bfloat16, which HDF5 does not know, by an attribute on bytes of its width."""
    named = dataset.attrs.get("dtype") if "dtype" in dataset.attrs else None
    return named in ("bfloat16", b"bfloat16") and dataset.dtype.itemsize == 2 and dataset.dtype.kind in "Vu"


def _decoded(value: object, what: str) -> str:
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise LoadError(f"is damaged: {what} is not text in UTF-8.") from error


@contextmanager
def _reported(what: str) -> Iterator[None]:
    """Errors of the HDF5 library as `LoadError`s that say what was being read."""
    try:
        yield
    except LoadError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise LoadError(f"is cut off or damaged: {what} cannot be read ({_brief(error)}).") from error


def _brief(error: BaseException) -> str:
    return str(error).strip("\"' .")[:200] or type(error).__name__
