"""A Keras model's configuration in one neutral form for all versions of Keras."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ir.formats.keras.layers.registry import Weight


@dataclass(frozen=True)
class Tensor:
    """A value inside a model: output `index` of call number `call` of a layer, both from 0."""

    layer: str
    call: int = 0
    index: int = 0


@dataclass(frozen=True)
class Call:
    """One call of a layer: its arguments, with a `Tensor` for a value of the model."""

    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """The values that go in, in order, without a mask, which only recurrent layers read."""
        return tuple(
            tensors_in((self.arguments, {k: v for k, v in self.keywords.items() if k != "mask"}))
        )

    @property
    def constants(self) -> tuple[Any, ...]:
        """Positional arguments without tensors."""
        return tuple(
            a for a in self.arguments if a is not None and not any(True for _ in tensors_in(a))
        )


@dataclass(frozen=True)
class LayerSpec:
    """A layer or nested model.

    Attributes:
        name: Its name.
        class_name: The name of its class, in today's Keras.
        config: Its configuration, with today's names.
        calls: Its calls.
        module: The module of its class, if the file says so.
        model: The model, for a nested model.
        weights: The arrays that it stores, if they do not follow from its class.
        inner: The layer inside, for a layer that wraps another.
        shown: The name in messages, if it is not `name`.
    """

    name: str
    class_name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    module: str | None = None
    model: "ModelSpec | None" = None
    weights: "tuple[Weight, ...] | None" = None
    inner: "LayerSpec | None" = None
    shown: str | None = None

    @property
    def title(self) -> str:
        """The name in messages."""
        return self.name if self.shown is None else self.shown

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer. Nested models store trainable weights first."""
        return self.config.get("trainable", True) is not False


@dataclass(frozen=True)
class ModelSpec:
    """A model.

    Attributes:
        name: Its name.
        layers: Its layers in Keras's order (`model.layers`).
        inputs: The values that go in.
        outputs: The values that come out.
        keras_version: The major version of Keras that wrote it. Some layers depend on it.
    """

    name: str
    layers: tuple[LayerSpec, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    keras_version: int = 3


def entry(value: Any, *keys: str) -> Any:
    """The value under keys in nested JSON objects; `None` if there is none.

    Example:
        >>> entry({"config": {"name": "float32"}}, "config", "name")
        'float32'
        >>> entry({"config": 1}, "config", "name") is None
        True
    """
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield every `Tensor` in nested tuples and mappings, whose keys are sorted as in Keras."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from tensors_in(value[key])


def rename_layers(spec: ModelSpec, names: Mapping[str, str]) -> ModelSpec:
    """Rename some layers of a model."""

    def value(old: Any) -> Any:
        if isinstance(old, Tensor):
            return replace(old, layer=names.get(old.layer, old.layer))
        if isinstance(old, tuple):
            return tuple(map(value, old))
        return {k: value(v) for k, v in old.items()} if isinstance(old, Mapping) else old

    def layer(old: LayerSpec) -> LayerSpec:
        calls = tuple(Call(value(call.arguments), value(call.keywords)) for call in old.calls)
        return replace(old, name=names.get(old.name, old.name), calls=calls)

    layers = tuple(map(layer, spec.layers))
    return replace(spec, layers=layers, inputs=value(spec.inputs), outputs=value(spec.outputs))
