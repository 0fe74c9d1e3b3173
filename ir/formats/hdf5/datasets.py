"""Datasets: arrays that lie in the file in one piece."""

import math

import numpy as np

from ir.errors import LoadError
from ir.formats.hdf5.datatypes import Datatype, read_datatype, read_shape
from ir.formats.hdf5.metadata import UNDEFINED, DamagedError, UnsupportedError
from ir.formats.hdf5.objects import Header, Kind, unpack
from ir.formats.source import Memory, Source

COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL = range(4)


class Budget:
    """How many bytes of arrays may still be read: together as many as the file has."""

    def __init__(self, file_size: int) -> None:
        self.file_size = self.left = file_size

    def spend(self, what: str, size: int) -> None:
        """Take `size` bytes; raise `LoadError` if the file cannot hold them."""
        self.left -= size
        if self.left < 0:
            raise LoadError(
                f"is damaged: {what} claims {size:,} bytes, more than a file of {self.file_size:,} "
                "bytes holds."
            )


def read_array(
    source: Source, header: Header, budget: Budget, bfloat16: bool, what: str
) -> np.ndarray:
    """The numbers of a dataset. Float16 and bfloat16 become float32.

    Args:
        source: The file.
        header: The dataset's header.
        budget: The bytes that may still be read.
        bfloat16: Whether an attribute says that values of two bytes are bfloat16.
        what: The dataset, for messages.

    Returns:
        An array with its own memory.
    """
    shape, place = dataset_shape(header), header.require(Kind.LAYOUT)
    if header.has(Kind.EXTERNAL_FILES) or _is_virtual(place):
        raise LoadError(
            f"keeps {what} in another file, which is not opened: save the model again into one "
            "file."
        )
    if shape is None:
        raise LoadError(f"is damaged: {what} holds no numbers.")
    datatype = read_datatype(header.require(Kind.DATATYPE))
    bfloat16 = datatype.bfloat16 or (bfloat16 and _may_be_bfloat16(datatype))
    if datatype.dtype is None and not bfloat16:
        raise LoadError(
            f"is damaged: {what} should hold numbers, but holds "
            f"{datatype.kind.removeprefix('varying ')}."
        )
    array = np.empty(
        _check_size(shape, datatype.size, budget, what), datatype.dtype or np.dtype("<u2")
    )
    if array.size:
        source, start = _locate(source, header, place, array.nbytes, what)
        source.read_into(start, array.reshape(-1).view(np.uint8).data)
    return _widen(array, bfloat16)


def dataset_shape(header: Header) -> tuple[int, ...] | None:
    """The shape of a dataset; `None` if it holds nothing."""
    return read_shape(header.require(Kind.DATASPACE))


def _is_virtual(layout: bytes) -> bool:
    return layout[:1] in (b"\4", b"\5") and layout[1:2] == bytes([VIRTUAL])


def _may_be_bfloat16(datatype: Datatype) -> bool:
    unsigned = datatype.dtype is not None and datatype.dtype.kind == "u"
    return datatype.size == 2 and (unsigned or datatype.kind == "bytes")


def _check_size(
    shape: tuple[int, ...], itemsize: int, budget: Budget, what: str
) -> tuple[int, ...]:
    """The shape, after its bytes were taken from the budget."""
    budget.spend(what, math.prod(shape) * itemsize)
    if any(length > budget.file_size for length in shape):  # a length of 0 hides the others
        raise LoadError(
            f"is damaged: {what} claims the shape {shape}, more than the file has bytes."
        )
    return shape


def _locate(
    source: Source, header: Header, layout: bytes, size: int, what: str
) -> tuple[Source, int]:
    """Where the values are: a source, and the offset there."""
    version, kind = unpack("<BB", layout, 0, "a layout")
    if version in (1, 2):
        raise UnsupportedError("layouts of the oldest kind")
    if not 3 <= version <= 5 or kind > CHUNKED:
        raise DamagedError("its layout is not valid")
    if kind == CHUNKED or _has_filters(header):
        raise UnsupportedError("data in chunks")
    if kind == COMPACT:
        (stored,), start = unpack("<H", layout, 2, "a layout"), 4
        source, stored = Memory(layout), min(stored, len(layout) - start)
    else:
        start, stored = unpack("<QQ", layout, 2, "a layout")
        stored = 0 if start == UNDEFINED else stored
    if stored < size:
        raise LoadError(
            f"is damaged: {what} claims {size:,} bytes, but the file holds {stored:,} of them."
        )
    if start + size > source.size:
        raise DamagedError(
            f"its values are said to be at byte {start:,}, beyond the end of the file"
        )
    return source, start


def _has_filters(header: Header) -> bool:
    filters = header.body(Kind.FILTERS)
    return filters is not None and filters[1:2] != b"\0"


def _widen(array: np.ndarray, bfloat16: bool) -> np.ndarray:
    """The array in the machine's byte order and in single precision at least."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if bfloat16:
        wide = native.astype(np.uint32)
        wide <<= 16
        result = np.empty(wide.shape, np.float32)
        result.view(np.uint32)[...] = wide
        return result
    return native.astype(np.float32) if native.dtype == np.float16 else native
