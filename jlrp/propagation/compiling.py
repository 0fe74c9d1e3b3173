"""Compile programs once per plan and shape, with faster options of XLA on a CPU."""

import functools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT"}
"""Options of XLA for a CPU, as jaxlib 0.10 knows them.

By default XLA gives products of matrices and convolutions to the library YNNPACK. For products that
is faster than XLA's own code, for convolutions up to twice as slow. The option keeps YNNPACK to
products.
"""


class Program:
    """A jitted function whose first arguments are static.

    A call from the outside has the options for a CPU. A call under `jax.jit`, `jax.vmap` or
    `jax.grad` becomes part of another program, and JAX takes no options for it.

    Args:
        function: The function.
        static: How many of its first arguments are static.

    Example:
        >>> double = Program(lambda n, x: n * x, 1)
        >>> float(double(2, jnp.ones(()))), float(jax.jit(lambda x: double(2, x))(jnp.ones(())))
        (2.0, 2.0)
    """

    def __init__(self, function: Callable[..., Any], static: int) -> None:
        functools.update_wrapper(self, function)
        self._function, self._static = function, tuple(range(static))

    @functools.cached_property
    def _part(self) -> Any:
        return jax.jit(self._function, static_argnums=self._static)

    @functools.cached_property
    def _whole(self) -> Any:
        return jax.jit(
            self._function, static_argnums=self._static, compiler_options=dict(options()) or None
        )

    def __call__(self, *args: Any) -> Any:
        static, given = args[: len(self._static)], args[len(self._static) :]
        traced = _is_traced(given)
        if not traced and _setting("jax_transfer_guard_host_to_device") == "disallow":
            given = jax.device_put(given)  # the guard allows explicit transfers
        with allow_rank_promotion():
            return (self._part if traced else self._whole)(*static, *given)

    def lower(self, *args: Any) -> Any:
        """Lower the program for these arguments, without compiling it, as `jax.jit(…).lower`."""
        return self._whole.lower(*args)

    def clear_cache(self) -> None:
        """Forget all compiled programs."""
        self._part.clear_cache()
        self._whole.clear_cache()

    def cache_size(self) -> int:
        """Count the programs that were compiled for calls from the outside."""
        return int(self._whole._cache_size())


def program(static: int = 1) -> Callable[[Callable[..., Any]], Program]:
    """Decorate a function to make a `Program` of it; `static` counts its static arguments."""
    return lambda function: Program(function, static)


@functools.cache
def options() -> tuple[tuple[str, str], ...]:
    """The options for compiling a program, as pairs.

    There are no options on another backend, where jaxlib does not know them, or where `XLA_FLAGS`
    sets them.
    """
    names = (name for name in CPU_OPTIONS if name in os.environ.get("XLA_FLAGS", ""))
    if jax.default_backend() != "cpu" or any(names):
        return ()
    try:
        jax.jit(lambda x: x, compiler_options=CPU_OPTIONS).lower(0.0).compile()
    except (jax.errors.JaxRuntimeError, ValueError):  # another jaxlib does not know them
        return ()
    return tuple(CPU_OPTIONS.items())


def allow_rank_promotion() -> AbstractContextManager[Any]:
    """Let arrays of several ranks broadcast, whatever a user's setting for other code.

    Example:
        >>> with jax.numpy_rank_promotion("raise"), allow_rank_promotion():
        ...     (jnp.ones((2, 3)) * jnp.ones(3)).shape
        (2, 3)
    """
    if _setting("jax_numpy_rank_promotion") == "allow":
        return nullcontext()
    context: AbstractContextManager[Any] = jax.numpy_rank_promotion("allow")
    return context


def _setting(name: str) -> Any:
    """Return a setting of JAX, as the user has made it."""
    return getattr(jax.config, name)


def _is_traced(args: tuple[Any, ...]) -> bool:
    """Whether a call becomes part of another program."""
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(args)):
        return True
    return isinstance(jnp.add(_zero(), _zero()), jax.core.Tracer)


@functools.cache
def _zero() -> jax.Array:
    """0 on the device. A Python number would be transferred at every call."""
    with jax.ensure_compile_time_eval():
        return jax.device_put(np.int32(0))
