"""Walk over a function's equations: calls are entered, loops unrolled, constants put aside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from jlrp.tracing import jaxprs, numeric
from jlrp.tracing.errors import WAY_OUT, BatchError, TraceError, at
from jlrp.tracing.marking import marked_op
from jlrp.tracing.numeric import REDUCTIONS, SOFT
from jlrp.tracing.paths import common
from jlrp.tracing.values import (
    Const,
    Equation,
    Loop,
    Operand,
    Value,
    evaluate,
    literal,
    reshaped,
)

MAX_STEPS = 4096
"""The longest loop that is unrolled."""

UNCHANGED = frozenset(
    {
        "copy",
        "copy_p",
        "device_put",
        "name",
        "optimization_barrier",
        "reduce_precision",
        "sharding_constraint",
        "stop_gradient",
    }
)
"""The primitives that change no value."""

TRAINING = (
    "Turn training off: m.eval() for Flax NNX, deterministic=True and use_running_average=True for "
    "Flax Linen, is_training=False for Haiku, eqx.nn.inference_mode(m) for Equinox, training=False "
    "for Keras."
)
"""What makes a network treat each image by itself."""


@dataclass
class Walk:
    """A walk over the equations of a function.

    Attributes:
        unroll: The longest loop whose steps are taken apart; a longer one stays a loop.
        paths: The keys of each leaf of the params.
        lower: The dtypes of less precision than float32 that the function computes in.
    """

    unroll: int = MAX_STEPS
    paths: Sequence[tuple[str, ...]] = ()
    lower: set[str] = field(default_factory=set)

    def program(self, closed: Any, operands: Sequence[Operand], line: str = "") -> list[Operand]:
        """The results of a closed jaxpr for these operands.

        Raises:
            TraceError: An equation mixes images, or is of no kind that can be followed.
        """
        jaxpr = closed.jaxpr
        known: dict[Any, Operand] = {}
        known.update(zip(jaxpr.constvars, map(literal, closed.consts), strict=True))
        known.update(zip(jaxpr.invars, operands, strict=True))

        def read(atom: Any) -> Operand:
            return literal(atom.val) if jaxprs.is_literal(atom) else known[atom]

        for equation in jaxpr.eqns:
            made = self._equation(equation, [read(atom) for atom in equation.invars], line)
            known.update(zip(equation.outvars, made, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _equation(self, equation: Any, operands: list[Operand], line: str) -> list[Operand]:
        name = jaxprs.name_of(equation)
        line = jaxprs.line_of(equation) or line
        if name in UNCHANGED or (name in REDUCTIONS and not equation.params["axes"]):
            return operands
        if name in jaxprs.CALLS:
            return self._call(equation, operands, line)
        if name == "scan":
            return self._scan(equation, operands, line)
        if name == "cond":
            return self._cond(equation, operands, line)
        if name == "split" and isinstance(operands[0], Value):
            return split(equation, operands[0], line)
        if name == "unstack" and isinstance(operands[0], Value):
            axis = int(equation.params["axis"])
            return [cell_of(operands[0], axis, i, line) for i in range(len(equation.outvars))]
        if name == "convert_element_type" and self._only_rounds(equation, operands[0]):
            return operands
        if all(isinstance(each, Const) for each in operands):
            return self._constants(equation, operands)
        if equation.primitive.multiple_results and len(equation.outvars) > 1:
            raise unsupported(name, line)
        return [self._value(equation, operands, line)]

    def _value(self, equation: Any, operands: list[Operand], line: str) -> Value:
        made = Equation(
            jaxprs.name_of(equation),
            dict(equation.params),
            tuple(operands),
            equation,
            line,
        )
        aval = equation.outvars[0].aval
        made.output = valued(aval.shape, aval.dtype, made)
        return made.output

    def _only_rounds(self, equation: Any, operand: Operand) -> bool:
        """Whether a conversion goes from one floating dtype to another."""
        dtypes = operand.dtype, equation.params["new_dtype"]
        floats = [jnp.issubdtype(dtype, jnp.floating) for dtype in dtypes]
        if all(floats):
            self.lower |= {str(d) for d in dtypes if np.dtype(d).itemsize < 4}
        return all(floats) or dtypes[0] == dtypes[1]

    def _call(self, equation: Any, operands: list[Operand], line: str) -> list[Operand]:
        op = marked_op(jaxprs.call_name(equation))
        if op is not None and not all(isinstance(each, Const) for each in operands):
            value = self._value(equation, operands, line)
            assert value.equation is not None
            value.equation.op = op
            return [value]
        (closed, *_) = jaxprs.inner_jaxprs(equation.params)
        return self.program(closed, operands, line)

    def _constants(self, equation: Any, operands: list[Operand]) -> list[Operand]:
        """The constants that one equation makes."""
        inputs = tuple(each for each in operands if isinstance(each, Const))
        made: list[Operand] = []
        for index, variable in enumerate(equation.outvars):
            shape = variable.aval.shape
            const = Const(
                tuple(jaxprs.length_at(n, 1) for n in shape),
                variable.aval.dtype,
                inputs,
                _computation(equation, index, variable.aval.dtype),
                wrong=_not_one_value(equation, shape),
            )
            if jaxprs.name_of(equation) == "broadcast_in_dim":
                const.thin = _before_broadcast(equation, inputs[0])
            made.append(const)
        return made

    def _cond(self, equation: Any, operands: list[Operand], line: str) -> list[Operand]:
        index, *rest = operands
        if not isinstance(index, Const) or index.trained:
            what = "the params" if isinstance(index, Const) else "the images"
            raise TraceError(
                f"A branch of lax.cond or lax.switch is chosen by {what}{at(line)}, and only a "
                "choice that is fixed can be followed: use jnp.where on values that are numbers, "
                f"or choose before the call. {WAY_OUT}"
            )
        (chosen,) = evaluate([index], ())
        branches = list(jaxprs.inner_jaxprs(equation.params))
        return self.program(branches[min(max(int(chosen), 0), len(branches) - 1)], rest, line)

    def _scan(self, equation: Any, operands: list[Operand], line: str) -> list[Operand]:
        """All steps of a loop, one after the other."""
        params = equation.params
        fixed, carried = jaxprs.loop_counts(params)
        length = params["length"]
        if jaxprs.is_symbolic(length):
            raise BatchError(
                f"A loop goes over the images of a batch{at(line)}: write the function with "
                "jax.vmap in its place."
            )
        (closed,) = jaxprs.inner_jaxprs(params)
        consts, carry = operands[:fixed], operands[fixed : fixed + carried]
        sequences = operands[fixed + carried :]
        if length > self.unroll:
            kept = self._kept(equation, closed, (consts, carry, sequences), line)
            if kept is not None:
                return kept
        if length > MAX_STEPS:
            raise TraceError(
                f"A loop has {length:,} steps{at(line)}; up to {MAX_STEPS:,} are unrolled. "
                f"{WAY_OUT}"
            )
        columns: list[list[Operand]] = []
        place = self._place_of_index(sequences)
        steps = range(length)
        for step in reversed(steps) if params["reverse"] else steps:
            here = [step_of(each, step, place, line) for each in sequences]
            made = self.program(closed, [*consts, *carry, *here], line)
            carry = made[:carried]
            columns.append(made[carried:])
        if params["reverse"]:
            columns.reverse()
        stacked = [
            stacked_from(list(column), variable.aval, line)
            for column, variable in zip(
                zip(*columns, strict=True), equation.outvars[carried:], strict=True
            )
        ]
        return [*carry, *stacked]

    def _place_of_index(self, sequences: Sequence[Operand]) -> int:
        """Where a step's index stands in the paths of stacked weights: behind what they share."""
        stacks = [each for each in sequences if isinstance(each, Const)]
        used = [self.paths[leaf] for each in stacks for leaf, _ in each.origins]
        return len(common([path[:-1] for path in used]))

    def _kept(
        self, equation: Any, closed: Any, operands: tuple[list[Operand], ...], line: str
    ) -> list[Operand] | None:
        """The results of a loop that stays one; `None` where a step is not of images alone."""
        fixed, carry, sequences = operands
        avals = [variable.aval for variable in equation.outvars]
        symbolic = [
            [axis for axis, n in enumerate(a.shape) if jaxprs.is_symbolic(n)] for a in avals
        ]
        if any(len(axes) != 1 for axes in symbolic):
            return None
        if not any(isinstance(each, Value) for each in (*fixed, *carry, *sequences)):
            return None
        params = equation.params
        loop = Loop(params["length"], params["reverse"], [], [], [])
        inside: list[Operand] = []
        for each in fixed:
            inside.append(_inside(each, loop.fixed, each) if isinstance(each, Value) else each)
        for each, aval in zip(carry, avals, strict=False):
            inside.append(_inside(each, loop.carried, valued(aval.shape, aval.dtype, None)))
        for each in sequences:
            if isinstance(each, Const):
                cell = Const(each.shape[1:], each.dtype, (each,), lambda a: a[0], step=True)
                inside.append(cell)
            else:
                like = Value(each.shape[1:], each.axis - 1, each.dtype)
                inside.append(_inside(each, loop.cells, like))
        made = self.program(closed, inside, line)
        if not all(isinstance(each, Value) for each in made):
            return None
        values = [each for each in made if isinstance(each, Value)]
        loop.carries = tuple(values[: len(carry)])
        results: list[Operand] = []
        for index, (value, aval) in enumerate(zip(values, avals, strict=True)):
            result = ("last", index) if index < len(carry) else ("all", value)
            found = Equation("loop", {"loop": loop, "result": result}, tuple(loop.operands))
            found.made, found.line = equation, line
            found.output = valued(aval.shape, aval.dtype, found)
            results.append(found.output)
        return results


def _inside(outside: Any, pairs: list[Any], like: Value) -> Value:
    """A value of a loop's body that stands for one outside of it."""
    inside = Value(like.shape, like.axis, like.dtype)
    pairs.append((outside, inside))
    return inside


def unsupported(name: str, line: str) -> TraceError:
    """The error for a primitive that no op stands for."""
    hint = "The network is explained by its ops, and this is none of them."
    if name == "while":
        hint = "Use lax.scan or lax.fori_loop with a fixed number of steps."
    if name.startswith(("random", "threefry")):
        hint = TRAINING
    return TraceError(
        f"The primitive {name!r} has no rule for relevance{at(line)}. {hint} {WAY_OUT}"
    )


def valued(shape: Sequence[Any], dtype: Any, equation: Equation | None) -> Value:
    """The value of an equation; `TraceError` where it is not one of each image."""
    symbolic = [axis for axis, n in enumerate(shape) if jaxprs.is_symbolic(n)]
    name, line = ("scan", "") if equation is None else (equation.primitive, equation.line)
    if not symbolic:
        raise TraceError(
            f"{name!r} mixes the images of a batch{at(line)}: its result is one for all of them. "
            f"Each image is explained by itself. {TRAINING}"
        )
    if len(symbolic) > 1 or str(shape[symbolic[0]]) != jaxprs.BATCH:
        lengths = ", ".join(map(str, shape))
        raise BatchError(
            f"{name!r} joins the batch, of length {jaxprs.BATCH}, with another axis{at(line)}: its "
            f"result has the shape ({lengths}). Keep the batch an axis of its own, for example "
            "with jax.vmap or x.reshape(x.shape[0], …)."
        )
    (axis,) = symbolic
    shape = tuple(0 if n == axis else int(length) for n, length in enumerate(shape))
    return Value(shape, axis, dtype, equation, _root(equation))


def _root(equation: Equation | None) -> Any:
    """The root of an equation's result, `None` where it is a root itself."""
    if equation is None:
        return None
    roots = {value.root.number: value.root for value in equation.values}
    soft = equation.primitive in SOFT and equation.op is None
    if equation.primitive in ("gather", "dynamic_slice"):  # by indices that no image changes
        soft = isinstance(equation.operands[0], Value) and len(equation.values) == 1
        soft = soft and not any(isinstance(each, Value) for each in equation.operands[1:])
    return next(iter(roots.values())) if soft and len(roots) == 1 else None


def split(equation: Any, whole: Value, line: str) -> list[Operand]:
    """The parts of a value along one axis, as slices."""
    axis, start = equation.params["axis"], 0
    parts: list[Operand] = []
    for size, variable in zip(equation.params["sizes"], equation.outvars, strict=True):
        limits = {"start": start, "limit": start + size, "axis": axis}
        made = Equation("part", limits, (whole,), line=line)
        made.output = valued(variable.aval.shape, whole.dtype, made)
        parts.append(made.output)
        start += size
    return parts


def step_of(sequence: Operand, step: int, place: int, line: str) -> Operand:
    """What one step of a loop reads of a sequence: its cell along axis 0, without the axis."""
    if isinstance(sequence, Const):
        shape = sequence.shape[1:]
        return Const(shape, sequence.dtype, (sequence,), lambda a: a[step], place=(place, step))
    return cell_of(sequence, 0, step, line)


def cell_of(whole: Value, axis: int, index: int, line: str) -> Operand:
    """One cell of a value along an axis, without the axis."""
    if whole.axis == axis:
        raise BatchError(
            f"The images of a batch are taken apart{at(line)}: write the function for one image, "
            "and use jax.vmap."
        )
    made = Equation("index", {"index": index, "axis": axis}, (whole,), line=line)
    shape = whole.shape[:axis] + whole.shape[axis + 1 :]
    made.output = Value(shape, whole.axis - (whole.axis > axis), whole.dtype, made, _root(made))
    return made.output


def stacked_from(column: list[Operand], aval: Any, line: str) -> Operand:
    """The results of all steps of a loop, along a new axis 0."""
    values = [each for each in column if isinstance(each, Value)]
    if not values:
        inputs = tuple(each for each in column if isinstance(each, Const))
        shape = tuple(jaxprs.length_at(n, 1) for n in aval.shape)
        return Const(shape, aval.dtype, inputs, lambda *a: jnp.stack(a))
    made = Equation("stack", {"axis": 0}, tuple(column), line=line)
    made.output = valued(aval.shape, aval.dtype, made)
    return made.output


def _before_broadcast(equation: Any, const: Const) -> Const:
    """A constant that is broadcast, with the axes of the result."""
    const = const if const.thin is None else const.thin
    shape = [1] * len(equation.params["shape"])
    for axis, length in zip(equation.params["broadcast_dimensions"], const.shape, strict=True):
        shape[axis] = length
    return reshaped(const, shape)


def _computation(equation: Any, index: int, dtype: Any) -> Callable[..., Any]:
    """The function that computes a result of an equation, of JAX's arrays or of NumPy's."""
    name = jaxprs.name_of(equation)

    def computed(*arrays: Any) -> Any:
        if name in SOFT and all(isinstance(a, np.ndarray | np.generic) for a in arrays):
            with np.errstate(all="ignore"):
                return np.asarray(numeric.compute(name, equation.params, arrays, 1), dtype)
        return jaxprs.compute(equation, 1, *arrays)[index]

    return computed


def _not_one_value(equation: Any, shape: Sequence[Any]) -> str:
    """Why a constant has no value that is the same for every image; "" if it has."""
    name = jaxprs.name_of(equation)
    symbolic = [axis for axis, n in enumerate(shape) if jaxprs.is_symbolic(n)]
    if name.startswith(("random", "threefry")) and symbolic:
        return f"draws random numbers for each image. {TRAINING}"
    if name == "iota" and symbolic == [equation.params["dimension"]]:
        return "numbers the images of a batch, and each image is explained by itself."
    if name in ("dim_as_value", "dimension_size"):
        return f"computes with the number of images in a batch. {TRAINING}"
    return ""


def as_numpy(const: Const) -> Any:
    """The value of a constant that does not depend on the params."""
    (value,) = evaluate([const], ())
    return np.asarray(value)
