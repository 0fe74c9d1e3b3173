"""Ops that combine several values: element by element, and as products of matrices."""

from dataclasses import dataclass

from ir.ops.base import Op, Shape, ShapeError, Weights, show
from ir.ops.interval import Interval, clip, product, scale, signs, total
from ir.ops.letters import ByLetters, parsed


@dataclass(frozen=True)
class Merge(Op):
    """Base of the element-wise ops on two or more inputs; shapes of one rank broadcast as NumPy's.

    Example:
        >>> import ir
        >>> ir.Multiply().output_shape({}, (None, 7, 7, 4), (None, 1, 1, 4))
        (None, 7, 7, 4)
        >>> issubclass(ir.Add, ir.Merge)
        True
    """

    elementwise = True

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        if len(inputs) < 2 or len({len(x) for x in inputs}) > 1:
            raise _not_one_shape(inputs)
        return tuple(self._length(inputs, lengths) for lengths in zip(*inputs, strict=True))

    def _length(self, inputs: tuple[Shape, ...], lengths: Shape) -> int | None:
        """The length that several broadcast to; one that is unknown may be 1 or any other."""
        known = {n for n in lengths if n not in (None, 1)}
        if len(known) > 1:
            raise _not_one_shape(inputs)
        return known.pop() if known else None if None in lengths else 1


@dataclass(frozen=True)
class Add(Merge):
    """The sum of two or more inputs.

    Example:
        >>> import ir
        >>> ir.Add().output_shape({}, (None, 8), (None, 8))
        (None, 8)
    """

    sums = True
    keeps_order = True

    def bounds(self, *inputs: Interval) -> Interval:
        return total(*inputs)


@dataclass(frozen=True)
class Average(Merge):
    """The mean of two or more inputs.

    Example:
        >>> import ir
        >>> ir.Average().bounds((0, 1), (2, 5))
        (1.0, 3.0)
    """

    sums = True
    keeps_order = True

    def bounds(self, *inputs: Interval) -> Interval:
        low, high = total(*inputs)
        return low / len(inputs), high / len(inputs)


@dataclass(frozen=True)
class Subtract(Merge):
    """The first of two inputs minus the second.

    Example:
        >>> import ir
        >>> ir.Subtract().bounds((0, 1), (0, 5))
        (-5.0, 1.0)
    """

    sums = True

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        _require_two(inputs)
        return super().output_shape(params, *inputs)

    def bounds(self, *inputs: Interval) -> Interval:
        a, b = inputs
        return total(a, scale(b, -1.0))


@dataclass(frozen=True)
class Multiply(Merge):
    """The product of two or more inputs.

    Example:
        >>> import ir
        >>> ir.Multiply().bounds((0, 1), (-2, 3))
        (-2.0, 3.0)
    """

    multiplies = True

    def bounds(self, *inputs: Interval) -> Interval:
        return product(*inputs)


@dataclass(frozen=True)
class Maximum(Merge):
    """The largest of two or more inputs.

    Example:
        >>> import ir
        >>> ir.Maximum().bounds((0, 1), (-2, 3))
        (0, 3)
    """

    selects = True
    keeps_order = True

    def bounds(self, *inputs: Interval) -> Interval:
        return max(low for low, _ in inputs), max(high for _, high in inputs)


@dataclass(frozen=True)
class Minimum(Merge):
    """The smallest of two or more inputs.

    Example:
        >>> import ir
        >>> ir.Minimum().bounds((0, 1), (-2, 3))
        (-2, 1)
    """

    selects = True
    keeps_order = True

    def bounds(self, *inputs: Interval) -> Interval:
        return min(low for low, _ in inputs), min(high for _, high in inputs)


@dataclass(frozen=True)
class Dot(Op):
    """The sum of products of two inputs along one axis of each, for every pair of other cells.

    The output has the first input's axes without its own, then the second's without the batch and
    its own: (N, A, C) and (N, B, C) give (N, A, B) along the axes (2, 2). Two vectors give (N, 1).

    Attributes:
        axes: An axis of either input; not the batch, axis 0.
        normalize: Whether to divide both inputs first by their length along these axes, at least
            1e-7.

    Example:
        >>> import ir
        >>> ir.Dot((2, 1)).output_shape({}, (None, 5, 4), (None, 4, 7))
        (None, 5, 7)
        >>> ir.Dot((1, 1)).output_shape({}, (2, 4), (2, 4))
        (2, 1)
    """

    axes: tuple[int, int]
    normalize: bool = False

    multiplies = True
    reduces = True
    keeps_axes = False
    positions = False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        _require_two(inputs)
        for axis, x in zip(self.axes, inputs, strict=True):
            if not -len(x) < axis < len(x) or axis == 0:
                raise ShapeError(
                    f"multiplies along the axes {self.axes}, but was given {_listed(inputs)}."
                )
        a, b = inputs
        lengths = a[self.axes[0]], b[self.axes[1]]
        if None not in lengths and lengths[0] != lengths[1]:
            raise ShapeError(
                f"multiplies along the axes {self.axes}, whose lengths differ: {_listed(inputs)}."
            )
        others = (*_without(a, self.axes[0]), *_without(b, self.axes[1])[1:])
        return others if len(others) > 1 else (*others, 1)

    def bounds(self, *inputs: Interval) -> Interval:
        found = signs(product(*inputs))
        return clip(found, -1.0, 1.0) if self.normalize else found


@dataclass(frozen=True)
class Einsum(ByLetters):
    """The sum of products of two values by Einstein's rule, as in attention.

    Attributes:
        equation: The axes of both inputs and of the output by letters, as NumPy's `einsum` has
            them. The first letter of each is the batch, and the same.

    Raises:
        ValueError: The equation is none of two inputs.

    Example:
        >>> import ir
        >>> ir.Einsum("nqhd,nkhd->nhqk").output_shape({}, (None, 5, 2, 8), (None, 7, 2, 8))
        (None, 2, 5, 7)
    """

    multiplies = True
    reduces = True

    def __post_init__(self) -> None:
        parts = parsed(self.equation)
        if parts is None or len({letters[0] for letters in parts}) > 1:
            raise ValueError(
                "Einsum has an equation such as 'nqd,nkd->nqk', of two inputs that begin with the "
                f"batch, not {self.equation!r:.80}."
            )

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        _require_two(inputs)
        made = self._made(*inputs)
        if made is None:
            raise ShapeError(f"multiplies {self.equation!r}, but was given {_listed(inputs)}.")
        return made

    def bounds(self, *inputs: Interval) -> Interval:
        return signs(product(*inputs))


def _without(shape: Shape, axis: int) -> Shape:
    dropped = axis % len(shape)
    return shape[:dropped] + shape[dropped + 1 :]


def _require_two(inputs: tuple[Shape, ...]) -> None:
    if len(inputs) != 2:
        raise ShapeError(f"takes two inputs, but was given {len(inputs)}.")


def _not_one_shape(inputs: tuple[Shape, ...]) -> ShapeError:
    return ShapeError(
        f"takes two or more inputs whose shapes broadcast to one, but was given {_listed(inputs)}."
    )


def _listed(inputs: tuple[Shape, ...]) -> str:
    return ", ".join(map(show, inputs))
