"""Backpropagation as rules: the plain gradient, and its two variants at activations."""

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.rules.base import LayerCall, Relevances, Rule, positive
from jlrp.rules.gradient import vector_jacobian


@flax.struct.dataclass
class Gradient(Rule):
    """The op's own derivative: `R_in = Jᵀ·R`, `J` the derivative of the output with respect to each input.

    For every op. On all layers, relevance that starts as 1 becomes the gradient of the target's logit, which is not
    conserved. Source: Simonyan et al., arXiv 1312.6034, 2013.

    >>> import ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    >>> jlrp.Composite([(ir.Op, jlrp.Gradient())]).assign(graph)
    {'fc': Gradient()}
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return vector_jacobian(call, relevance)


@flax.struct.dataclass
class DeconvNet(Rule):
    """Activations as a deconvnet has them: `R_in = max(R, 0)`, whether the unit was active or not.

    For activations; shape as the input's. Source: Zeiler and Fergus, ECCV 2014, arXiv 1311.2901.

    >>> import ir, jlrp
    >>> jlrp.DeconvNet().fits(ir.Relu()), jlrp.DeconvNet().fits(ir.Dense())
    (True, False)
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return (positive(relevance),)

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.ActivationOp)


@flax.struct.dataclass
class GuidedBackprop(Rule):
    """Activations in guided backpropagation: `R_in = [z > 0]·max(R, 0)`, `z` the activation's input.

    For activations; shape as the input's. Meant for ReLUs: a leaky slope or an upper bound does not enter.
    Source: Springenberg et al., arXiv 1412.6806, 2014.

    >>> import ir, jlrp
    >>> jlrp.GuidedBackprop().fits(ir.Relu()), jlrp.GuidedBackprop().fits(ir.Dense())
    (True, False)
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (z,) = call.inputs
        return (jnp.where(z > 0, positive(relevance), 0),)

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.ActivationOp)
