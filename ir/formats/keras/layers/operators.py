"""Functions called on values of a model: Keras 3's operators, and what tf.keras records as `TFOpLambda`.

Both stand among a model's layers. They are told apart by their names; each name here is a function that is known and
computed by an op of the graph, and anything else is refused by name.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ir.formats.keras.layers.activation import named_activation
from ir.formats.keras.layers.fields import constant
from ir.formats.keras.layers.registry import LayerCall, Part, layer, refused
from ir.formats.keras.layers.scaling import scaled
from ir.formats.keras.spec import Tensor
from ir.ops import (
    Add,
    Clip,
    Concatenate,
    GlobalAvgPool,
    GlobalMaxPool,
    LogSoftmax,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    Permute,
    Relu,
    Rescale,
    Reshape,
    Slice,
    Softmax,
    Subtract,
    ZeroPad,
)

OPERANDS = ("x", "y", "x1", "x2", "a", "b", "value", "bias")
"""Keywords under which the operands of a function of two values may stand."""

Convert = Callable[[LayerCall], list[Part]]


def takes_one_list(call: LayerCall) -> bool:
    """Whether the values come as one list, as merging layers take them; before Keras 3 there are no operators."""
    arguments = call.call.arguments
    return call.keras_version < 3 or (len(arguments) == 1 and isinstance(arguments[0], tuple))


def operands(call: LayerCall) -> list[Any]:
    """The operands in order: the tensors and constants among the arguments, then those among the keywords."""
    keywords = call.call.keywords
    return [*call.call.arguments, *(keywords[key] for key in OPERANDS if keywords.get(key) is not None)]


def option(call: LayerCall, key: str, position: int | None, default: Any) -> Any:
    """An option of a function: a keyword, a field of the configuration, or the argument at a position."""
    for place in (call.call.keywords, call.spec.config):
        if place.get(key) is not None:
            return place[key]
    arguments = call.call.arguments
    return arguments[position] if position is not None and len(arguments) > position else default


def arithmetic(call: LayerCall, kind: str) -> list[Part]:
    """A function of two values, one of which may be a constant."""
    given = operands(call)
    if len(given) != 2:
        raise refused(call.spec, f"takes two values, but was given {len(given)}")
    if all(isinstance(value, Tensor) for value in given):
        if kind not in BINARY:
            raise refused(call.spec, "divides by a value of the model, which is not supported")
        if len({len(shape) for shape in call.shapes}) > 1:
            raise refused(call.spec, "combines values of different numbers of axes, which is not supported")
        return [Part(BINARY[kind]())]
    first = isinstance(given[0], Tensor)
    number = constant(given[1] if first else given[0])
    if number is None or not any(isinstance(value, Tensor) for value in given):
        raise refused(call.spec, "is not called on values of the model and numbers alone")
    return [_with_constant(call, kind, number, first)]


def _with_constant(call: LayerCall, kind: str, number: float | np.ndarray, value_first: bool) -> Part:
    """`x ∘ c`, or `c ∘ x` where the value does not come first."""
    if kind == "add":
        return scaled(call, offset=number)
    if kind == "subtract":
        return scaled(call, offset=-number) if value_first else scaled(call, -1.0, number)
    if kind == "multiply":
        return scaled(call, number)
    if kind == "divide":
        if not value_first or not np.all(number):
            raise refused(call.spec, "divides by zero or by a value of the model, which is not supported")
        return scaled(call, 1 / number)
    if not isinstance(number, float):
        raise refused(call.spec, "compares values with a constant that is no single number, which is not supported")
    if kind == "maximum":
        return Part(Relu() if number == 0 else Clip(low=number, high=float("inf")))
    return Part(Clip(low=-float("inf"), high=number))


BINARY: dict[str, type[Merge]] = {
    "add": Add,
    "subtract": Subtract,
    "multiply": Multiply,
    "maximum": Maximum,
    "minimum": Minimum,
}


def get_item(call: LayerCall) -> list[Part]:
    """`x[…]` with slices, whole numbers and an ellipsis; the batch stays whole."""
    given = option(call, "slice_spec", 1, None)
    spec = given if isinstance(given, tuple | list) else (given,)
    rank = len(call.shapes[0])
    marks = [i for i, entry in enumerate(spec) if _is_ellipsis(entry)]
    if len(marks) > 1 or len(spec) - len(marks) > rank:
        raise refused(call.spec, f"takes a part of a value of {rank} axes by {len(spec)} indices")
    at = marks[0] if marks else len(spec)
    whole = [(None, None, None)] * (rank - len(spec) + len(marks))
    index = [_entry(call, e) for e in spec[:at]] + whole + [_entry(call, e) for e in spec[at + 1 :]]
    if index[0] not in ((None, None, None), (None, None, 1), (0, None, None)):
        raise refused(call.spec, "takes some images of the batch, which is not supported")
    return [Part(Slice(tuple(index[1:])))]


def _is_ellipsis(entry: Any) -> bool:
    return entry is Ellipsis or (isinstance(entry, dict) and entry.get("class_name") == "__ellipsis__")


def _entry(call: LayerCall, entry: Any) -> Any:
    if isinstance(entry, dict) and isinstance(entry.get("config"), dict):
        entry = entry["config"]
    if type(entry) is int:
        return entry
    if isinstance(entry, dict) and all(
        entry.get(k) is None or type(entry[k]) is int for k in ("start", "stop", "step")
    ):
        return tuple(entry.get(k) for k in ("start", "stop", "step"))
    raise refused(call.spec, f"takes a part of a value by {str(entry)[:80]}; slices and whole numbers can be loaded")


def reduced(call: LayerCall, op: type[GlobalAvgPool] | type[GlobalMaxPool]) -> list[Part]:
    """The mean or maximum over the image's axes."""
    rank, value = len(call.shapes[0]), option(call, "axis", 1, None)
    axes = value if isinstance(value, tuple | list) else (value,)
    if rank > 2 and all(type(a) is int and -rank <= a < rank for a in axes):
        found = sorted(a % rank for a in axes)
        for first, data_format in ((1, "channels_last"), (2, "channels_first")):
            if found == list(range(first, first + rank - 2)):
                return [Part(op(bool(option(call, "keepdims", 2, False)), data_format))]
    raise refused(call.spec, f"reduces the axes {value}; all axes of the image but its channels can be loaded")


def transposed(call: LayerCall) -> list[Part]:
    rank, value = len(call.shapes[0]), option(call, "axes", 1, option(call, "perm", 1, None))
    if not isinstance(value, tuple | list) or sorted(map(str, value)) != sorted(map(str, range(rank))) or value[0] != 0:
        raise refused(call.spec, f"puts axes in the order {value}; the batch has to stay first")
    return [Part(Permute(tuple(value[1:])))]


def reshaped(call: LayerCall) -> list[Part]:
    value = option(call, "newshape", 1, option(call, "shape", 1, None))
    if not isinstance(value, tuple | list) or len(value) < 2 or not all(n is None or type(n) is int for n in value):
        raise refused(call.spec, f"brings values into the shape {str(value)[:80]}, which is no list of lengths")
    if value[0] not in (-1, None):
        raise refused(call.spec, "fixes the number of images, which is not supported: use -1 for the batch")
    return [Part(Reshape(tuple(-1 if n is None else n for n in value[1:])))]


def joined(call: LayerCall) -> list[Part]:
    value = option(call, "axis", 1, -1)
    if type(value) is not int:
        raise refused(call.spec, f"joins along the axis {str(value)[:80]}, which is no whole number")
    return [] if len(call.shapes) == 1 else [Part(Concatenate(value))]


def stacked(call: LayerCall) -> list[Part]:
    """Values side by side along a new last axis: what `preprocess_input` does to turn RGB into BGR."""
    value, rank = option(call, "axis", 1, 0), len(call.shapes[0])
    if value not in (-1, rank) or any(None in shape[1:] for shape in call.shapes):
        raise refused(call.spec, "stacks values; along a new last axis, and of known shape, they can be loaded")
    parts = [
        Part(Reshape((*(n for n in shape[1:] if n is not None), 1)), f"expanded_{i}", reads=(i,))
        for i, shape in enumerate(call.shapes)
    ]
    return [*parts, Part(Concatenate(-1), reads=tuple(part.name for part in parts))]


def padded(call: LayerCall) -> list[Part]:
    """Zeros around the image."""
    pairs = option(call, "pad_width", 1, option(call, "paddings", 1, None))
    rank, mode = len(call.shapes[0]), str(option(call, "mode", 2, "constant")).lower()
    value = option(call, "constant_values", 3, 0)
    whole = isinstance(pairs, tuple | list) and len(pairs) == rank
    if not whole or not all(isinstance(p, tuple | list) and len(p) == 2 and min(*p) >= 0 for p in pairs):
        raise refused(call.spec, f"pads by {str(pairs)[:80]}, which is not one pair per axis")
    found = tuple((int(low), int(high)) for low, high in pairs)
    if mode != "constant" or value not in (0, 0.0, None) or any(found[0]):
        raise refused(call.spec, f"pads in the mode {mode!r}; zeros around the image can be loaded")
    if not any(found[-1]):
        return [Part(ZeroPad(found[1:-1]))]
    if not any(found[1]):
        return [Part(ZeroPad(found[2:], "channels_first"))]
    raise refused(call.spec, "pads the channels, which is not supported")


def clipped(call: LayerCall) -> list[Part]:
    low = constant(option(call, "x_min", 1, option(call, "clip_value_min", 1, None)))
    high = constant(option(call, "x_max", 2, option(call, "clip_value_max", 2, None)))
    if not isinstance(low, float) or not isinstance(high, float):
        raise refused(call.spec, "cuts values at bounds that are no numbers")
    return [Part(Clip(low, high))]


def resqueezed(call: LayerCall) -> list[Part]:
    """Axes of length 1 added or dropped, by the shape that results."""
    shape, value = call.shapes[0], option(call, "axis", 1, None)
    axes = value if isinstance(value, tuple | list) else (value,)
    adds = "expand" in function_of(call)
    rank = len(shape) + (len(axes) if adds else 0)
    if not all(type(a) is int and -rank <= a < rank and a % rank for a in axes) or None in shape[1:]:
        raise refused(call.spec, f"changes the axes {value} of a value of shape {shape}, which is not supported")
    found = {a % rank for a in axes if a is not None}
    if len(found) < len(axes):
        raise refused(call.spec, f"changes the axes {str(value)[:80]}, of which some are the same")
    lengths = iter(shape)
    if adds:
        new = [1 if axis in found else next(lengths) for axis in range(rank)]
    elif all(shape[axis] == 1 for axis in found):
        new = [n for axis, n in enumerate(shape) if axis not in found]
    else:
        raise refused(call.spec, f"drops the axes {value} of a value of shape {shape}, which are not of length 1")
    return [Part(Reshape(tuple(n for n in new[1:] if n is not None)))]


def softmax(call: LayerCall) -> list[Part]:
    return [Part(Softmax(_axis(call)))]


def log_softmax(call: LayerCall) -> list[Part]:
    return [Part(LogSoftmax(_axis(call)))]


def _axis(call: LayerCall) -> int:
    value = option(call, "axis", 1, -1)
    return value if type(value) is int else -1


def leaky(call: LayerCall) -> list[Part]:
    slope = constant(option(call, "negative_slope", 1, option(call, "alpha", 1, 0.2)))
    if not isinstance(slope, float):
        raise refused(call.spec, "has a slope that is no number")
    return [Part(Relu(negative_slope=slope))]


def negated(call: LayerCall) -> list[Part]:
    return [Part(Rescale(-1.0))]


def unchanged(call: LayerCall) -> list[Part]:
    return []


def _arithmetic(kind: str) -> Convert:
    return lambda call: arithmetic(call, kind)


def _activation(name: str) -> Convert:
    return lambda call: named_activation(call, name)


FUNCTIONS: dict[str, Convert] = {
    **{name: _arithmetic(name) for name in (*BINARY, "divide")},
    "true_divide": _arithmetic("divide"),
    "bias_add": _arithmetic("add"),
    **{
        name: _activation(name)
        for name in (
            *("relu", "relu6", "elu", "selu", "celu", "silu", "sigmoid", "hard_sigmoid", "hard_silu", "hard_tanh"),
            *("tanh", "softplus", "softsign", "mish", "log_sigmoid", "squareplus", "tanh_shrink"),
        )
    },
    "exp": _activation("exponential"),
    "gelu": lambda call: named_activation(call, "gelu_tanh" if option(call, "approximate", 1, True) else "gelu"),
    "leaky_relu": leaky,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "negative": negated,
    "cast": unchanged,
    "identity": unchanged,
    "stop_gradient": unchanged,
    "get_item": get_item,
    "mean": lambda call: reduced(call, GlobalAvgPool),
    "max": lambda call: reduced(call, GlobalMaxPool),
    "transpose": transposed,
    "reshape": reshaped,
    "concatenate": joined,
    "stack": stacked,
    "pad": padded,
    "clip": clipped,
    "expand_dims": resqueezed,
    "squeeze": resqueezed,
}
"""What each function becomes, by Keras 3's name for it."""

TENSORFLOW = {
    "__operators__.add": "add",
    "__operators__.getitem": "get_item",
    "cast": "cast",
    "clip_by_value": "clip",
    "compat.v1.pad": "pad",
    "compat.v1.transpose": "transpose",
    "concat": "concatenate",
    "expand_dims": "expand_dims",
    "identity": "identity",
    "math.add": "add",
    "math.divide": "divide",
    "math.exp": "exp",
    "math.maximum": "maximum",
    "math.minimum": "minimum",
    "math.multiply": "multiply",
    "math.negative": "negative",
    "math.reduce_max": "max",
    "math.reduce_mean": "mean",
    "math.sigmoid": "sigmoid",
    "math.subtract": "subtract",
    "math.tanh": "tanh",
    "math.truediv": "divide",
    "nn.bias_add": "bias_add",
    "nn.elu": "elu",
    "nn.leaky_relu": "leaky_relu",
    "nn.log_softmax": "log_softmax",
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "nn.selu": "selu",
    "nn.sigmoid": "sigmoid",
    "nn.silu": "silu",
    "nn.softmax": "softmax",
    "nn.swish": "silu",
    "nn.tanh": "tanh",
    "pad": "pad",
    "reshape": "reshape",
    "squeeze": "squeeze",
    "stack": "stack",
    "stop_gradient": "stop_gradient",
    "transpose": "transpose",
}
"""TensorFlow's names for the functions."""

CLASSES = {
    "BiasAdd": "bias_add",
    "Cast": "cast",
    "Celu": "celu",
    "Clip": "clip",
    "Divide": "divide",
    "Elu": "elu",
    "Exp": "exp",
    "ExpandDims": "expand_dims",
    "Gelu": "gelu",
    "GetItem": "get_item",
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "HardTanh": "hard_tanh",
    "LeakyRelu": "leaky_relu",
    "LogSigmoid": "log_sigmoid",
    "LogSoftmax": "log_softmax",
    "Max": "max",
    "Mean": "mean",
    "Mish": "mish",
    "Negative": "negative",
    "Pad": "pad",
    "Relu": "relu",
    "Relu6": "relu6",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Squareplus": "squareplus",
    "Squeeze": "squeeze",
    "Stack": "stack",
    "StopGradient": "stop_gradient",
    "Tanh": "tanh",
    "TanhShrink": "tanh_shrink",
    "Transpose": "transpose",
    "TrueDivide": "true_divide",
}
"""Keras 3's classes of functions; those whose names layers have too are told apart where the layers are."""


@layer(*CLASSES)
def operator(call: LayerCall) -> list[Part]:
    """A function that Keras 3 recorded."""
    return FUNCTIONS[CLASSES[call.spec.class_name]](call)


@layer("TFOpLambda", "SlicingOpLambda")
def tensorflow_function(call: LayerCall) -> list[Part]:
    """A function of TensorFlow that tf.keras recorded by its name."""
    return FUNCTIONS[function_of(call)](call)


def function_of(call: LayerCall) -> str:
    """Keras 3's name for the function that a call is of; `LoadError` for one that is not known."""
    if call.spec.class_name in CLASSES:
        return CLASSES[call.spec.class_name]
    name = str(call.spec.config.get("function"))[:80]
    if name not in TENSORFLOW:
        known = ", ".join(sorted(TENSORFLOW))
        raise refused(call.spec, f"calls TensorFlow's function {name!r}, which is not supported; these are: {known}")
    return TENSORFLOW[name]
