"""Ops on several values: sums as affine maps of all inputs at once, products, extremes."""

import string
from functools import reduce, singledispatch

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.base import Affine, Params, affine, apply, length, precision


@affine.register
def _(op: ir.Add, params: Params, *inputs: Array) -> Affine:
    return _weighted_sum(inputs, [1.0] * len(inputs))


@affine.register
def _(op: ir.Average, params: Params, *inputs: Array) -> Affine:
    return _weighted_sum(inputs, [1 / len(inputs)] * len(inputs))


@affine.register
def _(op: ir.Subtract, params: Params, *inputs: Array) -> Affine:
    return _weighted_sum(inputs, [1.0, -1.0])


@apply.register
def _(op: ir.Maximum, params: Params, *inputs: Array) -> Array:
    return reduce(jnp.maximum, inputs)


@apply.register
def _(op: ir.Minimum, params: Params, *inputs: Array) -> Array:
    return reduce(jnp.minimum, inputs)


@singledispatch
def lengths(op: ir.Op, *inputs: Array) -> tuple[Array, ...] | None:
    """What a product divides each input by before it multiplies; `None` for nothing."""
    return None


@lengths.register
def _(op: ir.Dot, *inputs: Array) -> tuple[Array, ...] | None:
    if not op.normalize:
        return None
    return tuple(length(x, (axis,), 1e-7) for x, axis in zip(inputs, op.axes, strict=True))


@singledispatch
def product(op: ir.Op, divisors: tuple[Array, ...] | None, *inputs: Array) -> Array:
    """A product with the lengths that it divides its inputs by given: linear in each input.

    Register a function for a new op that `multiplies` with `@product.register`.
    """
    raise NotImplementedError(f"{type(op).__name__} has no product: use @product.register.")


@product.register
def _(op: ir.Multiply, divisors: tuple[Array, ...] | None, *inputs: Array) -> Array:
    return reduce(jnp.multiply, inputs)


@product.register
def _(op: ir.Dot, divisors: tuple[Array, ...] | None, *inputs: Array) -> Array:
    a, b = inputs if divisors is None else (x / d for x, d in zip(inputs, divisors, strict=True))
    of_a = _axes(string.ascii_lowercase, a, op.axes[0])
    of_b = _axes(string.ascii_uppercase, b, op.axes[1])
    kept = "".join(axis for axis in of_a + of_b[1:] if axis != "·")
    z = jnp.einsum(f"{of_a},{of_b}->{kept}".replace("·", "Z"), a, b, precision=precision())
    return z if z.ndim > 1 else z[:, None]


@product.register
def _(op: ir.Einsum, divisors: tuple[Array, ...] | None, *inputs: Array) -> Array:
    return jnp.einsum(op.equation, *inputs, precision=precision())


@apply.register(ir.Multiply)
@apply.register(ir.Dot)
@apply.register(ir.Einsum)
def _(op: ir.Op, params: Params, *inputs: Array) -> Array:
    return product(op, lengths(op, *inputs), *inputs)


def _axes(letters: str, x: Array, summed: int) -> str:
    """A letter for each axis: `n` for the batch, `·` for the one to be summed over."""
    names = ["n", *letters[: x.ndim - 1]]
    names[summed] = "·"
    return "".join(names)


def _weighted_sum(inputs: tuple[Array, ...], factors: list[float]) -> Affine:
    pairs = zip(factors, inputs, strict=True)
    weights = tuple(jnp.asarray(factor, x.dtype) for factor, x in pairs)
    return Affine(weights, None, _weigh)


def _weigh(weights: tuple[Array, ...], *inputs: Array) -> Array:
    return sum(w * x for w, x in zip(weights, inputs, strict=True))  # type: ignore[return-value]
