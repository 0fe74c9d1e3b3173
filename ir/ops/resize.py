"""Images made larger or smaller by interpolation."""

from dataclasses import dataclass

from ir.ops.base import (
    Op,
    Shape,
    ShapeError,
    Weights,
    require_images,
    require_numbers,
    spatial_axes,
)
from ir.ops.interval import ANYTHING, Interval, hull
from ir.ops.window import replaced

METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
"""How a value between pixels is made; all but the first two may leave the range of the pixels."""


@dataclass(frozen=True)
class Interpolation(Op):
    """Base of the ops that resize images: every output pixel is a weighted mean of input pixels.

    Pixels are cells whose centres lie at ½, 1½, …. A subclass has the attributes `interpolation`,
    one of `METHODS`, and `data_format`.

    Example:
        >>> import ir
        >>> issubclass(ir.Upsample, ir.Interpolation), issubclass(ir.Resize, ir.Interpolation)
        (True, True)
    """

    moves = True

    @property
    def monotone(self) -> bool:
        return getattr(self, "interpolation", None) in ("nearest", "bilinear")

    @property
    def copies(self) -> bool:
        return getattr(self, "interpolation", None) == "nearest"

    @property
    def keeps_order(self) -> bool:
        return self.copies

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        axes, data_format = self._axes(), getattr(self, "data_format", "channels_last")
        x = require_images(inputs, axes, data_format)
        method = getattr(self, "interpolation", None)
        if method not in METHODS:
            raise ShapeError(f"interpolates by one of {', '.join(METHODS)}, not by {method!r}.")
        space = spatial_axes(data_format, len(x))
        return replaced(x, space, self._lengths(tuple(x[axis] for axis in space)))

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs) if self.monotone else ANYTHING

    def _axes(self) -> int:
        """How many spatial axes there are."""
        raise NotImplementedError

    def _lengths(self, lengths: Shape) -> Shape:
        """The output's lengths in space."""
        raise NotImplementedError


@dataclass(frozen=True)
class Upsample(Interpolation):
    """Images made larger by a whole factor along each spatial axis.

    Example:
        >>> import ir
        >>> ir.Upsample((2, 3)).output_shape({}, (None, 4, 5, 8))
        (None, 8, 15, 8)
    """

    factors: tuple[int, ...] = (2, 2)
    interpolation: str = "nearest"
    data_format: str = "channels_last"

    def _axes(self) -> int:
        return len(self.factors)

    def _lengths(self, lengths: Shape) -> Shape:
        require_numbers("factors", self.factors, 1)
        pairs = zip(lengths, self.factors, strict=True)
        return tuple(None if n is None else n * factor for n, factor in pairs)


@dataclass(frozen=True)
class Resize(Interpolation):
    """Images brought to one size.

    Attributes:
        size: The length along each spatial axis, (height, width) of images.
        interpolation: One of `ir.ops.resize.METHODS`.
        data_format: Where the channels are.
        antialias: Whether the window grows where images are made smaller.

    Example:
        >>> import ir
        >>> ir.Resize((8, 6)).output_shape({}, (None, 32, 32, 3))
        (None, 8, 6, 3)
    """

    size: tuple[int, ...] = (1, 1)
    interpolation: str = "bilinear"
    data_format: str = "channels_last"
    antialias: bool = False

    def _axes(self) -> int:
        return len(self.size)

    def _lengths(self, lengths: Shape) -> Shape:
        require_numbers("a size", self.size, 1)
        return self.size
