"""The spatial and channel axes of images, and numbers in the shape of an image."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from ir.ops.base import spatial_axes
from jlrp.ops.base import along_axis


def axes_of(graph: ir.Graph, rank: int) -> tuple[tuple[int, ...], int]:
    """The spatial axes and the channel axis of a value of `rank` dimensions, the batch included."""
    return spatial_axes(graph.data_format, rank), graph.channel_axis(rank)


def one_per_input(graph: ir.Graph, given: Any, what: str) -> tuple[Any, ...]:
    """One array of numbers per input. For several inputs, a tuple or list has one each."""
    each = (
        given
        if isinstance(given, tuple | list) and len(graph.inputs) > 1
        else (given,) * len(graph.inputs)
    )
    if len(each) != len(graph.inputs):
        names = ", ".join(map(repr, graph.inputs))
        raise ValueError(
            f"Give one {what} for all inputs, or one for each of {names}, not {len(each)}."
        )
    try:
        return tuple(x if isinstance(x, jax.Array) else np.asarray(x, float) for x in each)
    except (TypeError, ValueError):
        raise ValueError(
            f"The {what} must be a number or an array of numbers, not {given!r}."
        ) from None


def like_image(graph: ir.Graph, name: str, numbers: Array, image: Array, what: str) -> Array:
    """A scalar, one number per channel, or an array that broadcasts, in an input's shape."""
    shaped = numbers
    if numbers.ndim == 1:
        shaped = along_axis(numbers, graph.channel_axis(image.ndim), image.ndim)
    try:
        return jnp.broadcast_to(shaped, image.shape)
    except ValueError:
        raise ValueError(
            f"The {what} must be a number, one per channel, or have the shape of an image "
            f"{image.shape[1:]} of "
            f"{name!r}, but has the shape {numbers.shape}."
        ) from None


def over_channels(pixels: Array, channel: int, image: Array) -> Array:
    """A map (N, H, W) in an input's shape: every channel of a pixel gets the pixel's value."""
    return jnp.broadcast_to(jnp.expand_dims(pixels, channel), image.shape)
