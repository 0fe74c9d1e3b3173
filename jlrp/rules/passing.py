"""Relevance that goes through unchanged, and that of tokens."""

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.rules.base import LayerCall, Relevances, Rule


@flax.struct.dataclass
class Pass(Rule):
    """`R_in = R`, also where a unit is inactive: activations, normalisations and scales.

    For ops with one input whose output has the input's shape: activations, rescaling, and layer,
    group and unit normalisation. Zennit has it on BatchNorm too. The presets have LRP-ε there,
    because relevance grows without bound under `Pass` (docs/rules.md). The rule conserves
    relevance.

    Example:
        >>> import jlrp
        >>> jlrp.Pass().fits(ir.Relu()), jlrp.Pass().fits(ir.Add())
        (True, False)

    References:
        For normalisation, the identity rule of Achtibat et al., "AttnLRP", 2024.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return (relevance,)

    def fits(self, op: ir.Op) -> bool:
        return op.keeps_shape


@flax.struct.dataclass
class Rows(Rule):
    """`R_token = Σ_d R_d`: a token gets all relevance of the row that stands for it in a table.

    For `Embed`. The relevance has the shape of the token ids. The rule conserves relevance.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> ids, table = jnp.array([[2.0, 0.0]]), jnp.eye(3)
        >>> call = jlrp.LayerCall(ir.Embed(), {"table": table}, (ids,), table[None, :2], (True,))
        >>> jlrp.Rows().relevance(call, jnp.array([[[1.0, 2.0, 0.0], [0.5, 0.5, 0.5]]]))[0].tolist()
        [[3.0, 1.5]]

    References:
        The sum over an embedding's dimensions is the usual relevance of a word, as in Arras et al.,
        "Explaining Recurrent Neural Network Predictions in Sentiment Analysis", 2017.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return (jnp.sum(relevance, -1),)

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.Embed)
