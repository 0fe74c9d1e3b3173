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
    function: Callable[..., Any], args: tuple[Any, ...], axes: tuple[Any, ...], size: int, out_axes: Any
) -> Any:
    """`function(*args)` called for `size` images at a time, the last call filled up with its last image.

    args: pytrees of arrays; axes: pytrees like them, of where the batch lies in each array, `None` where it does not.
    out_axes: as for `in_chunks`. Returns NumPy arrays: what was computed leaves the device before the next call.
    """
    batch = next(x.shape[a] for x, a in zip(*map(jax.tree.leaves, (args, axes)), strict=False))
    found = []
    for start in range(0, batch, size):
        taken = np.minimum(np.arange(start, start + size), batch - 1)
        parts = jax.tree.map(
            lambda a, x, taken=taken: x if a is None or x is None else np.take(np.asarray(x), taken, a),
            axes,
            args,
            is_leaf=lambda each: each is None,
        )
        result = function(*parts)
        kept, at = min(size, batch - start), out_axes(result)
        found.append(jax.tree.map(lambda array, a, kept=kept: np.asarray(array)[_first(kept, a)], result, at))
    return jax.tree.map(lambda a, *arrays: np.concatenate(arrays, a), out_axes(found[0]), *found)


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
