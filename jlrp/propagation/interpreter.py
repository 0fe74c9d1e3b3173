"""Walk a graph forwards, and keep the values that a caller wants."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.graphs import activations
from jlrp.propagation.compiling import program
from jlrp.propagation.given import as_tuple, known_names, params_of

Images = Array | tuple[Array, ...]
"""One array for a graph with one input, else a tuple in the order of `graph.inputs`."""


def forward(
    graph: ir.Graph, params: ir.Params, images: Any, record: Iterable[str] | bool = ()
) -> Any:
    """Compute the graph's outputs for a batch of images, as Keras's `predict` does.

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
            raise ValueError(
                f"The graph has no layer {name!r} to record: {known_names(graph.values)}."
            )
    outputs, recorded = _forward(graph, names, params_of(params), as_tuple(graph, images))
    outputs = outputs[0] if len(outputs) == 1 else outputs
    return (outputs, recorded) if record else outputs


@program(static=2)
def _forward(
    graph: ir.Graph, record: tuple[str, ...], params: ir.Params, images: tuple[Array, ...]
) -> tuple[tuple[Array, ...], dict[str, Array]]:
    """The outputs, and the recorded values by name."""
    params, images = cast(params, images)
    check_shapes(graph, params, images)
    values = activations(graph, params, images)
    outputs = tuple(values[name] for name in graph.outputs)
    return outputs, {name: values[graph.values[name]] for name in record}


def cast(params: ir.Params, images: Sequence[Array]) -> tuple[ir.Params, tuple[Array, ...]]:
    """Cast weights and images to one floating dtype, that of the weights.

    Weights that are whole numbers or masks have no say.
    """
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(params)}
    floating = [dtype for dtype in dtypes if jnp.issubdtype(dtype, jnp.floating)]
    dtype = jnp.result_type(*floating) if floating else jnp.result_type(float)
    weights: ir.Params = jax.tree.map(lambda a: jnp.asarray(a, dtype), params)
    return weights, tuple(jnp.asarray(x, dtype) for x in images)


def check_shapes(
    graph: ir.Graph, params: ir.Params, images: tuple[Array, ...]
) -> dict[str, ir.Shape]:
    """Compute the shape of every value, batch first.

    Raises:
        ir.ShapeError: Images or weights do not fit; the message names the first such layer.
    """
    return graph.shapes(params, [x.shape for x in images])
