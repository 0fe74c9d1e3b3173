"""Which classes of an image are explained: its best ones, or some by number or label."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jlrp.cli.labels import Labels, target_index
from jlrp.cli.outputs import Said
from jlrp.cli.program import InputError


@dataclass(frozen=True)
class Rank:
    """An image's own class of this place: 0 is the one with the largest output."""

    place: int


@dataclass(frozen=True)
class Above:
    """Every class of an image whose probability (or output) is above a threshold; its best one if none is."""

    threshold: float


Target = int | Rank | Above
"""A class by its number, the same for all images, by its rank in each, or those above a threshold."""


def parsed(text: str, classes: int, labels: Labels) -> tuple[Target, ...]:
    """What `--targets` means: `top3`, `above0.5`, `predicted`, numbers and labels, with commas between; each once.

    >>> parsed("top2,7", 10, Labels())
    (Rank(place=0), Rank(place=1), 7)
    """
    found: list[Target] = []
    for word in filter(None, map(str.strip, text.split(","))):
        found.extend(_meant(word, classes, labels))
    if not found:
        raise InputError(
            "--targets names no class: give top3, above0.5, predicted, or numbers and labels such as 3,tabby."
        )
    return tuple(dict.fromkeys(found))


def chosen(targets: Sequence[Target], said: Said) -> list[list[int]]:
    """The classes that targets mean for each image, each class once.

    >>> said = Said(np.array([[0.0, 5.0, 2.0], [9.0, 1.0, 1.0]]), np.array([[0.0, 0.9, 0.6], [1.0, 0.3, 0.3]]), True)
    >>> chosen([Rank(1), 0], said), chosen([Above(0.5)], said)
    ([[2, 0], [1, 0]], [[1, 2], [0]])
    """
    ranked = said.ranked()
    return [
        list(dict.fromkeys(index for target in targets for index in _classes(target, order, scores)))
        for order, scores in zip(ranked, said.scores, strict=True)
    ]


def _classes(target: Target, order: NDArray[np.intp], scores: NDArray[Any]) -> list[int]:
    """The classes that a target means for one image."""
    if isinstance(target, Rank):
        return [int(order[target.place])]
    if isinstance(target, Above):
        above = [int(index) for index in order if scores[index] > target.threshold]
        return above or [int(order[0])]
    return [target]


def _meant(word: str, classes: int, labels: Labels) -> list[Target]:
    threshold = re.fullmatch(r"above([0-9.]{1,20})(%?)", word)
    if threshold is not None and word not in labels.names:
        return [Above(_number(word, threshold[1]) / (100 if threshold[2] else 1))]
    top = re.fullmatch(r"top(\d{1,9})", word)
    if top is None:
        index = target_index(word, classes, labels)
        return [Rank(0) if index is None else index]
    count = int(top[1])
    if not 1 <= count <= classes:
        raise InputError(f"--targets {word} is out of range: the model has {classes} classes.")
    return [Rank(place) for place in range(count)]


def _number(word: str, digits: str) -> float:
    try:
        return float(digits)
    except ValueError:
        raise InputError(f"--targets {word} names no threshold: give one such as above0.5 or above50%.") from None
