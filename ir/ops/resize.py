"""Images made larger or smaller by interpolation."""

from dataclasses import dataclass

from ir.ops.base import (
    Op,
    Shape,
    ShapeError,
    Weights,
    require_layout,
    require_numbers,
    require_one,
    require_rank,
    spatial_axes,
)
from ir.ops.interval import ANYTHING, Interval, hull
from ir.ops.window import replaced

METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
"""How a value between pixels is made; all but the first two may leave the range of the pixels."""


@dataclass(frozen=True)
class Interpolation(Op):
    """Base of the ops that resize images: linear, every output pixel a weighted mean of input pixels.

    `interpolation` is one of `METHODS`; pixels are cells whose centres lie at ½, 1½, ….

    >>> import ir
    >>> issubclass(ir.Upsample, ir.Interpolation), issubclass(ir.Resize, ir.Interpolation)
    (True, True)
    """

    @property
    def monotone(self) -> bool:
        return getattr(self, "interpolation", None) in ("nearest", "bilinear")

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs) if self.monotone else ANYTHING


@dataclass(frozen=True)
class Upsample(Interpolation):
    """Images made larger by a whole factor along each spatial axis.

    >>> import ir
    >>> ir.Upsample((2, 3)).output_shape({}, (None, 4, 5, 8))
    (None, 8, 15, 8)
    """

    factors: tuple[int, ...] = (2, 2)
    interpolation: str = "nearest"
    data_format: str = "channels_last"

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_rank(x, len(self.factors) + 2, "images")
        _require_method(self.interpolation)
        require_layout(self.data_format)
        require_numbers("factors", self.factors, 1)
        axes = spatial_axes(self.data_format, len(x))
        lengths = zip((x[axis] for axis in axes), self.factors, strict=True)
        return replaced(x, axes, tuple(None if n is None else n * factor for n, factor in lengths))


@dataclass(frozen=True)
class Resize(Interpolation):
    """Images brought to one size: (height, width), or one length per spatial axis.

    `antialias` widens the window where they are made smaller.

    >>> import ir
    >>> ir.Resize((8, 6)).output_shape({}, (None, 32, 32, 3))
    (None, 8, 6, 3)
    """

    size: tuple[int, ...] = (1, 1)
    interpolation: str = "bilinear"
    data_format: str = "channels_last"
    antialias: bool = False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_rank(x, len(self.size) + 2, "images")
        _require_method(self.interpolation)
        require_layout(self.data_format)
        require_numbers("a size", self.size, 1)
        return replaced(x, spatial_axes(self.data_format, len(x)), self.size)


def _require_method(interpolation: str) -> None:
    if interpolation not in METHODS:
        raise ShapeError(f"interpolates by one of {', '.join(METHODS)}, not by {interpolation!r}.")
