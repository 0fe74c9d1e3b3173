"""The contract of a relevance rule, and the few pieces of algebra that the rules share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from numbers import Real
from typing import Any

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops import Affine, affine, apply, is_affine

Relevances = tuple[Array, ...]
"""One relevance per input of an op, each of that input's shape."""


@dataclass(frozen=True)
class Facts:
    """What is certain about one layer before there are numbers.

    Attributes:
        one_sign: No input can be below zero (`ir.Graph.nonnegative`).
        rectified: No relevance arrives where the output is not positive.
    """

    one_sign: bool = False
    rectified: bool = False


@dataclass(frozen=True)
class LayerCall:
    """What a rule sees of one node: the op, its weights, its inputs and its output.

    Attributes:
        op: The op.
        params: Its weights by role.
        inputs: One array per input, batch first.
        output: What the op made of them.
        nonnegative: For each input, whether the graph proves that it cannot be below zero.
        prepared: What the rule's `prepare` made of the weights; `None` if it was not called.
        biased: Whether the bias takes part (see `WithoutBias`).
        gates: For a product, which inputs are gates (`ir.Graph.gates`); empty if nothing is known.
        propagate_bounds: A function from bounds (low, high) of the graph's inputs to those of this
            node's. It returns one pair of images per input, or `None` for an input of the graph
            itself. `None` if there is no graph.
        rectified: Whether it is certain that no relevance arrives where the output is not positive.
        kept: What the formulation kept from the forward pass for the rule, or `None`.
        map: The function that gives the op as `W·x + b`: `jlrp.affine`, or a faster form of it.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> x = jnp.array([[1.0, 2.0]])
        >>> call = jlrp.LayerCall(ir.Relu(), {}, (x,), x, (False,))
        >>> jlrp.Pass().relevance(call, jnp.array([[5.0, 6.0]]))[0].tolist()
        [[5.0, 6.0]]
    """

    op: ir.Op
    params: Mapping[str, Array]
    inputs: tuple[Array, ...]
    output: Array
    nonnegative: tuple[bool, ...]
    prepared: Any = None
    biased: bool = True
    gates: tuple[bool, ...] = ()
    propagate_bounds: Callable[[Any, Any], tuple[tuple[Array, Array] | None, ...]] | None = None
    rectified: bool = False
    kept: Any = None
    map: Callable[..., Affine] = affine

    @cached_property
    def affine(self) -> Affine:
        """The op as `W·x + b`; `NotImplementedError` for an op that is not affine."""
        layer = self.map(self.op, self.params, *self.inputs)
        return layer if self.biased else replace(layer, bias=None)

    @property
    def one_sign(self) -> bool:
        """Whether no input can be below zero."""
        return all(self.nonnegative)

    @property
    def facts(self) -> Facts:
        """What is certain of the layer."""
        return Facts(self.one_sign, self.rectified)

    def without_bias(self) -> "LayerCall":
        """The same call without the layer's bias, or without the `beta` of a normalisation."""
        if isinstance(self.op, ir.Normalization) and "beta" in self.params:
            params = {role: weight for role, weight in self.params.items() if role != "beta"}
            output = apply(self.op, params, *self.inputs)
            return replace(self, params=params, output=output, biased=False, rectified=False)
        if not is_affine(self.op):
            return self
        layer = self.affine
        output = layer.linear(layer.weights, *self.inputs)
        return replace(self, output=output, biased=False, rectified=False)


@dataclass(frozen=True)
class Quotient:
    """`s = R / stab(z)`: relevance of an output, to be shared out among the contributions to `z`.

    The ledger reads from it what the bias, the stabiliser and empty sums keep.

    Attributes:
        relevance: Relevance of the output's shape.
        z: The sum of all contributions and the bias.
        bias: The bias's part of `z`, or `None`.
        epsilon: The stabiliser's ε: a number, or a function of `z`.

    Example:
        >>> import jax.numpy as jnp, jlrp
        >>> jlrp.Quotient(jnp.array([2.0]), jnp.array([4.0]), None, 0.0).s.tolist()
        [0.5]
    """

    relevance: Array
    z: Array
    bias: Array | None
    epsilon: Any

    @cached_property
    def s(self) -> Array:
        """The quotient, and 0 where `stab(z)` is 0."""
        return divide(self.relevance, self.z, self.epsilon)

    @property
    def stabiliser(self) -> Array:
        """What the stabiliser adds to `z`."""
        return stabiliser(self.z, self.epsilon)


def require_numbers(rule: Any, *names: str) -> None:
    """Raise `ValueError` if one of a rule's numbers is below 0 or not finite.

    Traced numbers and arrays are not checked.
    """
    for name in names:
        value = getattr(rule, name)
        if (
            isinstance(value, Real)
            and not isinstance(value, bool)
            and not 0 <= float(value) < math.inf
        ):
            raise ValueError(
                f"{type(rule).__name__} takes a finite {name} of at least 0, "
                f"but was given {name}={value!r}."
            )


class Rule(ABC):
    """How relevance goes from the output of an op to its inputs.

    A rule is a `flax.struct.dataclass`. Its numbers are data: a changed ε compiles nothing anew,
    and you can vmap or differentiate it. Its class is structure.

    A rule defines `relevance`. It may define `fits` (for which ops it is), `quotients` (its
    denominators, for the ledger) and `prepare` (weights that are made once). A rule that shares
    relevance among contributions is shorter as a `ShareRule`.

    Example:
        >>> import flax.struct, jax.numpy as jnp, jlrp
        >>> @flax.struct.dataclass
        ... class EqualShares(jlrp.Rule):
        ...     'Every input of a sum gets the same.'
        ...     def relevance(self, call, relevance):
        ...         return tuple(relevance / len(call.inputs) for _ in call.inputs)
    """

    @abstractmethod
    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        """The relevance of each input, from the relevance of the output.

        Args:
            call: The layer's call.
            relevance: Relevance of the output's shape.

        Returns:
            One array per input, of that input's shape.
        """

    @property
    def choices(self) -> "tuple[Rule, ...]":
        """The rules that `choose` picks from; most rules have themselves alone."""
        return (self,)

    def choose(self, op: ir.Op, params: Mapping[str, Array], inputs: Sequence[ir.Shape]) -> int:
        """The index in `choices` for a layer, from the shapes of its weights and inputs."""
        return 0

    def fits(self, op: ir.Op) -> bool:
        """Whether the rule is defined for this op."""
        return True

    def proportional(self, op: ir.Op) -> bool:
        """Whether an input gets its value times a finite factor: nothing, if it is 0."""
        return False

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        """The quotients by which the rule shares relevance out; empty if it has no denominators."""
        return ()

    def prepare(self, op: ir.Op, params: Mapping[str, Array], nonnegative: bool) -> Any:
        """Changed weights that depend on no image, made once per `bind`.

        The rule finds them in `call.prepared`. `None` means that there is nothing to prepare.
        """
        return None


def stabiliser(z: Array, epsilon: Any) -> Array:
    """`ε·sg(z)`, `sg(0) = +1`. ε is a number, or a function of `z` as in zennit's stabiliser."""
    size = epsilon(z) if callable(epsilon) else epsilon
    return jnp.where(z >= 0, size, -size)


def divide(relevance: Array, z: Array, epsilon: Any) -> Array:
    """`R / stab(z)` with `stab(z) = z + ε·sg(z)`; 0 where `stab(z)` is 0, which takes ε = 0."""
    stable = z + stabiliser(z, epsilon)
    empty = stable == 0
    return jnp.where(empty, 0, relevance / jnp.where(empty, 1, stable))


def positive(v: Array) -> Array:
    """`v⁺ = max(v, 0)`."""
    return jnp.maximum(v, 0)


def negative(v: Array) -> Array:
    """`v⁻ = min(v, 0)`."""
    return jnp.minimum(v, 0)


def added(*parts: Array | None) -> Array:
    """The sum of those parts that there are."""
    # Not sum(): it begins with 0 + x, which XLA computes, as it makes 0 of −0.
    return reduce(jnp.add, (part for part in parts if part is not None))


def unmask(x: Array) -> Array:
    """`x` with 0 for −∞, which an additive mask makes: masked values take no part."""
    return jnp.where(x == -jnp.inf, 0, x)


def product(x: Array, factor: Array) -> Array:
    """`x·factor`, and 0 where `x` is 0 and the factor not finite.

    Large weights over an empty sum make factors that are not finite.
    """
    return jnp.where((x != 0) | jnp.isfinite(factor), jnp.multiply(x, factor), 0)


def times(a: tuple[Array, ...], b: tuple[Array, ...]) -> Relevances:
    """Products, input by input; see `product`. A masked value takes no part."""
    return tuple(product(unmask(x), y) for x, y in zip(a, b, strict=True))


def summed(*shares: Relevances) -> Relevances:
    """Sums, input by input."""
    return tuple(added(*parts) for parts in zip(*shares, strict=True))


def summed_to(relevance: Array, x: Array) -> Array:
    """The relevance of an input that was broadcast: the sum over the axes along which it was."""
    axes = tuple(axis for axis, n in enumerate(x.shape) if n == 1 and relevance.shape[axis] > 1)
    return jnp.sum(relevance, axes, keepdims=True) if axes else relevance
