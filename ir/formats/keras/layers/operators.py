"""Functions that a model calls on its values: Keras 3's operators and TensorFlow's functions.

A file lists them among the layers. Keras 3 has one class for each function. TensorFlow from 2.4 on
has `TFOpLambda` with the function's name. Before, it had `TensorFlowOpLayer` with the op's
description, which `tensorflow.py` reads. An error names a function that is not in the tables here.
"""

from collections.abc import Callable, Sequence
from functools import partial

from ir.errors import LoadError
from ir.formats.keras.layers import rearranging
from ir.formats.keras.layers.activation import named_activation
from ir.formats.keras.layers.arguments import option
from ir.formats.keras.layers.arithmetic import (
    BINARY,
    arithmetic,
    contraction,
    matrix_product,
    power,
    tensor_product,
)
from ir.formats.keras.layers.fields import constant
from ir.formats.keras.layers.reductions import (
    glu,
    l2_normalize,
    minimum,
    normalize,
    pool,
    reduce_axes,
    to_colour,
    to_grey,
    total,
)
from ir.formats.keras.layers.registry import (
    LayerCall,
    Part,
    converter_of,
    layer,
    refusal,
    three_lines,
)
from ir.formats.keras.layers.resizing import image_resize
from ir.ops import (
    AvgPool,
    Celu,
    Clip,
    Elu,
    GlobalAvgPool,
    GlobalMaxPool,
    HardShrink,
    LogSoftmax,
    MaxPool,
    Op,
    Relu,
    Rescale,
    Softmax,
    SoftShrink,
    Sparsemax,
    Threshold,
)
from ir.ops.functions import FUNCTIONS as KNOWN

ELEMENTWISE = tuple(name for name in KNOWN if name not in ("exponential", "gelu_tanh"))
"""Element-wise functions with the same name in Keras. It calls the others `exp` and `gelu`."""

Convert = Callable[[LayerCall], Sequence[Part]]


def clip(call: LayerCall) -> list[Part]:
    low = constant(option(call, "x_min", 1, option(call, "clip_value_min", 1, None)))
    high = constant(option(call, "x_max", 2, option(call, "clip_value_max", 2, None)))
    if not isinstance(low, float) or not isinstance(high, float):
        raise refusal(call.spec, "cuts values at bounds that are no numbers")
    return [Part(Clip(low, high))]


def _along(op: Callable[[int], Op]) -> Convert:
    """A converter to an op with an axis."""

    def convert(call: LayerCall) -> list[Part]:
        value = option(call, "axis", 1, -1)
        return [Part(op(value if type(value) is int else -1))]

    return convert


def leaky_relu(call: LayerCall) -> list[Part]:
    return [Part(Relu(negative_slope=_number(call, "negative_slope", _number(call, "alpha", 0.2))))]


def _number(call: LayerCall, key: str, default: float, position: int = 1) -> float:
    value = constant(option(call, key, position, default))
    if not isinstance(value, float):
        raise refusal(call.spec, f"has {key}={str(value)[:80]}, which is no number")
    return value


def _with_number(op: Callable[[float], Op], key: str, default: float) -> Convert:
    """A converter to an op with one number."""
    return lambda call: [Part(op(_number(call, key, default)))]


def threshold(call: LayerCall) -> list[Part]:
    return [
        Part(Threshold(_number(call, "threshold", 0.0), _number(call, "default_value", 0.0, 2)))
    ]


def squareplus(call: LayerCall) -> list[Part]:
    if _number(call, "b", 4.0) != 4:
        raise refusal(call.spec, "has another b than 4, which is not supported")
    return named_activation(call, "squareplus")


def relu(call: LayerCall) -> list[Part]:
    """TensorFlow's, or that of Keras's backend with a slope, a maximum and a threshold."""
    top = option(call, "max_value", None, None)
    slope = _number(call, "negative_slope", _number(call, "alpha", 0.0, 9), 9)
    least = _number(call, "threshold", 0.0, 9)
    return [Part(Relu(None if top is None else _number(call, "max_value", 0.0, 9), slope, least))]


def negate(call: LayerCall) -> list[Part]:
    return [Part(Rescale(-1.0))]


def identity(call: LayerCall) -> list[Part]:
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
        for name in (*ELEMENTWISE, "relu6", "hard_sigmoid", "hard_tanh", "sparse_sigmoid")
    },
    "exp": _activation("exponential"),
    "relu": relu,
    "squareplus": squareplus,
    "elu": _with_number(Elu, "alpha", 1.0),
    "celu": _with_number(Celu, "alpha", 1.0),
    "hard_shrink": _with_number(HardShrink, "threshold", 0.5),
    "soft_shrink": _with_number(SoftShrink, "threshold", 0.5),
    "gelu": lambda call: named_activation(
        call, "gelu_tanh" if option(call, "approximate", 1, True) else "gelu"
    ),
    "gelu_exact": lambda call: named_activation(
        call, "gelu_tanh" if option(call, "approximate", 1, False) else "gelu"
    ),
    "leaky_relu": leaky_relu,
    "threshold": threshold,
    "glu": glu,
    "softmax": _along(Softmax),
    "log_softmax": _along(LogSoftmax),
    "sparsemax": _along(partial(Sparsemax, keras=True)),
    "negative": negate,
    "power": power,
    "matmul": matrix_product,
    "tensordot": tensor_product,
    "einsum": contraction,
    "cast": identity,
    "identity": identity,
    "stop_gradient": identity,
    "clip": clip,
    "mean": lambda call: reduce_axes(call, GlobalAvgPool),
    "max": lambda call: reduce_axes(call, GlobalMaxPool),
    "min": minimum,
    "sum": total,
    "average_pool": lambda call: pool(call, AvgPool),
    "max_pool": lambda call: pool(call, MaxPool),
    "normalize": normalize,
    "l2_normalize": l2_normalize,
    "resize": image_resize,
    "rgb_to_grayscale": to_grey,
    "grayscale_to_rgb": to_colour,
    "get_item": rearranging.get_item,
    "transpose": rearranging.transpose,
    "swapaxes": rearranging.swap_axes,
    "moveaxis": rearranging.move_axes,
    "reshape": rearranging.reshape,
    "concatenate": rearranging.concatenate,
    "stack": rearranging.stack,
    "split": rearranging.split,
    "unstack": rearranging.unstack,
    "take": rearranging.take,
    "repeat": rearranging.repeat,
    "tile": rearranging.tile,
    "flip": rearranging.flip,
    "roll": rearranging.roll,
    "depth_to_space": rearranging.depth_to_space,
    "space_to_depth": rearranging.space_to_depth,
    "pad": rearranging.pad,
    "expand_dims": rearranging.expand_dims,
    "squeeze": rearranging.squeeze,
}
"""What each function becomes, by Keras 3's name for it."""

TENSORFLOW = {
    "__operators__.add": "add",
    "__operators__.getitem": "get_item",
    "abs": "abs",
    "cast": "cast",
    "clip_by_value": "clip",
    "compat.v1.gather": "take",
    "compat.v1.nn.avg_pool": "average_pool",
    "compat.v1.nn.max_pool": "max_pool",
    "compat.v1.pad": "pad",
    "compat.v1.reduce_max": "max",
    "compat.v1.reduce_mean": "mean",
    "compat.v1.reduce_min": "min",
    "compat.v1.reduce_sum": "sum",
    "compat.v1.squeeze": "squeeze",
    "compat.v1.transpose": "transpose",
    "concat": "concatenate",
    "einsum": "einsum",
    "expand_dims": "expand_dims",
    "gather": "take",
    "identity": "identity",
    "image.grayscale_to_rgb": "grayscale_to_rgb",
    "image.resize": "resize",
    "image.rgb_to_grayscale": "rgb_to_grayscale",
    "linalg.l2_normalize": "l2_normalize",
    "linalg.matmul": "matmul",
    "math.abs": "abs",
    "math.add": "add",
    "math.divide": "divide",
    "math.exp": "exp",
    "math.l2_normalize": "l2_normalize",
    "math.maximum": "maximum",
    "math.minimum": "minimum",
    "math.multiply": "multiply",
    "math.negative": "negative",
    "math.pow": "power",
    "math.reduce_max": "max",
    "math.reduce_mean": "mean",
    "math.reduce_min": "min",
    "math.reduce_sum": "sum",
    "math.scalar_mul": "multiply",
    "math.sigmoid": "sigmoid",
    "math.softplus": "softplus",
    "math.square": "square",
    "math.subtract": "subtract",
    "math.tanh": "tanh",
    "math.truediv": "divide",
    "nn.avg_pool": "average_pool",
    "nn.avg_pool1d": "average_pool",
    "nn.avg_pool2d": "average_pool",
    "nn.avg_pool3d": "average_pool",
    "nn.bias_add": "bias_add",
    "nn.depth_to_space": "depth_to_space",
    "nn.elu": "elu",
    "nn.gelu": "gelu_exact",
    "nn.l2_normalize": "l2_normalize",
    "nn.leaky_relu": "leaky_relu",
    "nn.log_softmax": "log_softmax",
    "nn.max_pool": "max_pool",
    "nn.max_pool1d": "max_pool",
    "nn.max_pool2d": "max_pool",
    "nn.max_pool3d": "max_pool",
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "nn.selu": "selu",
    "nn.sigmoid": "sigmoid",
    "nn.silu": "silu",
    "nn.softmax": "softmax",
    "nn.softplus": "softplus",
    "nn.softsign": "softsign",
    "nn.space_to_depth": "space_to_depth",
    "nn.swish": "silu",
    "nn.tanh": "tanh",
    "pad": "pad",
    "repeat": "repeat",
    "reshape": "reshape",
    "reverse": "flip",
    "roll": "roll",
    "split": "split",
    "squeeze": "squeeze",
    "stack": "stack",
    "stop_gradient": "stop_gradient",
    "tensordot": "tensordot",
    "tile": "tile",
    "transpose": "transpose",
    "unstack": "unstack",
}
"""TensorFlow's names for the functions."""

CLASSES = {
    **{"".join(map(str.capitalize, name.split("_"))): name for name in ELEMENTWISE},
    "Absolute": "abs",
    "Amax": "max",
    "Amin": "min",
    "AveragePool": "average_pool",
    "BiasAdd": "bias_add",
    "Cast": "cast",
    "Celu": "celu",
    "Clip": "clip",
    "Copy": "identity",
    "DepthToSpace": "depth_to_space",
    "Divide": "divide",
    "Einsum": "einsum",
    "Elu": "elu",
    "Exp": "exp",
    "ExpandDims": "expand_dims",
    "Flip": "flip",
    "GetItem": "get_item",
    "Glu": "glu",
    "HardShrink": "hard_shrink",
    "HardSigmoid": "hard_sigmoid",
    "HardTanh": "hard_tanh",
    "LeakyRelu": "leaky_relu",
    "LogSoftmax": "log_softmax",
    "Matmul": "matmul",
    "Max": "max",
    "MaxPool": "max_pool",
    "Mean": "mean",
    "Min": "min",
    "Moveaxis": "moveaxis",
    "Negative": "negative",
    "Normalize": "normalize",
    "Pad": "pad",
    "Power": "power",
    "RGBToGrayscale": "rgb_to_grayscale",
    "Relu": "relu",
    "Relu6": "relu6",
    "Repeat": "repeat",
    "Resize": "resize",
    "Roll": "roll",
    "SoftShrink": "soft_shrink",
    "SpaceToDepth": "space_to_depth",
    "SparseSigmoid": "sparse_sigmoid",
    "Sparsemax": "sparsemax",
    "Split": "split",
    "Squeeze": "squeeze",
    "Stack": "stack",
    "StopGradient": "stop_gradient",
    "Sum": "sum",
    "Swapaxes": "swapaxes",
    "Take": "take",
    "Tensordot": "tensordot",
    "Threshold": "threshold",
    "Tile": "tile",
    "Transpose": "transpose",
    "TrueDivide": "true_divide",
    "Unstack": "unstack",
}
"""Keras 3's classes of functions, without names that layers have too (`Add`, `Reshape`, …)."""


@layer(*CLASSES)
def operator(call: LayerCall) -> Sequence[Part]:
    """A function that Keras 3 recorded."""
    return FUNCTIONS[CLASSES[call.spec.class_name]](call)


@layer("TFOpLambda", "SlicingOpLambda")
def tensorflow_function(call: LayerCall) -> Sequence[Part]:
    """A function of TensorFlow that tf.keras recorded by its name."""
    name = str(call.spec.config.get("function"))[:80]
    own = converter_of("function", name)
    if own is not None:
        return own(call)
    if name not in TENSORFLOW:
        raise unknown_function(call, f"TensorFlow's function {name!r}", name)
    return FUNCTIONS[TENSORFLOW[name]](call)


def unknown_function(call: LayerCall, what: str, name: str) -> LoadError:
    """The error for an unknown function, with the lines that register it."""
    lines = three_lines(name, 'ir.Activation("tanh")', ', kind="function"')
    return LoadError(
        f"has the layer {call.spec.title!r}, which calls {what}, which is not supported. {lines}"
    )
