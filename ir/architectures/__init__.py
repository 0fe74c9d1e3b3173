"""Architectures for files that hold weights alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ir.architectures import resnet
from ir.architectures.resnet import Head
from ir.errors import LoadError
from ir.keras.spec import ModelSpec

__all__ = ["ARCHITECTURES", "Architecture", "Head", "checked_choice"]


@dataclass(frozen=True)
class Architecture:
    """How to build an architecture: one function per variant, from the head and the number of input channels."""

    variants: Mapping[str, Callable[[Head | None, int], ModelSpec]]


ARCHITECTURES = {name: Architecture(resnet.variants(name)) for name in resnet.BLOCKS}


def checked_choice(architecture: str | None, variant: str | None) -> None:
    """Raise `LoadError` unless `architecture` and its `variant` are known; `None` leaves either open."""
    if architecture is None:
        if variant is not None:
            raise LoadError(
                f"variant={variant!r} needs an architecture: give architecture= one of {_listed(ARCHITECTURES)}."
            )
        return
    if architecture not in ARCHITECTURES:
        raise LoadError(f"There is no architecture {architecture!r}: give one of {_listed(ARCHITECTURES)}.")
    known = ARCHITECTURES[architecture].variants
    if variant is not None and variant not in known:
        raise LoadError(f"The architecture {architecture!r} has no variant {variant!r}: give one of {_listed(known)}.")


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(map(repr, names))
