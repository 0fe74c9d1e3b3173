"""Element-wise affine ops with constants, such as the scaling of images, and learned scales."""

from dataclasses import dataclass

from ir.ops.base import (
    SameShape,
    Shape,
    Weights,
    require_axes,
    require_broadcast,
    require_optional,
    require_param,
)
from ir.ops.interval import Interval, scale


@dataclass(frozen=True)
class Scaling(SameShape):
    """Base of the ops that multiply each value by a number and add one, the same for all images.

    Example:
        >>> import ir
        >>> issubclass(ir.Rescale, ir.Scaling)
        True
    """

    monotone = True
    elementwise = True


@dataclass(frozen=True)
class Rescale(Scaling):
    """`scale·x + offset`, with two numbers.

    Example:
        >>> import ir
        >>> ir.Rescale(1 / 127.5, -1.0).bounds((0.0, 255.0))
        (-1.0, 1.0)
    """

    scale: float = 1.0
    offset: float = 0.0

    @property
    def keeps_order(self) -> bool:
        """Whether the scale is not 0; a negative one keeps the order of what its sign turns."""
        return self.scale != 0

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return scale(x, self.scale, self.offset)


@dataclass(frozen=True)
class Scale(Scaling):
    """`x·scale + offset` along one axis.

    Weights: `scale` (C,) and `offset` (C,), each where the layer has it.

    Attributes:
        axis: The axis of the channels.

    Example:
        >>> import numpy as np, ir
        >>> ir.Scale().output_shape({"scale": np.ones(3)}, (None, 8, 8, 3))
        (None, 8, 8, 3)
    """

    axis: int = -1

    @property
    def channel_axis(self) -> int:
        return self.axis

    def _require(self, params: Weights, x: Shape) -> None:
        (axis,) = require_axes((self.axis,), x)
        require_optional(params, ("scale", "offset"), (x[axis],))


@dataclass(frozen=True)
class Standardize(Scaling):
    """`(x - mean) / max(√variance, epsilon)`.

    Weights: `mean` and `variance`, of the shape of `axes` in rising order.

    Attributes:
        axes: The axes with numbers of their own; without any, the weights have shape ().
        epsilon: The smallest deviation to divide by.

    Example:
        >>> import numpy as np, ir
        >>> weights = {"mean": np.zeros(3), "variance": np.ones(3)}
        >>> ir.Standardize((-1,)).output_shape(weights, (None, 8, 8, 3))
        (None, 8, 8, 3)
    """

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-7

    needs = ("mean", "variance")

    def _require(self, params: Weights, x: Shape) -> None:
        kept = tuple(x[axis] for axis in require_axes(self.axes, x))
        for role in self.needs:
            require_param(params, role, kept)


@dataclass(frozen=True)
class Gain(Scaling):
    """`x·scale`, with a scale for each value of an image, or shared along some axes.

    Weights: `scale`, of the input's shape without the batch, 1 on shared axes.

    Example:
        >>> import numpy as np, ir
        >>> ir.Gain().output_shape({"scale": np.ones((1, 4))}, (None, 7, 4))
        (None, 7, 4)
    """

    needs = ("scale",)

    def _require(self, params: Weights, x: Shape) -> None:
        require_broadcast(params, "scale", x)


@dataclass(frozen=True)
class Offset(SameShape):
    """`x + offset`, with an offset for each value of an image, or shared along some axes.

    Positions added to tokens are one. The offset takes a share of the relevance, as a bias does.

    Weights: `offset`, of the input's shape without the batch, 1 on shared axes.

    Example:
        >>> import numpy as np, ir
        >>> ir.Offset().output_shape({"offset": np.ones((7, 4))}, (None, 7, 4))
        (None, 7, 4)
    """

    monotone = True
    elementwise = True
    keeps_order = True
    needs = ("offset",)

    def _require(self, params: Weights, x: Shape) -> None:
        require_broadcast(params, "offset", x)
