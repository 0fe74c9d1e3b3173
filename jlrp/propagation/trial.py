"""What each layer's rule can keep for itself, found by trial: no image is needed, and no rule is known by its name."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
import jlrp
from ir.ops.base import spatial_axes
from ir.ops.window import dilated
from jlrp.propagation.interpreter import node_params
from jlrp.propagation.ledger import COLUMNS, Bookkeeper, totals
from jlrp.propagation.plan import kinds

KEEPERS = COLUMNS[2:]
"""Who may keep relevance: the ledger's columns after what was received and what passed on."""

ROUNDING = 1e-9
"""Which share of all that moved may be missing before padding or the rule is said to keep it; float64 needs 1e-14."""

ANY_LENGTH = 224
"""The length that is tried where a model takes any."""

CELLS = 8
"""How much of a convolution's input is tried along each axis, beyond its window: as telling as all, and quick."""


def keepers(model: ir.Model, rules: jlrp.Composite) -> dict[str, str]:
    """For each layer that has a rule, those of `KEEPERS` that kept relevance in a trial: `"bias, stabiliser"`.

    Each rule is tried in float64 with its layer's own weights, on noise (nowhere below zero where the graph says so)
    and on zeros, where sums without a bias are empty. So only what can happen is named: no ε that is 0, no bias that is
    0 everywhere. What takes more special inputs than these is not found.
    """
    rewritten = rules.rewrite(model.graph)
    graph, assigned = rewritten.graph, rules.assign(rewritten.graph)
    followed = rules.followed(graph) if rules.followed else None
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        params = rewritten.params(jax.tree.map(lambda a: jnp.asarray(a, float), model.params))
        shapes = graph.shapes(params, [tuple(n or ANY_LENGTH for n in (2, *s[1:])) for s in model.input_shapes])
        found = {}
        for node in graph.nodes:
            nonnegative = tuple(name in graph.nonnegative for name in node.inputs)
            taken = [_fewer_cells(node, params, shapes[name]) for name in node.inputs]
            inputs = tuple(_noise_and_zeros(random, *given) for given in zip(taken, nonnegative, strict=True))
            edges = tuple(i for i, _ in enumerate(inputs) if followed is None or (node.name, i) in followed)
            rule = jax.tree.map(lambda number: jnp.asarray(number, float), assigned[node.name])
            kind, gates = kinds((rule,)), graph.gates.get(node.name, ())
            kept = _trial(node.op, nonnegative, gates, edges, kind, rule, node_params(node, params), inputs)
            found[node.name] = ", ".join(name for name, some in zip(KEEPERS, np.asarray(kept), strict=True) if some)
    return found


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def _trial(
    op: ir.Op,
    nonnegative: tuple[bool, ...],
    gates: tuple[bool, ...],
    edges: tuple[int, ...],
    kind: tuple[Any, ...],
    rule: jlrp.Rule,
    params: Mapping[str, Array],
    inputs: tuple[Array, ...],
) -> Array:
    """Which of `KEEPERS` kept something, by the ledger's own account of one layer."""
    output = jlrp.apply(op, params, *inputs)
    prepared = rule.prepare(op, params, all(nonnegative))
    call = jlrp.LayerCall(op, params, inputs, output, nonnegative, prepared, gates=gates)
    relevance = 1 + jnp.arange(output.size, dtype=output.dtype).reshape(output.shape) / output.size  # of no symmetry
    shares = [rule.relevance(call, relevance)[i] for i in edges]
    books = Bookkeeper([], [], [])
    books.enter(ir.Node("tried", op, tuple(map(str, edges))), rule, rule.quotients(call, relevance), relevance, shares)
    kept = jnp.abs(books.entries[0][2:])
    moved = sum((totals(jnp.abs(share)) for share in shares), totals(relevance))
    # bias, stabiliser and empty sums are exactly 0 where there is none; the other two are what is left over
    exact = jnp.array([name in ("bias", "stabiliser", "empty") for name in KEEPERS])[:, None]
    return jnp.any(kept > jnp.where(exact, 0, ROUNDING * moved), axis=1)


def _fewer_cells(node: ir.Node, params: ir.Params, shape: ir.Shape) -> Sequence[int]:
    """An input's shape, for a convolution with no more cells than tell all there is to tell."""
    lengths = [n or ANY_LENGTH for n in shape]
    if isinstance(node.op, ir.Convolution):
        axes = spatial_axes(node.op.data_format, len(lengths))
        windows = dilated(params[str(node.params)]["kernel"].shape[: len(axes)], node.op.dilation)
        for axis, window in zip(axes, windows, strict=True):
            lengths[axis] = min(lengths[axis], window + CELLS)
    return lengths


def _noise_and_zeros(random: np.random.Generator, shape: Sequence[int], nonnegative: bool) -> Array:
    """Two inputs: noise and zeros."""
    noise = random.normal(size=shape[1:])
    return jnp.stack([jnp.asarray(np.abs(noise) if nonnegative else noise), jnp.zeros(shape[1:], float)])
