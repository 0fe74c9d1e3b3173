"""From the architecture JSON of Keras 1.2 to 3 to one neutral form."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ir.errors import LoadError
from ir.formats.keras import keras1
from ir.formats.keras.checkpoint import snake_case
from ir.formats.keras.inbound import calls_of, number_from_zero, references
from ir.formats.keras.layers.registry import (
    ADDONS,
    FOREIGN,
    is_registered,
    unknown_layer,
    wrapper_of,
)
from ir.formats.keras.spec import Call, LayerSpec, ModelSpec, Tensor
from ir.formats.limits import MAX_NODES

FUNCTIONAL = ("Functional", "Model", "Container")
MODELS = (*FUNCTIONAL, "Sequential")
KERAS_MODULES = ("keras", "keras_core", "tf_keras", "tensorflow")
MAX_DEPTH = 32
"""Models nested in each other."""
LONG_NUMBER = re.compile("[0-9]{19}")
MAX_NAME = 1000
"""Letters of a node's name: a layer's, after those of the models around it."""


def parse(text: str) -> dict[str, Any]:
    """Parse the architecture JSON into a dictionary `{"class_name", "config"}`."""
    config = json_object(text, "model configuration")
    if "class_name" not in config or "config" not in config:
        raise LoadError("is damaged: its model configuration lacks 'class_name' and 'config'.")
    return config


def json_object(text: str, what: str, within: bool = False) -> dict[str, Any]:
    """Parse a JSON object, or a string that holds one.

    Args:
        text: The JSON.
        what: What it is, for messages.
        within: Whether the text stood in a string.
    """
    try:
        # Reading every number in Python is slow: only do it if there is a long one.
        long = LONG_NUMBER.search(text) is not None
        found = json.loads(text, parse_int=_whole if long else None)
    except (ValueError, RecursionError) as error:
        raise LoadError(
            f"is damaged: its {what} is not valid JSON ({str(error)[:100]})."
        ) from error
    if isinstance(found, str) and not within:  # written by json.dump(model.to_json(), file)
        return json_object(found, what, within=True)
    if not isinstance(found, dict):
        raise LoadError(f"is damaged: its {what} is no JSON object.")
    return found


def _whole(digits: str) -> int | float:
    """A whole number, or a float if it has more than 64 bits, so that it is no length or axis.

    Example:
        >>> _whole("-12"), _whole("1" + 400 * "0")
        (-12, inf)
    """
    value = int(digits) if len(digits) <= 20 else float(digits)
    return value if -(2**63) <= value < 2**63 else float(value)


def model_spec(
    config: Mapping[str, Any], keras_version: int, layer_names: list[str] | None = None
) -> ModelSpec:
    """The model that an architecture JSON describes.

    Args:
        config: The JSON as a dictionary.
        keras_version: The major version that wrote the file.
        layer_names: The names of the model's layers in the file. Some configurations have nested
            models without names.
    """
    entries = _layer_entries(config)
    if layer_names is not None and len(layer_names) == len(entries):
        entries = [
            _with_name(name, entry) for name, entry in zip(layer_names, entries, strict=True)
        ]
    reader = _Reader(
        keras_version, keras1.default_data_format(config) if keras_version == 1 else "channels_last"
    )
    try:
        return reader.model(config, entries, _name(config) or "model", ())
    except RecursionError as error:
        raise LoadError("is damaged: its model configuration is nested too deeply.") from error


class _Reader:
    """Reads the parts of one configuration, and counts its layers."""

    def __init__(self, keras_version: int, data_format: str) -> None:
        self.keras_version = keras_version
        self.data_format = data_format
        self.layers = 0

    def model(
        self, config: Mapping[str, Any], entries: list[Any], name: str, within: tuple[str, ...]
    ) -> ModelSpec:
        """Read a model inside the nested models of these names."""
        if len(within) > MAX_DEPTH:
            raise LoadError(f"nests models more than {MAX_DEPTH} deep, which is not supported.")
        self.layers += len(entries)
        if self.layers > MAX_NODES:
            raise LoadError(f"has {self.layers:,} layers, of which {MAX_NODES:,} are allowed.")
        if config["class_name"] == "Sequential":
            entries = _name_all(entries)
        layers = [self.layer(entry, name, within) for entry in entries]
        names = Counter(layer.name for layer in layers)
        if len(names) < len(layers):
            twice = next(name for name, count in names.items() if count > 1)
            raise LoadError(f"is damaged: model {name!r} has two layers of the name {twice!r}.")
        if config["class_name"] == "Sequential":
            return _sequential(name, layers, config["config"], self.keras_version)
        return _functional(name, layers, entries, config["config"], self.keras_version)

    def layer(self, entry: Any, model: str, within: tuple[str, ...]) -> LayerSpec:
        """Read one layer without its calls."""
        name = _name(entry) if isinstance(entry, Mapping) else None
        if (
            not name
            or "class_name" not in entry
            or not isinstance(entry.get("config"), Mapping | list)
        ):
            raise LoadError(
                f"is damaged: a layer of model {model!r} lacks its name, class or configuration."
            )
        if len("/".join((*within, name))) > MAX_NAME:
            raise LoadError(
                f"has the layer {name!r}, whose name with its models' is over {MAX_NAME} "
                "letters long."
            )
        class_name, config, module = str(entry["class_name"]), entry["config"], entry.get("module")
        if class_name in MODELS:
            nested = self.model(entry, _layer_entries(entry), name, (*within, name))
            return LayerSpec(
                name, class_name, config if isinstance(config, Mapping) else {}, model=nested
            )
        if isinstance(config, list):
            raise LoadError(
                f"is damaged: the configuration of layer {name!r} ({class_name}) is a list."
            )
        module = module if isinstance(module, str) else None
        class_name = self.known_name(LayerSpec(name, class_name, config), module)
        if self.keras_version == 1:
            class_name, config = keras1.modernise(class_name, config, self.data_format)
        inner = None
        if wrapper_of(class_name, name) is not None:
            inner = self.layer(config.get("layer"), f"{model}/{name}", (*within, name))
        return LayerSpec(name, class_name, config, module=module, inner=inner)

    def known_name(self, spec: LayerSpec, module: str | None) -> str:
        """The name that a layer's class has here; `LoadError` for an unknown custom class."""
        class_name = spec.class_name
        if (
            module is None
            or module.split(".")[0] in KERAS_MODULES
            or is_registered(class_name, spec.name)
        ):
            return class_name
        package = next((p for p in (ADDONS, "") if p + class_name in FOREIGN), None)
        if package is None or (package == ADDONS and not module.startswith("tensorflow_addons")):
            raise unknown_layer(spec, module)
        return package + class_name


def _functional(
    name: str, layers: list[LayerSpec], entries: list[Any], config: Any, keras_version: int
) -> ModelSpec:
    if (
        not isinstance(config, Mapping)
        or "input_layers" not in config
        or "output_layers" not in config
    ):
        raise LoadError(f"is damaged: model {name!r} lacks 'input_layers' and 'output_layers'.")
    known = {layer.name for layer in layers}
    nodes = {
        layer.name: entry.get("inbound_nodes") or []
        for layer, entry in zip(layers, entries, strict=True)
    }
    calls = {layer: calls_of(each, known) for layer, each in nodes.items()}
    inputs, outputs = (
        references(config["input_layers"], known),
        references(config["output_layers"], known),
    )
    if not inputs or not outputs:
        raise LoadError(
            f"is damaged: model {name!r} names no inputs or no outputs among its layers."
        )
    nested = {layer.name: len(calls[layer.name]) for layer in layers if layer.model is not None}
    calls, outputs = number_from_zero(calls, outputs, nested)
    called = tuple(_with_calls(layer, calls[layer.name]) for layer in layers)
    return ModelSpec(name, called, inputs, outputs, keras_version)


def _sequential(name: str, layers: list[LayerSpec], config: Any, keras_version: int) -> ModelSpec:
    if not layers:
        raise LoadError(f"has the model {name!r} without a layer.")
    if layers[0].class_name != "InputLayer":
        layers = [_input_before(layers[0], config), *layers]
    chain = [layers[0]]
    for before, layer in pairwise(layers):
        chain.append(_with_calls(layer, (Call((Tensor(before.name),)),)))
    inputs, outputs = (Tensor(chain[0].name),), (Tensor(chain[-1].name),)
    return ModelSpec(name, tuple(chain), inputs, outputs, keras_version)


def _input_before(first: LayerSpec, config: Any) -> LayerSpec:
    """The input that Keras up to 2.3 leaves out of a `Sequential`'s configuration.

    Its shape is the first layer's `batch_input_shape`, also if that layer is in a nested model.
    """
    shape = config.get("build_input_shape") if isinstance(config, Mapping) else None
    layer = first
    while layer.model is not None:
        fed = layer.model.inputs[0].layer
        layer = next(inner for inner in layer.model.layers if inner.name == fed)
    for key in ("batch_input_shape", "batch_shape"):
        shape = shape if shape is not None else layer.config.get(key)
    return LayerSpec(f"{first.name}_input", "InputLayer", {"batch_shape": shape})


def _layer_entries(model: Mapping[str, Any]) -> list[Any]:
    """The entries of a model's layers, also from a plain list (`Sequential` up to Keras 2.1)."""
    if model["class_name"] not in MODELS:
        raise LoadError(
            f"holds a model of the class {str(model['class_name'])!r}, whose code is not in the "
            "file: save a Functional or Sequential model."
        )
    config = model["config"]
    entries = config.get("layers") if isinstance(config, Mapping) else config
    if not isinstance(entries, list):
        raise LoadError("is damaged: its model configuration has no list of layers.")
    return entries


def _name_all(entries: list[Any]) -> list[Any]:
    """Name a `Sequential`'s nameless layers after their class, as for custom ones in Keras 3."""
    taken = {_name(entry) for entry in entries if isinstance(entry, Mapping)}
    counts: Counter[str] = Counter()
    named = []
    for entry in entries:
        nameless = (
            isinstance(entry, Mapping)
            and not _name(entry)
            and isinstance(entry.get("config"), Mapping)
        )
        if nameless and isinstance(entry.get("class_name"), str):
            base = snake_case(entry["class_name"])
            name = f"{base}_{counts[base]}" if counts[base] else base
            while name in taken:
                counts[base] += 1
                name = f"{base}_{counts[base]}"
            taken.add(name)
            entry = {**entry, "name": name}
        named.append(entry)
    return named


def _with_calls(layer: LayerSpec, calls: tuple[Call, ...]) -> LayerSpec:
    return replace(layer, calls=calls)


def _with_name(name: str, entry: Any) -> Any:
    """A layer's entry, with this name if it has none."""
    return {**entry, "name": name} if isinstance(entry, Mapping) and not _name(entry) else entry


def _name(entry: Mapping[str, Any]) -> str | None:
    """A layer's or model's name, which stands beside its configuration or in it."""
    config = entry.get("config")
    name = entry.get("name") or (config.get("name") if isinstance(config, Mapping) else None)
    return name if isinstance(name, str) else None
