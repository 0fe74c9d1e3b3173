"""How the target's logit falls when a part of the image is covered."""

import itertools
from collections.abc import Sequence
from functools import reduce
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from jlrp.baselines.base import Baseline, Method, Question, Relevances, graph_of
from jlrp.baselines.layout import axes_of, like_image, one_per_input, over_channels


@flax.struct.dataclass
class Occlusion(Method):
    """The mean fall of the score over the covered windows that a pixel lies in."""

    value: tuple[Any, ...]
    window: tuple[int, ...] = flax.struct.field(pytree_node=False)
    strides: tuple[int, ...] = flax.struct.field(pytree_node=False)

    def relevance(self, question: Question) -> Relevances:
        return tuple(self._of_input(question, position) for position in range(len(question.images)))

    def _of_input(self, question: Question, position: int) -> Array:
        name, image = question.graph.inputs[position], question.images[position]
        spatial, channel = self._axes(question.graph, name, image)
        cover = like_image(question.graph, name, self.value[position], image, "value")
        windows = [
            _windows(image.shape[axis], length, stride)
            for axis, length, stride in zip(spatial, self.window, self.strides, strict=True)
        ]
        score = question.score(question.values[question.graph.outputs[0]])

        def fall(chosen: Array) -> Array:
            covered = _covered(windows, chosen)
            images = list(question.images)
            images[position] = jnp.where(jnp.expand_dims(covered, (0, channel)), cover, image)
            return score - question.score(question.model(*images))

        choices = jnp.array(list(itertools.product(*(range(len(rows)) for rows in windows))))
        falls = jax.lax.map(fall, choices).reshape(*(len(rows) for rows in windows), -1)
        return over_channels(_mean_per_pixel(falls, windows), channel, image)

    def _axes(self, graph: ir.Graph, name: str, image: Array) -> tuple[tuple[int, ...], int]:
        """The input's spatial axes and channel axis; `ValueError` where the window does not fit."""
        spatial, channel = axes_of(graph, image.ndim)
        lengths = tuple(image.shape[axis] for axis in spatial)
        if len(lengths) != len(self.window) or any(a > b for a, b in zip(self.window, lengths, strict=True)):
            raise ValueError(
                f"A window of {self.window} does not fit the spatial axes {lengths} of the input {name!r}: "
                "give window= and strides= with one length per axis, none longer than the image."
            )
        return spatial, channel


def _windows(length: int, window: int, stride: int) -> np.ndarray:
    """(positions, length): which cells of one axis each position of the window covers; the last ends at the border."""
    first = np.array([*range(0, length - window, stride), length - window])[:, None]
    cells = np.arange(length)
    return (cells >= first) & (cells < first + window)


def _covered(windows: Sequence[np.ndarray], chosen: Array) -> Array:
    """The cells (H, W) that the window covers at the chosen position of each axis."""
    lines = (jnp.asarray(rows)[chosen[axis]] for axis, rows in enumerate(windows))
    return reduce(lambda cells, line: cells[..., None] & line, lines)


def _mean_per_pixel(falls: Array, windows: Sequence[np.ndarray]) -> Array:
    """(N, H, W): the mean of `falls` (positions of each axis…, N) over the windows that each pixel lies in."""
    for rows in windows:
        share = jnp.asarray(rows / rows.sum(0), falls.dtype)
        falls = jnp.tensordot(falls, share, axes=(0, 0), precision=jax.lax.Precision.HIGHEST)
    return falls


def occlusion(
    graph: ir.Graph | ir.Model,
    *,
    window: Sequence[int] = (8, 8),
    strides: Sequence[int] = (4, 4),
    value: Any = 0.0,
    output: str | None = None,
) -> Baseline:
    """Occlusion: how far the target's logit falls when a window of the image is covered.

    `R_p = mean over the windows w that pixel p lies in of f(x) − f(x with w set to value)`.

    Windows start at the multiples of the strides; the last of a row or column is moved back to end at the border, so
    that all are of one size and every pixel is covered. All channels of a pixel are covered at once and each of them
    holds the pixel's value, not a share of it: take one channel, or the mean, for the map.

    Returns a function `(params, images, target=None)` that gives a `jlrp.Explanation`; `relevance` is of the images'
    shape (N, H, W, C), or (N, C, H, W) for a channels-first model. Where there are several inputs, each is covered in
    turn while the others stay whole, and the result is a tuple.

    graph: as loaded. output: which of several outputs to explain (the first by default), or any layer.
    window, strides: lengths along each spatial axis. One forward pass of the batch per window, one after the other, so
        that memory does not grow with their number: 3025 of them for 224 × 224 pixels, a window of 8 and strides of 4.
    value: a number, one per channel (C,), or anything that broadcasts to the images; a tuple of such where there are
        several inputs. Data: other values compile nothing anew.
    Source: Zeiler and Fergus, ECCV 2014, arXiv 1311.2901, who cover with grey and show the class's probability.
    Raises `ValueError` for an unknown output, strides that leave pixels uncovered, or a window or value that does not
    fit the images.

    >>> import numpy as np, ir
    >>> from jlrp.baselines import occlusion
    >>> nodes = [ir.Node("sum", ir.GlobalAvgPool(), ("x",)), ir.Node("fc", ir.Dense(), ("sum",), "fc")]
    >>> explain = occlusion(ir.Graph(nodes, ["x"], ["fc"]), window=(1, 2), strides=(1, 2))
    >>> explain({"fc": {"kernel": np.ones((1, 1))}}, np.ones((1, 2, 4, 1))).relevance[0, :, :, 0].tolist()
    [[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]
    """
    lengths, steps = tuple(window), tuple(strides)
    if len(lengths) != len(steps) or any(not 0 < step <= length for step, length in zip(steps, lengths, strict=False)):
        raise ValueError(
            f"Strides of {steps} do not fit a window of {lengths}: give one of each per spatial axis, "
            "with strides from 1 to the window's length, so that every pixel is covered."
        )
    return Baseline(graph, Occlusion(one_per_input(graph_of(graph), value, "value"), lengths, steps), output)
