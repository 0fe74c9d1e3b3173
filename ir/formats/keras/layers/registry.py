"""The registry of Keras layer classes, and what a converter receives and returns.

A new layer class is one function, entered under the class's name:

    @layer("Dense", weights=dense_weights)
    def dense(call: LayerCall) -> list[Part]:
        return [Part(Dense(), weights="")]
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ir.errors import LoadError
from ir.formats.keras.spec import Call, LayerSpec
from ir.ops import Op, Shape

RECURRENT = ("RNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional")
"""Layers with a loop over time (any class whose name ends in one of these)."""


@dataclass(frozen=True)
class Weight:
    """One array that a layer stores.

    role: its name in `params`.
    names: its names in files, without the layer's name.
    shape: what the configuration says of its shape; `None` for what the input decides.
    part: the part of the layer that it belongs to, which has weights of its own, such as `depthwise`.
    kernel: whether it is a convolution's kernel, window first, which older versions and Theano store otherwise.
    used: whether the layer reads it at inference; what it does not read is left out of `params`.

    >>> import ir.keras
    >>> ir.keras.Weight("kernel", ("kernel",), (None, 10)).role
    'kernel'
    """

    role: str
    names: tuple[str, ...]
    shape: Shape | None
    part: str = ""
    trainable: bool = True
    kernel: bool = False
    used: bool = True


@dataclass(frozen=True)
class Part:
    """One op of a layer.

    name: what follows the layer's name in the node's (`linear` for `conv1/linear`); none for the last part.
    weights: the part whose weights it has (`""`: the layer's own); `None` without weights.
    reads: what it is applied to: the layer's inputs by number, earlier parts by name. By default what the part before
        it gives, and for the first part all inputs.
    constants: weights that stand in the configuration and not in the file's arrays, by role.

    >>> import ir, ir.keras
    >>> ir.keras.Part(ir.Relu(), name="linear").reads is None
    True
    """

    op: Op
    name: str = ""
    weights: str | None = None
    reads: tuple[int | str, ...] | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer, as converters see it: its configuration, its arguments and the shapes that come in.

    spec: `.name`, `.class_name` and `.config`, the configuration as the file has it. shapes: of the values that go in,
    batch first. keras_version: the major version that wrote the architecture.

    >>> import ir.keras
    >>> sorted(ir.keras.LayerCall.__dataclass_fields__)
    ['call', 'keras_version', 'shapes', 'spec']
    """

    spec: LayerSpec
    call: Call
    shapes: tuple[Shape, ...]
    keras_version: int


Convert = Callable[[LayerCall], Sequence[Part]]
ListWeights = Callable[[LayerSpec], Sequence[Weight]]


@dataclass(frozen=True)
class LayerClass:
    """What is known of one Keras class; `registered` where a user entered it."""

    convert: Convert
    weights: ListWeights
    registered: bool = False


_classes: dict[str, LayerClass] = {}


def no_weights(spec: LayerSpec) -> Sequence[Weight]:
    """The weights of a layer without weights."""
    return ()


def layer(*class_names: str, weights: ListWeights = no_weights) -> Callable[[Convert], Convert]:
    """Enter a converter under the names of Keras classes; `weights` lists what they store, in the order stored."""

    def entered(convert: Convert) -> Convert:
        for name in class_names:
            _classes[name] = LayerClass(convert, weights)
        return convert

    return entered


def register(
    class_name: str, convert: Convert, weights: Sequence[str] | ListWeights = (), *, replace: bool = False
) -> None:
    """Enter a layer class of one's own, so that models with it can be loaded.

    class_name: the class's name, as files have it.
    convert: from a `LayerCall` to the ops that compute the layer, as `Part`s; none for a layer that does nothing at
        inference. Ops of one's own are subclasses of `ir.Op` with a computation in `jlrp.apply` or `jlrp.affine`.
    weights: the names of the arrays that it stores, trainable ones first, each in the order of `add_weight`: they are
        the roles in `params` too. Or a function from the layer's `spec` to a list of `Weight`s.
    replace: whether a class that is known already may be entered anew.

    Nothing of the file is executed: its configuration and arrays go to `convert`. Raises `ValueError` for a class that
    is known already.

    >>> import ir, ir.keras
    >>> def scaled_relu(call):
    ...     return [ir.keras.Part(ir.Scale(), name="scaled", weights=""), ir.keras.Part(ir.Relu())]
    >>> ir.keras.register("ScaledRelu", scaled_relu, weights=["scale"])
    >>> "ScaledRelu" in ir.keras.supported()
    True
    """
    if class_name in _classes and not replace:
        raise ValueError(f"The layer class {class_name!r} is known already: give replace=True to enter it anew.")
    if not callable(weights):
        fixed = [Weight(name, (name,), None) for name in weights]
        weights = lambda spec: fixed  # noqa: E731
    _classes[class_name] = LayerClass(convert, weights, registered=True)


def is_registered(class_name: str) -> bool:
    """Whether a user entered the class."""
    return class_name in _classes and _classes[class_name].registered


def supported() -> tuple[str, ...]:
    """The names of the Keras classes that can be loaded.

    >>> import ir.keras
    >>> "Conv2D" in ir.keras.supported()
    True
    """
    return tuple(sorted(_classes))


def converted(call: LayerCall) -> list[Part]:
    """The ops of one call of a layer, none for a layer that does nothing at inference."""
    return list(_class(call.spec).convert(call))


def weights_of(spec: LayerSpec) -> list[Weight]:
    """The arrays that a layer stores, trainable ones first, as all versions of Keras order them."""
    if spec.weights is not None:
        return list(spec.weights)
    config = spec.config
    if config.get("quantization_config") or config.get("lora_rank") or _quantized(config.get("dtype")):
        raise refused(spec, "is quantized or has LoRA weights, which is not supported: save the model in float32")
    return list(_class(spec).weights(spec))


def refused(spec: LayerSpec, why: str) -> LoadError:
    """An error about one layer."""
    return LoadError(f"has the layer {spec.name!r} ({spec.class_name}), which {why}.")


def _class(spec: LayerSpec) -> LayerClass:
    if spec.class_name == "Lambda":
        raise LoadError(
            f"has the Lambda layer {spec.name!r}, which holds Python code; code from a file is never executed: "
            "replace it by ordinary layers and save the model again."
        )
    if spec.class_name not in _classes and spec.class_name.endswith(RECURRENT):
        raise LoadError(
            f"has the recurrent layer {spec.name!r} ({spec.class_name}), which is not supported: its loop over time "
            "has no place in the graph. Explain the part of the model without it, saved as a model of its own."
        )
    if spec.class_name not in _classes:
        raise LoadError(
            f"has the layer {spec.name!r} of the class {spec.class_name!r}, which is not supported: enter it with "
            "ir.keras.register, or replace it by one of the layers that ir.keras.supported() lists, and save again."
        )
    return _classes[spec.class_name]


def _quantized(dtype: object) -> bool:
    """Whether a dtype policy is one of whole numbers or 8-bit floats."""
    return any(mark in str(dtype) for mark in ("int8", "int4", "float8"))
