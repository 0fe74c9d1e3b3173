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
        """The input's spatial axes and channel axis; `ValueError` if the window does not fit."""
        spatial, channel = axes_of(graph, image.ndim)
        lengths = tuple(image.shape[axis] for axis in spatial)
        if len(lengths) != len(self.window) or any(
            a > b for a, b in zip(self.window, lengths, strict=True)
        ):
            raise ValueError(
                f"A window of {self.window} does not fit the spatial axes {lengths} of the input "
                f"{name!r}: "
                "give window= and strides= with one length per axis, none longer than the image."
            )
        return spatial, channel


def _windows(length: int, window: int, stride: int) -> np.ndarray:
    """(positions, length): the cells of one axis that each position of the window covers.

    The last position ends at the border.
    """
    first = np.array([*range(0, length - window, stride), length - window])[:, None]
    cells = np.arange(length)
    return (cells >= first) & (cells < first + window)


def _covered(windows: Sequence[np.ndarray], chosen: Array) -> Array:
    """The cells (H, W) that the window covers at the chosen position of each axis."""
    lines = (jnp.asarray(rows)[chosen[axis]] for axis, rows in enumerate(windows))
    return reduce(lambda cells, line: cells[..., None] & line, lines)


def _mean_per_pixel(falls: Array, windows: Sequence[np.ndarray]) -> Array:
    """(N, H, W): for each pixel, the mean fall of the windows that it lies in.

    `falls` has the axes (positions of each axis…, N).
    """
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

    `R_p` is the mean of `f(x) − f(x with w set to value)` over the windows w that pixel p lies in.
    The paper covers with grey and shows the class's probability.

    Windows start at the multiples of the strides. The last window of a row or column moves back to
    end at the border. So all windows have one size, and every pixel is covered. A window covers all
    channels of a pixel. Each channel holds the pixel's whole value: take one channel, or the mean,
    for the map.

    Args:
        graph: The graph or model as loaded.
        window: The window's length along each spatial axis.
        strides: The distance between windows along each spatial axis. There is one forward pass per
            window, one after the other, so memory does not grow with their number. A window of 8
            with strides of 4 has 3025 positions in 224 × 224 pixels.
        value: What covers: a number, one per channel (C,), or anything that broadcasts to the
            images. For several inputs it can be a tuple of these. It is data: other values compile
            nothing anew.
        output: The output to explain, if there are several, or any layer. By default the first
            output.

    Returns:
        A function `(params, images, target=None)` that gives a `jlrp.Explanation`. Its `relevance`
        has the shape of the images, (N, H, W, C), or (N, C, H, W) for a channels-first model. For
        several inputs it is a tuple: each input is covered while the others stay whole.

    Raises:
        ValueError: The graph has no such output, the strides leave pixels uncovered, or window or
            value do not fit the images.

    Example:
        >>> import numpy as np, ir
        >>> from jlrp.baselines import occlusion
        >>> nodes = [ir.Node("sum", ir.GlobalAvgPool(), ("x",))]
        >>> nodes += [ir.Node("fc", ir.Dense(), ("sum",), "fc")]
        >>> explain = occlusion(ir.Graph(nodes, ["x"], ["fc"]), window=(1, 2), strides=(1, 2))
        >>> result = explain({"fc": {"kernel": np.ones((1, 1))}}, np.ones((1, 2, 4, 1)))
        >>> result.relevance[0, :, :, 0].tolist()
        [[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]

    References:
        Zeiler and Fergus, ECCV 2014, arXiv 1311.2901.
    """
    lengths, steps = tuple(window), tuple(strides)
    if len(lengths) != len(steps) or any(
        not 0 < step <= length for step, length in zip(steps, lengths, strict=False)
    ):
        raise ValueError(
            f"Strides of {steps} do not fit a window of {lengths}: give one of each per spatial "
            "axis, "
            "with strides from 1 to the window's length, so that every pixel is covered."
        )
    return Baseline(
        graph, Occlusion(one_per_input(graph_of(graph), value, "value"), lengths, steps), output
    )
