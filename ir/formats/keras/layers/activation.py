"""Activation layers, and the activation that a layer applies to its own output."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ir.errors import LoadError
from ir.formats.keras.layers.fields import axis, number
from ir.formats.keras.layers.reductions import glu
from ir.formats.keras.layers.registry import (
    LayerCall,
    Part,
    Weight,
    bare,
    convert_layer,
    converter_of,
    layer,
    three_lines,
)
from ir.formats.keras.spec import Call, LayerSpec
from ir.ops import (
    Activation,
    ActivationOp,
    Celu,
    Clip,
    Elu,
    HardShrink,
    HardSigmoid,
    LogSoftmax,
    Multiply,
    PRelu,
    Relu,
    Softmax,
    SoftShrink,
    Sparsemax,
)
from ir.ops.functions import FUNCTIONS

NAMED: dict[str, ActivationOp | None] = {
    "linear": None,
    "relu": Relu(),
    "relu6": Relu(max_value=6.0),
    "leaky_relu": Relu(negative_slope=0.2),
    "elu": Elu(),
    "softmax": Softmax(),
    "log_softmax": LogSoftmax(),
    "log_softmax_v2": LogSoftmax(),
    "swish": Activation("silu"),
    "celu": Celu(),
    "hard_swish": Activation("hard_silu"),
    "hard_tanh": Clip(-1.0, 1.0),
    "hard_shrink": HardShrink(),
    "soft_shrink": SoftShrink(),
    "Addons>sparsemax": Sparsemax(),
    # At inference, rrelu has the mean of its two slopes.
    "Addons>rrelu": Relu(negative_slope=(0.125 + 1 / 3) / 2),
    "sparse_sigmoid": HardSigmoid(0.5),
    "sparsemax": Sparsemax(keras=True),
    "exp": Activation("exponential"),
}
"""Activations whose names are not those of `ir.ops.functions.FUNCTIONS`."""


ADDONS_NAMES = {
    "Addons>gelu": "gelu_tanh",  # approximate by default
    "Addons>hardshrink": "hard_shrink",
    "Addons>softshrink": "soft_shrink",
    "Addons>mish": "mish",
    "Addons>tanhshrink": "tanh_shrink",
    "Custom>swish": "silu",
    "Custom>mish": "mish",
    "h_swish": "hard_silu",
    "hswish": "hard_silu",
}
"""Names that other packages have for these activations."""


def with_activation(call: LayerCall, parts: list[Part]) -> list[Part]:
    """A layer's parts and its own activation. The part before the activation is named `linear`."""
    config = call.spec.config
    new = next((config[key] for key in ("units", "filters") if type(config.get(key)) is int), None)
    shape = call.shapes[0] if new is None else (*call.shapes[0][:-1], new)
    after = _activation(replace(call, shapes=(shape,)), config.get("activation"))
    if not after:
        return parts
    after = [
        part if part.reads is None else replace(part, reads=tuple(map(_linear, part.reads)))
        for part in after
    ]
    return [*parts[:-1], replace(parts[-1], name="linear"), *after]


def _linear(read: int | str) -> int | str:
    """What a layer's own activation reads: `linear` in place of the layer's input."""
    return "linear" if read == 0 else read


@layer("Activation")
def activation(call: LayerCall) -> list[Part]:
    return _activation(call, call.spec.config.get("activation"))


@layer("ReLU")
def relu(call: LayerCall) -> list[Part]:
    spec = call.spec
    top = number(spec, "max_value", float("inf"))
    slope, threshold = number(spec, "negative_slope", 0.0), number(spec, "threshold", 0.0)
    return [Part(Relu(None if top == float("inf") else top, slope, threshold))]


@layer("LeakyReLU")
def leaky_relu(call: LayerCall) -> list[Part]:
    key = "negative_slope" if "negative_slope" in call.spec.config else "alpha"
    return [Part(Relu(negative_slope=number(call.spec, key, 0.3)))]


@layer("ThresholdedReLU")
def thresholded_relu(call: LayerCall) -> list[Part]:
    return [Part(Relu(threshold=number(call.spec, "theta", 1.0)))]


@layer("ELU")
def elu(call: LayerCall) -> list[Part]:
    return [Part(Elu(number(call.spec, "alpha", 1.0)))]


@layer("Softmax")
def softmax(call: LayerCall) -> list[Part]:
    return [Part(Softmax(axis(call.spec, -1)))]


def prelu_weights(spec: LayerSpec) -> list[Weight]:
    """`alpha`, in the input's shape, with length 1 on the axes that share it."""
    return [Weight("alpha", ("alpha", "alphas"), None)]


@layer("PReLU", weights=prelu_weights)
def prelu(call: LayerCall) -> list[Part]:
    return [Part(PRelu(), weights="")]


def _activation(call: LayerCall, value: Any) -> list[Part]:
    """The parts of an activation, given by a name, a function or a layer's configuration."""
    if isinstance(value, Mapping) and isinstance(value.get("config"), Mapping):
        spec = LayerSpec("", str(value.get("class_name")), value["config"], shown=call.spec.title)
        return list(convert_layer(replace(call, spec=spec)))
    if isinstance(value, Mapping):
        value = value.get("config")
    return [] if value is None else named_activation(call, value)


def named_activation(call: LayerCall, name: Any) -> list[Part]:
    """The parts of an activation function, by Keras's name for it; none for `linear`."""
    own = converter_of("activation", name) if isinstance(name, str) else None
    if own is not None:
        return list(own(call))
    if isinstance(name, str):
        name = ADDONS_NAMES.get(name, name)
    if name == "Addons>lisht":  # x·tanh(x)
        return [Part(Activation("tanh"), "tanh", reads=(0,)), Part(Multiply(), reads=(0, "tanh"))]
    if name == "glu":
        return glu(replace(call, call=Call(call.call.arguments[:1])))
    if name == "hard_sigmoid":
        return [Part(HardSigmoid(1 / 6 if call.keras_version >= 3 else 0.2))]
    if isinstance(name, str) and name in FUNCTIONS:
        return [Part(Activation(name))]
    if not isinstance(name, str) or name not in NAMED:
        shown = str(name)[:80]
        lines = three_lines(bare(shown), "ir.Relu(max_value=20.0)", ', kind="activation"')
        raise LoadError(
            f"has the activation {shown!r} in the layer {call.spec.title!r} "
            f"({call.spec.class_name}), which is not supported; these are: "
            f"{', '.join(sorted([*NAMED, *FUNCTIONS, 'glu', 'hard_sigmoid']))}. {lines}"
        )
    op = NAMED[name]
    return [] if op is None else [Part(op)]
