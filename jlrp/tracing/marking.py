"""Functions that the user marks as one op."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax import Array

import ir

_PREFIX = "jlrp.traceable:"
_marked: dict[str, ir.Op] = {}


def traceable(op: ir.Op) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Mark a function as one op: `jlrp.trace` makes a single node of each of its calls.

    The function takes `(params, *inputs)`: weights by role, and arrays with the batch first. It
    returns one array. Called outside of `jlrp.trace`, it computes what it computes.

    Args:
        op: The op. Register what it computes with `@jlrp.apply.register`, and give it a rule in the
            composite: `composite.with_rules((type(op), rule))`.

    Returns:
        The decorator.

    Example:
        >>> from dataclasses import dataclass
        >>> import jax.numpy as jnp, ir, jlrp
        >>> @dataclass(frozen=True)
        ... class Sort(ir.Op):
        ...     keeps_shape = True
        ...     def output_shape(self, params, x):
        ...         return x
        >>> @jlrp.apply.register
        ... def _(op: Sort, params, x):
        ...     return jnp.sort(x)
        >>> sort = jlrp.traceable(Sort())(lambda params, x: jnp.sort(x))
        >>> model = jlrp.trace(lambda params, x: sort({}, x), {}, jnp.ones((1, 4)))
        >>> [type(node.op).__name__ for node in model.graph.nodes]
        ['Sort']
    """
    name = f"{_PREFIX}{len(_marked)}"
    _marked[name] = op

    def decorate(function: Callable[..., Array]) -> Callable[..., Array]:
        def called(roles: tuple[str, ...], weights: tuple[Any, ...], *inputs: Any) -> Array:
            return function(dict(zip(roles, weights, strict=True)), *inputs)

        @functools.wraps(function)
        def marked(params: Mapping[str, Any], *inputs: Any) -> Array:
            roles = tuple(params)
            key = f"{name}:{','.join(roles)}"
            _marked[key] = op
            inner = functools.partial(called, roles)
            inner.__name__ = key  # type: ignore[attr-defined]
            return jax.jit(inner)(tuple(params[role] for role in roles), *inputs)

        return marked

    return decorate


def marked_op(name: str) -> ir.Op | None:
    """The op that a called function is marked as, by the function's name."""
    return _marked.get(name)


def roles_of(name: str) -> tuple[str, ...]:
    """The roles of the weights that a marked function takes first."""
    listed = name.removeprefix(_PREFIX).partition(":")[2]
    return tuple(listed.split(",")) if listed else ()
