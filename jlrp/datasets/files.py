"""Files: names that do not collide, places to write to, contents that are never half there."""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from ir.formats.writing import replacing
from jlrp.datasets.errors import DataError
from jlrp.text import printable_path


def output_names(paths: Sequence[Path]) -> list[str]:
    """Name each file: its stem, `folder-stem`, `folder-stem-suffix`, or that and a number.

    Upper and lower case count as the same, as on some file systems.

    >>> output_names([Path("a/1.png"), Path("b/1.png"), Path("b/1.jpg"), Path("b/2.png")])
    ['a-1', 'b-1', 'b-1-jpg', '2']
    """
    times = Counter(path.stem.casefold() for path in paths)
    taken = {stem for stem, n in times.items() if n == 1}
    names = []
    for path in paths:
        alone = times[path.stem.casefold()] == 1
        names.append(
            path.stem
            if alone
            else next(name for name in _longer_names(path) if name.casefold() not in taken)
        )
        taken.add(names[-1].casefold())
    return names


def require_file(path: Path, what: str = "") -> None:
    """Raise `DataError` unless `path` is an ordinary file; `what` begins the sentence."""
    name = f"{what} {printable_path(path)}".lstrip()
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        detail = error.strerror if isinstance(error, OSError) else "No such file"
        raise DataError(f"{name} cannot be read: {detail}.") from None
    if not stat.S_ISREG(mode):
        raise DataError(f"{name} is {'a folder' if stat.S_ISDIR(mode) else 'no ordinary file'}.")


def require_folder(path: Path) -> None:
    """Raise `DataError` unless files can be written into the folder `path`; it need not exist."""
    if os.path.lexists(path) and not path.is_dir():
        what = "a link that leads nowhere" if path.is_symlink() and not path.exists() else "a file"
        raise DataError(f"{printable_path(path)} is {what}: the results need a folder.")
    there = next(folder for folder in (path, *path.absolute().parents) if os.path.lexists(folder))
    if not there.is_dir():
        raise DataError(
            f"{printable_path(path)} cannot be made: {printable_path(there)} is no folder."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise DataError(
            f"{printable_path(there)} cannot be written into: give another place, or change its "
            "permissions."
        )


def require_new(paths: Iterable[Path], force: bool) -> None:
    """Raise `DataError` if some of `paths` exist, unless `force` is given."""
    there = [] if force else [path for path in paths if os.path.lexists(path)]
    if there:
        more = f", and {len(there) - 1} more" if len(there) > 1 else ""
        them = "them" if more else "it"
        raise DataError(
            f"{printable_path(there[0])} is there already{more}: give another place, or force=True "
            f"to replace {them}."
        )


def require_apart(outputs: Iterable[Path], inputs: Iterable[Path | str | None]) -> None:
    """Raise `DataError` if an output is a file that is read.

    Links count as the files that they lead to, and as themselves. `inputs` may hold other words
    too.
    """
    read = {
        key: Path(path) for path in inputs if path is not None for key in _identities(Path(path))
    }
    for output in outputs:
        for key in _identities(output):
            if key in read:
                raise DataError(
                    f"{printable_path(output)} would be written, and is the file "
                    f"{printable_path(read[key])} that is read: give another place for what is "
                    "written."
                )


def require_place(path: Path, force: bool, what: str = "") -> None:
    """Raise `DataError` unless a new file can be written at `path`; `what` begins a sentence."""
    if path.is_dir():
        raise DataError(f"{what} {printable_path(path)} is a folder: give a file in it.".lstrip())
    require_new([path], force)
    require_folder(path.parent)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files, each in one step: all of them, or none if one cannot be written."""
    written: list[Path] = []
    try:
        for path, content in contents.items():
            write_whole(path, content)
            written.append(path)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step and make its folder; nobody ever sees half of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(content)


def _identities(path: Path) -> Iterator[tuple[int, int]]:
    """Yield what identifies a file whatever its name, and what a link leads to."""
    for look in (os.stat, os.lstat):
        with suppress(OSError, ValueError):
            found = look(path)
            yield found.st_dev, found.st_ino


def _longer_names(path: Path) -> Iterator[str]:
    name = f"{Path(os.path.realpath(path)).parent.name}-{path.stem}"
    yield name
    name = f"{name}-{path.suffix.lstrip('.')}"
    yield name
    yield from (f"{name}-{number}" for number in count(2))
