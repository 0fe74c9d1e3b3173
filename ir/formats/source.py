"""Where the bytes of a model file come from: a file, a part of one, or memory.

A read outside the bounds raises `LoadError`.
"""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ir.errors import LoadError

MAX_EXPANSION = 16
"""Bytes that one compressed byte of a large file may stand for."""
FREE = 64 * 2**20
"""Bytes that the content of any file may take."""


class Source(Protocol):
    """Bytes with random access. A read returns all the bytes or raises `LoadError`."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    def read(self, offset: int, count: int) -> bytes:
        """The `count` bytes from `offset` on."""

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target`, whose items are bytes, with the bytes from `offset` on."""


@contextmanager
def open_file(path: str | os.PathLike[str]) -> Iterator["File"]:
    """Open the regular file at `path`. It is never mapped into memory, as it may shrink."""
    try:
        # Opening a pipe would wait for its writer.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise LoadError("is no regular file.")
        file = io.FileIO(path)
    except OSError as error:
        raise LoadError(f"cannot be read: {error.strerror or type(error).__name__}.") from error
    with file:
        _check_holes(os.fstat(file.fileno()))
        yield File(file)


def _check_holes(status: os.stat_result) -> None:
    """Refuse a large file with little on the disk: its content could fill the memory."""
    room = 512 * getattr(status, "st_blocks", 0)
    if room and status.st_size > max_expanded(room):
        raise LoadError(
            f"is damaged: of its {status.st_size:,} bytes only {room:,} were ever written."
        )


def max_expanded(size: int) -> int:
    """The number of bytes that `size` compressed bytes may take.

    Weights hardly compress. A zip bomb does.
    """
    return FREE + MAX_EXPANSION * size


class File:
    """An open, unbuffered file."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size

    def read(self, offset: int, count: int) -> bytes:
        """The `count` bytes from `offset` on."""
        check_bounds(self, offset, count)
        content = bytearray(count)
        self.read_into(offset, memoryview(content))
        return bytes(content)

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""
        check_bounds(self, offset, len(target))
        try:
            self._file.seek(offset)
            while target:
                count = self._file.readinto(target)
                if not count:
                    raise LoadError("is cut off: it became shorter while it was read.")
                target = target[count:]
        except OSError as error:
            raise LoadError(f"cannot be read: {error.strerror or type(error).__name__}.") from error


class Window:
    """The `size` bytes of another source from `start` on: an entry of an archive, for example."""

    def __init__(self, source: Source, start: int, size: int) -> None:
        check_bounds(source, start, size)
        self._source, self._start, self.size = source, start, size

    def read(self, offset: int, count: int) -> bytes:
        """The `count` bytes from `offset` on."""
        check_bounds(self, offset, count)
        return self._source.read(self._start + offset, count)

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""
        check_bounds(self, offset, len(target))
        self._source.read_into(self._start + offset, target)


class Memory:
    """Bytes in memory."""

    def __init__(self, content: bytes | bytearray) -> None:
        self._content, self.size = memoryview(content), len(content)

    def read(self, offset: int, count: int) -> bytes:
        """The `count` bytes from `offset` on."""
        check_bounds(self, offset, count)
        return bytes(self._content[offset : offset + count])

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `offset` on."""
        check_bounds(self, offset, len(target))
        target[:] = self._content[offset : offset + len(target)]


def check_bounds(source: Source, offset: int, count: int) -> None:
    """Raise `LoadError` if a source does not have these bytes."""
    if offset < 0 or count < 0 or offset + count > source.size:
        raise LoadError(
            f"is cut off or damaged: {count:,} bytes from byte {offset:,} on are needed, but it "
            f"has {source.size:,}."
        )
