"""The one-call function."""

import os
from typing import Any

import ir
from jlrp.composites.composite import Composite
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.given import require_finite_weights
from jlrp.propagation.planning import explainer


def explain(
    model: ir.Model | str | os.PathLike[str],
    images: Any,
    rules: str | Composite | None = None,
    target: Any = None,
    *,
    region: Any = None,
    batch_size: int | None = None,
    **options: Any,
) -> Explanation:
    """Explain images in one call: why does the model decide as it does?

    For many calls make an explainer once: `jlrp.explainer(model, rules)`.

    Args:
        model: An `ir.Model`, as `ir.load` returns it, or what `ir.load` takes: a path, or a live
            Keras model.
        images: Inputs as the model takes them, batch first. `jlrp.datasets.load_images` reads them
            from files; `model.preprocess` scales pixels of 0…255.
        rules: A preset's name (`jlrp.PRESETS`) or a `jlrp.Composite`. By default `epsilon_plus`,
            or `attnlrp` for a graph with attention.
        target: The class to explain, an index or a label, one for all images or one for each. By
            default the class that the model predicts. See `jlrp.Explainer`.
        region: Where relevance starts in an output with positions. See `jlrp.Explainer`.
        batch_size: How many images to explain at a time.
        **options: The other keyword arguments of `jlrp.explainer`.

    Returns:
        The `jlrp.Explanation`.

    Raises:
        ir.LoadError: The path or live model cannot be read.
        TypeError: The model is no model, or the images are no arrays.
        ValueError: An option does not fit, as for `jlrp.explainer` and its call.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> model = ir.load("jlrp/data/digits_resnet.h5")
        >>> images = np.zeros((1, 32, 32, 1))
        >>> result = jlrp.explain(model, images, "epsilon_plus_flat", target=3, start="one")
        >>> result.relevance.shape, result.target.tolist()
        ((1, 32, 32, 1), [3])
    """
    if isinstance(model, ir.Graph):
        raise TypeError(
            "jlrp.explain takes a model with its weights (ir.load(path)), not a graph alone."
        )
    loaded = model if isinstance(model, ir.Model) else ir.load(model)
    make = explainer(loaded, rules, **options)
    require_finite_weights(make.decision.graph, loaded.params)
    return make(loaded.params, images, target, region=region, batch_size=batch_size)
