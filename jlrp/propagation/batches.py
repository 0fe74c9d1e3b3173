"""A batch in chunks, one after the other in one program: less memory, and on a CPU values that stay in the cache."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def divisor(count: int, most: int) -> int:
    """The largest number of at most `most` that divides `count`.

    >>> divisor(8, 3), divisor(7, 3), divisor(4, 8)
    (2, 1, 4)
    """
    return max(size for size in range(1, max(1, min(most, count)) + 1) if count % size == 0)


def chunk_size(batch: int, most: int) -> int:
    """How many images to work on at a time: a divisor of the batch if a good one is there, else `most` with a rest.

    >>> chunk_size(8, 3), chunk_size(31, 4), chunk_size(101, 2), chunk_size(2, 4)
    (2, 4, 2, 2)
    """
    even = divisor(batch, most)
    return even if 2 * even > most or even == batch else min(most, batch)


def in_chunks(function: Callable[[Any], Any], batch: int, size: int, args: Any, axes: Any, out_axes: Any) -> Any:
    """`function(args)` computed on `size` of the batch's images at a time, then on those that are left.

    args: a pytree of arrays; axes: a pytree like it, of where the batch lies in each, `None` where it does not.
    out_axes: from the result of one chunk, a pytree like it of where the batch lies in each of its arrays.
    """
    if size >= batch:
        return function(args)
    whole = batch - batch % size
    batched, rebuilt = _batched(args, axes)

    def of(parts: list[Array]) -> Any:
        return function(rebuilt(parts))

    chunks = [_cut(jax.lax.slice_in_dim(array, 0, whole, axis=axis), axis, size) for array, axis in batched]
    found = jax.lax.map(of, chunks)
    joined = jax.tree.map(_joined, found, out_axes(found))
    if whole == batch:
        return joined
    rest = of([jax.lax.slice_in_dim(array, whole, batch, axis=axis) for array, axis in batched])
    return jax.tree.map(lambda axis, *both: jnp.concatenate(both, axis), out_axes(rest), joined, rest)


def one_by_one(function: Callable[[Any], Any], args: Any, axes: Any, size: int, out_axes: Any) -> Any:
    """`function(args)` called for `size` images at a time, the last call filled up with its last image.

    args, axes, out_axes: as for `in_chunks`. Returns NumPy arrays: what was computed leaves the device before the
    next call.
    """
    batched, rebuilt = _batched(args, axes)
    batch, found = batched[0][0].shape[batched[0][1]], []
    for start in range(0, batch, size):
        taken = np.minimum(np.arange(start, start + size), batch - 1)
        result = function(rebuilt([np.take(np.asarray(array), taken, axis) for array, axis in batched]))
        kept, at = min(size, batch - start), out_axes(result)
        found.append(jax.tree.map(lambda array, a, kept=kept: np.asarray(array)[_first(kept, a)], result, at))
    return jax.tree.map(lambda a, *arrays: np.concatenate(arrays, a), out_axes(found[0]), *found)


def _batched(args: Any, axes: Any) -> tuple[list[tuple[Any, int]], Callable[[list[Any]], Any]]:
    """The arrays that have the batch, with its axis, and what makes the arguments of parts of them."""
    leaves, structure = jax.tree.flatten(args)
    given, places = (jax.tree.leaves(tree, is_leaf=lambda each: each is None) for tree in (args, axes))
    places = [axis for axis, array in zip(places, given, strict=True) if array is not None]

    def rebuilt(parts: list[Any]) -> Any:
        left = iter(parts)
        each = (array if axis is None else next(left) for array, axis in zip(leaves, places, strict=True))
        return jax.tree.unflatten(structure, each)

    return [(array, axis) for array, axis in zip(leaves, places, strict=True) if axis is not None], rebuilt


def _first(count: int, axis: int) -> tuple[slice, ...]:
    return (slice(None),) * axis + (slice(count),)


def _cut(array: Array, axis: int, size: int) -> Array:
    """(…, N, …) as (N / size, …, size, …)."""
    shape = array.shape
    split = array.reshape(*shape[:axis], shape[axis] // size, size, *shape[axis + 1 :])
    return jnp.moveaxis(split, axis, 0)


def _joined(array: Array, axis: int) -> Array:
    """(N / size, …, size, …) as (…, N, …)."""
    moved = jnp.moveaxis(array, 0, axis)
    shape = moved.shape
    return moved.reshape(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])
