"""The flat rule: every input alike, whatever its value and weight."""

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops import is_affine
from jlrp.rules.base import LayerCall, Relevances, Rule, divide, mapped


@flax.struct.dataclass
class Flat(Rule):
    """LRP-flat: `W := 1`, `x := 1`, `b := 0`, so `R_in = 1ᵀ( R / stab(1·1) )`.

    Zero padding is honoured: an output at the border has fewer contributors, and no relevance goes into the padding.
    For every affine op; conserves relevance up to ε. Source: Lapuschkin et al., Nature Communications 10, 2019.

    >>> import jlrp
    >>> jlrp.Flat()
    Flat(epsilon=1e-06)
    """

    epsilon: float = 1e-6

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        ones = mapped(jnp.ones_like, call.affine.weights)
        contributors = call.affine.linear(ones, *(jnp.ones_like(x[:1]) for x in call.inputs))  # alike for all images
        return call.affine.transpose(ones, call.inputs, divide(relevance, contributors, self.epsilon))

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)
