"""Which classes of an image are explained: its best ones, or some by number or label."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jlrp.cli.labels import Labels, target_index
from jlrp.cli.program import InputError


@dataclass(frozen=True)
class Rank:
    """An image's own class of this place: 0 is the one with the largest output."""

    place: int


Target = int | Rank
"""A class by its number, the same for all images, or by its rank in each."""


def parsed(text: str, classes: int, labels: Labels) -> tuple[Target, ...]:
    """What `--targets` means: `top3`, `predicted`, numbers and labels, several with commas between; each once.

    >>> parsed("top2,7", 10, Labels())
    (Rank(place=0), Rank(place=1), 7)
    """
    found: list[Target] = []
    for word in filter(None, map(str.strip, text.split(","))):
        found.extend(_meant(word, classes, labels))
    if not found:
        raise InputError("--targets names no class: give top3, predicted, or numbers and labels such as 3,tabby.")
    return tuple(dict.fromkeys(found))


def chosen(targets: Sequence[Target], output: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """The class that each target means for each image: output (N, classes) → (targets, N). Of equals the lowest first.

    >>> chosen([Rank(1), 0], np.array([[0.0, 5.0, 2.0], [9.0, 1.0, 1.0]])).tolist()
    [[2, 1], [0, 0]]
    """
    ranked = np.argsort(-output, axis=1, kind="stable")
    rows = [ranked[:, t.place] if isinstance(t, Rank) else np.full(len(output), t) for t in targets]
    return np.stack(rows).astype(np.intp)


def _meant(word: str, classes: int, labels: Labels) -> list[Target]:
    top = re.fullmatch(r"top(\d+)", word)
    if top is None:
        index = target_index(word, classes, labels)
        return [Rank(0) if index is None else index]
    count = int(top[1])
    if not 1 <= count <= classes:
        raise InputError(f"--targets {word} is out of range: the model has {classes} classes.")
    return [Rank(place) for place in range(count)]
