"""One HDF5 file: its objects, by the names of hard links. It reads each object once."""

import struct

import numpy as np

from ir.errors import LoadError
from ir.formats.hdf5.attributes import Attribute, NotTextError, Texts, read_attributes
from ir.formats.hdf5.datasets import Budget, dataset_shape, read_array
from ir.formats.hdf5.links import Links, read_links
from ir.formats.hdf5.metadata import UNDEFINED, DamagedError, Metadata, UnsupportedError
from ir.formats.hdf5.objects import Header, Kind, read_header
from ir.formats.source import Source

Path = tuple[str, ...]
"""The names of the groups from the root on, and the object's own name."""
MAX_DEPTH = 128
"""Groups within each other."""


class Reader:
    """Reads the objects of a file.

    Raises:
        DamagedError: The file contradicts itself.
        UnsupportedError: The file has something that this reader does not know.
        ir.LoadError: The file has something that Keras never writes.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._metadata = Metadata(source)
        self._budget = Budget(source.size)
        self._texts = Texts(self._metadata)
        self._headers: dict[int, Header] = {}
        self._links: dict[int, Links] = {}
        self._attributes: dict[int, dict[str, Attribute]] = {}
        self._strings: dict[tuple[int, str], list[str]] = {}
        self._root = _root(self._metadata, source.size)

    def links(self, path: Path) -> Links:
        """The members of the group at `path`."""
        return self._members(self._walk(path), path)

    def is_group(self, path: Path) -> bool:
        """Whether there is a group at `path`, which must exist."""
        return _is_group(self._walk(path))

    def attributes(self, path: Path) -> dict[str, Attribute]:
        """The attributes of the object at `path`."""
        header = self._walk(path)
        if header.address not in self._attributes:
            self._attributes[header.address] = read_attributes(header)
        return self._attributes[header.address]

    def strings(self, path: Path, name: str) -> list[str]:
        """The attribute `name`, which must exist, as text."""
        key = self._walk(path).address, name
        if key not in self._strings:
            self._strings[key] = self._texts.read(self.attributes(path)[name])
        return self._strings[key]

    def shape(self, path: Path) -> tuple[int, ...]:
        """The shape of the dataset at `path`."""
        return dataset_shape(self._dataset(path)) or ()

    def array(self, path: Path) -> np.ndarray:
        """The numbers of the dataset at `path`."""
        header = self._dataset(path)
        return read_array(
            self._source,
            header,
            self._budget,
            self._is_bfloat16(path),
            f"dataset {quote_path(path)}",
        )

    def _is_bfloat16(self, path: Path) -> bool:
        """Whether an attribute says bfloat16, as Keras writes it."""
        try:
            return "dtype" in self.attributes(path) and self.strings(path, "dtype") == ["bfloat16"]
        except NotTextError:
            return False

    def _dataset(self, path: Path) -> Header:
        header = self._walk(path)
        if not header.has(Kind.LAYOUT):
            raise LoadError(f"is damaged: {quote_path(path)} should be an HDF5 dataset.")
        return header

    def _walk(self, path: Path) -> Header:
        """The header of the object at `path`. It follows no links to other files."""
        if len(path) > MAX_DEPTH:
            raise LoadError(f"is damaged: {quote_path(path)} is more than {MAX_DEPTH} groups deep.")
        header = self._header(self._root)
        for depth, name in enumerate(path, 1):
            links = self._members(header, path[: depth - 1])
            if name not in links:
                raise LoadError(
                    f"is damaged: it lacks {quote_path(path[:depth])}, which its lists of names "
                    "announce."
                )
            address = links[name]
            if address is None:
                where = quote_path(path[:depth])
                raise LoadError(
                    f"has a link to another place at {where}, which is not followed: save it again."
                )
            header = self._header(address)
        return header

    def _header(self, address: int) -> Header:
        self._metadata.step()
        if address not in self._headers:
            self._headers[address] = read_header(self._metadata, address)
        return self._headers[address]

    def _members(self, header: Header, path: Path) -> Links:
        if header.address not in self._links:
            if not _is_group(header):
                raise LoadError(f"is damaged: {quote_path(path)} should be an HDF5 group.")
            self._links[header.address] = read_links(
                self._metadata, header.require(Kind.SYMBOL_TABLE)
            )
        return self._links[header.address]


def _is_group(header: Header) -> bool:
    if header.has(Kind.LINK_INFO) or header.has(Kind.LINK):
        raise UnsupportedError("groups of the newer kind")
    return header.has(Kind.SYMBOL_TABLE)


def _root(metadata: Metadata, size: int) -> int:
    """The address of the root group's header, from a superblock of version 0 or 1."""
    start = metadata.read(0, 16, "the start")
    version, offsets, lengths = start[8], start[13], start[14]
    if version in (2, 3):
        raise UnsupportedError(f"superblocks of version {version}")
    if version > 3:
        raise DamagedError("its superblock is not valid")
    if (offsets, lengths) != (8, 8):
        raise UnsupportedError(f"addresses of {offsets} bytes")
    rest = metadata.read(24 + 4 * version, 48, "the start")
    base, _, end, driver, _, root = struct.unpack("<6Q", rest)
    if end > size:
        raise DamagedError(f"it should have {end:,} bytes, but has {size:,}")
    if base or driver != UNDEFINED:
        raise UnsupportedError("files in several parts")
    return root


def quote_path(path: Path) -> str:
    """A path in quotes, for messages."""
    whole = "/" + "/".join(path)
    return repr(whole if len(whole) <= 200 else f"{whole[:200]}…")
