"""The two functions that ops implement, and an affine op as a rule sees it."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

import ir

Params = Mapping[str, Array]
"""One layer's weights by role."""

Weights = Any
"""The weights of a linear map: an array, or a tuple of arrays, of the map's matrix entries."""


@functools.singledispatch
def apply(op: ir.Op, params: Params, *inputs: Array) -> Array:
    """Compute the op's output for a batch of inputs.

    A new op registers a function with `@apply.register`. An affine op registers `affine` instead,
    and gets `apply` from it.

    Args:
        op: The op.
        params: Its weights by role.
        *inputs: One array per input, the batch first.

    Returns:
        The output, of the shape `op.output_shape`.

    Raises:
        NotImplementedError: No computation is registered for the op.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> jlrp.apply(ir.Relu(), {}, jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    return affine(op, params, *inputs).output(*inputs)


@dataclass(frozen=True)
class Affine:
    """An op as `z = W·x + b`.

    Attributes:
        weights: `W`, arrays whose numbers are the entries of the op's matrix. A function of single
            entries, such as `W⁺` or `W²`, is that function of `weights`.
        bias: `b`, broadcastable to the output, or `None`.
        linear: The function `(weights, *inputs) → W·x`.
        turn: The function that brings weights into the form that `back` takes; `None` for none.
        back: The function `(turned, inputs, output) → Wᵀ·output`, where there is a faster one than
            the transpose of `linear`. Of `inputs` it reads the lengths in space alone.

    Example:
        >>> import jax.numpy as jnp, jlrp
        >>> double = jlrp.Affine(jnp.array(2.0), None, lambda w, x: w * x)
        >>> double.linear(jnp.array(3.0), jnp.ones(2)).tolist()
        [3.0, 3.0]
    """

    weights: Weights
    bias: Array | None
    linear: Callable[..., Array]
    turn: Callable[[Weights], Weights] | None = None
    back: Callable[[Weights, tuple[Array, ...], Array], tuple[Array, ...]] | None = None

    def output(self, *inputs: Array) -> Array:
        """`W·x + b`."""
        z = self.linear(self.weights, *inputs)
        return z if self.bias is None else z + self.bias

    def transpose(
        self, weights: Weights, inputs: tuple[Array, ...], output: Array
    ) -> tuple[Array, ...]:
        """`Wᵀ·output`.

        Args:
            weights: The weights to transpose with, of the form of `self.weights`.
            inputs: The inputs, for their shapes.
            output: An array of the output's shape.

        Returns:
            One array per input, of its shape.
        """
        if self.back is not None:
            return self.back(weights if self.turn is None else self.turn(weights), inputs, output)
        transposed = jax.linear_transpose(lambda *x: self.linear(weights, *x), *inputs)
        return transposed(output)


@functools.singledispatch
def affine(op: ir.Op, params: Params, *inputs: Array) -> Affine:
    """Write the op as an affine map; a new affine op registers a function with `@affine.register`.

    Args:
        op: The op.
        params: Its weights by role.
        *inputs: The inputs, for their shapes.

    Returns:
        The map.

    Raises:
        NotImplementedError: The op is not affine.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> jlrp.affine(ir.Dense(), {"kernel": jnp.eye(2)}, jnp.ones((1, 2))).bias is None
        True
    """
    raise NotImplementedError(
        f"{type(op).__name__} has no computation: register one with @jlrp.apply.register, "
        "or @jlrp.affine.register if it is W·x + b."
    )


def is_affine(op: ir.Op) -> bool:
    """Whether the op is `W·x + b`, so that every rule for affine maps is defined for it."""
    return affine.dispatch(type(op)) is not affine.dispatch(object)


def precision() -> lax.Precision | None:
    """Full precision of the input's dtype, unless `jax_default_matmul_precision` says otherwise.

    Accelerators otherwise round float32 products to TF32 or bfloat16. Relevance does not survive
    that: quotients `R / z` magnify the error where `z` is small.
    """
    chosen = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    return lax.Precision.HIGHEST if chosen is None else None


def along_axis(values: Array, axis: int, rank: int) -> Array:
    """A vector in a shape that broadcasts along one axis of `rank` dimensions."""
    return along_axes(values, (axis,), rank)


def along_axes(values: Array, axes: tuple[int, ...], rank: int) -> Array:
    """Values in a shape that broadcasts along some axes, in rising order, of `rank` dimensions."""
    shape = [1] * rank
    for axis, count in zip(sorted(a % rank for a in axes), values.shape, strict=True):
        shape[axis] = count
    return jnp.reshape(values, shape)


def length(x: Array, axes: tuple[int, ...], least: float) -> Array:
    """`max(‖x‖, least)` over some axes, which stay with length 1.

    Where `least` holds, the derivative is 0.
    """
    square = jnp.sum(jnp.square(x), axes, keepdims=True)
    return jnp.sqrt(jnp.maximum(square, jnp.asarray(least, x.dtype) ** 2))
