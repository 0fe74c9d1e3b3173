"""Attributes: small named values in an object's header, and the heap with their text."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ir.formats.hdf5.datatypes import read_datatype, read_shape
from ir.formats.hdf5.metadata import UNDEFINED, DamagedError, Metadata, UnsupportedError
from ir.formats.hdf5.objects import Header, Kind, own_body, unpack


class NotTextError(Exception):
    """An attribute does not hold text. The error says what is wrong."""


@dataclass(frozen=True)
class Attribute:
    """An attribute as stored."""

    shared: bool
    datatype: bytes
    dataspace: bytes
    data: bytes


def read_attributes(header: Header) -> dict[str, Attribute]:
    """The attributes of an object by name."""
    info = header.body(Kind.ATTRIBUTE_INFO)
    if info is not None and _heap_address(info) != UNDEFINED:
        raise UnsupportedError("attributes outside of the header")
    return dict(_attribute(own_body(m)) for m in header.messages if m.kind == Kind.ATTRIBUTE)


def _heap_address(info: bytes) -> int:
    _, flags = unpack("<BB", info, 0, "an attribute's place")
    return unpack("<Q", info, 4 if flags & 1 else 2, "an attribute's place")[0]


def _attribute(body: bytes) -> tuple[str, Attribute]:
    """Name and content of an attribute message: four parts, padded to 8 bytes in version 1."""
    version, flags, *sizes = unpack("<BBHHH", body, 0, "an attribute")
    if version not in (1, 2, 3):
        raise DamagedError("an attribute is not valid")
    position, parts = 9 if version == 3 else 8, []
    for size in sizes:
        parts.append(body[position : position + size])
        position += (size + 7) // 8 * 8 if version == 1 else size
    if position > len(body):
        raise DamagedError("an attribute is too short")
    name, datatype, dataspace = parts
    try:
        text = name.split(b"\0")[0].decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedError("an attribute's name is not text in UTF-8") from error
    return text, Attribute(version > 1 and bool(flags & 3), datatype, dataspace, body[position:])


class Texts:
    """Reads attributes as text, and each heap once."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._heaps: dict[int, tuple[bytes, dict[int, tuple[int, int]]]] = {}

    def read(self, attribute: Attribute) -> list[str]:
        """The strings of an attribute. An empty attribute of any type has none."""
        if attribute.shared:
            raise UnsupportedError("datatypes that are stored elsewhere")
        shape = read_shape(attribute.dataspace)
        count = 0 if shape is None else math.prod(shape)
        if count == 0:
            return []
        try:
            return [value.decode("utf-8") for value in self._values(attribute, count)]
        except UnicodeDecodeError as error:
            raise NotTextError("is not text in UTF-8") from error

    def _values(self, attribute: Attribute, count: int) -> Iterator[bytes]:
        datatype, data = read_datatype(attribute.datatype), attribute.data
        if datatype.kind not in ("text", "varying text"):
            raise NotTextError("should hold text")
        size = datatype.size
        if count * size > len(data) or (datatype.kind == "varying text" and size != 16):
            raise DamagedError(f"it claims {count * size:,} bytes, but has {len(data):,}")
        self._metadata.step(count)
        for start in range(0, count * size, size):
            value = data[start : start + size]
            yield (
                value.rstrip(datatype.padding) if datatype.kind == "text" else self._varying(value)
            )

    def _varying(self, reference: bytes) -> bytes:
        """The text behind a reference: its length, a heap's address and an index there."""
        length, address, index = struct.unpack("<IQI", reference)
        if length == 0 or address in (0, UNDEFINED):
            return b""
        if address not in self._heaps:
            self._heaps[address] = _heap(self._metadata, address)
        content, places = self._heaps[address]
        start, size = places.get(index, (0, -1))
        if length > size:
            raise DamagedError("its text is not where it should be")
        self._metadata.spend_text(length)
        return content[start : start + length].split(b"\0")[0]


def _heap(metadata: Metadata, address: int) -> tuple[bytes, dict[int, tuple[int, int]]]:
    """A collection of a global heap: its bytes, and start and size of each object by index."""
    header = metadata.read(address, 16, "a heap of texts")
    if not header.startswith(b"GCOL\1"):
        raise DamagedError(f"there is no heap of texts at byte {address:,}")
    (size,) = struct.unpack_from("<Q", header, 8)
    content = metadata.read(address + 16, max(size - 16, 0), "a heap of texts")
    places: dict[int, tuple[int, int]] = {}
    position = 0
    while position + 16 <= len(content):
        index, size = struct.unpack_from("<H6xQ", content, position)
        if index == 0:  # the rest is free
            break
        if position + 16 + size > len(content) or index in places:
            raise DamagedError("a heap of texts is not valid")
        places[index] = position + 16, size
        position += 16 + (size + 7) // 8 * 8
    metadata.step(len(places) + 1)
    return content, places
