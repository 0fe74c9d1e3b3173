"""Spans that compute one function of each value: which of the named functions it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from ir.ops.functions import FUNCTIONS
from jlrp.ops import apply
from jlrp.ops.base import Params
from jlrp.tracing import jaxprs, numeric
from jlrp.tracing.numeric import ELEMENTWISE, Numbers
from jlrp.tracing.part import Part
from jlrp.tracing.regions import Span, number_of, thin
from jlrp.tracing.values import Const, Equation, evaluate
from jlrp.tracing.walk import as_numpy

GRID = np.unique(
    np.concatenate([np.linspace(-12, 12, 193), [-1000, -100, -50, -20, 20, 50, 100, 1000, 1e-3]])
)
"""Where functions are compared: 0, both signs, small and large values."""


@dataclass(frozen=True)
class Elementwise(ir.ActivationOp):
    """A function of one value that has no name, as it stands in a traced function.

    Relevance goes through it unchanged, as through every activation. A file cannot hold it:
    `jlrp.register_function` gives a function a name.

    Attributes:
        key: A text that is the same for equal functions.
        function: The function.
    """

    key: str
    function: Callable[[Array], Array] = field(compare=False, repr=False)

    unsaved = (
        "computes a function of JAX that has no name, and a file holds no code. Give the function "
        "a name with jlrp.register_function, and trace again."
    )

    def __str__(self) -> str:
        return "Elementwise()"


@apply.register
def _(op: Elementwise, params: Params, x: Array) -> Array:
    return op.function(x)


def tolerance(dtype: Any) -> float:
    """How far equal functions may lie apart: the numbers in them are rounded to a dtype."""
    dtype = jnp.dtype(dtype)
    if dtype == np.float64:
        return 1e-11
    half = jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4
    return 2.0 ** (1 - _mantissa(dtype)) if half else 4e-6


def _mantissa(dtype: Any) -> int:
    """How many binary digits the numbers of a floating dtype have behind the first."""
    return int(jnp.finfo(dtype).nmant)  # type: ignore[no-untyped-call]


def activated(span: Span) -> list[Part] | None:
    """The op of a span that computes a function of each value; `None` for any other.

    A function without a name, or with several, is an `Elementwise`.
    """
    if not span.primitives <= ELEMENTWISE or None in map(number_of, span.consts):
        return None
    if not all(jnp.issubdtype(v.dtype, jnp.floating) for v in (span.start, span.end)):
        return None
    op = _named(span.key, span)
    return [] if op is None else [Part(op)]


_FOUND: dict[str, ir.Op | None] = {}


def _named(key: str, span: Span) -> ir.Op | None:
    if key not in _FOUND:
        if len(_FOUND) > 4096:
            _FOUND.clear()
        _FOUND[key] = _found(key, span)
    return _FOUND[key]


def _found(key: str, span: Span) -> ir.Op | None:
    values = _on_grid(span, GRID)
    near = tolerance(span.start.dtype)
    if _equal(values, GRID, near):
        return None
    for op, expected in _candidates(values, near):
        if _equal(values, expected, near):
            return op
    return Elementwise(key, _function(span))


def _on_grid(span: Span, grid: Numbers) -> Numbers:
    """The function at numbers: a vector in the place of the value."""
    known = {c.number: as_numpy(thin(c)).astype(_kind(c)).reshape(()) for c in span.consts}
    known[span.start.number] = grid
    made = numeric.run(span.equations, known, 1)[span.end.number]
    return np.broadcast_to(made, grid.shape)


def _kind(const: Const) -> Any:
    return np.float64 if np.dtype(const.dtype).kind not in "biu" else const.dtype


def _equal(a: Numbers, b: Numbers, near: float) -> bool:
    inner = np.abs(b[np.abs(GRID) <= 12])
    size = min(1.0, float(np.nanmax(inner, initial=0.0, where=np.isfinite(inner))))
    with np.errstate(all="ignore"):
        close = np.abs(a - b) <= near * np.maximum(size, np.abs(b))
    return bool(np.all(close | (a == b) | (np.isnan(a) & np.isnan(b))))


def _candidates(values: Numbers, near: float) -> Iterator[tuple[ir.Op, Numbers]]:
    """Ops that the function may be, each with its values."""
    at = dict(zip(GRID.tolist(), values.tolist(), strict=True))
    slope = at[1.0] - at[0.0]
    yield ir.Rescale(rounded(slope), rounded(at[0.0])), slope * GRID + at[0.0]
    top, bottom = at[1000.0], at[-1000.0]
    leak = rounded(-at[-1.0])
    cut = None if abs(top - 1000) < 1 else rounded(top)
    yield from _computed(ir.Relu(cut, leak if leak > 0 else 0.0))
    if np.isfinite([top, bottom]).all() and bottom < top:
        yield from _computed(ir.Clip(rounded(bottom), rounded(top)))
    for name, expected in _functions().items():
        yield ir.Activation(name), expected
    if np.isfinite(bottom) and bottom < 0:
        yield from _computed(ir.Elu(rounded(-bottom)))
        yield from _computed(ir.Celu(rounded(-bottom)))
    yield from _computed(ir.HardSigmoid(rounded((at[0.5] - 0.5) * 2)))
    if at[0.0] == 0 and at[1000.0] not in (0.0, 1000.0):
        yield from _computed(ir.SoftShrink(rounded(1000 - at[1000.0])))


def rounded(number: float) -> float:
    """A number as a person would write it: rounded to seven digits if that is within a float32."""
    short = float(f"{number:.7g}")
    with np.errstate(over="ignore"):
        return short if np.float32(short) == np.float32(number) else float(number)


def _computed(op: ir.Op) -> Iterator[tuple[ir.Op, Numbers]]:
    yield op, _values(op)


@lru_cache(maxsize=1024)
def _values(op: ir.Op) -> Numbers:
    with jax.enable_x64(True):
        return np.asarray(apply(op, {}, jnp.asarray(GRID)))


@lru_cache(maxsize=1)
def _table(names: tuple[str, ...]) -> dict[str, Numbers]:
    """The values of all functions that have a name, compiled at once."""

    def all_of(x: Array) -> dict[str, Array]:
        return {name: apply(ir.Activation(name), {}, x) for name in names}

    with jax.enable_x64(True):
        return {name: np.asarray(v) for name, v in jax.jit(all_of)(jnp.asarray(GRID)).items()}


def _functions() -> dict[str, Numbers]:
    return _table(tuple(FUNCTIONS))


def _function(span: Span) -> Callable[[Array], Array]:
    """A span as a function of an array of any shape."""
    equations, start, end = span.equations, span.start.number, span.end.number
    numbers = {c.number: value for c, value in zip(span.consts, _scalars(span), strict=True)}

    def function(x: Array) -> Array:
        known: dict[int, Any] = {**numbers, start: x}
        for equation in equations:
            operands = [known[each.number] for each in equation.operands]
            known[equation.output.number] = _apply(equation, x, operands)
        return jnp.asarray(known[end], x.dtype)

    return function


def _scalars(span: Span) -> list[Any]:
    return [np.asarray(v).reshape(()) for v in evaluate(map(thin, span.consts), ())]


def _apply(equation: Equation, x: Array, operands: list[Any]) -> Any:
    """One equation for arrays of the shape of `x`."""
    dtypes = [o.dtype for o in equation.operands]
    spread = []
    for operand, dtype in zip(operands, dtypes, strict=True):
        dtype = x.dtype if jnp.issubdtype(dtype, jnp.floating) else dtype
        spread.append(jnp.broadcast_to(jnp.asarray(operand, dtype), x.shape))
    if equation.primitive == "convert_element_type":
        new = equation.params["new_dtype"]
        new = x.dtype if jnp.issubdtype(new, jnp.floating) else new
        return spread[0].astype(new)
    (made,) = jaxprs.compute(equation.made, 1, *spread)
    return made
