"""Whole models, architecture and weights in one file: Keras's HDF5 format and its `.keras` archives."""

from collections.abc import Iterator, Mapping
from typing import Any

from ir.errors import LoadError
from ir.formats import hdf5
from ir.formats.archive import Archive
from ir.formats.hdf5 import Group
from ir.formats.keras import checkpoint
from ir.formats.keras.blueprint import Blueprint, from_json, major
from ir.formats.keras.config import json_object, model_spec, parsed
from ir.formats.keras.inline import inlined
from ir.formats.keras.legacy import located_in
from ir.formats.keras.spec import LayerSpec, ModelSpec
from ir.formats.keras.weights import Origin, Params, read, stored_in
from ir.model import Model


def read_model(root: Group) -> Model:
    """The model in a file that `model.save` wrote."""
    version, backend = root.text("keras_version"), root.text("backend")
    origin = Origin(major(version), backend)
    weights = root.group("model_weights")
    config = parsed(root.text("model_config") or "")
    spec = model_spec(config, origin.keras_version, weights.names("layer_names"))
    located = [pair for layer, name in _by_name(spec, weights) for pair in located_in(weights.group(name), layer)]
    source = {"format": "Keras HDF5", "keras_version": version, "backend": backend}
    return assembled(spec, read(located, origin), origin.keras_version, source)


def read_archive(archive: Archive) -> Model:
    """The model in a `.keras` archive."""
    blueprint = archived_blueprint(archive)
    with hdf5.opened(archive.weights("model.weights.h5")) as root:
        located = checkpoint.located_in(root, blueprint.spec)
        params = read(located, Origin(3))
    return assembled(blueprint.spec, params, blueprint.keras_version, {"format": "Keras archive", **blueprint.source})


def archived_blueprint(archive: Archive) -> Blueprint:
    """The architecture in a `.keras` archive."""
    return from_json(archive.text("config.json"), _version(archive.text("metadata.json")))


def assembled(spec: ModelSpec, params: Params, keras_version: int, source: Mapping[str, str | None]) -> Model:
    """The model of a specification and its weights; weights that no output depends on are left out.

    keras_version: the major version that wrote the specification.
    """
    graph, input_shapes = inlined(spec, params, keras_version)
    used = dict.fromkeys(node.params for node in graph.nodes if node.params is not None)
    policies = sorted(set(_policies(spec)) - {"float32"})
    source = {**source, "name": spec.name, "dtype": ", ".join(policies) or None}
    return Model(
        graph,
        {key: params[key] for key in used if key in params},
        input_shapes,
        {key: value for key, value in source.items() if value is not None},
    )


def _version(metadata: str) -> str:
    """The version of Keras that an archive's metadata names."""
    found = json_object(metadata, "metadata").get("keras_version")
    if not isinstance(found, str):
        raise LoadError("is damaged: its metadata does not say which version of Keras wrote it.")
    return found


def _by_name(spec: ModelSpec, weights: Group) -> list[tuple[LayerSpec, str]]:
    """The layers that have weights, each with its group in the file."""
    needed = {layer.name: layer for layer in spec.layers if stored_in(layer)}
    listed = weights.names("layer_names")
    held = set(listed)
    lacking = [name for name in needed if name not in held]
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
