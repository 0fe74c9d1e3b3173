"""Weights alone of a network with a name: find the right build of the network, make the model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ir.errors import LoadError
from ir.formats.keras.architectures import ARCHITECTURES, Head
from ir.formats.keras.blueprint import Blueprint
from ir.formats.keras.inline import lay_out
from ir.formats.keras.spec import ModelSpec, rename_layers
from ir.formats.keras.weights import (
    Located,
    in_todays_order,
    require_fit,
    stored_arrays,
    theano_shape,
)
from ir.formats.keras.weights_only import WeightsFile, read_weights, require_weights
from ir.model import Model


def read_named(
    file: WeightsFile, architecture: str, variant: str | None, kernels: str | None = None
) -> Model:
    """Read the weights of a file into a network with a name.

    Args:
        file: The file.
        architecture: The network's name.
        variant: The build of the network. `None`: the build that the file fits.
        kernels: Whose convolutions kernels in Theano's order of axes are for.
    """
    require_weights(file)
    build = _choose(file, architecture, variant)
    spec = _rename(build.spec, file)
    source = {"architecture": architecture, "variant": build.variant}
    return read_weights(file, Blueprint(spec, source), kernels)


@dataclass(frozen=True)
class _Build:
    """One build of a network, with a file's number of classes and channels."""

    variant: str
    spec: ModelSpec
    located: Located
    problem: LoadError | None

    @property
    def names(self) -> set[str]:
        """The names of the layers with arrays."""
        return {layer.name for layer in self.spec.layers if stored_arrays(layer)}


def _choose(file: WeightsFile, architecture: str, variant: str | None) -> _Build:
    """Choose the build that a file's weights fit: by shapes, then by names, then the usual one."""
    variants = ARCHITECTURES[architecture].variants
    builds = [
        b for name in variants if variant in (None, name) for b in _builds(file, architecture, name)
    ]
    fitting = [build for build in builds if build.problem is None]
    held = set(file.held)
    if not fitting:
        nearest = min(builds, key=lambda b: (-len(b.names & held), abs(len(b.names) - len(held))))
        clear = variant is not None or len(variants) == 1 or not file.named or nearest.names & held
        raise nearest.problem if clear and nearest.problem else _ambiguous(architecture)
    named = [build for build in fitting if build.names == held]
    if file.named and not named and any(build.names != fitting[0].names for build in fitting):
        raise _ambiguous(architecture)
    alike = named or fitting
    likely = ARCHITECTURES[architecture].told(len(file.layers), _variance(alike[0].located))
    return next((build for build in alike if build.variant == likely), alike[0])


def _variance(located: Located) -> np.ndarray | None:
    """The variance that a network divides its input by, if it stores one."""
    places = (place for stored, place in located if stored.weight.role == "variance")
    place = next(places, None)
    return None if place is None else place.group.array(place.name)


def _ambiguous(architecture: str) -> LoadError:
    """The error for a file that may be of several builds."""
    known = ", ".join(map(repr, ARCHITECTURES[architecture].variants))
    return LoadError(
        f"does not tell by its layers' names which build of {architecture!r} it belongs to: "
        f"name it with variant=, one of {known}."
    )


def _builds(file: WeightsFile, architecture: str, variant: str) -> Iterator[_Build]:
    """Yield a variant with a classifier and without, each with the error that it gives, if any."""
    build = ARCHITECTURES[architecture].variants[variant]
    for head in (Head(None, 1000), None):
        spec, problem = build(head, 3), None
        located: Located = []
        try:
            located = file.located(spec)
            kernels = [
                (s.weight.shape, place.shape) for s, place in located if s.weight.role == "kernel"
            ]
            classes, channels = kernels[-1][1][-1], _channels(*kernels[0])
            if channels != 3 or (head is not None and classes != head.classes):
                spec = build(head and Head(None, classes), channels)
                located = file.located(spec)
            require_fit(located)
            lay_out(spec, _shapes_of(located))
        except LoadError as error:
            problem = LoadError(f"is not of {architecture} ({variant}): it {error}")
        yield _Build(variant, spec, located, problem)


@dataclass(frozen=True)
class _Shaped:
    """A shape in place of an array."""

    shape: tuple[int, ...]


def _shapes_of(located: Located) -> dict[str, dict[str, Any]]:
    """The shapes of the arrays in place of weights, in today's order of axes."""
    params: dict[str, dict[str, Any]] = {}
    turned = theano_shape(located) is not None
    for stored, place in located:
        four = turned and stored.weight.kernel and len(place.shape) == 4
        params.setdefault(stored.key, {})[stored.weight.role] = _Shaped(
            in_todays_order(place.shape) if four else place.shape
        )
    return params


def _channels(expected: tuple[int | None, ...] | None, found: tuple[int, ...]) -> int:
    """The number of channels that the first kernel reads, in either order of axes."""
    if expected is not None and len(found) == len(expected) == 4 and found[:2] != expected[:2]:
        return found[1]
    return found[-2] if len(found) > 1 else 3


def _rename(spec: ModelSpec, file: WeightsFile) -> ModelSpec:
    """Give the layers the file's names, if the file lists the same layers in the same order.

    Users see these names. Versions differ in those of layers without weights (`merge_1`, `add_1`).
    """
    needed = [layer.name for layer in spec.layers if stored_arrays(layer)]
    if not file.named or len(needed) != len(file.held) or len(spec.layers) != len(file.layers):
        return spec
    held = needed if set(needed) == set(file.held) else file.held
    names_of = dict(zip(needed, held, strict=True))
    stored = set(file.held)
    listed = [name if name in stored else None for name in file.layers]
    if [names_of.get(layer.name) for layer in spec.layers] != listed:
        return spec
    names = {layer.name: name for layer, name in zip(spec.layers, file.layers, strict=True)}
    return rename_layers(spec, names)
