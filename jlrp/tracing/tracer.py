"""Trace a function into a graph."""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ir
from jlrp.propagation.interpreter import forward
from jlrp.tracing import jaxprs, loops, products  # noqa: F401  (they say what makes their nodes)
from jlrp.tracing.assembly import Assembled, assembled
from jlrp.tracing.build import Builder
from jlrp.tracing.errors import BatchError, TraceError
from jlrp.tracing.tidy import Nodes, tidied
from jlrp.tracing.values import Const, Value, evaluate
from jlrp.tracing.walk import TRAINING, Walk

QUICK = {"xla_backend_optimization_level": 0}
"""How programs are compiled that run once."""

_forward = jax.jit(forward, static_argnums=0, compiler_options=QUICK)


@dataclass(frozen=True, eq=False)
class TracedModel(ir.Model):
    """A model that was traced from a function: a graph, its weights, and where both are from.

    Attributes:
        sources: For each node, the line of the function that it is from, as
            `model.py:41 (Net.__call__)`; "" if it is not known.
        params_of: The function from params of the traced function to those of the graph. It is
            pure, so that `jax.jit` and `jax.grad` go through it.

    Example:
        >>> import jax.numpy as jnp, jlrp
        >>> def net(params, x):
        ...     return x @ params["fc"]["w"]
        >>> params = {"fc": {"w": jnp.eye(3)}}
        >>> model = jlrp.trace(net, params, jnp.ones((1, 3)))
        >>> model.params_of(params)["fc"]["kernel"].shape, list(model.sources)
        ((3, 3), ['fc'])
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    params_of: Callable[[Any], dict[str, dict[str, Any]]] = field(default=dict)


def trace(function: Callable[..., Any], params: Any, *inputs: Any, unroll: int = 64) -> TracedModel:
    """Bring a function into a graph, with which all of the library works.

    The function is any that JAX can trace: of Flax NNX, Flax Linen, Equinox, Haiku, Keras on JAX,
    or written by hand. Each op of the graph computes what a part of the function computes; that is
    tried with numbers, and names are not looked at. A function that joins the batch with another
    axis, or loops over it, is walked for one image, as under `jax.vmap`. docs/tracing.md has a
    recipe for each framework.

    Args:
        function: `function(params, *inputs)`, of a batch of images: each result has the batch
            first. It computes as at inference: without dropout, and with the stored statistics of
            BatchNorm.
        params: Its weights, any pytree of arrays or of `jax.ShapeDtypeStruct`.
        *inputs: Its inputs, arrays or `jax.ShapeDtypeStruct`, the batch first. The graph runs with
            any other batch size.
        unroll: How many steps a `jax.lax.scan` may have to become nodes, step by step, each with
            its name, its rule and its entry in a ledger. A longer loop is one node (`ir.Scan`),
            whose body is compiled once.

    Returns:
        The model. `model.graph` and `model.params` are as of a loaded file;
        `model.params_of(new_params)` are the graph's weights for other params.

    Raises:
        jlrp.TraceError: The function does something that no op stands for, or that mixes the images
            of a batch. The message names it, its line, and a way out.
        TypeError: The inputs or the params are no arrays, or `function` is no function.

    Example:
        >>> import jax, jax.numpy as jnp, jlrp
        >>> def net(params, x):
        ...     return jax.nn.gelu(x @ params["fc"]["w"] + params["fc"]["b"])
        >>> params = {"fc": {"w": jnp.eye(3), "b": jnp.ones(3)}}
        >>> model = jlrp.trace(net, params, jnp.ones((1, 3)))
        >>> [(node.name, str(node.op)) for node in model.graph.nodes]
        [('fc', 'Dense()'), ('gelu_tanh', "Activation(function='gelu_tanh')")]
        >>> jlrp.explainer(model, "epsilon")(model.params, jnp.ones((5, 3))).relevance.shape
        (5, 3)
    """
    if not callable(function):
        raise TypeError(
            f"trace takes a function first, trace(f, params, x), not {type(function).__name__}."
        )
    if isinstance(unroll, bool) or not isinstance(unroll, int) or unroll < 0:
        raise TypeError(f"unroll is a number of steps, 0 or more, not {unroll!r:.80}.")
    _require_arrays(params)
    try:
        return _traced(function, function, params, inputs, unroll)
    except BatchError as error:
        if _is_abstract(params):
            raise TraceError(str(error)) from None
        try:
            return _traced(function, _one_by_one(function), params, inputs, unroll)
        except (TraceError, TypeError, ValueError):
            raise TraceError(f"{error} {TRAINING}") from None


def _one_by_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a batch that computes each image by itself, as a batch of one.

    Whether that is the same is seen when graph and function are compared.
    """

    def of_one(params: Any, *inputs: Any) -> Any:
        return jax.tree.map(lambda y: y[0], function(params, *(x[None] for x in inputs)))

    return lambda params, *inputs: jax.vmap(lambda *x: of_one(params, *x))(*inputs)


def _traced(
    function: Callable[..., Any],
    walked: Callable[..., Any],
    params: Any,
    inputs: Sequence[Any],
    unroll: int,
) -> TracedModel:
    """Trace one function, and compare the graph with another that computes the same."""
    arrays = _structs(inputs)
    length = jaxprs.batch_length()
    symbolic = [jax.ShapeDtypeStruct((length, *x.shape[1:]), x.dtype) for x in arrays]
    closed = _equations(walked, params, symbolic)
    leaves, structure = jax.tree_util.tree_flatten_with_path(params)
    paths = [_keys(path) for path, _ in leaves]
    walk = Walk(unroll, paths)
    consts = [
        Const(tuple(jnp.shape(leaf)), _dtype(leaf), leaf=index)
        for index, (_, leaf) in enumerate(leaves)
    ]
    values = [Value((0, *x.shape[1:]), 0, x.dtype) for x in arrays]
    results = walk.program(closed, [*consts, *values])
    known = {value.number: -1 - i for i, value in enumerate(values)}
    builder = Builder(known=known, paths=paths)
    builder.prepare(each for each in results if isinstance(each, Value))
    outputs = [_output(builder, each) for each in results]
    nodes = tidied(Nodes(list(builder.nodes), [x.shape[1:] for x in arrays], outputs))
    made = assembled(nodes, paths, _input_names(function, len(arrays)))
    params_of, abstract = _weights_at(made, structure), _is_abstract(params)
    model = TracedModel(
        made.graph,
        jax.eval_shape(params_of, params) if abstract else params_of(_as_numpy(params)),
        tuple((None, *x.shape[1:]) for x in arrays),
        {"format": "jax", "name": getattr(function, "__name__", "function")},
        sources=made.lines,
        params_of=params_of,
    )
    if walk.lower:
        warnings.warn(
            f"The function computes in {', '.join(sorted(walk.lower))}. The graph computes in the "
            "dtype of its params, so that their values differ by rounding.",
            stacklevel=3,
        )
    if not abstract:
        given = [_example(x, struct) for x, struct in zip(inputs, arrays, strict=True)]
        _compare(function, params, given, model, near=0.1 if walk.lower else 1e-3)
    return model


def _require_arrays(params: Any) -> None:
    """Raise `TypeError` for a leaf of the params that is neither an array nor a shape."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
        number = isinstance(leaf, bool | int | float)
        if not number and not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
            raise TypeError(
                f"The params hold {leaf!r:.60} at {'/'.join(_keys(path)) or 'their root'}, which "
                "is no array. Split a module into its arrays and the rest first: nnx.split, "
                "eqx.partition(module, eqx.is_array)."
            )


def _structs(inputs: Sequence[Any]) -> list[jax.ShapeDtypeStruct]:
    if not inputs:
        raise TypeError("trace takes a function, its params and its inputs: trace(f, params, x).")
    found = []
    for index, x in enumerate(inputs):
        if not hasattr(x, "shape") or not hasattr(x, "dtype"):
            raise TypeError(
                f"Input {index} is {type(x).__name__}: give an array, or a jax.ShapeDtypeStruct, "
                "with the batch first."
            )
        if len(x.shape) < 1:
            raise TypeError(f"Input {index} is a single number: give a batch, (N, …).")
        dtype = jax.dtypes.canonicalize_dtype(x.dtype)
        found.append(jax.ShapeDtypeStruct(tuple(x.shape), dtype))
    return found


def _equations(function: Callable[..., Any], params: Any, inputs: Sequence[Any]) -> Any:
    try:
        return jaxprs.equations_of(function, params, *inputs)
    except jax.errors.TracerBoolConversionError as error:
        raise TraceError(
            "The function asks whether a number is true, as `if x > 0` does, and the number "
            f"depends on the images or the params: use jnp.where. {_first_line(error)}"
        ) from error
    except Exception as error:
        if "_DimExpr" in str(error) or "symbolic dimension" in str(error).lower():
            raise BatchError(
                "The function needs the number of images as a Python number, as range(x.shape[0]) "
                f"does: write it for one image, and use jax.vmap. {_first_line(error)}"
            ) from error
        raise


def _first_line(error: Exception) -> str:
    return f"({str(error).splitlines()[0][:160]})"


def _dtype(leaf: Any) -> Any:
    return getattr(leaf, "dtype", None) or jnp.result_type(leaf)


def _keys(path: Sequence[Any]) -> tuple[str, ...]:
    """The keys of a leaf; the attribute in which Flax NNX keeps a variable's array is none."""
    if path and jaxprs.is_attribute(path[-1]) and str(path[-1]) in (".value", ".raw_value"):
        path = path[:-1]
    return tuple(part for name in jaxprs.key_names(path) for part in name.split("/"))


def _output(builder: Builder, result: Any) -> int:
    if isinstance(result, Const):
        raise TraceError(
            "A result of the function does not depend on its inputs: return what does."
        )
    if result.axis:
        raise TraceError(
            f"A result of the function has its batch on axis {result.axis}: return it with the "
            "batch first."
        )
    return builder.reference(result)


def _weights_at(made: Assembled, structure: Any) -> Callable[[Any], dict[str, dict[str, Any]]]:
    """The function from params of the traced function to the graph's weights."""
    places = [(layer, role) for layer, roles in made.weights.items() for role in roles]

    def params_of(params: Any) -> dict[str, dict[str, Any]]:
        given, tree = jax.tree.flatten(params)
        if tree != structure:
            raise TypeError(
                "The params have another structure than those that the function was traced with."
            )
        found = evaluate([made.weights[layer][role] for layer, role in places], given)
        weights: dict[str, dict[str, Any]] = {layer: {} for layer in made.weights}
        for (layer, role), array in zip(places, found, strict=True):
            weights[layer][role] = array
        return weights

    return params_of


def _is_abstract(params: Any) -> bool:
    """Whether some of the params are shapes alone."""
    return any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(params))


def _as_numpy(params: Any) -> Any:
    """Params as NumPy arrays, with which constants are computed without compiling anything."""

    def array(leaf: Any) -> Any:
        dtype = _dtype(leaf)
        plain = isinstance(dtype, np.dtype) and dtype.kind in "biuf"
        addressable = getattr(leaf, "is_fully_addressable", True)
        return np.asarray(leaf) if plain and addressable else leaf

    return jax.tree.map(array, params)


def _input_names(function: Callable[..., Any], count: int) -> list[str]:
    """The names of the function's parameters behind the first, or `input`, `input_1`, …."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[1:]
    except (TypeError, ValueError):
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(named) >= count:
        return named[:count]
    return ["input" if i == 0 else f"input_{i}" for i in range(count)]


def _compare(
    function: Callable[..., Any], params: Any, given: list[Any], model: TracedModel, near: float
) -> None:
    """Raise `TraceError` if the graph computes other values than the function."""
    expected = jax.tree.leaves(jax.jit(function, compiler_options=QUICK)(params, *given))
    found = _forward(model.graph, model.params, given[0] if len(given) == 1 else tuple(given))
    found = found if isinstance(found, tuple) else (found,)
    for name, a, b in zip(model.graph.outputs, found, expected, strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        finite = np.isfinite(b)
        size = np.max(np.abs(b), initial=0.0, where=finite)
        apart = np.max(np.abs(np.where(finite, a, 0) - np.where(finite, b, 0)), initial=0.0)
        if not apart <= near * max(size, 1e-30):
            raise TraceError(
                f"The graph computes other values than the function: output {name!r} differs by "
                f"{apart:.2g}, and is at most {size:.2g}. Please report the function. {TRAINING}"
            )


def _example(x: Any, struct: jax.ShapeDtypeStruct) -> Any:
    """Images that differ: the first that was given, and two random ones near it.

    Images that are all alike, such as zeros, would not show that a function mixes them.
    """
    shape = struct.shape[1:]
    none = isinstance(x, jax.ShapeDtypeStruct) or not len(x)
    first = np.zeros((1, *shape)) if none else np.asarray(x)[:1]
    if not jnp.issubdtype(struct.dtype, jnp.floating):
        few = first if none else np.asarray(x)[:2]
        few = np.concatenate([few, np.flip(few, -1)]) if few.ndim > 1 else few
        return jnp.asarray(few, struct.dtype)
    size = 0.1 * max(1.0, float(np.max(np.abs(first), initial=0.0)))
    noise = np.random.default_rng(0).normal(0, size, (2, *shape))
    return jnp.asarray(np.concatenate([first, first + noise]), struct.dtype)
