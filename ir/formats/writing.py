"""Files that are written in one step: whoever reads one finds all of it, or what was there before."""

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
"""Seconds without a change after which such a file is taken for one whose writer was killed."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file, which takes its place at `path` once it is whole and on the disk; else nothing is left of it.

    Until then it has a name of its own in the same folder, which no other writer has and which is not followed where it
    is a link. What writers that were killed have left in that folder goes when it is an hour old. Raises `OSError` that
    names `path`.

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
    """What killed writers have left in a folder."""
    oldest = time.time() - ABANDONED
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if PART.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        os.unlink(entry.path)
