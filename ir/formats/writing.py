"""Files that are written in one step: a reader finds the whole new file or the old one."""

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PART = re.compile(r"\.jlrp-[0-9a-f]{16}\.part")
"""The names of files that are not whole yet."""

ABANDONED = 3600
"""Seconds without a change after which we assume that the writer was killed."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a new file that replaces `path` in one step.

    Until it is whole and on the disk, the new file has its own random name in the same folder. If
    the block raises, the file is deleted. Files that killed writers left in the folder are deleted
    after an hour.

    Args:
        path: Where the file goes.

    Yields:
        The open file.

    Raises:
        OSError: The file cannot be written. The error names `path`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "numbers"
        ...     with replacing(path) as file:
        ...         _ = file.write(b"1 2 3")
        ...     path.read_bytes(), [found.name for found in Path(folder).iterdir()]
        (b'1 2 3', ['numbers'])
    """
    part = path.parent / f".jlrp-{secrets.token_hex(8)}.part"
    try:
        _remove_abandoned(path.parent)
        file = part.open("xb")
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _remove_abandoned(folder: Path) -> None:
    """Delete what killed writers left in a folder."""
    oldest = time.time() - ABANDONED
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if PART.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        os.unlink(entry.path)
