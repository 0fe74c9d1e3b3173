"""Weights alone, matched to an architecture: given, or one of several builds of a network by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ir.architectures import ARCHITECTURES, Head
from ir.errors import LoadError
from ir.graph import Graph, GraphError
from ir.hdf5 import Group
from ir.keras import checkpoint, legacy
from ir.keras.blueprint import Blueprint, major
from ir.keras.graph_layers import input_shape, spec_of
from ir.keras.inline import inlined
from ir.keras.reader import assembled
from ir.keras.spec import ModelSpec, renamed
from ir.keras.weights import Located, Origin, in_todays_order, read, require_fit, stored_in, theano_ordered
from ir.model import Model
from ir.ops import ShapeError

KERNELS = ("theano", "tensorflow")
"""Whose convolutions kernels are for: Theano's are mirrored."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights alone, in one of Keras's two layouts.

    layers: the layers that it lists, with or without arrays; held: those with arrays; named: whether the names are the
    layers' own; located: the places of a model's arrays.
    """

    format: str
    layers: list[str]
    held: list[str]
    named: bool
    located: Callable[[ModelSpec], Located]
    spec_of: Callable[[Graph], ModelSpec]
    version: str | None = None
    backend: str | None = None

    def origin(self, kernels: str | None) -> Origin:
        """What wrote the weights, as far as the file says; `kernels` where it does not."""
        if not self.named:
            return Origin(3)
        return Origin(major(self.version), self.backend or kernels)


def weights_file(root: Group) -> WeightsFile:
    """The weights in a file that `model.save_weights` wrote."""
    if checkpoint.is_checkpoint(root):
        held = checkpoint.layers_with_arrays(root)
        return WeightsFile(
            "Keras .weights.h5",
            checkpoint.layers_in(root),
            held,
            False,
            lambda spec: checkpoint.located_in(root, spec),
            lambda graph: spec_of(graph, checkpoint.CheckpointView(root)),
        )
    groups = {name: root.group(name).names("weight_names") for name in root.names("layer_names")}
    held = [name for name, arrays in groups.items() if arrays]
    return WeightsFile(
        "Keras HDF5 weights",
        list(groups),
        held,
        True,
        lambda spec: _by_name_or_order(root, spec, held),
        lambda graph: spec_of(graph, legacy.LegacyView(root)),
        root.text("keras_version"),
        root.text("backend"),
    )


def read_weights(file: WeightsFile, blueprint: Blueprint, kernels: str | None = None) -> Model:
    """The model of an architecture with the weights of a file."""
    require_weights(file)
    located = file.located(blueprint.spec)
    origin = _origin(file, blueprint.spec, located, kernels)
    source = {"format": file.format, "backend": file.backend, "keras_version": file.version, **blueprint.source}
    return assembled(blueprint.spec, read(located, origin), blueprint.keras_version, source)


def read_into_graph(file: WeightsFile, graph: Graph, kernels: str | None = None) -> Model:
    """A graph with the weights of a file."""
    require_weights(file)
    spec = file.spec_of(graph)
    located = file.located(spec)
    params = read(located, _origin(file, spec, located, kernels))
    params = {key: params[key] for key in dict.fromkeys(node.params for node in graph.nodes) if key in params}
    shapes = tuple(input_shape(graph, name, params) or (None,) * 4 for name in graph.inputs)
    try:
        graph.shapes(params, shapes)
    except (ShapeError, GraphError) as error:
        raise LoadError(f"holds weights that do not fit the graph: {error}") from error
    source = {"format": file.format, "backend": file.backend, "keras_version": file.version}
    return Model(graph, params, shapes, {key: value for key, value in source.items() if value is not None})


def read_named(file: WeightsFile, architecture: str, variant: str | None, kernels: str | None = None) -> Model:
    """A network by name with the weights of a file; `variant`: told from the file where it is `None`."""
    require_weights(file)
    build = _chosen(file, architecture, variant)
    spec = _renamed(build.spec, file)
    version = file.version or ("3" if not file.named else "1")
    source = {"architecture": architecture, "variant": build.variant}
    return read_weights(file, Blueprint(spec, major(version), source), kernels)


def require_weights(file: WeightsFile) -> None:
    """`LoadError` for a file without arrays."""
    if not file.held:
        raise LoadError("holds layers, but no weights.")


def _origin(file: WeightsFile, spec: ModelSpec, located: Located, kernels: str | None) -> Origin:
    """What wrote the weights; `LoadError` where a file in Theano's order does not say whether kernels are mirrored."""
    if kernels not in (None, *KERNELS):
        raise LoadError(f"cannot be read with kernels={kernels!r}: give one of {', '.join(map(repr, KERNELS))}.")
    origin = file.origin(kernels)
    shape = theano_ordered(located)
    if shape is None:
        return origin
    if any(layer.class_name == "Flatten" for layer in spec.layers):
        raise LoadError(
            f"holds kernels in Theano's order (its first has shape {shape}) for a network that flattens images, in "
            "another order than here: use the file made for TensorFlow (tf_dim_ordering_tf_kernels)."
        )
    if origin.backend is None:
        raise LoadError(
            f"holds kernels in Theano's order (its first has shape {shape}) and does not say whether they are "
            "mirrored: give kernels='theano' (they are, as in files named th_dim_ordering_th_kernels) or "
            "kernels='tensorflow'."
        )
    return origin


@dataclass(frozen=True)
class _Build:
    """One build of a network, made for a file's number of classes and channels."""

    variant: str
    spec: ModelSpec
    problem: LoadError | None

    @property
    def names(self) -> set[str]:
        """The names of the layers with arrays."""
        return {layer.name for layer in self.spec.layers if stored_in(layer)}


def _chosen(file: WeightsFile, architecture: str, variant: str | None) -> _Build:
    """The build that a file's weights fit: by shapes, then by the layers' names, then the usual one."""
    variants = ARCHITECTURES[architecture].variants
    builds = [b for name in variants if variant in (None, name) for b in _builds(file, architecture, name)]
    fitting = [build for build in builds if build.problem is None]
    held = set(file.held)
    if not fitting:
        nearest = min(builds, key=lambda b: (-len(b.names & held), abs(len(b.names) - len(held))))
        told = variant is not None or len(variants) == 1 or not file.named or nearest.names & held
        raise nearest.problem if told and nearest.problem else _untold(architecture)
    named = [build for build in fitting if build.names == held]
    if file.named and not named and any(build.names != fitting[0].names for build in fitting):
        raise _untold(architecture)
    alike = named or fitting
    if ARCHITECTURES[architecture].told_by_layers:
        alike = [build for build in alike if len(build.spec.layers) == len(file.layers)] or alike
    return alike[0]


def _untold(architecture: str) -> LoadError:
    known = ", ".join(map(repr, ARCHITECTURES[architecture].variants))
    return LoadError(
        f"does not tell by its layers' names which build of {architecture!r} it belongs to: "
        f"name it with variant=, one of {known}."
    )


def _builds(file: WeightsFile, architecture: str, variant: str) -> Iterator[_Build]:
    """A variant with a classifier and without, each with what is wrong with it for this file."""
    build = ARCHITECTURES[architecture].variants[variant]
    for head in (Head(None, 1000), None):
        spec, problem = build(head, 3), None
        try:
            located = file.located(spec)
            kernels = [(s.weight.shape, place.shape) for s, place in located if s.weight.role == "kernel"]
            classes, channels = kernels[-1][1][-1], _channels(*kernels[0])
            if channels != 3 or (head is not None and classes != head.classes):
                spec = build(head and Head(None, classes), channels)
                located = file.located(spec)
            require_fit(located)
            inlined(spec, _shapes_of(located), 3)
        except LoadError as error:
            problem = LoadError(f"is not of {architecture} ({variant}): it {error}")
        yield _Build(variant, spec, problem)


@dataclass(frozen=True)
class _Shaped:
    """What stands for an array that has not been read."""

    shape: tuple[int, ...]


def _shapes_of(located: Located) -> dict[str, dict[str, Any]]:
    """The arrays' shapes as weights, in today's order of axes."""
    params: dict[str, dict[str, Any]] = {}
    turned = theano_ordered(located) is not None
    for stored, place in located:
        four = turned and stored.weight.kernel and len(place.shape) == 4
        params.setdefault(stored.key, {})[stored.weight.role] = _Shaped(
            in_todays_order(place.shape) if four else place.shape
        )
    return params


def _channels(expected: tuple[int | None, ...] | None, found: tuple[int, ...]) -> int:
    """How many channels the first kernel reads, in today's order of axes or Theano's."""
    if expected is not None and len(found) == len(expected) == 4 and found[:2] != expected[:2]:
        return found[1]
    return found[-2] if len(found) > 1 else 3


def _by_name_or_order(root: Group, spec: ModelSpec, held: list[str]) -> Located:
    """Each layer with weights and its group: by name if all names agree, otherwise in order."""
    layers = [layer for layer in spec.layers if stored_in(layer)]
    needed = [layer.name for layer in layers]
    if len(held) != len(needed):
        wanted, there = set(needed), set(held)
        surplus, lacking = [n for n in held if n not in wanted], [n for n in needed if n not in there]
        raise LoadError(
            f"holds the weights of {len(held)} layers, but its configuration needs {len(needed)}: "
            f"only in the file: {_some(surplus)}; only in the architecture: {_some(lacking)}."
        )
    names = needed if set(held) == set(needed) else held
    return [
        pair for layer, name in zip(layers, names, strict=True) for pair in legacy.located_in(root.group(name), layer)
    ]


def _renamed(spec: ModelSpec, file: WeightsFile) -> ModelSpec:
    """The architecture with the file's names, where the file lists the same layers in the same order.

    Versions differ in the names of layers without weights (`merge_1`, `add_1`), and users see the names.
    """
    needed = [layer.name for layer in spec.layers if stored_in(layer)]
    if not file.named or len(needed) != len(file.held) or len(spec.layers) != len(file.layers):
        return spec
    held = needed if set(needed) == set(file.held) else file.held
    names_of = dict(zip(needed, held, strict=True))
    stored = set(file.held)
    listed = [name if name in stored else None for name in file.layers]
    if [names_of.get(layer.name) for layer in spec.layers] != listed:
        return spec
    names = {layer.name: name for layer, name in zip(spec.layers, file.layers, strict=True)}
    return renamed(spec, names)


def _some(names: list[str]) -> str:
    return (", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")) or "none"
