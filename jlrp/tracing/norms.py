"""Spans that normalise: softmax and its like, and division by an input's own deviation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import ir
from jlrp.tracing import numeric
from jlrp.tracing.activations import tolerance
from jlrp.tracing.moves import picks, rearranged
from jlrp.tracing.numeric import ELEMENTWISE, MOVES, REDUCTIONS, Numbers
from jlrp.tracing.part import Part
from jlrp.tracing.regions import Span, number_of, thin
from jlrp.tracing.values import Const, Equation, Value, literal, picked
from jlrp.tracing.walk import as_numpy

PRIMITIVES = ELEMENTWISE | MOVES | REDUCTIONS.keys()

IMAGES = 3
"""How many random inputs a span is tried with."""


@dataclass(frozen=True)
class Trial:
    """A span at random inputs, brought back into the layout of what goes in.

    Attributes:
        span: The span.
        layout: For each cell of the result, the cell of the input that stands there.
        moves: The ops that bring the input's layout into the result's.
        numbers: The numbers of the constants.
    """

    span: Span
    layout: Numbers
    moves: list[Part]
    numbers: dict[int, Numbers]

    def run(self, x: Numbers) -> Numbers:
        """What the span makes of `x`, in the layout of `x`."""
        made = self.span.run(x, self.numbers).reshape(len(x), -1)
        back = np.empty_like(made)
        back[:, self.layout] = made
        return back.reshape(x.shape)


def normalized(span: Span) -> list[Part] | None:
    """The ops of a span that is a softmax or a normalisation; `None` for any other."""
    divides = span.primitives & {"div", "rsqrt", "pow", "integer_pow", "exp"}
    if not span.primitives <= PRIMITIVES or not divides:
        return None
    if not span.primitives & {"reduce_sum", "reduce_max"}:
        return None
    if span.key not in _TRIED:
        if len(_TRIED) >= MOST_TRIED:
            _TRIED.clear()
        trial = _trial(span)
        found = None if trial is None else _softmax(trial) or _norm(trial)
        moves = [] if trial is None else trial.moves
        _TRIED[span.key] = None if found is None else (*found, moves)
    known = _TRIED[span.key]
    if known is None:
        return None
    ops, weights, moves = known
    named = {role: _const(span, each) for role, each in weights.items()}
    return [*map(Part, ops[:-1]), Part(ops[-1], named), *moves]


@dataclass(frozen=True, eq=False)
class Weight:
    """Where a weight of a norm is from, in any span of the same key.

    Attributes:
        const: The position of the constant in the span; `None` for numbers of the span's own.
        cells: Which of the constant's cells the weight has, or the numbers.
        shape: The weight's shape.
    """

    const: int | None
    cells: Numbers
    shape: tuple[int, ...]


Found = tuple[list[ir.Op], dict[str, Weight]]
"""Ops, one after the other, and the weights of the last."""

MOST_TRIED = 1024

_TRIED: dict[str, tuple[list[ir.Op], dict[str, Weight], list[Part]] | None] = {}
"""What spans were found to be, by their keys: the blocks of a network compute the same."""


def _const(span: Span, weight: Weight) -> Const:
    """The constant that is a weight."""
    if weight.const is None:
        return literal(weight.cells)
    return picked(thin(span.consts[weight.const]), weight.cells, weight.shape)


def _trial(span: Span) -> Trial | None:
    layout = _layout(span)
    if layout is None:
        return None
    cells, moves = layout
    generator = np.random.default_rng(0)
    return Trial(span, cells.ravel() - 1, moves, span.numbers(generator))


def _layout(span: Span) -> tuple[Numbers, list[Part]] | None:
    """Where the cells of the input stand in the result, along the path without sums."""
    summed: dict[int, bool] = {span.start.number: False}
    for equation in span.equations:
        over = equation.primitive in REDUCTIONS
        summed[equation.output.number] = over or all(
            summed[value.number] for value in equation.values
        )
    path = []
    value = span.end
    while value is not span.start:
        last = value.equation
        assert last is not None
        fitting = [v for v in last.values if not summed[v.number]]
        if not fitting or summed[value.number]:
            return None
        path.append(last)
        value = fitting[0]
    shape = span.start.first
    cells = np.arange(1, int(np.prod(shape)) + 1).reshape(1, *shape)
    moving = tuple(equation for equation in reversed(path) if equation.primitive in MOVES)
    if not all(map(picks, moving)):
        return None
    if moving:
        cells = _pushed(span.start, moving, cells)
    if cells.size != np.prod(shape):
        return None
    if moving and np.bincount(cells.ravel(), minlength=cells.size + 1)[1:].min() != 1:
        return None
    parts = rearranged(shape, cells[0])
    return None if parts is None else (cells, parts)


def _pushed(start: Value, moving: tuple[Equation, ...], cells: Numbers) -> Numbers:
    """Cells through moves, as if nothing else stood between these."""
    made = np.moveaxis(cells, 0, start.axis)
    axis = start.axis
    for equation in moving:
        operands = [
            made if isinstance(each, Value) else as_numpy(each) for each in equation.operands
        ]
        made = numeric.compute(equation.primitive, equation.params, operands, 1)
        axis = equation.output.axis
    return np.moveaxis(made, axis, 0)


@lru_cache(maxsize=8)
def _inputs(shape: tuple[int, ...], size: float) -> Numbers:
    return np.random.default_rng(1).normal(0.3, 1.0, (IMAGES, *shape)) * size


def _near(trial: Trial, a: Numbers, b: Numbers) -> bool:
    near = 4 * tolerance(trial.span.start.dtype)
    size = np.max(np.abs(b), initial=1e-300)
    return bool(np.all(np.isfinite(a)) and np.max(np.abs(a - b)) <= near * size)


def _softmax(trial: Trial) -> Found | None:
    if "exp" not in trial.span.primitives:
        return None
    x = _inputs(trial.span.start.first, 2.0)
    made = trial.run(x)
    for axis in range(x.ndim - 1, 0, -1):
        logarithms = x - np.log(np.exp(x).sum(axis, keepdims=True))
        for op, values in ((ir.Softmax, np.exp(logarithms)), (ir.LogSoftmax, logarithms)):
            if _near(trial, made, values):
                return [op(axis - x.ndim if axis == x.ndim - 1 else axis)], {}
    return _softmax_of_several(x, made, trial)


def _softmax_of_several(x: Numbers, made: Numbers, trial: Trial) -> Found | None:
    """Softmax over neighbouring axes: over one, once they are joined."""
    shape = x.shape[1:]
    for start in range(len(shape) - 1):
        for stop in range(start + 2, len(shape) + 1):
            axes = tuple(range(start + 1, stop + 1))
            powers = np.exp(x)
            if _near(trial, made, powers / powers.sum(axes, keepdims=True)):
                joined = (*shape[:start], -1, *shape[stop:])
                return [ir.Reshape(joined), ir.Softmax(start + 1), ir.Reshape(shape)], {}
    return None


def _norm(trial: Trial) -> Found | None:
    shape = trial.span.start.first
    x = _inputs(shape, 1.0)
    made = trial.run(x)
    reach = _reach(trial, x, made)
    if reach is None:
        return None
    small = _inputs(shape, 1e-3)
    pairs = [(x, made), (small, trial.run(small))]
    for op, function in _candidates(trial, reach):
        fitted = _fitted(trial, [(function(a), b) for a, b in pairs])
        if fitted is not None:
            for each in _with_weights(op, reach, len(shape) + 1):
                weights = _weights(trial, each, fitted)
                if weights is not None:
                    return [each], weights
    return None


def _reach(trial: Trial, x: Numbers, made: Numbers) -> tuple[int, ...] | None:
    """How many cells along each axis the first cell of an image acts on; `None` if no box."""
    other = x.copy()
    other[(0,) * x.ndim] += 1.0
    changed = np.abs(trial.run(other) - made)
    if changed[1:].any():
        return None
    acted = changed[0] > 0
    reach = tuple(
        int(np.count_nonzero(acted.any(axis=tuple(b for b in range(acted.ndim) if b != a))))
        for a in range(acted.ndim)
    )
    box = acted[tuple(slice(0, n) for n in reach)]
    return reach if box.all() and np.count_nonzero(acted) == box.size else None


Candidate = tuple[ir.Op, Callable[[Numbers], Numbers]]


def _candidates(trial: Trial, reach: tuple[int, ...]) -> Iterator[Candidate]:
    """The normalisations over what one cell acts on, with each small number of the span."""
    shape = trial.span.start.first
    part = [a for a, (n, whole) in enumerate(zip(reach, shape, strict=True), 1) if 1 < n < whole]
    axes = tuple(a for a, (n, whole) in enumerate(zip(reach, shape, strict=True), 1) if n == whole)
    axes = tuple(a for a in axes if shape[a - 1] > 1)
    if len(part) > 1 or not (axes or part):
        return
    if part:
        (axis,) = part
        groups = shape[axis - 1] // reach[axis - 1]
        if len(axes) + 1 == sum(n > 1 for n in shape):
            for epsilon in _epsilons(trial.span):
                yield (
                    ir.GroupNorm(groups, axis, epsilon),
                    _centred(axes, epsilon, (axis, groups)),
                )
        return
    count = float(np.prod([shape[a - 1] for a in axes]))
    last = tuple(a - len(shape) - 1 for a in axes) if axes == (len(shape),) else axes
    for epsilon in _epsilons(trial.span):
        yield ir.LayerNorm(last, epsilon), _centred(axes, epsilon)
        yield ir.UnitNorm(last, epsilon), _unit(axes, epsilon)
        yield ir.LayerNorm(last, epsilon, rms=True), _rms(axes, epsilon)
        yield ir.UnitNorm(last, float(np.sqrt(epsilon))), _unit(axes, float(np.sqrt(epsilon)))
        if epsilon:
            yield ir.LayerNorm(last, epsilon / count, rms=True), _rms(axes, epsilon / count)


def _epsilons(span: Span) -> list[float]:
    """The small positive numbers that stand in a span, and 0."""
    found = [0.0]
    for const in span.consts:
        number = number_of(const)
        if number is not None and 0 < number < 0.5 and number not in found:
            found.append(number)
    return sorted(found, reverse=True)


def _centred(
    axes: tuple[int, ...], epsilon: float, groups: tuple[int, int] | None = None
) -> Callable[[Numbers], Numbers]:
    def function(x: Numbers) -> Numbers:
        over, split = axes, x
        if groups is not None:
            axis, count = groups
            shape = (*x.shape[:axis], count, x.shape[axis] // count, *x.shape[axis + 1 :])
            split = x.reshape(shape)
            over = (*(a if a < axis else a + 1 for a in axes), axis + 1)
        y = split - split.mean(over, keepdims=True)
        made = y / np.sqrt(np.square(y).mean(over, keepdims=True) + epsilon)
        return np.asarray(made.reshape(x.shape))

    return function


def _rms(axes: tuple[int, ...], epsilon: float) -> Callable[[Numbers], Numbers]:
    return lambda x: x / np.sqrt(np.square(x).mean(axes, keepdims=True) + epsilon)


def _unit(axes: tuple[int, ...], epsilon: float) -> Callable[[Numbers], Numbers]:
    def function(x: Numbers) -> Numbers:
        length = np.sqrt(np.square(x).sum(axes, keepdims=True))
        return np.asarray(x / np.maximum(length, epsilon))

    return function


def _fitted(trial: Trial, pairs: list[tuple[Numbers, Numbers]]) -> tuple[Numbers, Numbers] | None:
    """`gamma` and `beta` of every cell, for results `gamma·z + beta`; `None` if there are none."""
    z = np.concatenate([a for a, _ in pairs])
    made = np.concatenate([b for _, b in pairs])
    if not (np.isfinite(z).all() and np.isfinite(made).all()):
        return None
    mean_z, mean_made = z.mean(0), made.mean(0)
    spread = np.square(z - mean_z).sum(0)
    if not spread.all():
        return None
    gamma = ((z - mean_z) * (made - mean_made)).sum(0) / spread
    beta = mean_made - gamma * mean_z
    return (gamma, beta) if _near(trial, gamma * z + beta, made) else None


def _with_weights(op: ir.Op, reach: tuple[int, ...], rank: int) -> Iterator[ir.Op]:
    """The op, and the same op with its weights along other axes."""
    yield op
    if isinstance(op, ir.LayerNorm) and not op.rms and rank > 2:
        single = [axis for axis, n in enumerate(reach, 1) if n == 1]
        if len(single) == 1:
            yield ir.GroupNorm(-1, single[0], op.epsilon)


def _weights(trial: Trial, op: ir.Op, fitted: tuple[Numbers, Numbers]) -> dict[str, Weight] | None:
    """The weights that are an op's `gamma` and `beta`; `None` where they cannot be."""
    assert isinstance(op, ir.Normalization)
    rank = fitted[0].ndim + 1
    axes = tuple(sorted(axis % rank for axis in op.weight_axes))
    weights = {}
    for role, values, idle in (("gamma", fitted[0], 1.0), ("beta", fitted[1], 0.0)):
        near = 40 * tolerance(trial.span.start.dtype)
        if np.max(np.abs(values - idle)) <= near:
            continue
        if isinstance(op, ir.UnitNorm):
            return None
        others = tuple(a for a in range(values.ndim) if a + 1 not in axes)
        first = values[tuple(0 if a in others else slice(None) for a in range(values.ndim))]
        spread = np.expand_dims(first, others)
        if np.max(np.abs(values - spread)) > near:
            return None
        found = _source(trial, first, near)
        if found is None:
            return None
        weights[role] = found
    return weights


def _source(trial: Trial, values: Numbers, near: float) -> Weight | None:
    """The constant that holds some values, in their order and shape."""
    for position, const in enumerate(trial.span.consts):
        small = thin(const)
        if not const.trained or small.rank != const.rank:
            continue
        drawn = _drawn_of(trial, const, small)
        order = np.argsort(drawn)
        at = np.clip(np.searchsorted(drawn[order], values.ravel()), 0, len(order) - 1)
        nearest = np.where(
            np.abs(drawn[order[at]] - values.ravel())
            <= np.abs(drawn[order[at - 1]] - values.ravel()),
            order[at],
            order[at - 1],
        )
        if np.max(np.abs(drawn[nearest] - values.ravel())) <= near:
            return Weight(position, nearest, values.shape)
    used = [c for c in trial.span.consts if c.trained]
    return None if used else Weight(None, values, values.shape)


def _drawn_of(trial: Trial, const: Const, small: Const) -> Numbers:
    """The random numbers of a constant before it was broadcast."""
    numbers = trial.numbers[const.number]
    cells = tuple(slice(0, n) for n in small.shape)
    return np.asarray(numbers[cells]).ravel()
