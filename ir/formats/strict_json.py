"""JSON in files from strangers: a strict parser, and safe quotes for messages."""

import json
import math
from collections import Counter
from typing import Any

from ir.errors import LoadError


def parse(text: str, what: str) -> Any:
    """Parse strict JSON: no name twice in an object, no NaN, no infinity, valid text.

    Args:
        text: The JSON.
        what: What it is, for messages.

    Raises:
        ir.LoadError: The text is anything else.

    Example:
        >>> parse('{"a": [1, 2]}', "its header")
        {'a': [1, 2]}
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite
        )
        if "\\ud" in text or "\\uD" in text:  # half of a character written as two escapes
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise LoadError(f"is damaged: {what} is nested too deeply.") from error
    except ValueError as error:
        raise LoadError(f"is damaged: {what} is no valid JSON ({error_text(error)}).") from error
    return value


def brief(value: Any) -> str:
    """A value of a file for messages, at most 80 letters."""
    try:
        text = repr(value)
    except RecursionError:
        return "…"
    return text if len(text) <= 80 else f"{text[:77]}…"


def error_text(error: BaseException) -> str:
    r"""The text of an error that may quote the file, for messages.

    Example:
        >>> error_text(ValueError("not a\nb"))
        'not a b'
    """
    text = " ".join(str(error).split())[:300]
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object with these pairs; `ValueError` if a name stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(
            name for name, times in Counter(name for name, _ in pairs).items() if times > 1
        )
        raise ValueError(f"the name {brief(twice)} stands twice in one object")
    return found


def _finite(number: str) -> float:
    """The number; `ValueError` for NaN and infinity."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number[:40]} is no finite number")
    return value
