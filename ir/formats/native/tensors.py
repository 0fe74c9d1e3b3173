"""Named arrays in the safetensors format.

A file has the header's length, the header in JSON, and one buffer of numbers. The reader checks
everything against the file's size before it allocates memory. Names are unique, and the arrays
fill the buffer one behind the other.
"""

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from ir.errors import LoadError
from ir.formats.source import Source
from ir.formats.strict_json import brief, parse
from ir.formats.writing import replacing
from ir.ops.base import MAX_DIMENSIONS

DTYPES = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype(np.int64),
    "I32": np.dtype(np.int32),
    "I16": np.dtype(np.int16),
    "I8": np.dtype(np.int8),
    "U64": np.dtype(np.uint64),
    "U32": np.dtype(np.uint32),
    "U16": np.dtype(np.uint16),
    "U8": np.dtype(np.uint8),
    "BOOL": np.dtype(np.bool_),
}
"""The dtypes by the format's names."""

CODES = {dtype: code for code, dtype in DTYPES.items()}
METADATA = "__metadata__"
MAX_HEADER = 16 * 2**20
"""Bytes of the header. The objects that it becomes take many times its size."""

BLOCK, ALIGNMENT = 16 * 2**20, 64
"""Size and alignment of the memory that arrays are read into, in bytes."""

SWAPPED = sys.byteorder == "big"
"""Whether this machine orders the bytes of a number differently from the file."""


def begins(start: bytes) -> bool:
    r"""Whether a file that begins with these bytes (9 at least) is of this format.

    Example:
        >>> begins((16).to_bytes(8, "little") + b'{"a":'), begins(b"\x89HDF\r\n\x1a\n{")
        (True, False)
    """
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**32


def read(source: Source) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays by name, in the order of the buffer, and the metadata."""
    places, metadata = read_places(source)
    return arrays(source, places), metadata


def read_places(source: Source) -> tuple[list["Place"], dict[str, str]]:
    """Where the arrays are, and the metadata. It reads no array."""
    header, start = _header(source)
    metadata = _metadata(header.pop(METADATA, {}))
    return _places(header, start, source.size), metadata


def arrays(source: Source, places: list["Place"]) -> dict[str, np.ndarray]:
    """The arrays at these places, by name."""
    size = sum(place.end - place.begin + ALIGNMENT for place in places)
    memory = _Memory(size)
    try:
        return {place.name: _array(source, place, memory) for place in places}
    except MemoryError as error:
        raise LoadError(f"needs {size:,} bytes of memory, more than there is.") from error


def write(path: Path, arrays: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
    """Write a file in one step: a reader finds the whole new file or the old one.

    Args:
        path: Where the file goes.
        arrays: The arrays by name, in any layout and byte order and on any device. The file has
            wide numbers first, so that each array begins at a multiple of its width.
        metadata: Text by name.

    Raises:
        ValueError: The format does not have a name or a dtype.
    """
    ordered = sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize)
    header: dict[str, Any] = {METADATA: dict(metadata)}
    position = 0
    for name, array in ordered:
        if name == METADATA:
            raise ValueError(f"No tensor can have the name {METADATA!r}: give it another.")
        end = position + math.prod(array.shape) * array.dtype.itemsize
        header[name] = {
            "dtype": _code(name, array),
            "shape": [int(n) for n in array.shape],
            "data_offsets": [position, end],
        }
        position = end
    start = _encode(header)
    with replacing(path) as file:
        file.write(len(start).to_bytes(8, "little"))
        file.write(start)
        for _, array in ordered:
            file.write(_bytes(_in_file_order(array)).data)


@dataclass(frozen=True)
class Place:
    """Where in a file an array lies, and what it is."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


def _header(source: Source) -> tuple[dict[str, Any], int]:
    """The header, its length checked, and the byte at which the buffer begins."""
    length = int.from_bytes(source.read(0, 8), "little")
    if length > source.size - 8:
        raise LoadError(
            f"is cut off: its header takes {length:,} bytes, of which it has {source.size - 8:,}. "
            "Copy or download it again."
        )
    if length > MAX_HEADER:
        raise LoadError(f"has a header of {length:,} bytes, of which {MAX_HEADER:,} are allowed.")
    try:
        text = source.read(8, length).decode("utf-8")
    except UnicodeDecodeError as error:
        raise LoadError("is damaged: its header is not text in UTF-8.") from error
    header = parse(text, "its header")
    if not isinstance(header, dict):
        raise LoadError("is damaged: its header is no JSON object.")
    return header, 8 + length


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise LoadError(f"is damaged: {METADATA!r} in its header should hold text by name.")
    return value


def _places(header: dict[str, Any], start: int, end: int) -> list[Place]:
    """Where every array lies: one behind the other from the byte `start` to the byte `end`."""
    places = sorted(
        (_place(*item, start) for item in header.items()),
        key=lambda place: (place.begin, place.end),
    )
    position = start
    for place in places:
        if place.begin != position:
            raise LoadError(
                f"is damaged: the tensor {brief(place.name)} begins at byte {place.begin:,}, but "
                f"the one before it ends at {position:,}."
            )
        position = place.end
    if position > end:
        raise LoadError(
            f"is cut off: its tensors end at byte {position:,}, but it has {end:,} bytes. Copy or "
            "download it again."
        )
    if position < end:
        raise LoadError(
            f"is damaged: the last {end - position:,} of its bytes belong to no tensor."
        )
    return places


def _place(name: str, entry: Any, start: int) -> Place:
    """The place in one entry of the header; the buffer begins at byte `start`."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise LoadError(
            f"is damaged: the tensor {brief(name)} needs dtype, shape and data_offsets, nothing "
            "else."
        )
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise LoadError(
            f"holds the tensor {brief(name)} of dtype {brief(code)}; {', '.join(DTYPES)} can be "
            "loaded."
        )
    if not _are_lengths(shape) or len(shape) > MAX_DIMENSIONS:
        raise LoadError(f"is damaged: the tensor {brief(name)} has the shape {brief(shape)}.")
    if not _are_lengths(offsets) or len(offsets) != 2:
        raise LoadError(
            f"is damaged: the tensor {brief(name)} has the data_offsets {brief(offsets)}."
        )
    width, (begin, end) = DTYPES[code].itemsize, offsets
    if math.prod(shape) * width != end - begin or math.prod(n for n in shape if n) * width >= 2**63:
        raise LoadError(
            f"is damaged: the tensor {brief(name)} of shape {brief(shape)} and dtype {code} lies "
            f"from byte {begin:,} to {end:,}."
        )
    return Place(name, DTYPES[code], tuple(shape), start + begin, start + end)


def _are_lengths(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


class _Memory:
    """Memory in aligned pieces of larger blocks.

    It is twice as fast to fill as new memory for each array. Only a single piece can be larger
    than `BLOCK`: an array keeps its whole block alive.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._block = np.empty(0, np.uint8)

    def piece(self, size: int) -> np.ndarray:
        """The next `size` bytes."""
        taken = size + -size % ALIGNMENT
        self._left -= taken
        if size > BLOCK:
            return _allocate(size)
        if size > len(self._block):
            self._block = _allocate(max(size, min(BLOCK, self._left + taken)))
        piece, self._block = self._block[:size], self._block[taken:]
        return piece


def _allocate(size: int) -> np.ndarray:
    """Bytes that begin at a multiple of `ALIGNMENT`."""
    block = np.empty(size + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + size]


def _array(source: Source, place: Place, memory: _Memory) -> np.ndarray:
    content = memory.piece(place.end - place.begin)
    source.read_into(place.begin, content.data)
    if place.dtype == np.bool_ and content.max(initial=0) > 1:
        raise LoadError(
            f"is damaged: the tensor {brief(place.name)} of dtype BOOL holds other bytes than 0 "
            "and 1."
        )
    array = content.view(place.dtype).reshape(place.shape)
    return _swap_bytes(array) if SWAPPED else array


def _code(name: str, array: Any) -> str:
    """The format's name of an array's dtype."""
    dtype = array.dtype.newbyteorder("=")
    if dtype not in CODES:
        raise ValueError(
            f"The weights {name!r} are of dtype {dtype}, but a file holds "
            f"{', '.join(map(str, CODES))}."
        )
    return CODES[dtype]


def _in_file_order(array: Any) -> np.ndarray:
    """The same numbers as one block, in the file's byte order."""
    values = np.asarray(array)
    values = np.asarray(values, values.dtype.newbyteorder("="), order="C")
    return _swap_bytes(values) if SWAPPED else values


def _swap_bytes(array: np.ndarray) -> np.ndarray:
    return array.view(f"u{array.dtype.itemsize}").byteswap().view(array.dtype)


def _bytes(array: np.ndarray) -> np.ndarray:
    """The memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8)


def _encode(header: dict[str, Any]) -> bytes:
    """The header in JSON, padded with spaces so that the buffer begins at a multiple of 8."""
    try:
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"The name {brief(error.object[error.start :])} cannot be written in UTF-8."
        ) from error
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(
            f"The file's header would take {len(text):,} bytes, of which {MAX_HEADER:,} are "
            "allowed."
        )
    return text
