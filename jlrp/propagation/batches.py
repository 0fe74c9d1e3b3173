"""A batch in chunks, one after the other in one program: less memory, and on a CPU values that stay in the cache."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray


def divisor(count: int, most: int) -> int:
    """The largest number of at most `most` that divides `count`.

    >>> divisor(8, 3), divisor(7, 3), divisor(4, 8)
    (2, 1, 4)
    """
    return max(size for size in range(1, max(1, min(most, count)) + 1) if count % size == 0)


def in_chunks(function: Callable[[Any], Any], batch: int, size: int, args: Any, axes: Any, out_axes: Any) -> Any:
    """`function(args)` computed on `size` of the batch's images at a time.

    args: a pytree of arrays; axes: a pytree like it, of where the batch lies in each (`jax.vmap`'s `in_axes`).
    out_axes: from the result of one chunk, a pytree like it of where the batch lies in each of its arrays.
    """
    if size >= batch:
        return function(args)
    chunks = jax.tree.map(lambda array, axis: _cut(array, axis, size), args, axes)
    found = jax.lax.map(function, chunks)
    return jax.tree.map(_joined, found, out_axes(found))


def one_by_one(
    function: Callable[[Any, Any], Any], images: tuple[Any, ...], target: Any, axis: int, size: int, out_axes: Any
) -> Any:
    """`function(images, target)` called for `size` images at a time, the last call filled up with its last image.

    axis: where the batch lies in a target that has one. out_axes: as for `in_chunks`. Returns NumPy arrays: what was
    computed leaves the device before the next call.
    """
    batch, found = images[0].shape[0], []
    per_image = np.ndim(target) > axis
    for start in range(0, batch, size):
        taken = np.minimum(np.arange(start, start + size), batch - 1)
        part = target if not per_image else np.take(np.asarray(target), taken, axis)
        result = function(tuple(x[start : start + size] if _inside(taken) else x[taken] for x in images), part)
        kept, axes = min(size, batch - start), out_axes(result)
        found.append(jax.tree.map(lambda array, a, kept=kept: np.asarray(array)[_first(kept, a)], result, axes))
    return jax.tree.map(lambda a, *arrays: np.concatenate(arrays, a), out_axes(found[0]), *found)


def _inside(taken: NDArray[np.intp]) -> bool:
    """Whether no image stands in for one that is not there."""
    return bool(taken[-1] == taken[0] + len(taken) - 1)


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
