"""The types and shapes of stored values."""

import struct
from dataclasses import dataclass

import numpy as np

from ir.formats.hdf5.metadata import DamagedError, UnsupportedError
from ir.formats.hdf5.objects import unpack

Shape = tuple[int, ...] | None
"""`()` for a single value, `None` for no value."""
MAX_AXES = 32
CLASSES = (
    "integer",
    "float",
    "time",
    "text",
    "bits",
    "bytes",
    "records",
    "references",
    "names",
    "lists",
    "arrays",
)
FLOATS = {
    # Size; offset, precision, position and width of exponent and mantissa, bias; sign's position.
    (2, struct.pack("<HHBBBBI", 0, 16, 10, 5, 0, 10, 15), 15): "f2",
    (2, struct.pack("<HHBBBBI", 0, 16, 7, 8, 0, 7, 127), 15): "bfloat16",
    (4, struct.pack("<HHBBBBI", 0, 32, 23, 8, 0, 23, 127), 31): "f4",
    (8, struct.pack("<HHBBBBI", 0, 64, 52, 11, 0, 52, 1023), 63): "f8",
}


@dataclass(frozen=True)
class Datatype:
    """The type of one value.

    Attributes:
        kind: `"number"`, `"text"` (of `size` bytes), `"varying text"` (in a heap), or another of
            `CLASSES`.
        size: The number of bytes.
        dtype: How NumPy reads a number's bytes. NumPy does not know bfloat16: it reads uint16.
        bfloat16: Whether the number is a bfloat16.
        padding: The bytes that may follow a text.
    """

    kind: str
    size: int
    dtype: np.dtype | None = None
    bfloat16: bool = False
    padding: bytes = b"\0"


def read_datatype(body: bytes) -> Datatype:
    """The type that a datatype message describes."""
    first, low, high, size = unpack("<BBHI", body, 0, "a datatype")
    kind, bits = first & 15, low | high << 8
    if not 1 <= first >> 4 <= 5 or kind >= len(CLASSES) or size == 0:
        raise DamagedError("a datatype is not valid")
    if kind == 0:
        return _integer(body, bits, size)
    if kind == 1:
        return _float(body, bits, size)
    if kind == 3:
        return Datatype("text", size, padding=b"\0 " if bits & 15 == 2 else b"\0")
    if kind == 9 and bits & 15 == 1:
        return Datatype("varying text", size)
    return Datatype(CLASSES[kind], size)


def _integer(body: bytes, bits: int, size: int) -> Datatype:
    offset, precision = unpack("<HH", body, 8, "a datatype")
    if size not in (1, 2, 4, 8) or offset or precision != 8 * size:
        raise UnsupportedError(f"integers of {precision} bits in {size} bytes")
    return Datatype("number", size, np.dtype(f"{_order(bits)}{'i' if bits & 8 else 'u'}{size}"))


def _float(body: bytes, bits: int, size: int) -> Datatype:
    name = FLOATS.get((size, body[8:20], bits >> 8 & 255))
    # The bits: big or little-endian, and the mantissa's first bit implied.
    if name is None or bits & 0b1110000 != 0b0100000:
        raise UnsupportedError("floats that are not IEEE 754's")
    bfloat16 = name == "bfloat16"
    return Datatype("number", size, np.dtype(_order(bits) + ("u2" if bfloat16 else name)), bfloat16)


def _order(bits: int) -> str:
    return ">" if bits & 1 else "<"


def read_shape(body: bytes) -> Shape:
    """The shape that a dataspace message describes."""
    version, rank, _, kind = unpack("<BBBB", body, 0, "a dataspace")
    if version not in (1, 2) or rank > MAX_AXES or (version == 2 and kind > 2):
        raise DamagedError("a dataspace is not valid")
    if version == 2 and kind == 2:
        return None
    return unpack(f"<{rank}Q", body, 8 if version == 1 else 4, "a dataspace")
