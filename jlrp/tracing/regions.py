"""Regions: the parts of a function that depend on one value, cut into spans.

Between the ops that always are nodes (products with weights, sums of two branches) a function has
element-wise functions, sums and moves. What such a part computes is one op or a chain of ops. A
value that all paths run through is a place where the part may be cut.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jlrp.tracing import numeric
from jlrp.tracing.numeric import Numbers
from jlrp.tracing.values import Const, Equation, Value
from jlrp.tracing.walk import as_numpy


@dataclass(eq=False)
class Span:
    """The equations from one value to another that depends on it alone.

    Attributes:
        start: The value that goes in.
        end: The value that comes out.
        equations: The equations, each behind those that it reads.
    """

    start: Value
    end: Value
    equations: tuple[Equation, ...]

    @cached_property
    def primitives(self) -> frozenset[str]:
        """The names of its primitives."""
        return frozenset(equation.primitive for equation in self.equations)

    @cached_property
    def consts(self) -> tuple[Const, ...]:
        """The constants that it reads, each once."""
        found = {c.number: c for equation in self.equations for c in equation.consts}
        return tuple(found.values())

    @property
    def line(self) -> str:
        """The user's line of its last equation."""
        return self.equations[-1].line

    @cached_property
    def key(self) -> str:
        """A text that spans which compute the same share; the values of trained constants aside."""
        places: dict[int, str] = {self.start.number: "x"}
        lines = [f"{self.start.shape}{self.start.axis}{np.dtype(self.start.dtype).name}"]
        for index, equation in enumerate(self.equations):
            read = []
            for operand in equation.operands:
                if operand.number not in places:
                    assert isinstance(operand, Const)
                    places[operand.number] = f"c{len(places)}:{_text(operand)}"
                read.append(places[operand.number])
            places[equation.output.number] = f"v{index}"
            lines.append(f"{equation.primitive}{sorted(equation.params.items())!r}{read}")
        return "\n".join(lines)

    def numbers(self, generator: np.random.Generator) -> dict[int, Numbers]:
        """Numbers for its constants: their own, and random ones for those that are trained."""
        return {c.number: _numbers(c, generator) for c in self.consts}

    def run(self, x: Numbers, numbers: dict[int, Numbers]) -> Numbers:
        """What the span makes of values whose batch is the first axis, in both.

        Args:
            x: The values that go in, (N, …).
            numbers: Those of the constants, by number.

        Returns:
            The values that come out, (N, …).
        """
        known = numbers | {self.start.number: np.moveaxis(x, 0, self.start.axis)}
        made = numeric.run(self.equations, known, len(x))[self.end.number]
        return np.moveaxis(made, self.end.axis, 0)


def _text(const: Const) -> str:
    """A constant in the key of a span."""
    if const.trained:
        return f"trained{const.shape}"
    values = as_numpy(thin(const))
    if values.size <= 8:
        return f"{const.shape}{values.tolist()}"
    return f"{const.shape}{hashlib.sha1(np.ascontiguousarray(values).tobytes()).hexdigest()}"


def thin(const: Const) -> Const:
    """A constant before it was broadcast, of as many axes."""
    return const if const.thin is None else const.thin


def _numbers(const: Const, generator: np.random.Generator) -> Numbers:
    if not const.trained:
        value = as_numpy(const)
        return value.astype(np.float64) if value.dtype.kind not in "biu" else value
    if const.thin is not None:
        return np.broadcast_to(_drawn(const.thin.shape, generator), const.shape)
    return _drawn(const.shape, generator)


def _drawn(shape: tuple[int, ...], generator: np.random.Generator) -> Numbers:
    """Positive and negative numbers, none of them near 0."""
    size = generator.uniform(0.3, 1.7, shape)
    return np.where(generator.random(shape) < 0.3, -size, size)


def region(root: Value, end: Value) -> list[Equation]:
    """The equations between a value and one that follows from it alone, in order."""
    found: dict[int, Equation] = {}
    stack = [end]
    while stack:
        value = stack.pop()
        if value is root or value.number in found:
            continue
        assert value.equation is not None
        found[value.number] = value.equation
        stack.extend(value.equation.values)
    return [found[number] for number in sorted(found)]


def cuts(root: Value, equations: Sequence[Equation]) -> list[int]:
    """How many of a region's equations lie before each place where it may be cut."""
    position = {root.number: 0}
    position |= {e.output.number: i for i, e in enumerate(equations, start=1)}
    earliest = [min(position[value.number] for value in equation.values) for equation in equations]
    places = [len(equations)]
    least = len(equations)
    for index in range(len(equations) - 1, -1, -1):
        least = min(least, earliest[index])
        if least >= index:
            places.append(index)
    return sorted(set(places) | {0})


def span(root: Value, equations: Sequence[Equation], start: int, stop: int) -> Span:
    """The span between two places of a region."""
    first = root if start == 0 else equations[start - 1].output
    return Span(first, equations[stop - 1].output, tuple(equations[start:stop]))


def number_of(const: Const) -> float | None:
    """The number that a constant is everywhere; `None` where it is trained or several.

    One of float32 is the decimal that a person would write.
    """
    small = thin(const)
    if const.trained or math.prod(small.shape) != 1:
        return None
    value = as_numpy(small).reshape(())[()]
    return float(str(value)) if isinstance(value, np.float32) else float(value)
