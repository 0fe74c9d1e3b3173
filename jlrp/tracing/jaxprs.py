"""All contact with the insides of JAX: a function as equations, their parameters, their lines.

JAX moves these interfaces between versions. Nothing outside this module knows of them.
"""

import os
import site
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax import export
from jax.extend import core

BATCH = "b"
"""The name of the symbolic length of the batch."""

CALLS = frozenset(
    {
        "jit",
        "pjit",
        "closed_call",
        "core_call",
        "remat",
        "remat2",
        "checkpoint",
        "composite",
        "custom_jvp_call",
        "custom_vjp_call",
        "custom_vjp_call_jaxpr",
        "custom_lin",
    }
)
"""The primitives that only call another function, which is walked in their place."""


def batch_length() -> Any:
    """The symbolic length of the batch, which stands for any length."""
    (length,) = export.symbolic_shape(BATCH)
    return length


def equations_of(function: Callable[..., Any], *arguments: Any) -> Any:
    """Trace a function of pytrees of arrays, or of `jax.ShapeDtypeStruct`; a closed jaxpr."""
    return jax.make_jaxpr(function)(*arguments)


def is_symbolic(length: Any) -> bool:
    """Whether a length depends on that of the batch."""
    return bool(export.is_symbolic_dim(length))


def length_at(length: Any, batch: int) -> int:
    """A length for a batch of this many images."""
    return int(length._evaluate({BATCH: batch})) if is_symbolic(length) else int(length)


def at_batch(value: Any, batch: int) -> Any:
    """An equation's parameters with a number in the place of the batch's length."""
    if is_symbolic(value):
        return length_at(value, batch)
    if isinstance(value, tuple) and any(map(_holds_symbol, value)):
        made = [at_batch(each, batch) for each in value]
        return type(value)(*made) if hasattr(value, "_fields") else tuple(made)
    if isinstance(value, dict):
        return {name: at_batch(each, batch) for name, each in value.items()}
    return value


def _holds_symbol(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_holds_symbol, value))
    return is_symbolic(value)


def loop_counts(params: Any) -> tuple[int, int]:
    """How many of a scan's operands are the same in every step, and how many are carried."""
    if "num_consts" in params:
        return int(params["num_consts"]), int(params["num_carry"])
    fixed, carried, _ = map(len, params["ft_in"].unpack())  # since JAX 0.11
    return fixed, carried


def is_literal(atom: Any) -> bool:
    """Whether an operand of an equation is a number that stands in the equation."""
    return isinstance(atom, core.Literal)


def inner_jaxprs(params: Any) -> Iterator[Any]:
    """The closed jaxprs among an equation's parameters."""
    for value in params.values():
        for each in value if isinstance(value, tuple | list) else (value,):
            closed = closed_jaxpr(each)
            if closed is not None:
                yield closed


def closed_jaxpr(value: Any) -> Any:
    """A jaxpr with its constants; `None` for anything else."""
    if isinstance(value, core.ClosedJaxpr):
        return value
    if isinstance(value, core.Jaxpr):
        return core.ClosedJaxpr(value, ())
    return None


def compute(equation: Any, batch: int, *operands: Any) -> list[Any]:
    """The results of one equation for arrays."""
    bind = equation.primitive.get_bind_params(at_batch(dict(equation.params), batch))
    functions, params = bind if isinstance(bind, tuple) else ((), bind)
    made = equation.primitive.bind(*functions, *operands, **params)
    return list(made) if equation.primitive.multiple_results else [made]


def name_of(equation: Any) -> str:
    """The name of an equation's primitive."""
    return str(equation.primitive.name)


def call_name(equation: Any) -> str:
    """The name of the function that an equation calls, or nothing."""
    return str(equation.params.get("name", ""))


def line_of(equation: Any) -> str:
    """The user's line that made an equation, as `model.py:41 (Net.__call__)`; "" if none did."""
    traceback = getattr(equation.source_info, "traceback", None)
    for frame in getattr(traceback, "frames", ()):
        if not _is_library(frame.file_name):
            function = getattr(frame, "function_name", "").replace("<locals>.", "")
            return f"{os.path.basename(frame.file_name)}:{frame.line_num} ({function})"
    return ""


_LIBRARIES = tuple(
    dict.fromkeys(
        os.path.normpath(path) + os.sep
        for path in (
            *site.getsitepackages(),
            *(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")),
            os.path.dirname(__file__),
        )
    )
)


def _is_library(path: str) -> bool:
    """Whether a file belongs to an installed package or to Python."""
    return path.startswith(("<frozen", "<string>", *_LIBRARIES))


def key_names(path: Sequence[Any]) -> tuple[str, ...]:
    """The keys of a leaf of a pytree, as texts."""
    names = []
    for key in path:
        for attribute in ("key", "name", "idx"):
            if hasattr(key, attribute):
                names.append(str(getattr(key, attribute)))
                break
    return tuple(names)


def is_attribute(key: Any) -> bool:
    """Whether a key of a pytree is an attribute's name, not a dictionary's key or an index."""
    return isinstance(key, jax.tree_util.GetAttrKey)
