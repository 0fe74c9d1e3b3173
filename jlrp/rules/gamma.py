"""Rules that favour positive contributions by a factor: γ, plain and generalised."""

from collections.abc import Mapping
from typing import Any

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops import is_affine
from jlrp.ops.base import Weights
from jlrp.rules.base import (
    LayerCall,
    Quotient,
    Relevances,
    Rule,
    added,
    mapped,
    negative,
    positive,
    require_numbers,
    summed,
    times,
)


def _favouring(sign: Any, gamma: Any, v: Array) -> Array:
    """`v + γ·v⁺` or `v + γ·v⁻`."""
    return v + gamma * sign(v)


@flax.struct.dataclass
class GammaPlain(Rule):
    """The plain γ rule, for inputs `x ≥ 0`: LRP-ε with `W + γ·W⁺` and `b + γ·b⁺`.

    For every affine op; negative inputs are taken as they come. Source: Montavon et al., "Layer-Wise Relevance
    Propagation: An Overview", 2019. This is what most tools but zennit ≥ 0.5 call γ; see `Gamma`.

    >>> import jlrp
    >>> jlrp.GammaPlain(0.1)
    GammaPlain(gamma=0.1, epsilon=1e-06)
    """

    gamma: float = 0.25
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "gamma", "epsilon")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (quotient,) = self.quotients(call, relevance)
        return times(call.inputs, call.affine.transpose(self._weights(call), call.inputs, quotient.s))

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        bias = None if call.affine.bias is None else _favouring(positive, self.gamma, call.affine.bias)
        z = added(call.affine.linear(self._weights(call), *call.inputs), bias)
        return (Quotient(relevance, z, bias, self.epsilon),)

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)

    def _weights(self, call: LayerCall) -> Weights:
        return mapped(lambda w: _favouring(positive, self.gamma, w), call.affine.weights)


@flax.struct.dataclass
class Gamma(Rule):
    """The generalised γ rule, for inputs and outputs of any sign.

    `A = W + γ·W⁺`, `B = W + γ·W⁻`; `s₊ = [z>0]·R / stab(A·x⁺ + B·x⁻ + b + γ·b⁺)`,
    `s₋ = [z<0]·R / stab(B·x⁺ + A·x⁻ + b + γ·b⁻)`; `R_in = x⁺·(Aᵀs₊ + Bᵀs₋) + x⁻·(Bᵀs₊ + Aᵀs₋)`; `z = 0` passes nothing.

    For every affine op. Source: Andéol et al., "Learning Domain Invariant Representations by Joint Wasserstein
    Distance Minimization", 2021; what zennit ≥ 0.5 calls γ. Equals `GammaPlain` where `x ≥ 0` and `z > 0`.

    >>> import jlrp
    >>> jlrp.Gamma()
    Gamma(gamma=0.25, epsilon=1e-06)
    """

    gamma: float = 0.25
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "gamma", "epsilon")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        layer, (A, B) = call.affine, self._weights(call)
        above, below, _ = self.quotients(call, relevance)

        def back(of_above: Weights, of_below: Weights) -> Relevances:
            return summed(
                layer.transpose(of_above, call.inputs, above.s), layer.transpose(of_below, call.inputs, below.s)
            )

        if call.one_sign:
            return times(call.inputs, back(A, B))
        plus, minus = tuple(map(positive, call.inputs)), tuple(map(negative, call.inputs))
        return summed(times(plus, back(A, B)), times(minus, back(B, A)))

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        A, B = self._weights(call)
        none = jnp.zeros_like(call.output)
        above = self._quotient(call, jnp.where(call.output > 0, relevance, 0), A, B, positive)
        below = self._quotient(call, jnp.where(call.output < 0, relevance, 0), B, A, negative)
        return above, below, Quotient(jnp.where(call.output == 0, relevance, 0), none, None, 0.0)

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)

    def prepare(self, op: ir.Op, params: Mapping[str, Array], nonnegative: bool) -> Any:
        return self._both(params["kernel"]) if "kernel" in params else None

    def _weights(self, call: LayerCall) -> tuple[Weights, Weights]:
        return call.prepared or self._both(call.affine.weights)

    def _both(self, weights: Weights) -> tuple[Weights, Weights]:
        """`(A, B)`."""
        A = mapped(lambda w: _favouring(positive, self.gamma, w), weights)
        return A, mapped(lambda w: _favouring(negative, self.gamma, w), weights)

    def _quotient(self, call: LayerCall, relevance: Array, plus: Weights, minus: Weights, sign: Any) -> Quotient:
        layer = call.affine
        bias = None if layer.bias is None else _favouring(sign, self.gamma, layer.bias)
        if call.one_sign:
            return Quotient(relevance, added(layer.linear(plus, *call.inputs), bias), bias, self.epsilon)
        above = layer.linear(plus, *map(positive, call.inputs))
        below = layer.linear(minus, *map(negative, call.inputs))
        return Quotient(relevance, added(above, below, bias), bias, self.epsilon)
