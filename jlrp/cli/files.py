"""Output files: names that do not collide, contents that are whole or absent."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from jlrp.cli.program import InputError, shown


def output_names(paths: Sequence[Path]) -> list[str]:
    """A name per image: its stem; where several share that, `folder-stem`, then `folder-stem-suffix`, then a number.

    Upper and lower case count as the same, as on some file systems.

    >>> output_names([Path("a/1.png"), Path("b/1.png"), Path("b/1.jpg"), Path("b/2.png")])
    ['a-1', 'b-1', 'b-1-jpg', '2']
    """
    times = Counter(path.stem.casefold() for path in paths)
    taken = {stem for stem, n in times.items() if n == 1}
    names = []
    for path in paths:
        alone = times[path.stem.casefold()] == 1
        names.append(path.stem if alone else next(name for name in _longer_names(path) if name.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def require_folder(path: Path) -> None:
    """`InputError` where `path` is something else than a folder; it need not be there."""
    if path.exists() and not path.is_dir():
        raise InputError(f"{shown(path)} is a file: the results need a folder.")


def output_files(folder: Path, name: str, pictures: bool) -> dict[str, Path]:
    """What `jlrp explain` writes for an image of this output name.

    >>> output_files(Path("maps"), "cat", pictures=False)["relevance"].as_posix()
    'maps/cat.npz'
    """
    suffixes = {"relevance": ".npz"} | ({"heatmap": ".heatmap.png", "overlay": ".overlay.png"} if pictures else {})
    return {kind: folder / f"{name}{suffix}" for kind, suffix in suffixes.items()}


def require_new(paths: Iterable[Path], force: bool) -> None:
    """`InputError` that names the first of `paths` that is there and how many more are, unless `force` is given."""
    there = [] if force else [path for path in paths if os.path.lexists(path)]
    if there:
        more = f", and {len(there) - 1} more" if len(there) > 1 else ""
        them = "them" if more else "it"
        raise InputError(f"{shown(there[0])} is there already{more}: give another place, or --force to replace {them}.")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step, its folder too: whoever reads it finds all of it, or the state before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{os.getpid()}.part"
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _longer_names(path: Path) -> Iterator[str]:
    name = f"{path.resolve().parent.name}-{path.stem}"
    yield name
    name = f"{name}-{path.suffix.lstrip('.')}"
    yield name
    yield from (f"{name}-{number}" for number in count(2))
