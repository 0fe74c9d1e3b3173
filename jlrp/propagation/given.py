"""Models, weights and images as the programs take them; a sentence for anything else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

import ir
from jlrp.propagation.arrays import as_array, holds_numbers


def params_of(params: Any) -> Any:
    """The weights of a model, or the weights themselves.

    Args:
        params: An `ir.Model`, or `{layer: {role: array}}`.

    Returns:
        `{layer: {role: array}}`.

    Raises:
        TypeError: It is neither, or a weight is no array of real numbers.
    """
    if isinstance(params, ir.Model):
        params = params.params
    if isinstance(params, ir.Graph):
        raise TypeError("The params are the weights, model.params, but a graph was given.")
    if not isinstance(params, Mapping):
        shape = getattr(params, "shape", None)
        text = f"{type(params).__name__} {str(params)[:80]!r}"
        given = text if shape is None else f"an array of shape {shape}"
        raise TypeError(
            "The params come first, then the images: explain(model.params, images). "
            f"The params were given as {given}."
        )
    for layer, weights in params.items():
        if not isinstance(weights, Mapping):
            raise TypeError(
                f'The weights of layer {layer!r} are a mapping such as {{"kernel": array}}, '
                f"not {weights!r:.80}."
            )
        for role, array in weights.items():
            _require_array(layer, role, array)
    return params


def require_weights(graph: ir.Graph, params: ir.Params) -> None:
    """Check that the weights of a graph are all there.

    Args:
        graph: The graph.
        params: `{layer: {role: array}}`. Further layers and roles are allowed.

    Raises:
        ir.ShapeError: A layer or one of its weights is missing.

    Example:
        >>> import ir
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> require_weights(graph, {"fc": {"bias": np.ones(2)}})
        Traceback (most recent call last):
        ir.ShapeError: Layer 'fc' (Dense) needs the weight 'kernel', but ...
    """
    for node in graph.nodes:
        if node.params is None:
            continue
        title = f"Layer {node.name!r} ({type(node.op).__name__})"
        if node.params not in params:
            raise ir.ShapeError(
                f"{title} needs the weights {node.params!r}, which the params do not have: "
                f"{known_names(params)}. Give the params of the model that the graph is from."
            )
        weights = params[node.params]
        for role in node.op.needs:
            if role not in weights:
                listed = ", ".join(map(repr, weights)) or "none"
                raise ir.ShapeError(
                    f"{title} needs the weight {role!r}, but its weights are {listed}: "
                    f"params[{node.params!r}] is {{role: array}} with "
                    f"{' and '.join(map(repr, node.op.needs))}."
                )


def require_finite_weights(graph: ir.Graph, params: ir.Params) -> None:
    """Check that the weights of a graph are finite.

    Weights that are being traced, or that lie on several hosts, are not looked at.

    Args:
        graph: The graph.
        params: `{layer: {role: array}}`.

    Raises:
        ValueError: A weight holds NaN or infinity.
    """
    used = dict.fromkeys(node.params for node in graph.nodes if node.params is not None)
    for layer, role, finite in not_finite({layer: params.get(layer, {}) for layer in used}):
        raise ValueError(
            f"The {role} of layer {layer!r} holds NaN or infinity "
            f"({np.count_nonzero(~finite):,} of {finite.size:,} numbers): no relevance "
            "follows from it."
        )


def not_finite(params: ir.Params) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Find the weights that hold NaN or infinity: layer, role, and which numbers are finite."""
    for layer, weights in params.items():
        for role, array in weights.items():
            if isinstance(array, jax.core.Tracer):
                continue
            if isinstance(array, jax.Array) and not array.is_fully_addressable:
                continue
            finite = np.isfinite(jax.device_get(array))
            if not finite.all():
                yield layer, role, finite


def batch_size_of(given: Any) -> int | None:
    """How many images are explained at a time; `ValueError` unless a whole number from 1 on."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
        raise ValueError(
            f"batch_size is the number of images to explain at a time, 1 or more, not {given!r}."
        )
    return int(given)


def graph_of(graph: Any, labels: Sequence[str] | None) -> tuple[ir.Graph, tuple[str, ...]]:
    """The graph and the labels of what is to be explained."""
    if isinstance(labels, str):
        raise ValueError(
            f"labels are a sequence with a name for each class, not the text {labels[:80]!r}."
        )
    if isinstance(graph, ir.Model):
        return graph.graph, graph.labels if labels is None else tuple(map(str, labels))
    if not isinstance(graph, ir.Graph):
        raise TypeError(
            "An explainer is made of a model: jlrp.explainer(ir.load(path)), or of its graph. "
            f"Here it was given {type(graph).__name__} {str(graph)[:80]!r}."
        )
    return graph, tuple(map(str, labels or ()))


def as_tuple(graph: ir.Graph, images: Any) -> tuple[Any, ...]:
    """Images as a tuple of one array per input of the graph.

    For a graph with one input a list of images, each without the batch, is stacked. What NumPy
    makes an array of (tensors of PyTorch, data frames) becomes one.

    Args:
        graph: The graph that takes the images.
        images: One array, or one for each input of the graph.

    Returns:
        One array for each input.

    Raises:
        ValueError: Their number is not that of the inputs, or images of several shapes are in one
            list.
        TypeError: They are no arrays of real numbers.
    """
    if isinstance(images, Mapping | ir.Graph | ir.Model):
        raise TypeError(
            "The params come first, then the images: explain(model.params, images). "
            f"The images were given as {type(images).__name__}."
        )
    listed = isinstance(images, list)
    if len(graph.inputs) == 1 and listed and images and _is_image(graph, images[0]):
        return (_stack([as_array(image) for image in images]),)
    several = isinstance(images, tuple) or (listed and any(map(_has_shape, images)))
    given = tuple(images) if several else (images,)
    if len(graph.inputs) == 1 and listed and len(given) > 1:
        raise ValueError(
            f"The graph has one input, but a list of {len(given)} arrays was given: give one array "
            "with the batch first, such as np.stack(images)."
        )
    if len(given) != len(graph.inputs):
        raise ValueError(
            f"The graph has the inputs {', '.join(map(repr, graph.inputs))}, but {len(given)} were "
            "given: give one array per input, in that order, as a tuple."
        )
    arrays = tuple(map(as_array, given))
    batches = dict.fromkeys(array.shape[:1] for array in arrays)
    if () in batches or len(batches) > 1:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(
            "All images have the batch first, as long for each input, "
            f"but shapes {shapes} were given."
        )
    return arrays


def known_names(names: Iterable[str], most: int = 12) -> str:
    """A list of names for an error message, cut where it gets long."""
    listed = list(names)
    rest = len(listed) - most
    shown = ", ".join(map(repr, listed[:most])) or "none"
    return f"it has {shown}" + (f" and {rest} more" if rest > 0 else "")


def _require_array(layer: str, role: str, array: Any) -> None:
    """`TypeError` where a weight is no array of real numbers."""
    dtype = getattr(array, "dtype", None)
    if getattr(dtype, "kind", None) in _PLAIN and not isinstance(array, np.ma.MaskedArray):
        return
    name = f"The {role} of layer {layer!r}"
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} has a mask: give masked.filled(…), without one.")
    if not isinstance(dtype, np.dtype):
        raise TypeError(f"{name} is a NumPy or JAX array, not {type(array).__name__}.")
    if dtype.kind == "c":
        raise TypeError(f"{name} is complex; weights are real numbers.")
    if not holds_numbers(dtype):
        raise TypeError(f"{name} holds values of type {dtype}; weights are real numbers.")


_PLAIN = ("f", "i", "u", "b")


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
        if handed_on.isdisjoint(node.inputs) or node.op.reshapes:
            continue
        if hasattr(node.op, "strides"):
            found.append(node.op)
        elif node.op.monotone:
            handed_on.add(node.name)
    return found


def _stack(images: list[Any]) -> Any:
    shapes = dict.fromkeys(image.shape for image in images)
    if len(shapes) > 1:
        raise ValueError(
            f"The images of one list have one shape, but these have {', '.join(map(str, shapes))}."
        )
    on_device = any(isinstance(image, jax.Array) for image in images)
    return jnp.stack(images) if on_device else np.stack(images)
