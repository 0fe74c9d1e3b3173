"""Architectures without weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ir.errors import LoadError
from ir.formats.keras.config import model_spec, parse
from ir.formats.keras.spec import ModelSpec


@dataclass(frozen=True)
class Blueprint:
    """An architecture without weights.

    Attributes:
        spec: The layers and their calls.
        source: What the file says about itself: `keras_version`, for example.
    """

    spec: ModelSpec
    source: Mapping[str, str] = field(default_factory=dict)


def from_json(text: str, version: str | None = None) -> Blueprint:
    """Read the architecture in the JSON that `model.to_json` returns and that files hold.

    Args:
        text: The JSON.
        version: The version of Keras, if the file has it elsewhere. Keras 3 does not write it into
            the JSON. But Keras 3 writes the modules of classes, and older versions do not.
    """
    config = parse(text)
    version = version or _text(config.get("keras_version")) or ("3" if "module" in config else None)
    source = {} if version is None else {"keras_version": version}
    return Blueprint(model_spec(config, major(version)), source)


def major(version: str | None) -> int:
    """The major version of Keras. Files without a version are from Keras 1."""
    if version is None:
        return 1
    number = version.split(".")[0]
    if not (number.isascii() and number.isdecimal() and len(number) < 4):
        raise LoadError(f"is damaged: its keras_version {version[:40]!r} is no version number.")
    return int(number)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
