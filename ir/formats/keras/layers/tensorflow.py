"""Ops of TensorFlow that tf.keras 2.0 to 2.3 recorded.

A `TensorFlowOpLayer` has the op's description and constants. The description is the JSON form of
TensorFlow's `NodeDef`: the op's name, its inputs and its attributes. It is an object, or JSON text
inside the JSON.
"""

import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ir.formats.keras.layers.operators import FUNCTIONS, unknown_function
from ir.formats.keras.layers.registry import LayerCall, Part, converter_of, layer, refusal
from ir.formats.keras.spec import Call, entry

MAX_DESCRIPTION = 100_000
"""Letters of an op's description."""

MAX_INPUTS = 1000
"""Inputs of one op."""


@dataclass(frozen=True)
class Description:
    """An op's inputs in order (tensors and constants), and its attributes."""

    inputs: tuple[Any, ...]
    attributes: Mapping[str, Any]

    def whole(self, name: str, default: int = 0) -> int:
        """An attribute that is a whole number. JSON has 64-bit numbers as text."""
        found = _whole(entry(self.attributes, name, "i"))
        return default if found is None else found

    def wholes(self, name: str) -> tuple[int, ...]:
        """An attribute that is a list of whole numbers."""
        found = entry(self.attributes, name, "list", "i")
        return (
            tuple(n for n in map(_whole, found) if n is not None)
            if isinstance(found, list | tuple)
            else ()
        )

    def flag(self, name: str) -> bool:
        """An attribute that is true or false."""
        return entry(self.attributes, name, "b") is True

    def number(self, name: str, default: float) -> float:
        """An attribute that is a number."""
        found = entry(self.attributes, name, "f")
        return float(found) if isinstance(found, int | float) else default

    def text(self, name: str, default: str) -> str:
        """An attribute that is text. JSON has it in base 64."""
        found = entry(self.attributes, name, "s")
        if not isinstance(found, str):
            return default
        try:
            return binascii.a2b_base64(found, strict_mode=True).decode("ascii")
        except ValueError:
            return found


Translate = Callable[[Description], Call]


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and len(value) < 20 and value.lstrip("-").isdecimal():
        return int(value)
    return value if type(value) is int else None


def _same_inputs(op: Description) -> Call:
    return Call(op.inputs)


def _with(*names: str, **attributes: Callable[[Description], Any]) -> Translate:
    """Keep the first input, and give the other inputs and the attributes these option names."""

    def translate(op: Description) -> Call:
        given = dict(zip(names, op.inputs[1:], strict=False))
        return Call(op.inputs[:1], {**given, **{name: get(op) for name, get in attributes.items()}})

    return translate


def _reduction(op: Description) -> Call:
    return Call(op.inputs[:1], {"axis": _first(op.inputs[1:2]), "keepdims": op.flag("keep_dims")})


def _first(inputs: Sequence[Any]) -> Any:
    return inputs[0] if inputs else None


def _concatenation(op: Description) -> Call:
    return Call((op.inputs[:-1],), {"axis": op.inputs[-1]})


def _window(op: Description) -> Call:
    options = {
        "ksize": op.wholes("ksize"),
        "strides": op.wholes("strides"),
        "padding": op.text("padding", "VALID"),
    }
    return Call(op.inputs, {**options, "data_format": op.text("data_format", "NHWC")})


def _interpolation(method: str) -> Translate:
    def translate(op: Description) -> Call:
        centred = op.flag("half_pixel_centers") and not op.flag("align_corners")
        size = op.inputs[1] if len(op.inputs) > 1 else None
        return Call(
            op.inputs[:1],
            {"size": size, "method": method if centred else f"{method} with other corners"},
        )

    return translate


def _slice(op: Description) -> Call:
    """A slice. The bits of five masks say what begin, end and stride of each axis mean."""
    begin, end, strides = (
        list(each) if isinstance(each, list | tuple) else [each] for each in op.inputs[1:4]
    )
    masks = {
        name: op.whole(f"{name}_mask")
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    spec: list[Any] = []
    for bit, (start, stop, step) in enumerate(zip(begin, end, strides, strict=False)):
        marked = {name: bool(mask >> bit & 1) for name, mask in masks.items()}
        if marked["ellipsis"]:
            spec.append({"class_name": "__ellipsis__"})
        elif marked["new_axis"]:
            spec.append(None)
        elif marked["shrink_axis"]:
            spec.append(start)
        else:
            start, stop = None if marked["begin"] else start, None if marked["end"] else stop
            spec.append({"start": start, "stop": stop, "step": step})
    return Call(op.inputs[:1], {"slice_spec": tuple(spec)})


def _parts(op: Description) -> Call:
    axis, value = op.inputs if len(op.inputs) == 2 else (None, None)
    return Call((value,), {"num_or_size_splits": op.whole("num_split"), "axis": axis})


def _sizes(op: Description) -> Call:
    value, sizes, axis = op.inputs if len(op.inputs) == 3 else (None, None, None)
    return Call((value,), {"num_or_size_splits": sizes, "axis": axis})


def _product(a: str, b: str) -> Translate:
    return lambda op: Call(op.inputs, {"transpose_a": op.flag(a), "transpose_b": op.flag(b)})


OPS: dict[str, tuple[str, Translate]] = {
    **{
        name: (function, _same_inputs)
        for name, function in {
            "Abs": "abs",
            "Add": "add",
            "AddV2": "add",
            "BiasAdd": "bias_add",
            "ClipByValue": "clip",
            "Div": "divide",
            "Elu": "elu",
            "Exp": "exp",
            "Identity": "identity",
            "LogSoftmax": "log_softmax",
            "Maximum": "maximum",
            "Minimum": "minimum",
            "Mul": "multiply",
            "Neg": "negative",
            "Pow": "power",
            "RealDiv": "divide",
            "Relu": "relu",
            "Relu6": "relu6",
            "Selu": "selu",
            "Sigmoid": "sigmoid",
            "Softmax": "softmax",
            "Softplus": "softplus",
            "Softsign": "softsign",
            "Square": "square",
            "StopGradient": "stop_gradient",
            "Sub": "subtract",
            "Tanh": "tanh",
        }.items()
    },
    "Cast": ("cast", lambda op: Call(op.inputs[:1])),
    "LeakyRelu": ("leaky_relu", _with(alpha=lambda op: op.number("alpha", 0.2))),
    **{name: (name.lower(), _reduction) for name in ("Max", "Mean", "Min", "Sum")},
    "MaxPool": ("max_pool", _window),
    "AvgPool": ("average_pool", _window),
    "MatMul": ("matmul", _product("transpose_a", "transpose_b")),
    "BatchMatMul": ("matmul", _product("adj_x", "adj_y")),
    "BatchMatMulV2": ("matmul", _product("adj_x", "adj_y")),
    "ResizeBilinear": ("resize", _interpolation("bilinear")),
    "ResizeNearestNeighbor": ("resize", _interpolation("nearest")),
    "Reshape": ("reshape", _with("shape")),
    "Transpose": ("transpose", _with("perm")),
    "ExpandDims": ("expand_dims", _with("axis")),
    "Squeeze": ("squeeze", _with(axis=lambda op: op.wholes("squeeze_dims") or None)),
    "Pad": ("pad", _with("paddings")),
    "PadV2": ("pad", _with("paddings", "constant_values")),
    "Tile": ("tile", _with("multiples")),
    "ReverseV2": ("flip", _with("axis")),
    "GatherV2": ("take", _with("indices", "axis")),
    "ConcatV2": ("concatenate", _concatenation),
    "Pack": ("stack", lambda op: Call((op.inputs,), {"axis": op.whole("axis")})),
    "Unpack": ("unstack", _with(axis=lambda op: op.whole("axis"))),
    "Split": ("split", _parts),
    "SplitV": ("split", _sizes),
    "StridedSlice": ("get_item", _slice),
}
"""For each op of TensorFlow, the function that it is, and how its inputs become arguments."""


@layer("TensorFlowOpLayer")
def tensorflow_op(call: LayerCall) -> Sequence[Part]:
    """An op of TensorFlow that tf.keras recorded by its description."""
    content = _description(call)
    name = str(content.get("op"))[:80]
    own = converter_of("function", name)
    if own is not None:
        return own(call)
    if name not in OPS:
        raise unknown_function(call, f"TensorFlow's op {name!r}", name)
    attributes = content.get("attr", {})
    op = Description(_inputs(call, content), attributes if isinstance(attributes, Mapping) else {})
    function, translate = OPS[name]
    return FUNCTIONS[function](replace(call, call=translate(op)))


def _description(call: LayerCall) -> Mapping[str, Any]:
    content = call.spec.config.get("node_def")
    if isinstance(content, str) and len(content) <= MAX_DESCRIPTION:
        try:
            content = json.loads(content)
        except (ValueError, RecursionError):
            content = None
    if not isinstance(content, Mapping):
        raise refusal(call.spec, "has no description of its op that is JSON")
    return content


def _inputs(call: LayerCall, content: Mapping[str, Any]) -> tuple[Any, ...]:
    """The op's inputs in order. The configuration says which of them are constants."""
    constants = call.spec.config.get("constants")
    constants = (
        {str(key): value for key, value in constants.items()}
        if isinstance(constants, Mapping)
        else {}
    )
    names = content.get("input")
    data = (
        [n for n in names if not str(n).startswith("^")] if isinstance(names, list | tuple) else []
    )
    tensors = list(call.call.tensors)
    count = len(tensors) + len(constants)
    if (
        len(data) not in (0, count)
        or count > MAX_INPUTS
        or any(key not in map(str, range(count)) for key in constants)
    ):
        raise refusal(
            call.spec,
            f"has {len(tensors)} values and {len(constants)} constants for {len(data)} inputs",
        )
    return tuple(constants[str(i)] if str(i) in constants else tensors.pop(0) for i in range(count))
