"""A batch in chunks, one after the other in one program.

This takes less memory, and on a CPU the values stay in the cache.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def divisor(count: int, most: int) -> int:
    """Find the largest number of at most `most` that divides `count`.

    Example:
        >>> divisor(8, 3), divisor(7, 3), divisor(4, 8)
        (2, 1, 4)
    """
    return max(size for size in range(1, max(1, min(most, count)) + 1) if count % size == 0)


def chunk_size(batch: int, most: int) -> int:
    """Choose how many images to work on at a time, at most `most`.

    A divisor of the batch is best, unless it is far below `most`. The last chunk is then smaller.

    Example:
        >>> chunk_size(8, 3), chunk_size(31, 4), chunk_size(101, 2), chunk_size(2, 4)
        (2, 4, 2, 2)
    """
    even = divisor(batch, most)
    return even if 2 * even > most or even == batch else min(most, batch)


def in_chunks(
    function: Callable[[Any], Any],
    batch: int,
    size: int,
    args: Any,
    axes: Any,
    out_axes: Callable[[Any], Any],
) -> Any:
    """Compute `function(args)` on `size` images at a time, inside one program.

    Args:
        function: A function of a pytree of arrays.
        batch: The number of images.
        size: How many of them to take at a time. The last chunk may be smaller.
        args: A pytree of arrays.
        axes: A pytree like `args` with the batch axis of each array, `None` for arrays without it.
        out_axes: A function from the result of one chunk to a pytree like it, with the batch axis
            of each array.

    Returns:
        The result for all images.
    """
    if size >= batch:
        return function(args)
    whole = batch - batch % size
    batched, rebuild = _select_batched(args, axes)

    def compute(parts: list[Array]) -> Any:
        return function(rebuild(parts))

    chunks = [
        _split(jax.lax.slice_in_dim(array, 0, whole, axis=axis), axis, size)
        for array, axis in batched
    ]
    results = jax.lax.map(compute, chunks)
    joined = jax.tree.map(_join, results, out_axes(results))
    if whole == batch:
        return joined
    rest = compute(
        [jax.lax.slice_in_dim(array, whole, batch, axis=axis) for array, axis in batched]
    )
    return jax.tree.map(
        lambda axis, *both: jnp.concatenate(both, axis), out_axes(rest), joined, rest
    )


def one_by_one(
    function: Callable[[Any], Any],
    args: Any,
    axes: Any,
    size: int,
    out_axes: Callable[[Any], Any],
) -> Any:
    """Call `function(args)` for `size` images at a time.

    All calls have the same shapes: copies of the last image fill up the last call. Each result
    leaves the device before the next call.

    Args:
        function: As for `in_chunks`.
        args: As for `in_chunks`.
        axes: As for `in_chunks`.
        size: How many images to take at a time.
        out_axes: As for `in_chunks`.

    Returns:
        The result for all images, as NumPy arrays.
    """
    batched, rebuild = _select_batched(args, axes)
    first, first_axis = batched[0]
    batch = first.shape[first_axis]
    results = []
    for start in range(0, batch, size):
        chosen = np.minimum(np.arange(start, start + size), batch - 1)
        parts = [np.take(np.asarray(array), chosen, axis) for array, axis in batched]
        result = function(rebuild(parts))
        count = min(size, batch - start)
        results.append(
            jax.tree.map(
                lambda array, axis, count=count: np.asarray(array)[_first(count, axis)],
                result,
                out_axes(result),
            )
        )
    return jax.tree.map(
        lambda axis, *arrays: np.concatenate(arrays, axis), out_axes(results[0]), *results
    )


def _select_batched(
    args: Any, axes: Any
) -> tuple[list[tuple[Any, int]], Callable[[list[Any]], Any]]:
    """The arrays that have the batch, each with its axis, and the way back to the arguments."""
    leaves, structure = jax.tree.flatten(args)
    given, places = (
        jax.tree.leaves(tree, is_leaf=lambda each: each is None) for tree in (args, axes)
    )
    places = [axis for axis, array in zip(places, given, strict=True) if array is not None]

    def rebuild(parts: list[Any]) -> Any:
        left = iter(parts)
        pairs = zip(leaves, places, strict=True)
        return jax.tree.unflatten(
            structure, [array if axis is None else next(left) for array, axis in pairs]
        )

    pairs = zip(leaves, places, strict=True)
    return [(array, axis) for array, axis in pairs if axis is not None], rebuild


def _first(count: int, axis: int) -> tuple[slice, ...]:
    """The index of the first entries along an axis."""
    return (slice(None),) * axis + (slice(count),)


def _split(array: Array, axis: int, size: int) -> Array:
    """(…, N, …) as (N / size, …, size, …)."""
    shape = array.shape
    split = array.reshape(*shape[:axis], shape[axis] // size, size, *shape[axis + 1 :])
    return jnp.moveaxis(split, axis, 0)


def _join(array: Array, axis: int) -> Array:
    """(N / size, …, size, …) as (…, N, …)."""
    moved = jnp.moveaxis(array, 0, axis)
    shape = moved.shape
    return moved.reshape(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])
