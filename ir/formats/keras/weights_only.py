"""Weights alone, matched to an architecture or to a graph."""

from collections.abc import Callable
from dataclasses import dataclass

from ir.errors import LoadError
from ir.formats.hdf5 import Group
from ir.formats.keras import checkpoint, legacy
from ir.formats.keras.assembly import assemble
from ir.formats.keras.blueprint import Blueprint, major
from ir.formats.keras.graph_layers import input_shape, spec_of
from ir.formats.keras.spec import ModelSpec
from ir.formats.keras.weights import Located, Origin, read, stored_arrays, theano_shape
from ir.graph import Graph, GraphError
from ir.model import Model
from ir.ops import ShapeError

KERNELS = ("theano", "tensorflow")
"""Whose convolutions kernels are for: Theano's are mirrored."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights alone, in one of Keras's two layouts.

    Attributes:
        format: The name of the layout, for `Model.source`.
        layers: The layers that it lists, with and without arrays.
        held: The layers with arrays.
        named: Whether it has the layers' own names.
        located: A function that finds the arrays of a model.
        spec_of: A function that lists the layers of a graph as the file has them.
        version: The version of Keras, if the file says so.
        backend: Keras's backend, if the file says so.
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
        """What wrote the weights. `kernels` is the backend if the file does not say it."""
        if not self.named:
            return Origin(3)
        return Origin(major(self.version), self.backend or kernels)


def weights_file(root: Group) -> WeightsFile:
    """Open the weights in a file that `model.save_weights` wrote."""
    if checkpoint.is_checkpoint(root):
        held = checkpoint.layers_with_arrays(root)
        return WeightsFile(
            "Keras .weights.h5",
            checkpoint.layers_in(root),
            held,
            False,
            lambda spec: checkpoint.locate(root, spec),
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
    """Read the weights of a file into an architecture."""
    require_weights(file)
    located = file.located(blueprint.spec)
    origin = _origin(file, blueprint.spec, located, kernels)
    source = {
        "format": file.format,
        "backend": file.backend,
        "keras_version": file.version,
        **blueprint.source,
    }
    return assemble(blueprint.spec, read(located, origin), source)


def read_into_graph(file: WeightsFile, graph: Graph, kernels: str | None = None) -> Model:
    """Read the weights of a file into a graph."""
    require_weights(file)
    spec = file.spec_of(graph)
    located = file.located(spec)
    params = read(located, _origin(file, spec, located, kernels))
    params = {
        key: params[key]
        for key in dict.fromkeys(node.params for node in graph.nodes)
        if key in params
    }
    shapes = tuple(input_shape(graph, name, params) or (None,) * 4 for name in graph.inputs)
    try:
        graph.shapes(params, shapes)
    except (ShapeError, GraphError) as error:
        raise LoadError(f"holds weights that do not fit the graph: {error}") from error
    source = {"format": file.format, "backend": file.backend, "keras_version": file.version}
    return Model(
        graph, params, shapes, {key: value for key, value in source.items() if value is not None}
    )


def require_weights(file: WeightsFile) -> None:
    """`LoadError` for a file without arrays."""
    if not file.held:
        raise LoadError("holds layers, but no weights.")


def _origin(file: WeightsFile, spec: ModelSpec, located: Located, kernels: str | None) -> Origin:
    """What wrote the weights; `LoadError` if that is not clear for kernels in Theano's order."""
    if kernels not in (None, *KERNELS):
        raise LoadError(
            f"cannot be read with kernels={kernels!r}: give one of {', '.join(map(repr, KERNELS))}."
        )
    origin = file.origin(kernels)
    shape = theano_shape(located)
    if shape is None:
        return origin
    if any(layer.class_name == "Flatten" for layer in spec.layers):
        raise LoadError(
            f"holds kernels in Theano's order (its first has shape {shape}) for a network that "
            "flattens images, in another order than here: use the file made for TensorFlow "
            "(tf_dim_ordering_tf_kernels)."
        )
    if origin.backend is None:
        raise LoadError(
            f"holds kernels in Theano's order (its first has shape {shape}) and does not say "
            "whether they are mirrored: give kernels='theano' (they are, as in files named "
            "th_dim_ordering_th_kernels) or kernels='tensorflow'."
        )
    return origin


def _by_name_or_order(root: Group, spec: ModelSpec, held: list[str]) -> Located:
    """Pair the layers with groups: by name if all names agree, else in order."""
    layers = [layer for layer in spec.layers if stored_arrays(layer)]
    needed = [layer.name for layer in layers]
    if len(held) != len(needed):
        wanted, there = set(needed), set(held)
        surplus, lacking = (
            [n for n in held if n not in wanted],
            [n for n in needed if n not in there],
        )
        raise LoadError(
            f"holds the weights of {len(held)} layers, but its configuration needs {len(needed)}: "
            f"only in the file: {_some(surplus)}; only in the architecture: {_some(lacking)}."
        )
    names = needed if set(held) == set(needed) else held
    return [
        pair
        for layer, name in zip(layers, names, strict=True)
        for pair in legacy.locate(root.group(name), layer)
    ]


def _some(names: list[str]) -> str:
    return (
        ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    ) or "none"
