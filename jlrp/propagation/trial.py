"""What each layer's rule can keep for itself, found by trial.

A trial needs no image and knows no rule by its name.
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
import jlrp
from ir.ops.base import spatial_axes
from ir.ops.window import dilated
from jlrp.ops.graphs import node_params
from jlrp.propagation.ledger import COLUMNS, Bookkeeper, totals
from jlrp.propagation.plan import kinds

KEEPERS = COLUMNS[2:]
"""What may keep relevance: the ledger's columns after `received` and `passed`."""

ROUNDING = 1e-9
"""The share of all moved relevance that rounding may lose; float64 needs 1e-14.

Padding or the rule keeps relevance only where more than this is missing.
"""

ANY_LENGTH = 224
"""The length to try where a model takes any."""

CELLS = 8
"""How many cells of a convolution's input to try along each axis, beyond its window.

More cells take longer and show nothing more.
"""


def keepers(model: ir.Model, rules: jlrp.Composite) -> dict[str, str]:
    """Find out what may keep relevance at each layer.

    The trial runs each rule in float64 with its layer's own weights. Its inputs are noise
    (nowhere below zero where the graph says so) and zeros, where sums without a bias are empty. An
    ε of 0 or a bias that is 0 everywhere keeps nothing. The trial misses what needs more special
    inputs.

    Args:
        model: The model.
        rules: The rules of its layers.

    Returns:
        For each layer with a rule the names of `KEEPERS` that kept relevance, for example
        `"bias, stabiliser"`.
    """
    rewritten = rules.rewrite(model.graph)
    graph, assigned = rewritten.graph, rules.assign(rewritten.graph)
    followed = rules.followed(graph) if rules.followed else None
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        params = rewritten.params(jax.tree.map(lambda a: jnp.asarray(a, float), model.params))
        shapes = graph.shapes(
            params, [tuple(n or ANY_LENGTH for n in (2, *s[1:])) for s in model.input_shapes]
        )
        found = {}
        for node in graph.nodes:
            nonnegative = tuple(name in graph.nonnegative for name in node.inputs)
            taken = [_fewer_cells(node, params, shapes[name]) for name in node.inputs]
            inputs = tuple(
                _noise_and_zeros(random, *given) for given in zip(taken, nonnegative, strict=True)
            )
            edges = tuple(
                i for i, _ in enumerate(inputs) if followed is None or (node.name, i) in followed
            )
            rule = jax.tree.map(lambda number: jnp.asarray(number, float), assigned[node.name])
            kind, gates = kinds((rule,)), graph.gates.get(node.name, ())
            kept = _trial(
                node.op, nonnegative, gates, edges, kind, rule, node_params(node, params), inputs
            )
            found[node.name] = ", ".join(
                name for name, some in zip(KEEPERS, np.asarray(kept), strict=True) if some
            )
    return found


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def _trial(
    op: ir.Op,
    nonnegative: tuple[bool, ...],
    gates: tuple[bool, ...],
    edges: tuple[int, ...],
    kind: tuple[Hashable, ...],
    rule: jlrp.Rule,
    params: Mapping[str, Array],
    inputs: tuple[Array, ...],
) -> Array:
    """Which of `KEEPERS` kept something, by the ledger of one layer."""
    output = jlrp.apply(op, params, *inputs)
    prepared = rule.prepare(op, params, all(nonnegative))
    call = jlrp.LayerCall(op, params, inputs, output, nonnegative, prepared, gates=gates)
    # No two values are equal, so that nothing cancels by symmetry.
    steps = jnp.arange(output.size, dtype=output.dtype).reshape(output.shape)
    relevance = 1 + steps / output.size
    shares = [rule.relevance(call, relevance)[i] for i in edges]
    books = Bookkeeper([], [], [])
    books.enter(
        ir.Node("tried", op, tuple(map(str, edges))),
        rule,
        rule.quotients(call, relevance),
        relevance,
        shares,
    )
    kept = jnp.abs(books.entries[0][2:])
    moved = sum((totals(jnp.abs(share)) for share in shares), totals(relevance))
    # A bias, stabiliser or empty sum that keeps nothing gives exactly 0. The other two columns are
    # differences, and have rounding.
    exact = jnp.array([name in ("bias", "stabiliser", "empty") for name in KEEPERS])[:, None]
    return jnp.any(kept > jnp.where(exact, 0, ROUNDING * moved), axis=1)


def _fewer_cells(node: ir.Node, params: ir.Params, shape: ir.Shape) -> Sequence[int]:
    """An input's shape, cut to the window and `CELLS` more for a convolution."""
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
    return jnp.stack(
        [jnp.asarray(np.abs(noise) if nonnegative else noise), jnp.zeros(shape[1:], float)]
    )
