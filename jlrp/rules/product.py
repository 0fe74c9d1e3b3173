"""Rules for products of activations: gates pass relevance to what they gate, other factors share it."""

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.merge import lengths, product
from jlrp.rules.base import LayerCall, Quotient, Relevances, Rule, require_numbers, summed_to


def signals(gates: tuple[bool, ...], inputs: int) -> tuple[int, ...]:
    """The positions of a product's inputs that are no gates; all where none or all of them are.

    >>> signals((False, True), 2), signals((), 2)
    ((0,), (0, 1))
    """
    found = tuple(position for position, gate in enumerate(gates) if not gate)
    return found or tuple(range(inputs))


@flax.struct.dataclass
class SignalTakesAll(Rule):
    """Products: all relevance goes to the signal, none to the gates that scale it.

    `R_i = R / n` for each of the `n` inputs that are no gates, 0 for a gate; equal parts for all inputs where none of
    them is a gate. An input that was broadcast gets the sum over what it was broadcast to. A gate certainly lies within
    0 … 1 where another input does not (`Graph.gates`): squeeze-and-excitation's sigmoid, or swish written out.

    For `Multiply`; conserves relevance. Source: for gates, Arras et al., "Explaining recurrent neural network
    predictions in sentiment analysis", 2017; the equal parts are the uniform rule of Achtibat et al., "AttnLRP", 2024.

    >>> import jax.numpy as jnp, ir, jlrp
    >>> x, gate = jnp.array([[4.0, -2.0]]), jnp.array([[0.5]])
    >>> call = jlrp.LayerCall(ir.Multiply(), {}, (x, gate), x * gate, (False, True), gates=(False, True))
    >>> [share.tolist() for share in jlrp.SignalTakesAll().relevance(call, jnp.array([[3.0, 1.0]]))]
    [[[3.0, 1.0]], [[0.0]]]
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        taking = signals(call.gates, len(call.inputs))
        share = relevance / len(taking)
        return tuple(
            summed_to(share, x) if position in taking else jnp.zeros_like(x) for position, x in enumerate(call.inputs)
        )

    def fits(self, op: ir.Op) -> bool:
        return op.multiplies and op.elementwise


@flax.struct.dataclass
class Bilinear(Rule):
    """Products whose factors share: `R_i = 1/n · x_i · (∂z/∂x_i)ᵀ( R / stab(z) )`, n the number of factors.

    For two, as in products of matrices, half of each contribution `a·b` goes to either factor. The lengths that a
    normalised `Dot` divides by are held constant. For `Dot` and `Multiply`; conserves relevance up to ε.
    Source: Achtibat et al., "AttnLRP: Attention-Aware Layer-Wise Relevance Propagation for Transformers", 2024.

    >>> import jax.numpy as jnp, ir, jlrp
    >>> a, b = jnp.array([[1.0, 3.0]]), jnp.array([[2.0, 1.0]])
    >>> call = jlrp.LayerCall(ir.Dot((1, 1)), {}, (a, b), jnp.array([[5.0]]), (False, False))
    >>> [share.tolist() for share in jlrp.Bilinear(0.0).relevance(call, jnp.array([[10.0]]))]
    [[[2.0, 3.0]], [[2.0, 3.0]]]
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (quotient,) = self.quotients(call, relevance)
        op = call.op
        held = lengths(op, *call.inputs)
        _, back = jax.vjp(lambda *x: product(op, held, *x), *call.inputs)
        return tuple(x * c / len(call.inputs) for x, c in zip(call.inputs, back(quotient.s), strict=True))

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        return (Quotient(relevance, call.output, None, self.epsilon),)

    def proportional(self, op: ir.Op) -> bool:
        return True

    def fits(self, op: ir.Op) -> bool:
        return op.multiplies
