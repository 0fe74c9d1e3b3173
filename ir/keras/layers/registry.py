"""The registry of Keras layer classes, and what a converter receives and returns.

A new layer class is one function, entered under the class's name:

    @layer("Dense", weights=dense_weights)
    def dense(call: LayerCall) -> list[Part]:
        return [Part(Dense(), weights="")]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ir.errors import LoadError
from ir.keras.spec import Call, LayerSpec
from ir.ops import Op, Shape


@dataclass(frozen=True)
class Weight:
    """One array that a layer stores.

    role: its name in `params`.
    names: its names in files, without the layer's name.
    shape: what the configuration says of its shape; `None` for what the input decides.
    part: the part of the layer that it belongs to, which has weights of its own, such as `depthwise`.
    kernel: whether it is a convolution's kernel, window first, which older versions and Theano store otherwise.
    """

    role: str
    names: tuple[str, ...]
    shape: Shape | None
    part: str = ""
    trainable: bool = True
    kernel: bool = False


@dataclass(frozen=True)
class Part:
    """One op of a layer, applied to what the part before it gives.

    name: what follows the layer's name in the node's (`linear` for `conv1/linear`); none for the last part.
    weights: the part whose weights it has (`""`: the layer's own); `None` without weights.
    """

    op: Op
    name: str = ""
    weights: str | None = None


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer, as converters see it: its configuration, its arguments and the shapes that come in."""

    spec: LayerSpec
    call: Call
    shapes: tuple[Shape, ...]
    keras_version: int


Convert = Callable[[LayerCall], Sequence[Part]]
ListWeights = Callable[[LayerSpec], Sequence[Weight]]


@dataclass(frozen=True)
class LayerClass:
    """What is known of one Keras class."""

    convert: Convert
    weights: ListWeights


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


def supported() -> tuple[str, ...]:
    """The names of the Keras classes that can be loaded."""
    return tuple(sorted(_classes))


def converted(call: LayerCall) -> list[Part]:
    """The ops of one call of a layer, none for a layer that does nothing at inference."""
    return list(_class(call.spec).convert(call))


def weights_of(spec: LayerSpec) -> list[Weight]:
    """The arrays that a layer stores, trainable ones first, as all versions of Keras order them."""
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
    if spec.class_name not in _classes:
        raise LoadError(
            f"has the layer {spec.name!r} of the class {spec.class_name!r}, which is not supported. "
            f"Models of these layers can be loaded: {', '.join(supported())}."
        )
    return _classes[spec.class_name]


def _quantized(dtype: object) -> bool:
    """Whether a dtype policy is one of whole numbers or 8-bit floats."""
    return any(mark in str(dtype) for mark in ("int8", "int4", "float8"))
