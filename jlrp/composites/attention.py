"""Presets for transformers: AttnLRP, with and without γ, and CP-LRP."""

from collections.abc import Callable
from dataclasses import dataclass

import ir
from jlrp.composites.composite import Composite, Entry
from jlrp.composites.flow import activated_factors, attention
from jlrp.composites.predicates import Fact, Kind, Projection
from jlrp.composites.rows import common_rows
from jlrp.rules import DetachedNorm, Epsilon, Gamma, Norm, OneFactor, Pass, Rule, Zero


def attnlrp(epsilon: float = 1e-6) -> Composite:
    """AttnLRP for transformers: ε on layers and sums, halves at products, softmax by Taylor.

    LayerNorm has its deviation detached; RMSNorm, activations and scales pass relevance on.

    Args:
        epsilon: The stabiliser of all rules that have one; 0 leaves it out.

    References:
        Achtibat et al., "AttnLRP: Attention-Aware Layer-Wise Relevance Propagation for
        Transformers", ICML 2024.
    """
    rule = _linear(epsilon)
    return Composite(_rows(rule, rule, epsilon))


def attnlrp_gamma(conv: float = 0.25, linear: float = 0.05, epsilon: float = 1e-6) -> Composite:
    """AttnLRP for vision transformers: γ on convolutions and dense layers but for projections.

    The projections of attention (`jlrp.Projection`) have the ε rule. Everything else is as in
    `attnlrp`. Maps are far less noisy than with ε alone.

    Args:
        conv: The γ of convolutions, such as the patch embedding.
        linear: The γ of dense layers.
        epsilon: The stabiliser of all rules that have one.

    References:
        As for `attnlrp`. The numbers are a choice of this library.
    """
    return Composite(_rows(Gamma(conv, epsilon), Gamma(linear, epsilon), epsilon))


def cp_lrp(epsilon: float = 1e-6, conv: float = 0.0, linear: float = 0.0) -> Composite:
    """CP-LRP for transformers: attention weights and gates are constants, values take all.

    Everything else is as in `attnlrp`, or as in `attnlrp_gamma` with `conv` and `linear`.

    Args:
        epsilon: The stabiliser of all rules that have one; 0 leaves it out.
        conv: The γ of convolutions; 0 for the ε rule.
        linear: The γ of dense layers but for projections; 0 for the ε rule.

    References:
        Ali et al., "XAI for Transformers: Better Explanations through Conservative Propagation",
        ICML 2022. For gates: Arras et al., "Explaining Recurrent Neural Network Predictions in
        Sentiment Analysis", 2017.
    """
    rule = _linear(epsilon)
    rows = _rows(
        Gamma(conv, epsilon) if conv else rule, Gamma(linear, epsilon) if linear else rule, epsilon
    )
    held = [
        (Held(place, of), OneFactor(1 - place, epsilon))
        for of in (attention, activated_factors)
        for place in (0, 1)
    ]
    return Composite([*held, *rows])


@dataclass(frozen=True)
class Held:
    """Products of two factors of which one is held constant.

    Attributes:
        position: Which factor is held.
        held: The function from a graph to the held factor of each product.
    """

    position: int
    held: Callable[[ir.Graph], dict[str, int]]

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return self.held(graph).get(node.name) == self.position


def _linear(epsilon: float) -> Rule:
    return Epsilon(epsilon) if epsilon else Zero()


def _rows(convolution: Rule, dense: Rule, epsilon: float) -> list[Entry]:
    """The table of the presets for transformers."""
    return [
        (Projection(), _linear(epsilon)),
        (Kind(ir.Convolution), convolution),
        (Fact("has_kernel"), dense),
        (Fact("sums"), Norm(epsilon)),
        (_without_mean, Pass()),
        (ir.Normalization, DetachedNorm(epsilon)),
        *common_rows(epsilon),
    ]


def _without_mean(graph: ir.Graph, node: ir.Node) -> bool:
    """Whether a node divides by a length alone, as RMSNorm does."""
    return isinstance(node.op, ir.Normalization) and not node.op.centres
