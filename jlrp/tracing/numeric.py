"""Equations of single values, sums and moves in NumPy: what numbers a part of a function makes.

NumPy compiles nothing, so that a part of a function is tried at random inputs in microseconds.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jax import lax
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from jlrp.tracing import jaxprs
from jlrp.tracing.values import Equation

Numbers = NDArray[Any]

UNARY: dict[str, Callable[[Numbers], Numbers]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "cbrt": np.cbrt,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": np.vectorize(math.erf, [float]),
    "erfc": np.vectorize(math.erfc, [float]),
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": np.floor,
    "is_finite": np.isfinite,
    "lgamma": np.vectorize(math.lgamma, [float]),
    "log": np.log,
    "log1p": np.log1p,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "neg": np.negative,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "square": np.square,
    "tan": np.tan,
    "tanh": np.tanh,
}

BINARY: dict[str, Callable[[Numbers, Numbers], Numbers]] = {
    "add": np.add,
    "add_any": np.add,
    "and": np.bitwise_and,
    "atan2": np.arctan2,
    "div": lambda a, b: a // b if a.dtype.kind in "iu" else a / b,
    "eq": np.equal,
    "ge": np.greater_equal,
    "gt": np.greater,
    "le": np.less_equal,
    "lt": np.less,
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "ne": np.not_equal,
    "nextafter": np.nextafter,
    "or": np.bitwise_or,
    "pow": np.power,
    "rem": np.fmod,
    "sub": np.subtract,
    "xor": np.bitwise_xor,
}

ELEMENTWISE = frozenset(
    {*UNARY, *BINARY, "clamp", "convert_element_type", "integer_pow", "not", "round", "select_n"}
)
"""The primitives whose results each depend on one value of each operand."""

REDUCTIONS: dict[str, Callable[..., Numbers]] = {
    "reduce_and": np.all,
    "reduce_max": np.max,
    "reduce_min": np.min,
    "reduce_or": np.any,
    "reduce_prod": np.prod,
    "reduce_sum": np.sum,
}

MOVES = frozenset(
    {
        "broadcast_in_dim",
        "concatenate",
        "dynamic_slice",
        "expand_dims",
        "gather",
        "index",
        "pad",
        "part",
        "reshape",
        "rev",
        "slice",
        "squeeze",
        "stack",
        "tile",
        "transpose",
    }
)
"""The primitives that take values to other places."""

WINDOWS: dict[str, Callable[..., Numbers]] = {
    "reduce_window_max": np.max,
    "reduce_window_min": np.min,
    "reduce_window_sum": np.sum,
}

SOFT = ELEMENTWISE | MOVES | REDUCTIONS.keys() | WINDOWS.keys()
"""All primitives that this module computes."""


def run(
    equations: Sequence[Equation], numbers: Mapping[int, Numbers], batch: int
) -> dict[int, Numbers]:
    """Compute equations.

    Args:
        equations: The equations, each behind those that it reads.
        numbers: The arrays of the values and constants that they read, by number.
        batch: How many images there are.

    Returns:
        The arrays, with those of all results.
    """
    known = dict(numbers)
    with np.errstate(all="ignore"):
        for equation in equations:
            operands = [known[each.number] for each in equation.operands]
            made = compute(equation.primitive, equation.params, operands, batch)
            known[equation.output.number] = made
    return known


def compute(
    name: str, params: Mapping[str, Any], operands: Sequence[Numbers], batch: int
) -> Numbers:
    """Compute one primitive."""
    if name in UNARY:
        return UNARY[name](*operands)
    if name in BINARY:
        return BINARY[name](*operands)
    params = {k: jaxprs.at_batch(v, batch) for k, v in params.items()}
    if name in REDUCTIONS:
        return REDUCTIONS[name](operands[0], axis=tuple(params["axes"]))
    if name in WINDOWS:
        return _window(name, operands[0], params)
    return _OTHERS[name](params, *operands)


def _integer_pow(params: Mapping[str, Any], x: Numbers) -> Numbers:
    power: Numbers = np.power(x, abs(params["y"]))
    return 1 / power if params["y"] < 0 else power


def _round(params: Mapping[str, Any], x: Numbers) -> Numbers:
    if "AWAY" in str(params["rounding_method"]):
        return np.sign(x) * np.floor(np.abs(x) + 0.5)
    return np.round(x)


def _convert(params: Mapping[str, Any], x: Numbers) -> Numbers:
    kind = np.dtype(params["new_dtype"]).kind if _is_numpy(params["new_dtype"]) else "f"
    if kind == "b":
        return x != 0
    return np.trunc(x).astype(np.int64) if kind in "iu" else x.astype(np.float64)


def _is_numpy(dtype: Any) -> bool:
    try:
        return np.dtype(dtype).kind in "biuf"
    except TypeError:
        return False


def _select(params: Mapping[str, Any], which: Numbers, *cases: Numbers) -> Numbers:
    shape = np.broadcast_shapes(which.shape, *(case.shape for case in cases))
    which = np.broadcast_to(which, shape).astype(int)
    chosen = np.broadcast_to(cases[0], shape).copy()
    for index, case in enumerate(cases[1:], start=1):
        chosen = np.where(which == index, case, chosen)
    return chosen


def _broadcast(params: Mapping[str, Any], x: Numbers, *_: Numbers) -> Numbers:
    shape = tuple(params["shape"])
    placed = [1] * len(shape)
    for axis, at in enumerate(params["broadcast_dimensions"]):
        placed[at] = x.shape[axis]
    return np.broadcast_to(x.reshape(placed), shape)


def _reshape(params: Mapping[str, Any], x: Numbers, *_: Numbers) -> Numbers:
    return x.reshape(tuple(params["new_sizes"]))


def _slice(params: Mapping[str, Any], x: Numbers) -> Numbers:
    strides = params["strides"] or (1,) * x.ndim
    limits = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    return x[tuple(slice(*each) for each in limits)]


def _part(params: Mapping[str, Any], x: Numbers) -> Numbers:
    cells = slice(params["start"], params["limit"])
    return x[(*(slice(None),) * params["axis"], cells)]


def _dynamic_slice(params: Mapping[str, Any], x: Numbers, *starts: Numbers) -> Numbers:
    parts = []
    for length, size, start in zip(x.shape, params["slice_sizes"], starts, strict=True):
        first = min(max(int(start), 0), length - size)
        parts.append(slice(first, first + size))
    return x[tuple(parts)]


def _pad(params: Mapping[str, Any], x: Numbers, value: Numbers) -> Numbers:
    config = params["padding_config"]
    grown = [(max(low, 0), max(high, 0)) for low, high, _ in config]
    inner = [n + max(n - 1, 0) * gap for n, (_, _, gap) in zip(x.shape, config, strict=True)]
    lengths = [n + low + high for n, (low, high, _) in zip(inner, config, strict=True)]
    wide = [low + n + high for n, (low, high) in zip(inner, grown, strict=True)]
    made = np.full(wide, value, np.result_type(x, value))
    pairs = list(zip(inner, lengths, config, strict=True))
    made[tuple(slice(max(low, 0), max(low, 0) + n, gap + 1) for n, _, (low, _, gap) in pairs)] = x
    cut = (slice(max(-low, 0), max(-low, 0) + length) for _, length, (low, _, _) in pairs)
    return made[tuple(cut)]


def _gather(params: Mapping[str, Any], x: Numbers, indices: Numbers) -> Numbers:
    names = ("dimension_numbers", "slice_sizes", "mode", "fill_value")
    given = {name: params[name] for name in names}
    made = lax.gather(x, np.asarray(indices, np.int32), **given)
    return np.asarray(made)


def _window(name: str, x: Numbers, params: Mapping[str, Any]) -> Numbers:
    fill = {"reduce_window_max": -np.inf, "reduce_window_min": np.inf, "reduce_window_sum": 0.0}
    base = params["base_dilation"]
    widened = [
        (low, high, gap - 1) for (low, high), gap in zip(params["padding"], base, strict=True)
    ]
    x = _pad({"padding_config": widened}, x, np.asarray(fill[name]))
    apart = params["window_dilation"]
    window = params["window_dimensions"]
    reach = tuple((k - 1) * d + 1 for k, d in zip(window, apart, strict=True))
    windows = sliding_window_view(x, reach)
    steps = tuple(slice(None, None, s) for s in params["window_strides"])
    cells = tuple(slice(None, None, d) for d in apart)
    return WINDOWS[name](windows[(*steps, *cells)], axis=tuple(range(x.ndim, 2 * x.ndim)))


_OTHERS: dict[str, Callable[..., Numbers]] = {
    "broadcast_in_dim": _broadcast,
    "clamp": lambda params, low, x, high: np.minimum(np.maximum(x, low), high),
    "concatenate": lambda params, *parts: np.concatenate(parts, params["dimension"]),
    "convert_element_type": _convert,
    "dynamic_slice": _dynamic_slice,
    "expand_dims": lambda params, x: np.expand_dims(x, tuple(params["dimensions"])),
    "gather": _gather,
    "index": lambda params, x: np.take(x, params["index"], params["axis"]),
    "integer_pow": _integer_pow,
    "not": lambda params, x: np.logical_not(x) if x.dtype == bool else np.invert(x),
    "pad": _pad,
    "part": _part,
    "reshape": _reshape,
    "rev": lambda params, x: np.flip(x, tuple(params["dimensions"])),
    "round": _round,
    "select_n": _select,
    "slice": _slice,
    "squeeze": lambda params, x: np.squeeze(x, tuple(params["dimensions"])),
    "stack": lambda params, *parts: np.stack(parts, params["axis"]),
    "tile": lambda params, x: np.tile(x, tuple(params["reps"])),
    "transpose": lambda params, x: np.transpose(x, params["permutation"]),
}
