"""Names of classes, and which class a user means."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ir.errors import LoadError
from ir.formats.strict_json import parsed
from jlrp.cli.files import require_file
from jlrp.cli.program import InputError, did_you_mean, shown

LARGEST = 1 << 24
"""The largest labels file, in bytes."""


@dataclass(frozen=True)
class Labels:
    """The classes' names, in the order of the model's outputs; `codes` are further names (WordNet's `n01440764`)."""

    names: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    def __getitem__(self, index: int) -> str:
        """The name of a class, empty where there are no labels."""
        return self.names[index] if self.names else ""

    def title(self, index: int) -> str:
        """A class for people: `tench (class 0)`, or `class 0` without labels."""
        return f"{self.names[index]} (class {index})" if self.names else f"class {index}"


def read_labels(path: Path | None, units: int) -> Labels:
    """Labels from a text file with one a line, or from Keras's `imagenet_class_index.json`; no file, no labels.

    Two labels fit an output of one unit: the second is the unit, the first its negative.
    """
    if path is None:
        return Labels()
    require_file(path, "The labels file")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InputError(f"The labels file {shown(path)} has more than {LARGEST:,} bytes: it is none.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"The labels file {shown(path)} is no text in UTF-8.") from None
    labels = _from_json(text, path) if path.suffix.lower() == ".json" else _from_lines(text)
    number = f"{len(labels.names)} label{'s' * (len(labels.names) != 1)}"
    if units == 1 and len(labels.names) not in (1, 2):
        raise InputError(
            f"{shown(path)} has {number}, but the model's output is one unit: give one label, or "
            "two, the first for its negative."
        )
    if units > 1 and len(labels.names) != units:
        raise InputError(f"{shown(path)} has {number}, but the model has {units} classes.")
    return labels


def target_index(target: str, classes: int, labels: Labels) -> int | None:
    """The class that `--target` means: an index, a label or its code; `None` for `predicted`.

    A number is always an index, also where labels are numbers.
    """
    if target == "predicted":
        return None
    if re.fullmatch(r"-?\d+", target):
        index = int(target[:20])  # no model has more classes, and int() takes no text of any length
        if not 0 <= index < classes and classes == 1:
            raise InputError(
                f"--target {index} is out of range: the model's output is one unit, class 0. For both sides give two "
                "--labels: the second is the unit, the first its negative."
            )
        if not 0 <= index < classes:
            raise InputError(f"--target {index} is out of range: the model has the classes 0 to {classes - 1}.")
        return index
    return _by_name(target, labels)


def _by_name(target: str, labels: Labels) -> int:
    if not labels.names:
        raise InputError(f'--target "{target}" is no number: to choose a class by its label, give --labels.')
    named = [i for i, name in enumerate(labels.names) if target == name] or [
        i for i, code in enumerate(labels.codes) if target == code
    ]
    if not named:
        raise InputError(f'No class has the label "{target}".{did_you_mean(target, labels.names)}')
    if len(named) > 1:
        same = ", ".join(map(str, named))
        raise InputError(f'The classes {same} all have the label "{target}": choose one by its number.')
    return named[0]


def _from_lines(text: str) -> Labels:
    return Labels(tuple(line.strip() for line in text.rstrip().splitlines()))


def _from_json(text: str, path: Path) -> Labels:
    """`{"0": ["n01440764", "tench"], …}`, `{"0": "tench", …}`, a list of either, or Keras's `{"cat": 0, …}`."""
    wrong = InputError(f'{shown(path)} is no class index such as {{"0": ["n01440764", "tench"], ...}}.')
    try:
        found = parsed(text, "it")
        entries = _entries(found)
    except (LoadError, KeyError, TypeError):
        raise wrong from None
    pairs = [("", entry) if isinstance(entry, str) else entry for entry in entries]
    if not all(_is_pair_of_texts(pair) for pair in pairs):
        raise wrong
    return Labels(tuple(name for _, name in pairs), tuple(code for code, _ in pairs))


def _entries(found: Any) -> list[Any]:
    """What stands for each class, in their order; `KeyError` or `TypeError` where a class is missing."""
    if not isinstance(found, dict):
        return list(found)
    if all(type(index) is int for index in found.values()):  # the class_indices of Keras's generators
        found = {str(index): name for name, index in found.items()}
    return [found[str(index)] for index in range(len(found))]


def _is_pair_of_texts(pair: Any) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
