"""Gradients averaged over noisy copies of the image."""

from collections.abc import Iterator
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.baselines.base import Baseline, Method, Question, Relevances, number


@flax.struct.dataclass
class SmoothGrad(Method):
    """The mean gradient over Gaussian noise."""

    noise: Any
    key: Any
    samples: int = flax.struct.field(pytree_node=False)

    def relevance(self, question: Question) -> Relevances:
        deviations = tuple(self.noise * _range(x) for x in question.images)

        def noisy(keys: Array) -> Iterator[Array]:
            for x, deviation, key in zip(question.images, deviations, keys, strict=True):
                yield x + deviation * jax.random.normal(key, x.shape[1:], x.dtype)

        return question.mean_gradient(
            noisy, jax.random.split(self.key, (self.samples, len(deviations)))
        )


def _range(images: Array) -> Array:
    """Max − min of each image, in a shape that broadcasts to that of the images."""
    axes = tuple(range(1, images.ndim))
    return jnp.max(images, axes, keepdims=True) - jnp.min(images, axes, keepdims=True)


def smoothgrad(
    graph: ir.Graph | ir.Model,
    *,
    samples: int = 25,
    noise: Any = 0.15,
    key: Any = 0,
    output: str | None = None,
) -> Baseline:
    """SmoothGrad: the mean gradient over noisy copies of the image.

    `R = 1/n · Σ_k ∂f/∂x (x + σ·e_k)` with `e_k` standard normal and `σ = noise · (max x − min x)`
    for each image. The paper's maps show the absolute value.

    Without a target, it explains the class of the image without noise. Noise and key are data: new
    values compile nothing anew.

    Args:
        graph: The graph or model as loaded.
        samples: The number of copies. They are computed one after the other, so memory does not
            grow with them.
        noise: The standard deviation as a part of the range of each image's values.
        key: An integer, or a key from `jax.random.key`. Equal keys give equal maps. All images see
            the same noise, so a map does not depend on the batch of its image.
        output: The output to explain, if there are several, or any layer. By default the first
            output.

    Returns:
        A function `(params, images, target=None)` that gives a `jlrp.Explanation`. Its `relevance`
        is signed and has the shape of the images, (N, H, W, C). For several inputs it is a tuple,
        and all inputs get noise at the same time.

    Raises:
        ValueError: The graph has no such output, there is no sample, or the noise is negative.

    Example:
        >>> import numpy as np, ir
        >>> from jlrp.baselines import smoothgrad
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
        >>> explain = smoothgrad(graph, samples=4)
        >>> explain(params, np.array([[1.0, 5.0]]), target=0).relevance.tolist()
        [[2.0, 1.0]]

    References:
        Smilkov et al., arXiv 1706.03825, 2017.
    """
    if samples < 1:
        raise ValueError(f"SmoothGrad takes samples of at least 1, not {samples}.")
    noise = number(noise)
    if isinstance(noise, float) and noise < 0:
        raise ValueError(f"SmoothGrad takes noise of at least 0, not {noise}.")
    given = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return Baseline(
        graph, SmoothGrad(noise, key if given else jax.random.key(key), samples), output
    )
