"""Loops, as `jax.lax.scan` compiles them: one step, however many there are."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from ir.ops.scan import LAST, OF, Scan
from jlrp.ops.base import Params, apply
from jlrp.ops.graphs import activations


def taken_apart(
    op: Scan, params: Params, inputs: tuple[Array, ...]
) -> tuple[list[Array], list[Array], tuple[Array, ...]]:
    """The fixed values, the starts of the carried ones, and the sequences with the steps first."""
    fixed, rest = list(inputs[: op.fixed]), inputs[op.fixed :]
    given = dict(zip(op.given, rest, strict=False))
    batch = inputs[0].shape[0]
    dtype = jnp.result_type(inputs[0])
    starts = [
        given[i]
        if i in given
        else jnp.broadcast_to(
            jnp.asarray(params[f"start:{i}"], dtype), (batch, *params[f"start:{i}"].shape)
        )
        for i in range(op.carried)
    ]
    sequences = tuple(jnp.moveaxis(x, 1, 0) for x in rest[len(given) :])
    return fixed, starts, sequences


def weights_of_steps(op: Scan, params: Params) -> dict[str, Array]:
    """The weights that each step has its own of, with the steps first."""
    return {key: params[key] for key in op.stacked}


def weights_at(op: Scan, params: Params, own: dict[str, Array]) -> dict[str, dict[str, Any]]:
    """The body's weights of one step, of which some are its own."""
    found = op.body_params(params)
    for key, array in own.items():
        layer, _, role = key.partition(OF)
        found.setdefault(layer, {})[role] = array
    return found


@apply.register
def _(op: Scan, params: Params, *inputs: Array) -> Array:
    fixed, starts, sequences = taken_apart(op, params, inputs)

    def step(carry: list[Array], at: Any) -> tuple[list[Array], Any]:
        own, cells = at
        values = activations(op.body, weights_at(op, params, own), (*fixed, *carry, *cells))
        made = [values[name] for name in op.body.outputs]
        return made[: op.carried], None if op.result == LAST else made[op.carried]

    last, every = jax.lax.scan(
        step, starts, (weights_of_steps(op, params), sequences), op.steps, op.reverse
    )
    return last[op.place] if op.result == LAST else jnp.moveaxis(every, 0, 1)
