"""Max pooling backwards: the winner of each window found by comparisons, without indices and scattering."""

from itertools import product

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

import ir
from ir.ops.window import window_padding
from jlrp.fast.phases import Phases


def to_winners(op: ir.MaxPool, x: Array, z: Array, relevance: Array) -> Array:
    """Each window's relevance at its largest cell, the first in row-major order among equals; windows add up."""
    phases = Phases.of(op, op.pool_size, x)
    winner = _winners(op, phases, x, z)
    parts = []
    for r in product(*map(range, op.strides)):
        back = [range(-(-(k - c) // s)) for c, k, s in zip(r, op.pool_size, op.strides, strict=True)]
        terms = [_share(phases, r, j, winner, relevance) for j in product(*back)]
        parts.append(sum(terms[1:], terms[0]) if terms else None)
    shape = next(part.shape for part in parts if part is not None)
    filled = [jnp.zeros(shape, x.dtype) if part is None else part for part in parts]
    return phases.weave(jnp.concatenate(filled, phases.channels))


def _winners(op: ir.MaxPool, phases: Phases, x: Array, z: Array) -> Array:
    """For each window the number of the cell that won."""
    pairs = window_padding(op.padding, phases.lengths, op.pool_size, op.strides)
    inside = [(0, 0, 0)] * x.ndim
    for a, (low, high) in zip(phases.axes, pairs, strict=True):
        inside[a] = (low, high, 0)
    padded = lax.pad(x, jnp.asarray(-np.inf, x.dtype), inside)
    winner = jnp.zeros(z.shape, jnp.int32)
    for number, cell in reversed(list(enumerate(np.ndindex(*op.pool_size)))):
        start, limit, strides = [0] * x.ndim, list(padded.shape), [1] * x.ndim
        for a, t, s in zip(phases.axes, cell, op.strides, strict=True):
            start[a], limit[a], strides[a] = t, t + (z.shape[a] - 1) * s + 1, s
        winner = jnp.where(lax.slice(padded, start, limit, strides) == z, number, winner)
    return winner


def _share(phases: Phases, r: tuple[int, ...], j: tuple[int, ...], winner: Array, relevance: Array) -> Array:
    """What the windows `q − j` give to the pixels of phase `r`."""
    cell = tuple(c + s * back for c, s, back in zip(r, phases.strides, j, strict=True))
    number = int(np.ravel_multi_index(cell, phases.window))
    around = [(0, 0, 0)] * relevance.ndim
    for a, (low, high) in zip(phases.axes, phases.reach(j, relevance), strict=True):
        around[a] = (low, high, 0)
    return lax.pad(jnp.where(winner == number, relevance, 0), jnp.zeros((), relevance.dtype), around)
