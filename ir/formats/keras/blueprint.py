"""Architectures without weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ir.errors import LoadError
from ir.formats.keras.config import model_spec, parse
from ir.formats.keras.spec import ModelSpec


@dataclass(frozen=True)
class Blueprint:
    """An architecture without weights, and what it says of itself."""

    spec: ModelSpec
    source: Mapping[str, str] = field(default_factory=dict)


def from_json(text: str, version: str | None = None) -> Blueprint:
    """Read the architecture in the JSON that `model.to_json` returns and that files hold.

    Args:
        text: The JSON.
        version: The version of Keras, if it stands elsewhere. Keras 3 does not write it into the
            JSON, but it writes the modules of classes, which older versions do not.
    """
    config = parse(text)
    version = version or _text(config.get("keras_version")) or ("3" if "module" in config else None)
    source = {} if version is None else {"keras_version": version}
    return Blueprint(model_spec(config, major(version)), source)


def major(version: str | None) -> int:
    """The major version of Keras; files without one are Keras 1's."""
    if version is None:
        return 1
    number = version.split(".")[0]
    if not (number.isascii() and number.isdecimal() and len(number) < 4):
        raise LoadError(f"is damaged: its keras_version {version[:40]!r} is no version number.")
    return int(number)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
