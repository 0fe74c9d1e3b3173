"""What users give, as what the programs take: models, weights, images; a sentence for anything else."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ir


def params_of(params: Any) -> Any:
    """The weights, of a model or as they are; `TypeError` with what to give for anything else."""
    if isinstance(params, ir.Model):
        params = params.params
    if isinstance(params, ir.Graph):
        raise TypeError("The params are the weights, model.params, but a graph was given.")
    if not isinstance(params, Mapping):
        shape = getattr(params, "shape", None)
        given = f"an array of shape {shape}" if shape is not None else f"{type(params).__name__} {str(params)[:80]!r}"
        raise TypeError(
            f"The params come first, then the images: explain(model.params, images). The params were given as {given}."
        )
    for layer, weights in params.items():
        if not isinstance(weights, Mapping):
            raise TypeError(
                f'The weights of layer {layer!r} are a mapping such as {{"kernel": array}}, not {weights!r:.80}.'
            )
        for role, array in weights.items():
            if getattr(getattr(array, "dtype", None), "kind", "") == "c":
                raise TypeError(f"The {role} of layer {layer!r} is complex; weights are real numbers.")
    return params


def batch_size_of(given: Any) -> int | None:
    """How many images are explained at a time; `ValueError` where that is no whole number from 1 on."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
        raise ValueError(f"batch_size is the number of images to explain at a time, 1 or more, not {given!r}.")
    return int(given)


def graph_of(graph: Any, labels: Sequence[str] | None) -> tuple[ir.Graph, tuple[str, ...]]:
    """The graph and the labels of what is to be explained."""
    if isinstance(labels, str):
        raise ValueError(f"labels are a sequence with a name for each class, not the text {labels[:80]!r}.")
    if isinstance(graph, ir.Model):
        return graph.graph, graph.labels if labels is None else tuple(map(str, labels))
    if not isinstance(graph, ir.Graph):
        raise TypeError(
            f"An explainer is made of a model: jlrp.explainer(ir.load(path)), or of its graph. Here it was given "
            f"{type(graph).__name__} {str(graph)[:80]!r}."
        )
    return graph, tuple(map(str, labels or ()))


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
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("The images have no mask: give masked.filled(0), or what else stands for the values left out.")
    if array.dtype.kind == "c":
        raise TypeError(f"The images are real numbers, but an array of {array.dtype} was given: give its real part.")
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
