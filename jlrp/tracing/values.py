"""What the walk over a function makes: constants, values that depend on the images, equations."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

_numbers = itertools.count()

Origin = tuple[int, tuple[tuple[int, int], ...]]
"""A leaf of the params, and which of its cells a loop took: pairs of a place in the leaf's path
and an index, which stands there in the names of layers."""


@dataclass(eq=False)
class Const:
    """A value that depends on the params alone, or on nothing; computed when it is asked for.

    An axis along the batch has length 1, as all images have the same.

    Attributes:
        shape: Its shape.
        dtype: Its dtype.
        inputs: The constants that it is computed from.
        function: The function from their arrays to its array; `None` for a leaf.
        leaf: Which leaf of the params it is.
        value: Its value, where it stands in the function itself.
        wrong: Why it has no one value for all batches, as `"random numbers for each image"`.
        thin: The constant that it was broadcast from, with as many axes; `None` if it was not.
        reshape_of: The constant of which it has the values, under another shape; `None` for none.
        place: For a cell that a loop took of a stack of weights: the place of its index in the
            paths of the params, and the index.
        step: Whether it is what one step of a loop reads of a constant with a value for each step.
    """

    shape: tuple[int, ...]
    dtype: Any
    inputs: tuple["Const", ...] = ()
    function: Callable[..., Any] | None = None
    leaf: int | None = None
    value: Any = None
    wrong: str = ""
    thin: "Const | None" = None
    reshape_of: "Const | None" = None
    step: bool = False
    place: tuple[int, int] | None = None
    number: int = field(default_factory=_numbers.__next__)
    origins: frozenset[Origin] = frozenset()
    varies: bool = False

    def __post_init__(self) -> None:
        own: frozenset[Origin] = frozenset() if self.leaf is None else frozenset({(self.leaf, ())})
        found = own.union(*(each.origins for each in self.inputs))
        if self.place is not None:
            found = frozenset((leaf, (*places, self.place)) for leaf, places in found)
        self.origins = found
        self.varies = self.step or any(each.varies for each in self.inputs)
        self.wrong = self.wrong or next((each.wrong for each in self.inputs if each.wrong), "")

    @property
    def rank(self) -> int:
        """The number of its axes."""
        return len(self.shape)

    @property
    def trained(self) -> bool:
        """Whether it depends on the params, or on the step of a loop: it has no one value."""
        return bool(self.origins) or self.varies


def literal(value: Any) -> Const:
    """A constant that stands in the function."""
    if not isinstance(value, np.ndarray | jax.Array):
        value = np.asarray(value, getattr(value, "dtype", None))
    return Const(tuple(value.shape), value.dtype, value=value)


def reshaped(const: Const, shape: Sequence[int]) -> Const:
    """A constant under another shape."""
    shape = tuple(shape)
    while const.reshape_of is not None:
        const = const.reshape_of
    if const.shape == shape:
        return const
    made = Const(shape, const.dtype, (const,), lambda a: a.reshape(shape))
    made.reshape_of = const
    return made


def picked(const: Const, cells: Any, shape: Sequence[int]) -> Const:
    """Some cells of a constant, counted in row-major order, under a shape."""
    if np.array_equal(cells, np.arange(math.prod(const.shape))):
        return reshaped(const, shape)
    shape = tuple(shape)
    return Const(shape, const.dtype, (const,), lambda a: a.reshape(-1)[cells].reshape(shape))


def transposed(const: Const, axes: Sequence[int]) -> Const:
    """A constant with its axes in another order."""
    axes = tuple(axes)
    if axes == tuple(range(const.rank)):
        return const
    shape = tuple(const.shape[axis] for axis in axes)
    return Const(shape, const.dtype, (const,), lambda a: a.transpose(axes))


def evaluate(
    consts: Iterable[Const], leaves: Sequence[Any], given: Mapping[int, Any] | None = None
) -> list[Any]:
    """Compute constants.

    Args:
        consts: The constants.
        leaves: The leaves of the params.
        given: Arrays of constants that are known, by number.

    Returns:
        Their arrays.
    """
    wanted = list(consts)
    known: dict[int, Any] = dict(given or {})
    stack = list(wanted)
    while stack:
        const = stack[-1]
        if const.number in known:
            stack.pop()
            continue
        missing = [each for each in const.inputs if each.number not in known]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if const.leaf is not None:
            known[const.number] = leaves[const.leaf]
        elif const.function is None:
            known[const.number] = const.value
        else:
            known[const.number] = const.function(*(known[each.number] for each in const.inputs))
    return [known[const.number] for const in wanted]


@dataclass(eq=False)
class Value:
    """A value that depends on the images.

    Attributes:
        shape: Its shape, 0 standing for the length of the batch.
        axis: The axis of the batch.
        dtype: Its dtype.
        equation: The equation that makes it; `None` for an input of the function.
        root: The value that it follows from alone, by element-wise functions, sums and moves;
            itself, where there is none.
    """

    shape: tuple[int, ...]
    axis: int
    dtype: Any
    equation: "Equation | None" = None
    root: "Value" = None  # type: ignore[assignment]
    number: int = field(default_factory=_numbers.__next__)

    def __post_init__(self) -> None:
        if self.root is None:
            self.root = self

    @property
    def rank(self) -> int:
        """The number of its axes."""
        return len(self.shape)

    @property
    def first(self) -> tuple[int, ...]:
        """Its shape without the batch, as the graph has it."""
        return tuple(n for axis, n in enumerate(self.shape) if axis != self.axis)

    def placed(self, axis: int) -> int:
        """Where an axis stands once the batch is the first."""
        axis = int(axis)
        return 0 if axis == self.axis else axis + (axis < self.axis)


Operand = Const | Value


@dataclass(eq=False)
class Equation:
    """One primitive applied to constants and values.

    Attributes:
        primitive: The primitive's name.
        params: Its parameters. They may hold the batch's length.
        operands: What it reads.
        made: JAX's own equation; `None` for one that the walk made up.
        line: The user's line.
        output: What it makes.
        op: The op that the user marked the equation as.
    """

    primitive: str
    params: dict[str, Any]
    operands: tuple[Operand, ...]
    made: Any = None
    line: str = ""
    output: Value = None  # type: ignore[assignment]
    op: Any = None

    @property
    def values(self) -> tuple[Value, ...]:
        """The operands that depend on the images, each once."""
        found = {each.number: each for each in self.operands if isinstance(each, Value)}
        return tuple(found.values())

    @property
    def consts(self) -> tuple[Const, ...]:
        """The operands that do not."""
        return tuple(each for each in self.operands if isinstance(each, Const))


@dataclass(eq=False)
class Loop:
    """A loop whose body was walked once.

    Attributes:
        steps: The number of steps.
        reverse: Whether the last step comes first.
        fixed: Values that are the same in every step: outside, and in the body.
        carried: What the loop starts with, and the carried values in the body.
        cells: Sequences outside, and their cells in the body.
        carries: The carried values that a step makes.
    """

    steps: int
    reverse: bool
    fixed: list[tuple[Value, Value]]
    carried: list[tuple[Operand, Value]]
    cells: list[tuple[Value, Value]]
    carries: tuple[Value, ...] = ()

    @property
    def inputs(self) -> list[Value]:
        """What the body reads."""
        return [inner for _, inner in (*self.fixed, *self.carried, *self.cells)]

    @property
    def operands(self) -> list[Value]:
        """What the loop reads."""
        outer = [outer for outer, _ in (*self.fixed, *self.carried, *self.cells)]
        return [each for each in outer if isinstance(each, Value)]
