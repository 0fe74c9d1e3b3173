"""Rules for products of activations.

Gates pass relevance to what they gate, other factors share it.
"""

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.merge import lengths, product
from jlrp.rules.base import LayerCall, Quotient, Relevances, Rule, require_numbers, summed_to


def signals(gates: tuple[bool, ...], inputs: int) -> tuple[int, ...]:
    """Find the inputs of a product that are no gates; all of them if none or all are gates.

    >>> signals((False, True), 2), signals((), 2)
    ((0,), (0, 1))
    """
    found = tuple(position for position, gate in enumerate(gates) if not gate)
    return found or tuple(range(inputs))


@flax.struct.dataclass
class SignalTakesAll(Rule):
    """Products: all relevance goes to the signal, none to the gates that scale it.

    Each of the `n` inputs that are no gates gets `R_i = R / n`; a gate gets 0. If no input is a
    gate, or all are, the inputs get equal parts. An input that was broadcast gets the sum over what
    it was broadcast to. A gate certainly lies within 0 … 1, and another input does not
    (`Graph.gates`): the sigmoid of squeeze-and-excitation, for example, or swish written out.

    For `Multiply`. The rule conserves relevance.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> x, gate = jnp.array([[4.0, -2.0]]), jnp.array([[0.5]])
        >>> signs = gates = (False, True)
        >>> call = jlrp.LayerCall(ir.Multiply(), {}, (x, gate), x * gate, signs, gates=gates)
        >>> shares = jlrp.SignalTakesAll().relevance(call, jnp.array([[3.0, 1.0]]))
        >>> [share.tolist() for share in shares]
        [[[3.0, 1.0]], [[0.0]]]

    References:
        For gates: Arras et al., "Explaining recurrent neural network predictions in sentiment
        analysis", 2017. For equal parts: the uniform rule of Achtibat et al., "AttnLRP", 2024.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        taking = signals(call.gates, len(call.inputs))
        share = relevance / len(taking)
        return tuple(
            summed_to(share, x) if position in taking else jnp.zeros_like(x)
            for position, x in enumerate(call.inputs)
        )

    def fits(self, op: ir.Op) -> bool:
        return op.multiplies and op.elementwise


def _contributed(call: LayerCall, quotient: Quotient, position: int) -> Array:
    """What one factor contributes, with the others as weights: `x·(∂z/∂x)ᵀ( R / stab(z) )`."""
    held = lengths(call.op, *call.inputs)
    before, behind = call.inputs[:position], call.inputs[position + 1 :]
    x = call.inputs[position]
    _, back = jax.vjp(lambda x: product(call.op, held, *before, x, *behind), x)
    return x * back(quotient.s)[0]


@flax.struct.dataclass
class UniformMatMul(Rule):
    """Products whose `n` factors share evenly: `R_i = 1/n · x_i · (∂z/∂x_i)ᵀ( R / stab(z) )`.

    In a product of two matrices half of each contribution `a·b` goes to either factor. The lengths
    that a normalised `Dot` divides by are constants. For `Dot`, `Einsum` and `Multiply`. The rule
    conserves relevance up to ε.

    Attributes:
        epsilon: The stabiliser's ε, a finite number of at least 0.

    Raises:
        ValueError: `epsilon` is negative or not finite.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> a, b = jnp.array([[1.0, 3.0]]), jnp.array([[2.0, 1.0]])
        >>> op, z = ir.Dot((1, 1)), jnp.array([[5.0]])
        >>> call = jlrp.LayerCall(op, {}, (a, b), z, (False, False))
        >>> shares = jlrp.UniformMatMul(0.0).relevance(call, jnp.array([[10.0]]))
        >>> [share.tolist() for share in shares]
        [[[2.0, 3.0]], [[2.0, 3.0]]]

    References:
        Achtibat et al., "AttnLRP: Attention-Aware Layer-Wise Relevance Propagation for
        Transformers", 2024.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (quotient,) = self.quotients(call, relevance)
        count = len(call.inputs)
        return tuple(_contributed(call, quotient, i) / count for i in range(count))

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        return (Quotient(relevance, call.output, None, self.epsilon),)

    def proportional(self, op: ir.Op) -> bool:
        return True

    def fits(self, op: ir.Op) -> bool:
        return op.multiplies


@flax.struct.dataclass
class OneFactor(Rule):
    """Products of which one factor takes all relevance; the others count as constants.

    Element by element that is `R_i = R`. In a product of matrices it is LRP-ε with the other factor
    as the weights: `R_i = x_i · (∂z/∂x_i)ᵀ( R / stab(z) )`.

    For `Dot`, `Einsum` and `Multiply`. The rule conserves relevance, up to ε.

    Attributes:
        position: Which of the inputs takes all.
        epsilon: The stabiliser's ε, a finite number of at least 0.

    Raises:
        ValueError: `epsilon` is negative or not finite.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> a, b = jnp.array([[1.0, 3.0]]), jnp.array([[2.0, 1.0]])
        >>> op, z = ir.Dot((1, 1)), jnp.array([[5.0]])
        >>> call = jlrp.LayerCall(op, {}, (a, b), z, (False, False))
        >>> shares = jlrp.OneFactor(1, 0.0).relevance(call, jnp.array([[10.0]]))
        >>> [share.tolist() for share in shares]
        [[[0.0, 0.0]], [[4.0, 6.0]]]

    References:
        Ali et al., "XAI for Transformers: Better Explanations through Conservative Propagation",
        2022, for attention, where the values take all.
    """

    position: int = flax.struct.field(pytree_node=False)
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return tuple(
            self._share(call, relevance) if position == self.position else jnp.zeros_like(x)
            for position, x in enumerate(call.inputs)
        )

    def _share(self, call: LayerCall, relevance: Array) -> Array:
        x = call.inputs[self.position]
        if call.op.elementwise:
            return summed_to(relevance, x)
        (quotient,) = self.quotients(call, relevance)
        return _contributed(call, quotient, self.position)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        if call.op.elementwise:
            return ()
        return (Quotient(relevance, call.output, None, self.epsilon),)

    def proportional(self, op: ir.Op) -> bool:
        return not op.elementwise

    def fits(self, op: ir.Op) -> bool:
        return op.multiplies
