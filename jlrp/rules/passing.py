"""Relevance that goes through unchanged."""

import flax.struct
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
