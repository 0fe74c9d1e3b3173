"""The names of classes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ir.errors import LoadError
from ir.formats.strict_json import parse
from jlrp.datasets.errors import DataError
from jlrp.datasets.files import require_file
from jlrp.text import printable_path

MAX_BYTES = 1 << 24
"""Of a labels file."""


@dataclass(frozen=True)
class Labels:
    """The classes' names, in the order of the model's outputs; a sequence of texts.

    Attributes:
        names: A name for each class; empty where there are none.
        codes: Further names, such as WordNet's `n01440764`.

    Example:
        >>> labels = Labels(("tench", "goldfish"))
        >>> len(labels), labels[1], labels.title(1), Labels().title(1)
        (2, 'goldfish', 'goldfish (class 1)', 'class 1')
    """

    names: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    def __getitem__(self, index: int) -> str:
        """The name of a class; empty if there are no labels."""
        return self.names[index] if self.names else ""

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def title(self, index: int) -> str:
        """Describe a class: `tench (class 0)`, or `class 0` without labels."""
        return f"{self.names[index]} (class {index})" if self.names else f"class {index}"


def load_labels(path: str | os.PathLike[str], units: int | None = None) -> Labels:
    """Read the names of classes from a file.

    Args:
        path: A text with one name a line, or a `.json` file: Keras's `imagenet_class_index.json`,
            the `class_indices` of its generators (`{"cat": 0, …}`), or a list of names.
        units: How many units the model's output has; if given, the number of labels is checked. One
            unit takes one label or two: the second is the unit, the first its negative.

    Returns:
        The labels; `jlrp.explain` and `jlrp.explainer` take them as `labels`.

    Raises:
        DataError: The file is no labels file, or has another number of labels.

    Example:
        >>> import pathlib, tempfile, jlrp
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "names.txt")
        ...     _ = path.write_text("cat\\ndog\\n")
        ...     jlrp.datasets.load_labels(path, units=2)
        Labels(names=('cat', 'dog'), codes=())
    """
    path = Path(path)
    require_file(path, "The labels file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DataError(
            f"The labels file {printable_path(path)} has more than {MAX_BYTES:,} bytes: it is none."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"The labels file {printable_path(path)} is no text in UTF-8.") from None
    labels = _from_json(text, path) if path.suffix.lower() == ".json" else _from_lines(text)
    _check_count(labels, units, path)
    return labels


def _check_count(labels: Labels, units: int | None, path: Path) -> None:
    number = f"{len(labels)} label{'s' * (len(labels) != 1)}"
    if units == 1 and len(labels) not in (1, 2):
        raise DataError(
            f"{printable_path(path)} has {number}, but the model's output is one unit: give one "
            "label, or two, the first for its negative."
        )
    if units is not None and units > 1 and len(labels) != units:
        raise DataError(f"{printable_path(path)} has {number}, but the model has {units} classes.")


def _from_lines(text: str) -> Labels:
    return Labels(tuple(line.strip() for line in text.rstrip().splitlines()))


def _from_json(text: str, path: Path) -> Labels:
    """Read a class index: `{"0": ["n01440764", "tench"], …}` or one of its relatives."""
    wrong = DataError(
        f'{printable_path(path)} is no class index such as {{"0": ["n01440764", "tench"], ...}}.'
    )
    try:
        entries = _entries(parse(text, "it"))
    except (LoadError, KeyError, TypeError):
        raise wrong from None
    pairs = [("", entry) if isinstance(entry, str) else entry for entry in entries]
    if not all(_is_pair_of_texts(pair) for pair in pairs):
        raise wrong
    return Labels(tuple(name for _, name in pairs), tuple(code for code, _ in pairs))


def _entries(found: Any) -> list[Any]:
    """List the classes in order; raise `KeyError` or `TypeError` if one is missing."""
    if not isinstance(found, dict):
        return list(found)
    if all(
        type(index) is int for index in found.values()
    ):  # the class_indices of Keras's generators
        found = {str(index): name for name, index in found.items()}
    return [found[str(index)] for index in range(len(found))]


def _is_pair_of_texts(pair: Any) -> bool:
    return (
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and all(isinstance(part, str) for part in pair)
    )
