"""Walk a graph forwards, keeping what is asked for."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops import apply
from jlrp.propagation.compiling import program
from jlrp.propagation.given import as_tuple, known_names, params_of

Images = Array | tuple[Array, ...]
"""One array for a graph with one input, else a tuple in the order of `graph.inputs`."""


def forward(graph: ir.Graph, params: ir.Params, images: Any, record: Iterable[str] | bool = ()) -> Any:
    """The graph's outputs for a batch of images, as Keras's `predict` returns them.

    The function is pure. It works under `jax.jit` (with `graph` and `record` static), `jax.vmap`
    and `jax.grad`.

    Args:
        graph: The graph. Nothing in it is folded or removed.
        params: `{layer: {role: array}}`. The computation runs in their dtype; images are cast.
        images: (N, H, W, C), or (N, C, H, W) for a channels-first model. For several inputs a tuple
            in the order of `graph.inputs`.
        record: Names of values to return as well, or `True` for all.

    Returns:
        The output; for several outputs a tuple in the order of `graph.outputs`. With `record`, a
        pair of that and `{name: activation}`.

    Raises:
        ValueError: The graph has no value of a recorded name.
        ir.ShapeError: Images or weights do not fit the graph.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> nodes = [ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("out", ir.Relu(), ("fc",))]
        >>> graph = ir.Graph(nodes, ["x"], ["out"])
        >>> params = {"fc": {"kernel": np.array([[1.0, -1.0]])}}
        >>> outputs, inner = jlrp.forward(graph, params, np.ones((1, 1)), record=("fc",))
        >>> outputs.tolist(), inner["fc"].tolist()
        ([[1.0, 0.0]], [[1.0, -1.0]])
    """
    names = tuple(graph.values) if record is True else tuple(record or ())
    for name in names:
        if name not in graph.values:
            raise ValueError(f"The graph has no layer {name!r} to record: {known_names(graph.values)}.")
    outputs, recorded = _forward(graph, names, params_of(params), as_tuple(graph, images))
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
