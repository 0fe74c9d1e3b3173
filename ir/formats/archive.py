"""Zip archives from strangers, for example Keras's `.keras` files.

The code writes nothing to disk, and it checks every size before it reads.
"""

import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ir.errors import LoadError
from ir.formats import source
from ir.formats.source import Memory, Source, Window, max_expanded

SIGNATURE = b"PK\x03\x04"
MAX_TEXT = 8 * 2**20
"""Bytes of an entry of text. The largest configuration that we know has 2 MB."""
MAX_COMPRESSION = 1000
"""Bytes that one compressed byte of an entry may stand for."""
MAX_DIRECTORY = 2**20
"""Bytes of the archive's directory."""
PIECE = 2**16
ENCRYPTED = 1


@contextmanager
def open_archive(origin: str | os.PathLike[str] | Source) -> Iterator["Archive"]:
    """Open the zip archive at a path or in a source of bytes."""
    with ExitStack() as stack:
        if isinstance(origin, str | os.PathLike):
            origin = stack.enter_context(source.open_file(origin))
        yield Archive(origin)


class Archive:
    """An archive. It raises `LoadError` for entries with suspicious names and for damage."""

    def __init__(self, origin: Source) -> None:
        self._source = origin
        infos, self._end = _directory(origin)
        for info in infos:
            _check_entry(info)
        self._entries = {info.filename: info for info in infos}
        if len(self._entries) < len(infos):
            twice = next(
                info.filename
                for info in reversed(infos)
                if self._entries.pop(info.filename, None) is None
            )
            raise LoadError(f"is damaged: its archive has two entries of the name {_quote(twice)}.")

    @property
    def names(self) -> list[str]:
        """The names of all entries, in the order of the archive."""
        return list(self._entries)

    def text(self, name: str) -> str:
        """The entry of this name as text."""
        info = self._entry(name)
        if info.file_size > MAX_TEXT:
            raise LoadError(
                f"is damaged: its entry {_quote(name)} claims {info.file_size:,} bytes, more than "
                f"the {MAX_TEXT:,} that any configuration has."
            )
        content = self._content(info)
        try:
            return content.read(0, content.size).decode("utf-8")
        except UnicodeDecodeError as error:
            raise LoadError(
                f"is damaged: its entry {_quote(name)} is not text in UTF-8."
            ) from error

    def weights(self, name: str) -> Source:
        """The bytes of an entry, in place if it is not compressed and in memory otherwise."""
        return self._content(self._entry(name))

    def _entry(self, name: str) -> zipfile.ZipInfo:
        if name in self._entries:
            return self._entries[name]
        if name.endswith(".h5") and f"{name.removesuffix('.h5')}.npz" in self._entries:
            raise LoadError(
                "keeps its weights in model.weights.npz, which is never opened, as it may hold "
                'pickled code: save the model again with weights_format="h5", which is the default.'
            )
        listed = ", ".join(map(_quote, self.names[:5])) + (", …" if len(self.names) > 5 else "")
        raise LoadError(
            f"is an archive without {_quote(name)} (it has {listed or 'no entries'}): save the "
            "model again."
        )

    def _content(self, info: zipfile.ZipInfo) -> Source:
        """The bytes of an entry, decompressed if necessary."""
        stored = Window(self._source, self._start(info), info.compress_size)
        if info.compress_type == zipfile.ZIP_STORED:
            if info.file_size != info.compress_size:
                raise LoadError(
                    f"is damaged: its entry {_quote(info.filename)} has two different sizes."
                )
            return stored
        if info.compress_type != zipfile.ZIP_DEFLATED:
            raise LoadError(
                f"has the entry {_quote(info.filename)} in a compression that Keras never uses."
            )
        most = min(MAX_COMPRESSION * info.compress_size, max_expanded(self._source.size))
        if info.file_size > most:
            raise LoadError(
                f"is damaged: its entry {_quote(info.filename)} claims {info.file_size:,} bytes, "
                f"but the archive holds {info.compress_size:,} of them."
            )
        return Memory(_inflate(stored, info))

    def _start(self, info: zipfile.ZipInfo) -> int:
        """Where the bytes of an entry begin: behind its local header, which must fit."""
        header = self._source.read(info.header_offset, 30)
        name_size, extra_size = struct.unpack_from("<HH", header, 26)
        name = self._source.read(info.header_offset + 30, name_size)
        start = info.header_offset + 30 + name_size + extra_size
        encoding = "utf-8" if info.flag_bits & 0x800 else "cp437"
        if (
            not header.startswith(SIGNATURE)
            or name != info.orig_filename.encode(encoding, "replace")
            or start + info.compress_size > self._end
        ):
            raise LoadError(
                f"is cut off or damaged: its entry {_quote(info.filename)} is not where it should "
                "be."
            )
        return start


def _directory(origin: Source) -> tuple[list[zipfile.ZipInfo], int]:
    """The entries that the archive's directory lists, and where the directory begins."""
    try:
        with zipfile.ZipFile(_Readable(origin)) as archive:
            return archive.infolist(), archive.start_dir
    except LoadError:
        raise
    except Exception as error:  # a damaged directory makes zipfile raise almost anything
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        raise LoadError(
            f"is cut off or damaged: its zip archive cannot be read ({detail})."
        ) from error


def _check_entry(info: zipfile.ZipInfo) -> None:
    """Raise `LoadError` for paths that leave the archive, links and encrypted entries."""
    name = info.orig_filename
    parts = name.split("/")
    if (
        name.startswith("/")
        or ".." in parts
        or "\\" in name
        or "\0" in name
        or re.match("[A-Za-z]:", name)
    ):
        raise LoadError(
            f"has an archive entry that points outside of it ({_quote(name)}), which is never "
            "opened."
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise LoadError(
            f"has an archive entry that is a link ({_quote(name)}) and could point outside of it."
        )
    if info.flag_bits & ENCRYPTED:
        raise LoadError(
            f"has an encrypted archive entry ({_quote(name)}), which is not supported: save it "
            "again."
        )


def _inflate(stored: Source, info: zipfile.ZipInfo) -> bytearray:
    """The decompressed bytes of an entry, never more than it claims."""
    content, filled = bytearray(info.file_size), 0
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for start in range(0, stored.size, PIECE):
            pending = stored.read(start, min(PIECE, stored.size - start))
            while pending and filled <= len(content) and not inflate.eof:
                piece = inflate.decompress(pending, PIECE)
                content[filled : filled + len(piece)] = piece
                filled += len(piece)
                pending = inflate.unconsumed_tail
    except zlib.error as error:
        raise LoadError(
            f"is cut off or damaged: its entry {_quote(info.filename)} cannot be decompressed."
        ) from error
    if filled != info.file_size or not inflate.eof or zlib.crc32(content) != info.CRC:
        raise LoadError(
            f"is cut off or damaged: its entry {_quote(info.filename)} is not what it was when it "
            "was saved."
        )
    return content


class _Readable(io.RawIOBase):
    """A source as a file for `zipfile`; no read is larger than a plausible directory."""

    def __init__(self, origin: Source) -> None:
        self._source, self._position = origin, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[
            whence
        ]
        if start + offset < 0:
            raise OSError("seek before the start")
        self._position = start + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = max(self._source.size - self._position, 0)
        size = left if size is None or size < 0 else min(size, left)
        if size > MAX_DIRECTORY:
            raise LoadError(f"is damaged: the directory of its zip archive claims {size:,} bytes.")
        content = self._source.read(self._position, size)
        self._position += size
        return content


def _quote(name: str) -> str:
    """A name in quotes, cut at 100 letters."""
    return repr(name if len(name) <= 100 else f"{name[:100]}…")
