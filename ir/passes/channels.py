"""Where channels lie behind an op that an affine map per channel may change places with."""

from dataclasses import dataclass, replace
from functools import singledispatch

from ir.ops import Crop, Flatten, GlobalPool, Op, Permute, Pool, Repeat, Reshape, Resize, Upsample


@dataclass(frozen=True)
class Channels:
    """The axis along which an affine map per channel acts.

    Attributes:
        axis: The channel axis, negative if counted from the end.
        rank: The number of dimensions, batch included; `None` where the graph does not say.
        repeated: Whether the axis holds all channels of one position after those of another, as
            `Flatten` leaves them.
        rising: Whether a max pool lies between. Only maps with a positive scale may change places
            with it.

    Example:
        >>> Channels(-1).lie("channels_last"), Channels(1).lie("channels_last")
        (True, False)
    """

    axis: int
    rank: int | None = None
    repeated: bool = False
    rising: bool = False

    def lie(self, data_format: str) -> bool:
        """Whether the axis is certainly where a layout has its channels."""
        return self.same_axis(1 if data_format == "channels_first" else -1)

    def same_axis(self, axis: int) -> bool:
        """Whether another axis is certainly this one."""
        return self.axis == axis or (
            self.rank is not None and self.axis % self.rank == axis % self.rank
        )


@singledispatch
def channels_behind(op: Op, channels: Channels) -> Channels | None:
    """Follow the channels through an op that has one input.

    The op must give the same result whether the map acts before or behind it, and LRP-0 the same
    relevance. That holds for means, for moves and copies of values, and for the largest value if
    the scale is positive. It does not hold for zero padding, which adds values that are no
    channel's. Nor does it hold for weighted means such as a bilinear resize: their rule shares by
    the weights alone.

    Args:
        op: The op.
        channels: Where the channels of its input lie.

    Returns:
        Where they lie in its output. `None` if the map may not change places with the op, or if the
        graph alone does not say where the channels are.

    Example:
        >>> import ir
        >>> channels_behind(ir.Permute((3, 1, 2)), Channels(-1))
        Channels(axis=1, rank=4, repeated=False, rising=False)
        >>> channels_behind(ir.ZeroPad(), Channels(-1)) is None
        True
    """
    return None


@channels_behind.register
def _(op: Pool, channels: Channels) -> Channels | None:
    pooled = _pooled(op, channels)
    return None if pooled is None else _in_space(pooled, op.data_format, len(op.pool_size))


@channels_behind.register
def _(op: Crop, channels: Channels) -> Channels | None:
    return _in_space(channels, op.data_format, len(op.cropping))


@channels_behind.register
def _(op: Upsample, channels: Channels) -> Channels | None:
    return _in_space(channels, op.data_format, len(op.factors)) if op.copies else None


@channels_behind.register
def _(op: Resize, channels: Channels) -> Channels | None:
    return _in_space(channels, op.data_format, len(op.size)) if op.copies else None


@channels_behind.register
def _(op: GlobalPool, channels: Channels) -> Channels | None:
    pooled = _pooled(op, channels)
    if pooled is None or op.axes is not None or not channels.lie(op.data_format):
        return None
    return pooled if op.keepdims else replace(pooled, axis=-1, rank=2)


@channels_behind.register
def _(op: Flatten, channels: Channels) -> Channels | None:
    # Flatten puts the channels of a channels_first image last before it joins the axes.
    flat = replace(channels, axis=-1, rank=op.start + 1, repeated=True)
    return flat if channels.lie(op.data_format) else None


@channels_behind.register
def _(op: Reshape, channels: Channels) -> Channels | None:
    flat = len(op.shape) == 1 and channels.lie("channels_last")
    return replace(channels, axis=-1, rank=2, repeated=True) if flat else None


@channels_behind.register
def _(op: Permute, channels: Channels) -> Channels | None:
    rank = len(op.axes) + 1
    axis = channels.axis % rank
    moved = axis in op.axes
    return replace(channels, axis=op.axes.index(axis) + 1, rank=rank) if moved else None


@channels_behind.register
def _(op: Repeat, channels: Channels) -> Channels | None:
    return replace(channels, axis=-1, rank=3)


def _pooled(op: Op, channels: Channels) -> Channels | None:
    """The channels behind pooling that takes means or the largest value; `None` for any other."""
    if op.selects:
        return replace(channels, rising=True)
    return channels if op.sums else None


def _in_space(channels: Channels, data_format: str, axes: int) -> Channels | None:
    """The channels of an image before and behind an op that acts along its spatial axes."""
    channels = replace(channels, rank=axes + 2)
    return channels if channels.lie(data_format) else None


def keeps_channels(op: Op) -> bool:
    """Whether `channels_behind` knows the op at all."""
    return channels_behind.dispatch(type(op)) is not channels_behind.dispatch(object)
