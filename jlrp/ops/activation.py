"""Activations: functions by name, and functions with numbers of their own."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

import ir
from ir.ops.functions import FUNCTIONS, Function
from ir.ops.interval import ANYTHING, Interval
from jlrp.ops.base import Params, apply

Computation = Callable[[Array], Array]

OWN: dict[str, Computation] = {
    "softsign": jax.nn.soft_sign,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": partial(jax.nn.gelu, approximate=True),
    "exponential": jnp.exp,
    "tanh_shrink": lambda x: x - jnp.tanh(x),
}
"""The functions that JAX has under another name, or not at all."""


def computation(name: str) -> Computation:
    """Find the computation of a function that `ir` knows by name.

    Args:
        name: One of `ir.ops.functions.FUNCTIONS`.

    Returns:
        The function of this name in `OWN`, in `jax.nn`, or in `jax.numpy`, in this order.

    Raises:
        NotImplementedError: None of these has the name.

    Example:
        >>> float(computation("tanh_shrink")(jnp.zeros(())))
        0.0
    """
    found = OWN.get(name) or getattr(jax.nn, name, None) or getattr(jnp, name, None)
    if found is None:
        raise NotImplementedError(
            f"The function {name!r} has no computation: add it to jlrp.ops.activation.OWN."
        )
    return found


def register_function(
    name: str,
    function: Computation,
    *,
    values: Interval = ANYTHING,
    monotone: bool = False,
    shrinks: bool = False,
) -> ir.Activation:
    """Add an element-wise function, which every rule and preset then treats as an activation.

    Args:
        name: Its name in graphs and files. It has to be registered before a file with it is loaded.
        function: Its computation, from an array to an array of the same shape, with JAX.
        values: An interval (low, high) that holds all its values.
        monotone: Whether it only rises, or only falls.
        shrinks: Whether its value for `x` lies between 0 and `x`.

    Returns:
        The op.

    Raises:
        ValueError: There is a function of this name.

    Example:
        >>> import jax.numpy as jnp, jlrp
        >>> cube = jlrp.register_function("cube", lambda x: x**3, monotone=True)
        >>> print(cube, jlrp.apply(cube, {}, jnp.array([2.0])).tolist())
        Activation(function='cube') [8.0]
    """
    if name in FUNCTIONS:
        raise ValueError(f"There is a function {name!r} already: give the new one another name.")
    FUNCTIONS[name] = Function(values, monotone, shrinks)
    OWN[name] = function
    return ir.Activation(name)


@apply.register
def _(op: ir.Activation, params: Params, x: Array) -> Array:
    return computation(op.function)(x)


@apply.register
def _(op: ir.Relu, params: Params, x: Array) -> Array:
    top = x if op.max_value is None else jnp.minimum(x, op.max_value)
    sloped = op.negative_slope * (x - op.threshold) if op.negative_slope else jnp.zeros_like(x)
    # At 0 the derivative is 0, as frameworks have it.
    active = x > 0 if op.threshold == 0 else x >= op.threshold
    return jnp.where(active, top, sloped)


@apply.register
def _(op: ir.Elu, params: Params, x: Array) -> Array:
    return jax.nn.elu(x, op.alpha)


@apply.register
def _(op: ir.Celu, params: Params, x: Array) -> Array:
    return jax.nn.celu(x, op.alpha)


@apply.register
def _(op: ir.Clip, params: Params, x: Array) -> Array:
    return jnp.clip(x, op.low, op.high)


@apply.register
def _(op: ir.HardShrink, params: Params, x: Array) -> Array:
    return jnp.where(jnp.abs(x) > op.threshold, x, 0)


@apply.register
def _(op: ir.SoftShrink, params: Params, x: Array) -> Array:
    below = jnp.where(x < -op.threshold, x + op.threshold, 0)
    return jnp.where(x > op.threshold, x - op.threshold, below)


@apply.register
def _(op: ir.HardSigmoid, params: Params, x: Array) -> Array:
    return jnp.clip(op.slope * x + 0.5, 0, 1)


@apply.register
def _(op: ir.Threshold, params: Params, x: Array) -> Array:
    return jnp.where(x > op.threshold, x, jnp.asarray(op.otherwise, x.dtype))


@apply.register
def _(op: ir.PRelu, params: Params, x: Array) -> Array:
    return jnp.where(x > 0, x, params["alpha"] * x)
