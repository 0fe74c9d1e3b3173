"""Going back through windows that move by strides, without zeros between the pixels.

An input pixel at `s·q + r − low` lies in the windows `q − j` at the cells `r + s·j`, `j = 0, 1, …`.
For each phase `r` that is a window of stride 1 over `q`, the same for all phases. Woven together,
the phases are the image.
"""

import math
from dataclasses import dataclass

from jax import Array, lax

import ir
from ir.ops.base import channel_axis, spatial_axes
from ir.ops.window import Pairs, window_padding


@dataclass(frozen=True)
class Phases:
    """The geometry of an op's windows over an image, axis by axis.

    Attributes:
        strides: The steps of the windows.
        window: Their lengths.
        lows: The padding before the image.
        lengths: The lengths of the image.
        axes: Where these axes lie in an array.
        channels: Where the channels lie.
    """

    strides: tuple[int, ...]
    window: tuple[int, ...]
    lows: tuple[int, ...]
    lengths: tuple[int, ...]
    axes: tuple[int, ...]
    channels: int

    @classmethod
    def of(cls, op: ir.Conv | ir.Pool, window: tuple[int, ...], x: Array) -> "Phases":
        """The phases of an op's windows, without dilation, over images of the shape of `x`."""
        axes = spatial_axes(op.data_format, x.ndim)
        lengths = tuple(x.shape[a] for a in axes)
        lows = tuple(low for low, _ in window_padding(op.padding, lengths, window, op.strides))
        return cls(op.strides, window, lows, lengths, axes, channel_axis(op.data_format, x.ndim))

    @property
    def taps(self) -> tuple[int, ...]:
        """How many windows a pixel lies in at most."""
        return tuple(-(-k // s) for k, s in zip(self.window, self.strides, strict=True))

    @property
    def first(self) -> tuple[int, ...]:
        """The least `q` of any pixel."""
        return tuple(low // s for low, s in zip(self.lows, self.strides, strict=True))

    @property
    def last(self) -> tuple[int, ...]:
        """The greatest `q` of any pixel."""
        ends = zip(self.lengths, self.lows, self.strides, strict=True)
        return tuple((n - 1 + low) // s for n, low, s in ends)

    def reach(self, back: tuple[int, ...], outputs: Array) -> Pairs:
        """The padding of `outputs` after which `q − j` stands in the place of `q`.

        Args:
            back: `j`, axis by axis.
            outputs: An array of the windows' outputs.

        Returns:
            Pairs (low, high); negative numbers crop.
        """
        lengths = [outputs.shape[a] for a in self.axes]
        sides = zip(back, self.first, self.last, lengths, strict=True)
        return tuple((j - q, p - j - (m - 1)) for j, q, p, m in sides)

    def weave(self, phases: Array) -> Array:
        """Weave the image from its phases.

        Args:
            phases: An array whose channels hold `r` in row-major order, then the image's channel.
        """
        rank, c = len(self.strides), self.channels
        shape = phases.shape
        own = shape[c] // math.prod(self.strides)
        split = phases.reshape(*shape[:c], *self.strides, own, *shape[c + 1 :])
        order, woven = [0], [shape[0]]
        for a in range(1, phases.ndim):
            parts = [c + rank] if a == c else [a if a < c else a + rank, c + self.axes.index(a)]
            order += parts
            woven.append(math.prod(split.shape[part] for part in parts))
        image = split.transpose(order).reshape(woven)
        start, limit = [0] * image.ndim, list(image.shape)
        for a, n, low, q, s in zip(
            self.axes, self.lengths, self.lows, self.first, self.strides, strict=True
        ):
            start[a], limit[a] = low - s * q, low - s * q + n
        return lax.slice(image, start, limit)
