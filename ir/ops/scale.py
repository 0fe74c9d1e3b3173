"""Element-wise affine ops with constants: what models do to their images, and scales between layers."""

from dataclasses import dataclass

from ir.ops.base import Op, Shape, Weights, require_axes, require_one, require_param
from ir.ops.interval import Interval, scaled


@dataclass(frozen=True)
class Scaling(Op):
    """Base of the ops that multiply each value by a number and add one, the same for all images.

    >>> import ir
    >>> issubclass(ir.Rescale, ir.Scaling)
    True
    """

    @property
    def monotone(self) -> bool:
        return True


@dataclass(frozen=True)
class Rescale(Scaling):
    """`scale·x + offset`, with two numbers.

    >>> import ir
    >>> ir.Rescale(1 / 127.5, -1.0).bounds((0.0, 255.0))
    (-1.0, 1.0)
    """

    scale: float = 1.0
    offset: float = 0.0

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        return require_one(inputs)

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return scaled(x, self.scale, self.offset)


@dataclass(frozen=True)
class Scale(Scaling):
    """`x·scale + offset` along one axis. Weights: `scale` (C,) and `offset` (C,), each where the layer has it.

    >>> import numpy as np, ir
    >>> ir.Scale().output_shape({"scale": np.ones(3)}, (None, 8, 8, 3))
    (None, 8, 8, 3)
    """

    axis: int = -1

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        (axis,) = require_axes((self.axis,), x)
        for role in ("scale", "offset"):
            if role in params:
                require_param(params, role, (x[axis],))
        return x


@dataclass(frozen=True)
class Standardize(Scaling):
    """`(x - mean) / max(√variance, epsilon)`. Weights: `mean`, `variance`, of the shape of `axes` in rising order.

    `axes` are those with numbers of their own; without any, `mean` and `variance` are of shape ().

    >>> import numpy as np, ir
    >>> ir.Standardize((-1,)).output_shape({"mean": np.zeros(3), "variance": np.ones(3)}, (None, 8, 8, 3))
    (None, 8, 8, 3)
    """

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-7

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        kept = tuple(x[axis] for axis in require_axes(self.axes, x))
        for role in ("mean", "variance"):
            require_param(params, role, kept)
        return x
