"""Architectures for files that hold weights alone."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any

from ir.errors import LoadError
from ir.formats.keras.architectures import applications, resnet
from ir.formats.keras.architectures.head import Build, Head

__all__ = ["ARCHITECTURES", "Architecture", "Head", "check_choice"]


@dataclass(frozen=True)
class Architecture:
    """How to build an architecture.

    Attributes:
        variants: For each variant, the function that builds it from the head and the number of
            input channels. The usual one is the first.
        told: A function that finds the variant of a file of weights if shapes and names fit
            several. Its arguments are the number of layers that the file lists, and the variance
            of the input that the file may store. `None` stands for the first variant.
    """

    variants: Mapping[str, Build]
    told: Callable[[int, Any], str | None] = field(default=lambda layers, variance: None)


ARCHITECTURES = {
    **{name: Architecture(resnet.variants(name)) for name in resnet.BLOCKS},
    **{
        name: Architecture(applications.variants(name), partial(applications.detect_variant, name))
        for name in applications.VARIANTS
    },
}
"""Every architecture by its name: the function in `keras.applications`, in lower case."""


def check_choice(architecture: str | None, variant: str | None) -> None:
    """Raise `LoadError` unless `architecture` and its `variant` are known or `None`."""
    if architecture is None:
        if variant is not None:
            raise LoadError(
                f"variant={variant!r} needs the name of a network: give architecture=, such as "
                "'resnet50'."
            )
        return
    if architecture not in ARCHITECTURES:
        near = get_close_matches(architecture.lower(), ARCHITECTURES, n=3, cutoff=0.5) or [
            "resnet50"
        ]
        raise LoadError(
            f"There is no architecture and no file {architecture!r}: give a file with the "
            f"architecture (.json, .keras or .h5), or a name such as {_join(near)}; "
            "ir.architectures.ARCHITECTURES has them all."
        )
    known = ARCHITECTURES[architecture].variants
    if variant is not None and variant not in known:
        raise LoadError(
            f"The architecture {architecture!r} has no variant {variant!r}: give one of "
            f"{_join(known)}."
        )


def _join(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
