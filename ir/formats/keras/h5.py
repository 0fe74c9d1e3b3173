"""Keras's HDF5 files: whole models, and weights alone."""

from ir.errors import LoadError
from ir.formats import hdf5
from ir.formats.hdf5 import Group
from ir.formats.keras.assembly import assemble
from ir.formats.keras.blueprint import Blueprint, from_json, major
from ir.formats.keras.config import model_spec, parse
from ir.formats.keras.legacy import locate
from ir.formats.keras.named import read_named
from ir.formats.keras.spec import LayerSpec, ModelSpec
from ir.formats.keras.weights import Origin, stored_arrays
from ir.formats.keras.weights import read as read_arrays
from ir.formats.keras.weights_only import read_into_graph, read_weights, weights_file
from ir.formats.request import Request
from ir.formats.source import Source
from ir.graph import Graph
from ir.model import Model


def begins(start: bytes) -> bool:
    """Whether a file that begins with these bytes is an HDF5 file."""
    return start.startswith(hdf5.SIGNATURE)


def read(source: Source, request: Request) -> Model:
    """Read the model in an HDF5 file, or its weights into the given architecture."""
    with hdf5.open_root(source, request.only_own_hdf5) as root:
        if root.has_attribute("model_config"):
            if "model_weights" not in root:
                raise LoadError(
                    "holds a model configuration but no weights: save the model with model.save."
                )
            if request.architecture is None:
                return _whole(root)
        return read_into_architecture(root, request)


def read_architecture(source: Source, request: Request) -> Blueprint:
    """Read the architecture in an HDF5 file of a whole model."""
    with hdf5.open_root(source, request.only_own_hdf5) as root:
        text = root.text("model_config")
        if text is None:
            raise LoadError(
                "holds no architecture: give model.to_json()'s text or a file with the whole model."
            )
        return from_json(text, root.text("keras_version"))


def read_into_architecture(root: Group, request: Request) -> Model:
    """Read the weights in an HDF5 file into the given architecture; `root` is the root group."""
    weights, architecture = _weights(root), request.architecture
    if architecture is None:
        raise LoadError(
            "holds weights alone, not the architecture they belong to: give architecture=, a file "
            "with it (.json, .keras or .h5) or the name of a network such as 'resnet50' "
            "(ir.architectures.ARCHITECTURES has them)."
        )
    file = weights_file(weights)
    if isinstance(architecture, str):
        return read_named(file, architecture, request.variant, request.kernels)
    if isinstance(architecture, Graph):
        return read_into_graph(file, architecture, request.kernels)
    return read_weights(file, architecture, request.kernels)


def _whole(root: Group) -> Model:
    """The model in a file that `model.save` wrote."""
    version, backend = root.text("keras_version"), root.text("backend")
    origin, weights = Origin(major(version), backend), root.group("model_weights")
    spec = model_spec(
        parse(root.text("model_config") or ""), origin.keras_version, weights.names("layer_names")
    )
    located = [
        pair
        for layer, name in _by_name(spec, weights)
        for pair in locate(weights.group(name), layer)
    ]
    source = {"format": "Keras HDF5", "keras_version": version, "backend": backend}
    return assemble(spec, read_arrays(located, origin), source)


def _weights(root: Group) -> Group:
    """The group of an HDF5 file that holds weights alone."""
    if (
        root.has_attribute("layer_names")
        or "layers" in root
        or "_layer_checkpoint_dependencies" in root
    ):
        return root
    if "model_weights" in root and root.group("model_weights").has_attribute("layer_names"):
        return root.group("model_weights")
    if root.has_attribute("nb_layers"):
        raise LoadError(
            "holds weights of Keras 0.x, which are not supported: save them again with Keras 1.2 "
            "or later."
        )
    raise LoadError("is an HDF5 file without a model or weights that Keras wrote.")


def _by_name(spec: ModelSpec, weights: Group) -> list[tuple[LayerSpec, str]]:
    """Pair each layer with weights with its group in the file."""
    needed = {layer.name: layer for layer in spec.layers if stored_arrays(layer)}
    listed = weights.names("layer_names")
    held = set(listed)
    lacking = [name for name in needed if name not in held]
    if lacking:
        raise LoadError(
            f"lacks the weights of {_some(lacking)}, which its model configuration has."
        )
    surplus = [
        name for name in listed if name not in needed and weights.group(name).names("weight_names")
    ]
    known = {layer.name for layer in spec.layers}
    if surplus:
        kind = "needs none of" if surplus[0] in known else "does not have"
        raise LoadError(f"holds weights of {_some(surplus)}, which its model configuration {kind}.")
    return [(layer, name) for name, layer in needed.items()]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    layers = "the layer" if len(names) == 1 else "the layers"
    return f"{layers} {', '.join(map(repr, names[:5]))}{more}"
