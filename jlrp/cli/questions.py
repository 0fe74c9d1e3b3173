"""What is explained: which output of a model, which of its classes, which region."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ir
from jlrp.cli.models import require_room
from jlrp.cli.options import ExplainingOptions
from jlrp.cli.program import InputError, running
from jlrp.datasets import Frame, Labels, Output, Scores, frame_of, load_labels, output_of
from jlrp.datasets.images import read_mask
from jlrp.propagation.regions import EVERYWHERE, as_region
from jlrp.text import suggestion


@dataclass(frozen=True)
class Rank:
    """An image's own class of this place: 0 is the one with the largest output."""

    place: int


@dataclass(frozen=True)
class Above:
    """Every class of an image above a threshold of probability (or output), or its best one."""

    threshold: float


Target = int | Rank | Above
"""A class by its number or by its rank in each image, or the classes above a threshold."""


def find_frame(given: ExplainingOptions, model: ir.Model) -> Frame:
    """Find what images a model takes, with the given size and preprocessing."""
    return frame_of(model, parse_size(given.size), given.preprocess, given.resize)


def find_output(
    given: ExplainingOptions, model: ir.Model, shapes: Sequence[ir.Shape], images: int | None = None
) -> Output:
    """Find the output that is explained, with its labels.

    Args:
        given: The options.
        model: The model.
        shapes: The shapes of the inputs, batch first.
        images: How many there are at a time; if given, they must fit into memory.
    """
    with running(given.model):
        output = output_of(model, given.output_layer, shapes=shapes)
        if images is not None:
            require_room(model, shapes, images)
    return (
        output
        if given.labels is None
        else replace(output, labels=load_labels(given.labels, output.units))
    )


def parse_size(text: str | None) -> int | tuple[int, int] | None:
    """Read `--size`: the side of a square, or height x width.

    >>> parse_size("224"), parse_size("224x320"), parse_size(None)
    (224, (224, 320), None)
    """
    if text is None:
        return None
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(_is_length(side) for side in sides):
        raise InputError(
            f'--size "{text}" is no size: give one such as 224 (a square) or 224x320 (height x '
            "width)."
        )
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def parse_target(target: str, classes: int, labels: Labels) -> int | None:
    """Read `--target`: an index, a label or its code; `None` for `predicted`.

    A number is always an index, even if labels are numbers.
    """
    if target == "predicted":
        return None
    if not re.fullmatch(r"-?\d+", target):
        return _by_name(target, labels)
    index = int(target[:20])  # no model has more classes, and int() takes no text of any length
    if not 0 <= index < classes and classes == 1:
        raise InputError(
            f"--target {index} is out of range: the model's output is one unit, class 0. For both "
            "sides give two --labels: the second is the unit, the first its negative."
        )
    if not 0 <= index < classes:
        raise InputError(
            f"--target {index} is out of range: the model has the classes 0 to {classes - 1}."
        )
    return index


def parse_targets(text: str, classes: int, labels: Labels) -> tuple[Target, ...]:
    """Read `--targets`: `top3`, `above0.5`, `predicted`, numbers and labels, with commas between.

    >>> parse_targets("top2,7", 10, Labels())
    (Rank(place=0), Rank(place=1), 7)
    """
    found: list[Target] = []
    for word in filter(None, map(str.strip, text.split(","))):
        found.extend(_meant(word, classes, labels))
    if not found:
        raise InputError(
            "--targets names no class: give top3, above0.5, predicted, or numbers and labels such "
            "as 3,tabby."
        )
    return tuple(dict.fromkeys(found))


def choose_classes(targets: Sequence[Target], scores: Scores) -> list[list[int]]:
    """List the classes that targets mean for each image, each class once.

    >>> values, said = [[0.0, 5.0, 2.0], [9.0, 1.0, 1.0]], [[0.0, 0.9, 0.6], [1.0, 0.3, 0.3]]
    >>> scores = Scores(np.array(values), np.array(said), True)
    >>> choose_classes([Rank(1), 0], scores), choose_classes([Above(0.5)], scores)
    ([[2, 0], [1, 0]], [[1, 2], [0]])
    """
    return [
        list(dict.fromkeys(index for target in targets for index in _classes(target, order, row)))
        for order, row in zip(scores.ranked(), scores.scores, strict=True)
    ]


def parse_region(text: str | None, output: Output) -> Any:
    """Read `--region`: `all`, a box such as 10,20,60,80, or an image whose bright pixels count.

    Raises:
        InputError: It is something else, or does not fit the output.
    """
    if text is None:
        return None
    if not output.positions:
        raise InputError(
            f"--region is for outputs with positions, such as a segmentation; the output "
            f'"{output.name}" has one score per class.'
        )
    if text == EVERYWHERE:
        return EVERYWHERE
    box = re.fullmatch(r"\s*\d{1,9}(\s*,\s*\d{1,9})+\s*", text)
    if not box and len(output.positions) != 2:
        raise InputError(
            f"--region is a box or all for an output with {len(output.positions)} axes of "
            "positions."
        )
    if box:
        region: Any = tuple(int(number) for number in text.split(","))
    else:
        region = read_mask(Path(text), (output.positions[0], output.positions[1]), "--region")
    try:
        as_region(region, (1, *output.shape), output.axis + 1)
    except ValueError as error:
        raise InputError(f"--region {text}: {error}") from None
    return region


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) <= 65536


def _by_name(target: str, labels: Labels) -> int:
    if not labels:
        raise InputError(
            f'--target "{target}" is no number: to choose a class by its label, give --labels.'
        )
    named = [i for i, name in enumerate(labels.names) if target == name] or [
        i for i, code in enumerate(labels.codes) if target == code
    ]
    if not named:
        raise InputError(f'No class has the label "{target}".{suggestion(target, labels.names)}')
    if len(named) > 1:
        same = ", ".join(map(str, named))
        raise InputError(
            f'The classes {same} all have the label "{target}": choose one by its number.'
        )
    return named[0]


def _classes(target: Target, order: NDArray[np.intp], scores: NDArray[Any]) -> list[int]:
    """List the classes that a target means for one image."""
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
        index = parse_target(word, classes, labels)
        return [Rank(0) if index is None else index]
    count = int(top[1])
    if not 1 <= count <= classes:
        raise InputError(f"--targets {word} is out of range: the model has {classes} classes.")
    return [Rank(place) for place in range(count)]


def _number(word: str, digits: str) -> float:
    try:
        return float(digits)
    except ValueError:
        raise InputError(
            f"--targets {word} names no threshold: give one such as above0.5 or above50%."
        ) from None
