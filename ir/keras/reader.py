"""A whole model in Keras's HDF5 format: architecture and weights in one file."""

from collections.abc import Iterator
from typing import Any

from ir.errors import LoadError
from ir.hdf5 import Group
from ir.keras.config import model_spec, parsed
from ir.keras.inline import inlined
from ir.keras.spec import LayerSpec, ModelSpec
from ir.keras.weights import Origin, Params, read_layer, stored_in
from ir.model import Model


def read_model(root: Group) -> Model:
    """The model in a file that `model.save` wrote."""
    version, backend = root.text("keras_version"), root.text("backend")
    origin = Origin(major(version), backend)
    weights = root.group("model_weights")
    config = parsed(root.text("model_config") or "")
    spec = model_spec(config, origin.keras_version, weights.names("layer_names"))
    params: Params = {}
    for layer, name in _by_name(spec, weights):
        read_layer(weights.group(name), layer, origin, params)
    return assembled(spec, params, origin, {"format": "Keras HDF5", "keras_version": version, "backend": backend})


def assembled(spec: ModelSpec, params: Params, origin: Origin, source: dict[str, str | None]) -> Model:
    """The model of a specification and its weights; weights that no output depends on are left out."""
    graph, input_shapes = inlined(spec, params, origin.keras_version)
    used = {node.params for node in graph.nodes}
    policies = sorted(set(_policies(spec)) - {"float32"})
    source |= {"name": spec.name, "dtype": ", ".join(policies) or None}
    return Model(
        graph,
        {key: arrays for key, arrays in params.items() if key in used},
        input_shapes,
        {key: value for key, value in source.items() if value is not None},
    )


def major(version: str | None) -> int:
    """The major version of Keras; files without one are Keras 1's."""
    if version is None:
        return 1
    number = version.split(".")[0]
    if not number.isdecimal():
        raise LoadError(f"is damaged: its keras_version {version[:40]!r} is no version number.")
    return int(number)


def _by_name(spec: ModelSpec, weights: Group) -> list[tuple[LayerSpec, str]]:
    """The layers that have weights, each with its group in the file."""
    needed = {layer.name: layer for layer in spec.layers if stored_in(layer)}
    listed = weights.names("layer_names")
    lacking = [name for name in needed if name not in listed]
    if lacking:
        raise LoadError(f"lacks the weights of {_some(lacking)}, which its model configuration has.")
    surplus = [name for name in listed if name not in needed and weights.group(name).names("weight_names")]
    known = {layer.name for layer in spec.layers}
    if surplus:
        kind = "needs none of" if surplus[0] in known else "does not have"
        raise LoadError(f"holds weights of {_some(surplus)}, which its model configuration {kind}.")
    return [(layer, name) for name, layer in needed.items()]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{'the layer' if len(names) == 1 else 'the layers'} {', '.join(map(repr, names[:5]))}{more}"


def _policies(spec: ModelSpec) -> Iterator[str]:
    """The dtype policy of every layer, in whichever form it is written."""
    for layer in spec.layers:
        if layer.model is not None:
            yield from _policies(layer.model)
            continue
        policy: Any = layer.config.get("dtype")
        if isinstance(policy, dict):
            policy = (policy.get("config") or {}).get("name")
        if isinstance(policy, str) and layer.class_name != "InputLayer":
            yield policy
