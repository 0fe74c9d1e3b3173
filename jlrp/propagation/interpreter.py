"""Walk a graph forwards, keeping what is asked for."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from jlrp.ops import apply
from jlrp.propagation.compiling import program

Images = Array | tuple[Array, ...]
"""One array for a graph with one input, else a tuple in the order of `graph.inputs`."""


def forward(graph: ir.Graph, params: ir.Params, images: Any, record: Iterable[str] | bool = ()) -> Any:
    """The graph's outputs for a batch of images: what Keras's `predict` returns.

    graph: nothing in it is folded or stripped.
    params: `{layer: {role: array}}`; the computation runs in their dtype, to which the images are cast.
    images: (N, H, W, C), or (N, C, H, W) for a channels-first model; a tuple in the order of `graph.inputs` where
        there are several.
    record: names of values to return as well, or `True` for all.

    Returns the output, a tuple in the order of `graph.outputs` where there are several; with `record`, a pair of that
    and `{name: activation}`. Raises `ValueError` for an unknown name and `ir.ShapeError` where shapes do not fit.
    Pure: works under `jax.jit` (with `graph` and `record` static), `jax.vmap` and `jax.grad`.

    >>> import numpy as np, ir, jlrp
    >>> nodes = [ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("out", ir.Relu(), ("fc",))]
    >>> graph, params = ir.Graph(nodes, ["x"], ["out"]), {"fc": {"kernel": np.array([[1.0, -1.0]])}}
    >>> outputs, inner = jlrp.forward(graph, params, np.ones((1, 1)), record=("fc",))
    >>> outputs.tolist(), inner["fc"].tolist()
    ([[1.0, 0.0]], [[1.0, -1.0]])
    """
    names = tuple(graph.values) if record is True else tuple(record or ())
    for name in names:
        if name not in graph.values:
            raise ValueError(f"The graph has no layer {name!r} to record: {known_names(graph.values)}.")
    outputs, recorded = _forward(graph, names, params, as_tuple(graph, images))
    outputs = outputs[0] if len(outputs) == 1 else outputs
    return (outputs, recorded) if record else outputs


@program(static=2)
def _forward(graph: ir.Graph, record: tuple[str, ...], params: ir.Params, images: tuple[Array, ...]) -> Any:
    params, images = cast(params, images)
    check_shapes(graph, params, images)
    values = activations(graph, params, images)
    return tuple(values[name] for name in graph.outputs), {name: values[graph.values[name]] for name in record}


def activations(
    graph: ir.Graph,
    params: ir.Params,
    images: tuple[Array, ...],
    compute: Callable[[ir.Node, tuple[Array, ...]], Array] | None = None,
) -> dict[str, Array]:
    """Every value of the graph by name; `compute` makes a node's output of its inputs in the place of `jlrp.apply`."""

    def applied(node: ir.Node, inputs: tuple[Array, ...]) -> Array:
        return apply(node.op, node_params(node, params), *inputs)

    compute = compute or applied
    values: dict[str, Array] = dict(zip(graph.inputs, images, strict=True))
    for node in graph.nodes:
        try:
            values[node.name] = compute(node, tuple(values[name] for name in node.inputs))
        except NotImplementedError as error:
            raise NotImplementedError(f"Layer {node.name!r}: {error}") from None
    return values


def node_params(node: ir.Node, params: ir.Params) -> Any:
    """The weights of a node, empty where it has none."""
    return {} if node.params is None else params[node.params]


def as_tuple(graph: ir.Graph, images: Any) -> tuple[Any, ...]:
    """Images as a tuple of one array per input of the graph.

    For a graph with one input a list of images, each without the batch, is stacked. What NumPy makes an array of
    (tensors of PyTorch, data frames) becomes one.

    Raises:
        ValueError: Their number is not that of the inputs, or images of several shapes are in one list.
        TypeError: They are no arrays of numbers.
    """
    if isinstance(images, Mapping | ir.Graph | ir.Model):
        raise TypeError(
            f"The params come first, then the images: explain(model.params, images). The images were given as "
            f"{type(images).__name__}."
        )
    if len(graph.inputs) == 1 and isinstance(images, list) and images and _is_image(graph, images[0]):
        return (_stacked([as_array(image) for image in images]),)
    several = isinstance(images, tuple) or (isinstance(images, list) and any(map(_has_shape, images)))
    given = tuple(images) if several else (images,)
    if len(given) != len(graph.inputs):
        raise ValueError(
            f"The graph has the inputs {', '.join(map(repr, graph.inputs))}, but {len(given)} were given: "
            "give one array per input, in that order, as a tuple."
        )
    return tuple(map(as_array, given))


def as_array(given: Any) -> Any:
    """An array of numbers, as it is or made by NumPy; `TypeError` for anything else."""
    if isinstance(given, jax.Array):
        return given
    if isinstance(given, str | bytes | os.PathLike):
        raise TypeError(f"The images are arrays, not files: read {str(given)[:80]!r} into one of the model's shape.")
    if hasattr(given, "detach"):  # a tensor of PyTorch
        given = given.detach().cpu().numpy()
    try:
        array = given if isinstance(given, np.ndarray) else np.asarray(given)
    except (TypeError, ValueError) as error:
        raise TypeError(f"The images are arrays of numbers, and of what was given NumPy makes none: {error}") from None
    if not jnp.issubdtype(array.dtype, jnp.number) and array.dtype != bool:
        raise TypeError(
            f"The images are arrays of numbers, but {type(given).__name__} with values of type {array.dtype} was given."
        )
    return array


def _has_shape(given: Any) -> bool:
    return hasattr(given, "shape")


def _is_image(graph: ir.Graph, given: Any) -> bool:
    """Whether an array has one axis less than the layers that read the graph's input take."""
    ranks = {len(op.strides) + 2 for op in _first_windows(graph)}
    return _has_shape(given) and {len(given.shape) + 1} == ranks


def _first_windows(graph: ir.Graph) -> list[Any]:
    """The ops with windows that read the graph's first input, directly or behind others."""
    handed_on, found = {graph.inputs[0]}, list[Any]()
    for node in graph.nodes:
        if handed_on.isdisjoint(node.inputs) or isinstance(node.op, ir.Reshape | ir.Flatten):
            continue
        if isinstance(node.op, ir.Convolution | ir.Pool):
            found.append(node.op)
        elif node.op.monotone:
            handed_on.add(node.name)
    return found


def _stacked(images: list[Any]) -> Any:
    shapes = dict.fromkeys(image.shape for image in images)
    if len(shapes) > 1:
        raise ValueError(f"The images of one list have one shape, but these have {', '.join(map(str, shapes))}.")
    return jnp.stack(images) if any(isinstance(image, jax.Array) for image in images) else np.stack(images)


def cast(params: ir.Params, images: Sequence[Array]) -> tuple[Any, tuple[Array, ...]]:
    """Weights and images in one floating dtype: the params' own."""
    leaves = jax.tree.leaves(params)
    dtype = jnp.result_type(*(leaf.dtype for leaf in leaves)) if leaves else jnp.result_type(float)
    if not jnp.issubdtype(dtype, jnp.floating):
        dtype = jnp.result_type(float)
    return jax.tree.map(lambda a: jnp.asarray(a, dtype), params), tuple(jnp.asarray(x, dtype) for x in images)


def check_shapes(graph: ir.Graph, params: ir.Params, images: tuple[Array, ...]) -> dict[str, ir.Shape]:
    """The shape of every value; `ir.ShapeError` naming the first layer that the images or weights do not fit."""
    return graph.shapes(params, [x.shape for x in images])


def known_names(names: Iterable[str], most: int = 12) -> str:
    """A list of names for an error message, cut where it gets long."""
    shown = list(names)
    rest = len(shown) - most
    return f"it has {', '.join(map(repr, shown[:most]))}" + (f" and {rest} more" if rest > 0 else "")
