"""Spans that multiply and add constants: `g·x + h`, exact by what the primitives are."""

import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

import ir
from jlrp.tracing.moves import without_batch
from jlrp.tracing.part import Part
from jlrp.tracing.regions import Span, number_of, thin
from jlrp.tracing.values import Const, Operand, Value, literal
from jlrp.tracing.walk import as_numpy

Line = tuple[Const | None, Const | None]
"""`g` and `h` of `g·x + h`; `None` stands for 1 and for 0."""

PRIMITIVES = frozenset({"add", "add_any", "convert_element_type", "div", "mul", "neg", "sub"})


def scaled(span: Span, begins_linear: bool) -> list[Part] | None:
    """The ops of a span that computes `g·x + h` value by value; `None` for any other.

    Args:
        span: The span.
        begins_linear: Whether a layer with a kernel makes its start. What is then added first is
            the layer's bias, and stands alone.
    """
    if not span.primitives <= PRIMITIVES:
        return None
    if begins_linear and len(span.equations) > 1 and _adds_trained(span):
        return None
    known: dict[int, Line] = {span.start.number: (None, None)}
    for equation in span.equations:
        line = _line(equation.primitive, [_of(each, known) for each in equation.operands])
        if line is None:
            return None
        known[equation.output.number] = line
    return _ops(span.start, *known[span.end.number])


def _adds_trained(span: Span) -> bool:
    first = span.equations[0]
    adds = first.primitive in ("add", "add_any") and any(c.trained for c in first.consts)
    return adds and not all(e.primitive in ("add", "add_any") for e in span.equations)


def _of(operand: Operand, known: dict[int, Line]) -> Line | Const:
    return operand if isinstance(operand, Const) else known[operand.number]


def _line(primitive: str, operands: list[Line | Const]) -> Line | None:
    """`g` and `h` behind one equation."""
    if primitive == "convert_element_type":
        return operands[0] if isinstance(operands[0], tuple) else None
    minus = literal(np.float16(-1))
    if primitive == "neg":
        return _times(operands[0], minus)
    a, b = operands
    if primitive == "sub" and isinstance(b, Const):
        b = _made(operator.neg, b)
    elif primitive == "sub" and isinstance(b, tuple):
        g, h = _scaled_line(b, minus)
        b = g, h
    if primitive in ("add", "add_any", "sub"):
        return _sum(a, b)
    if primitive == "mul" and isinstance(a, Const):
        return _times(b, a)
    if primitive == "mul" and isinstance(b, Const):
        return _times(a, b)
    if primitive == "div" and isinstance(b, Const):
        return _times(a, b, operator.truediv)
    return None


def _sum(a: Line | Const, b: Line | Const) -> Line | None:
    if isinstance(a, Const):
        a, b = b, a
    if isinstance(a, Const):
        return None
    if isinstance(b, Const):
        return a[0], _made(operator.add, a[1], b) if a[1] is not None else b
    one = literal(np.float32(1))
    g = _made(operator.add, a[0] or one, b[0] or one)
    h = a[1] or b[1] if a[1] is None or b[1] is None else _made(operator.add, a[1], b[1])
    return g, h


def _times(
    line: Line | Const, factor: Const, by: Callable[..., object] = operator.mul
) -> Line | None:
    return None if isinstance(line, Const) else _scaled_line(line, factor, by)


def _scaled_line(
    line: Line, factor: Const, by: Callable[..., object] = operator.mul
) -> tuple[Const, Const | None]:
    g, h = line
    first = g if g is not None else literal(np.ones((), factor.dtype))
    return _made(by, first, factor), None if h is None else _made(by, h, factor)


def _made(function: Callable[..., object], *inputs: Const) -> Const:
    """What a function makes of constants, each before it was broadcast."""
    inputs = tuple(thin(each) for each in inputs)
    shape = np.broadcast_shapes(*(each.shape for each in inputs))
    *_, dtype = sorted((each.dtype for each in inputs), key=_precision)

    def made(*arrays: Any) -> object:
        return function(*(a.astype(dtype) for a in arrays))

    return Const(tuple(shape), dtype, inputs, made)


def _precision(dtype: Any) -> tuple[bool, int]:
    """Floating dtypes come behind others, and large ones behind small ones."""
    return bool(jnp.issubdtype(dtype, jnp.floating)), np.dtype(dtype).itemsize


def _ops(start: Value, g: Const | None, h: Const | None) -> list[Part] | None:
    """The ops of `g·x + h`."""
    weights = [None if c is None else without_batch(thin(c), start) for c in (g, h)]
    trained = [c is not None and c.trained for c in weights]
    if not any(trained):
        return _fixed(weights[0], weights[1])
    scale, offset = weights
    axes = {a for c in weights if c is not None for a, n in enumerate(c.shape) if n > 1}
    if scale is not None and offset is not None and all(trained) and len(axes) == 1:
        (axis,) = axes
        return [Part(ir.BatchNorm(0.0, axis + 1), _as_batchnorm(scale, offset, axis, start))]
    parts = []
    if scale is not None:
        fixed = None if scale.trained else _fixed(scale, None)
        parts += [Part(ir.Gain(), {"scale": scale})] if fixed is None else fixed
    if offset is not None:
        fixed = None if offset.trained else _fixed(None, offset)
        parts += [Part(ir.Offset(), {"offset": offset})] if fixed is None else fixed
    return parts


def _as_batchnorm(scale: Const, offset: Const, axis: int, start: Value) -> dict[str, Const]:
    channels = start.first[axis]

    def vector(const: Const, function: Callable[[Any], Any]) -> Const:
        return Const((channels,), const.dtype, (const,), function)

    def spread(a: Any) -> Any:
        return a.reshape(-1) if a.size == channels else a.reshape(-1).repeat(channels)

    gamma, beta = vector(scale, spread), vector(offset, spread)
    zeros = vector(gamma, lambda a: a - a)
    ones = vector(gamma, lambda a: a - a + a.dtype.type(1))
    return {"moving_mean": zeros, "moving_variance": ones, "gamma": gamma, "beta": beta}


def _fixed(scale: Const | None, offset: Const | None) -> list[Part] | None:
    """The ops of `g·x + h` with numbers that stand in the function: the scaling of images."""
    factor = 1.0 if scale is None else number_of(scale)
    added = 0.0 if offset is None else number_of(offset)
    if factor is not None and added is not None:
        return [] if (factor, added) == (1.0, 0.0) else [Part(ir.Rescale(factor, added))]
    g, h = (None if c is None else as_numpy(c) for c in (scale, offset))
    parts: list[Part] = []
    if h is not None and _masks(g, h):
        assert offset is not None
        shown = literal(np.asarray(h == 0))
        return [Part(ir.Mask(), {"mask": shown})]
    axes = {a for v in (g, h) if v is not None for a, n in enumerate(v.shape) if n > 1}
    if len(axes) == 1:
        (axis,) = axes
        n = max(v.shape[axis] for v in (g, h) if v is not None)
        given = {"scale": g, "offset": h}
        weights = {
            role: literal(np.broadcast_to(v.reshape(-1), (n,)))
            for role, v in given.items()
            if v is not None
        }
        return [Part(ir.Scale(axis + 1), weights)]
    if scale is not None:
        parts.append(Part(ir.Gain(), {"scale": scale}))
    if offset is not None:
        parts.append(Part(ir.Offset(), {"offset": offset}))
    return parts


def _masks(g: object, h: np.ndarray) -> bool:
    """Whether offsets are 0 and -infinity, as a mask that is added to scores."""
    return g is None and bool(np.all((h == 0) | np.isneginf(h))) and bool(np.isneginf(h).any())
