"""Paths of params: the keys of a leaf of a pytree, from the outermost on."""

import itertools
from collections.abc import Sequence

from jlrp.tracing.values import Origin

Path = tuple[str, ...]


def path_of(origin: Origin, paths: Sequence[Path]) -> Path:
    """The keys of a leaf, with the indices that loops took of it."""
    leaf, places = origin
    path = paths[leaf]
    for place, index in places:
        path = (*path[:place], str(index), *path[place:])
    return path


def common(paths: Sequence[Path]) -> Path:
    """The keys that all paths begin with."""
    columns = itertools.takewhile(lambda keys: len(set(keys)) == 1, zip(*paths, strict=False))
    return tuple(keys[0] for keys in columns)
