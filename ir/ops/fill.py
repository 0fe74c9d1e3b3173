"""Ops that put constants between or in place of values, and that copy or pick values."""

from dataclasses import dataclass

from ir.ops.base import (
    Op,
    SameShape,
    Shape,
    ShapeError,
    Weights,
    require_axes,
    require_broadcast,
    require_numbers,
    require_one,
    require_param,
    same_shape,
    show,
)
from ir.ops.interval import ANYTHING, Interval, hull
from ir.ops.rearrange import Rearrangement
from ir.ops.window import replaced


@dataclass(frozen=True)
class Mask(SameShape):
    """`x` where the mask is not 0, else the number `fill`.

    Weights: `mask`, of the input's shape without the batch, 1 on shared axes.

    Attributes:
        fill: What stands where the mask is 0. Scores of attention are masked with -infinity.

    Example:
        >>> import numpy as np, ir
        >>> ir.Mask().output_shape({"mask": np.ones((7, 7))}, (None, 7, 7))
        (None, 7, 7)
        >>> ir.Mask(0.0).bounds((1.0, 2.0))
        (0.0, 2.0)
    """

    fill: float = float("-inf")

    monotone = True
    elementwise = True
    moves = True
    pads = True
    keeps_order = True
    needs = ("mask",)

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs, (self.fill, self.fill))

    def _require(self, params: Weights, x: Shape) -> None:
        require_broadcast(params, "mask", x)


@dataclass(frozen=True)
class Insert(Rearrangement):
    """Constants before and behind the values along one axis, such as the class token of a ViT.

    Weights: `before` and `behind`, each where the layer has it, of the input's shape without the
    batch but for the length along the axis; 1 on shared axes.

    Attributes:
        axis: The axis.

    Example:
        >>> import numpy as np, ir
        >>> ir.Insert(1).output_shape({"before": np.ones((1, 4))}, (None, 7, 4))
        (None, 8, 4)
    """

    axis: int = 1

    copies = False
    pads = True
    keeps_order = False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        (axis,) = require_axes((self.axis,), x)
        length = x[axis]
        for role in ("before", "behind"):
            if role not in params:
                continue
            found = require_param(params, role)
            if len(found) == len(x) - 1:
                added = found[axis - 1]
                require_broadcast(params, role, replaced(x, (axis,), (added,)))
                length = None if length is None else length + added
            else:
                require_broadcast(params, role, x)
        return replaced(x, (axis,), (length,))

    def bounds(self, *inputs: Interval) -> Interval:
        return ANYTHING


@dataclass(frozen=True)
class Broadcast(Rearrangement):
    """Copies along axes of length 1, as NumPy broadcasts.

    Attributes:
        shape: The new shape without the batch.

    Example:
        >>> import ir
        >>> ir.Broadcast((7, 4)).output_shape({}, (None, 1, 4))
        (None, 7, 4)
    """

    shape: tuple[int, ...]

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_numbers("lengths", self.shape, 1)
        wide = tuple(n if n == 1 else m for n, m in zip(x[1:], self.shape, strict=False))
        if len(x) != len(self.shape) + 1 or not same_shape(wide, x[1:]):
            raise ShapeError(f"cannot copy shape {show(x)} to {show((None, *self.shape))}.")
        return (x[0], *self.shape)


@dataclass(frozen=True)
class Take(Rearrangement):
    """Cells along one axis, picked by their indices; a cell may be picked several times.

    Attributes:
        axis: The axis.
        indices: The index of each cell of the output.

    Example:
        >>> import ir
        >>> ir.Take(1, (2, 0, 1)).output_shape({}, (None, 3, 4))
        (None, 3, 4)
    """

    axis: int
    indices: tuple[int, ...]

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        (axis,) = require_axes((self.axis,), x)
        length = x[axis]
        inside = length is None or all(0 <= index < length for index in self.indices)
        if not self.indices or not inside:
            raise ShapeError(
                f"picks cells {min(self.indices, default=0)} to {max(self.indices, default=0)} of "
                f"axis {self.axis}, but was given shape {show(x)}."
            )
        return replaced(x, (axis,), (len(self.indices),))


@dataclass(frozen=True)
class Dilate(Rearrangement):
    """Zeros between neighbouring cells: n cells of an axis become `(n - 1)·step + 1`.

    Attributes:
        steps: How far apart the cells lie in the output, for each axis but the batch.

    Example:
        >>> import ir
        >>> ir.Dilate((2, 2, 1)).output_shape({}, (None, 4, 4, 3))
        (None, 7, 7, 3)
    """

    steps: tuple[int, ...]

    pads = True
    keeps_order = False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_numbers("steps", self.steps, 1)
        if len(self.steps) != len(x) - 1:
            raise ShapeError(
                f"has steps for {len(self.steps)} axes, but was given shape {show(x)}."
            )
        pairs = zip(x[1:], self.steps, strict=True)
        return (x[0], *(None if n is None else (n - 1) * step + 1 for n, step in pairs))

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs, (0.0, 0.0))


@dataclass(frozen=True)
class Resample(Op):
    """Weighted means along one axis, by fixed weights: one pass of an interpolation.

    Weights: `matrix` (in, out), whose columns sum to 1.

    Attributes:
        axis: The axis.

    Example:
        >>> import numpy as np, ir
        >>> halves = np.array([[0.5, 0.0], [0.5, 0.0], [0.0, 0.5], [0.0, 0.5]])
        >>> ir.Resample(1).output_shape({"matrix": halves}, (None, 4, 3))
        (None, 2, 3)
    """

    axis: int

    moves = True
    needs = ("matrix",)

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        (axis,) = require_axes((self.axis,), x)
        length, made = require_param(params, "matrix", (None, None))
        if x[axis] not in (length, None):
            raise ShapeError(
                f"takes means of {length} cells along axis {self.axis}, but was given shape "
                f"{show(x)}."
            )
        return replaced(x, (axis,), (made,))


@dataclass(frozen=True)
class Embed(Op):
    """Rows of a table, by whole numbers: token ids (N, T) become (N, T, D).

    Weights: `table` (V, D).

    Example:
        >>> import numpy as np, ir
        >>> ir.Embed().output_shape({"table": np.zeros((100, 8))}, (None, 12))
        (None, 12, 8)
    """

    needs = ("table",)
    keeps_axes = False
    positions = False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        _, features = require_param(params, "table", (None, None))
        return (*x, features)
