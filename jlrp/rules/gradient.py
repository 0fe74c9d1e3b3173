"""Rules that follow the op's own derivative, and its two variants at activations."""

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops import apply
from jlrp.rules.base import LayerCall, Relevances, Rule, positive, summed_to


def vector_jacobian(call: LayerCall, relevance: Array) -> Relevances:
    """Multiply `Jᵀ·R`, with `J` the derivative of the output with respect to each input."""
    _, vjp = jax.vjp(lambda *x: apply(call.op, call.params, *x), *call.inputs)
    return vjp(relevance)


@flax.struct.dataclass
class Gradient(Rule):
    """The op's own derivative: `R_in = Jᵀ·R`, with `J` the derivative with respect to each input.

    For every op. Relevance that starts as 1 and meets this rule on all layers becomes the gradient
    of the target's logit. It is not conserved.

    Example:
        >>> import ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> jlrp.Composite([(ir.Op, jlrp.Gradient())]).assign(graph)
        {'fc': Gradient()}

    References:
        Simonyan et al., arXiv 1312.6034, 2013.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return vector_jacobian(call, relevance)


@flax.struct.dataclass
class DeconvNet(Rule):
    """Activations in a deconvnet: `R_in = max(R, 0)`, whether the unit was active or not.

    For activations. The relevance has the shape of the input.

    Example:
        >>> import ir, jlrp
        >>> jlrp.DeconvNet().fits(ir.Relu()), jlrp.DeconvNet().fits(ir.Dense())
        (True, False)

    References:
        Zeiler and Fergus, ECCV 2014, arXiv 1311.2901.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return (positive(relevance),)

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.ActivationOp)


@flax.struct.dataclass
class GuidedBackprop(Rule):
    """Activations in guided backpropagation: `R_in = [z > 0]·max(R, 0)`, `z` the input.

    For activations. The relevance has the shape of the input. The rule is meant for ReLUs: a leaky
    slope or an upper bound does not enter.

    Example:
        >>> import ir, jlrp
        >>> jlrp.GuidedBackprop().fits(ir.Relu()), jlrp.GuidedBackprop().fits(ir.Dense())
        (True, False)

    References:
        Springenberg et al., arXiv 1412.6806, 2014.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (z,) = call.inputs
        return (jnp.where(z > 0, positive(relevance), 0),)

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.ActivationOp)


@flax.struct.dataclass
class WinnerTakesAll(Rule):
    """Winner takes all: the value that an op selects gets all relevance.

    Max pooling gives `R` to the maximum of each window, which is the plain gradient. The first cell
    in row-major order wins a tie, padding never wins, and windows that overlap add up. `Maximum`
    and `Minimum` give `R`, cell by cell, to the input that they select, the first among equals. The
    rule conserves relevance.

    Example:
        >>> import jlrp
        >>> jlrp.WinnerTakesAll().fits(ir.MaxPool()), jlrp.WinnerTakesAll().fits(ir.AvgPool())
        (True, False)

    References:
        Bach et al., PLOS ONE 10(7), 2015.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        if call.op.elementwise:
            winner = jnp.argmax(jnp.stack([x == call.output for x in call.inputs]), axis=0)
            shares = (jnp.where(winner == i, relevance, 0) for i in range(len(call.inputs)))
            return tuple(summed_to(share, x) for share, x in zip(shares, call.inputs, strict=True))
        return vector_jacobian(call, relevance)

    def fits(self, op: ir.Op) -> bool:
        return op.selects


@flax.struct.dataclass
class Transpose(Rule):
    """`R_in = WᵀR`: relevance goes back to the cells that the values came from.

    For rearrangements (flatten, reshape, permute, pad, crop, concatenate, …), whose weights are 0
    and 1, and for interpolation, whose weights sum to 1 for each output pixel. Relevance in padding
    is lost, because no input cell stands for it. Otherwise the rule conserves relevance.

    Example:
        >>> import jlrp
        >>> jlrp.Transpose().fits(ir.Flatten())
        True
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return vector_jacobian(call, relevance)

    def fits(self, op: ir.Op) -> bool:
        return op.moves
