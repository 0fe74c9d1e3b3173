"""Regions: where relevance starts in an output with positions."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

import ir
from jlrp.propagation.arrays import as_any_array

EVERYWHERE = "all"
"""The region that is every position of an output."""


def as_region(region: Any, shape: ir.Shape, axis: int) -> Array | None:
    """A region as a mask (N, …positions) of an output; `None` stays.

    Args:
        region: `None`; `"all"`; a mask of the positions, (…positions) or one per image
            (N, …positions); or a box. A box has the starts along all axes of positions, then the
            ends: (top, left, bottom, right).
        shape: The shape of the output, batch first.
        axis: The axis of the output's classes.

    Raises:
        ValueError: The output has no positions, or the region does not fit them.
    """
    if region is None:
        return None
    positions = tuple(int(n or 0) for i, n in enumerate(shape) if i not in (0, axis))
    if not positions:
        raise ValueError(
            f"A region is for outputs with positions, but the output has the shape {shape}: "
            "leave it out."
        )
    whole = (int(shape[0] or 1), *positions)
    if isinstance(region, str):
        if region != EVERYWHERE:
            raise ValueError(f"A region is a mask, a box or {EVERYWHERE!r}, not {region!r}.")
        return jnp.ones(whole, bool)
    given = as_any_array(region, "Regions")
    has_box_shape = isinstance(region, tuple | list) and given.shape == (2 * len(positions),)
    if has_box_shape and given.dtype.kind in "iu":
        return jnp.broadcast_to(_mask_of_box(given, positions), whole)
    if isinstance(given, np.ma.MaskedArray):
        raise ValueError(
            "A region is a mask itself: give an array of true and false without a mask."
        )
    if given.shape not in (positions, (shape[0], *positions)) or given.dtype.kind not in "biuf":
        raise ValueError(
            f"A region is a mask of the output's positions {positions}, one for all images or one "
            f"each, or a box of {2 * len(positions)} whole numbers (all starts, then all ends), "
            f"but was given an array of shape {given.shape}."
        )
    return jnp.broadcast_to(jnp.asarray(given).astype(bool), whole)


def _mask_of_box(ends: NDArray[Any], positions: tuple[int, ...]) -> Array:
    """A box as a mask of the positions; `ValueError` where it is empty or reaches outside."""
    starts, stops = ends[: len(positions)], ends[len(positions) :]
    if any(not 0 <= a < b <= n for a, b, n in zip(starts, stops, positions, strict=True)):
        raise ValueError(
            f"The box {tuple(map(int, ends))} is empty or reaches outside the positions "
            f"{positions}."
        )
    mask = np.zeros(positions, bool)
    mask[tuple(slice(a, b) for a, b in zip(starts, stops, strict=True))] = True
    return jnp.asarray(mask)
