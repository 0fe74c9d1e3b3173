"""A Keras model's configuration in one neutral form, whatever version wrote it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ir.formats.keras.layers.registry import Weight


@dataclass(frozen=True)
class Tensor:
    """A value inside a model.

    Output `index` of the `call`-th call of a layer, both counted from 0.
    """

    layer: str
    call: int = 0
    index: int = 0


@dataclass(frozen=True)
class Call:
    """One call of a layer: its arguments, with a `Tensor` where a value of the model goes in."""

    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """The values that go in, in order.

        A mask, which only recurrent layers read, is none of them.
        """
        return tuple(
            tensors_in((self.arguments, {k: v for k, v in self.keywords.items() if k != "mask"}))
        )

    @property
    def constants(self) -> tuple[Any, ...]:
        """Positional arguments that are no tensors and hold none."""
        return tuple(
            a for a in self.arguments if a is not None and not any(True for _ in tensors_in(a))
        )


@dataclass(frozen=True)
class LayerSpec:
    """A layer or nested model: its configuration, with today's Keras names, and its calls.

    `module` is where Keras says the class lives, if it says so; `model` is set for nested models,
    `inner` for layers that wrap another; `weights` are the arrays that it stores, where they are
    known from elsewhere than its class. `shown` is its name for people, where it stands for another
    layer.
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
        """The name for people."""
        return self.name if self.shown is None else self.shown

    @property
    def trainable(self) -> bool:
        """Whether the layer is trained.

        It decides the order in which nested models store weights.
        """
        return self.config.get("trainable", True) is not False


@dataclass(frozen=True)
class ModelSpec:
    """A model.

    Attributes:
        name: Its name. layers: Its layers in Keras's own order (`model.layers`). inputs: The values
        that go in. outputs: The values that come out. keras_version: The major version of Keras
        that wrote it: some layers mean something else in each.
    """

    name: str
    layers: tuple[LayerSpec, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    keras_version: int = 3


def entry(value: Any, *keys: str) -> Any:
    """What stands under keys in nested JSON objects; `None` where there is no such entry.

    Example:
        >>> entry({"config": {"name": "float32"}}, "config", "name"), entry({"config": 1}, "config", "name")
        ('float32', None)
    """
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every `Tensor` in nested tuples and mappings.

    Mappings in the order of their sorted keys, as Keras has it.
    """
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from tensors_in(value[key])


def rename_layers(spec: ModelSpec, names: Mapping[str, str]) -> ModelSpec:
    """The model with other names for some of its layers."""

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
