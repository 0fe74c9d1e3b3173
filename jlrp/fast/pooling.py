"""Max pooling by comparing shifted images, backwards without indices and scattering."""

from functools import reduce
from itertools import product

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

import ir
from jlrp.fast.phases import Phases
from jlrp.fast.windows import seen_by_cell


def largest(op: ir.MaxPool, x: Array) -> Array:
    """The largest value of each window."""
    return reduce(jnp.maximum, seen_by_cell(op, op.pool_size, x, -np.inf))


def to_winners(op: ir.MaxPool, x: Array, z: Array, relevance: Array) -> Array:
    """Give each window's relevance to its largest cell, the first in row-major order among equals.

    Windows that overlap add up.
    """
    phases = Phases.of(op, op.pool_size, x)
    winner = _winners(op, x, z)
    parts = []
    for r in product(*map(range, op.strides)):
        back = [
            range(-(-(k - c) // s)) for c, k, s in zip(r, op.pool_size, op.strides, strict=True)
        ]
        terms = [_share(phases, r, j, winner, relevance) for j in product(*back)]
        parts.append(sum(terms[1:], terms[0]) if terms else None)
    shape = next(part.shape for part in parts if part is not None)
    filled = [jnp.zeros(shape, x.dtype) if part is None else part for part in parts]
    return phases.weave(jnp.concatenate(filled, phases.channels))


def _winners(op: ir.MaxPool, x: Array, z: Array) -> Array:
    """For each window the number of the cell that won."""
    winner = jnp.zeros(z.shape, jnp.int32)
    for number, seen in reversed(list(enumerate(seen_by_cell(op, op.pool_size, x, -np.inf)))):
        winner = jnp.where(seen == z, number, winner)
    return winner


def _share(
    phases: Phases, r: tuple[int, ...], j: tuple[int, ...], winner: Array, relevance: Array
) -> Array:
    """What the windows `q − j` give to the pixels of phase `r`."""
    cell = tuple(c + s * back for c, s, back in zip(r, phases.strides, j, strict=True))
    number = int(np.ravel_multi_index(cell, phases.window))
    around = [(0, 0, 0)] * relevance.ndim
    for a, (low, high) in zip(phases.axes, phases.reach(j, relevance), strict=True):
        around[a] = (low, high, 0)
    return lax.pad(
        jnp.where(winner == number, relevance, 0), jnp.zeros((), relevance.dtype), around
    )
