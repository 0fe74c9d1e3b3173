"""The picture of an explanation, whatever its input is."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from jlrp.plot.heatmaps import heatmap
from jlrp.plot.parts import CHANNEL, Kind, described, parts
from jlrp.plot.signals import bars, curves
from jlrp.plot.volumes import slices
from jlrp.propagation.explanation import Explanation

DRAW: dict[Kind, tuple[Callable[..., Figure], str]] = {
    "image": (heatmap, "image"),
    "series": (curves, "signal"),
    "table": (bars, "table"),
    "volume": (slices, "volume"),
}
"""What draws each kind, and under which name it takes what the model was given."""


def explanation(
    result: Explanation,
    images: ArrayLike | Sequence[ArrayLike] | None = None,
    *,
    position: int | None = None,
    **options: Any,
) -> Figure:
    """An explanation as its axes say: images by `heatmap`, series by `curves`, tables by `bars`, volumes by `slices`.

    Args:
        result: The explanation.
        images: What lies under the relevance: pixels, as `heatmap` takes them, or the series, tables or volumes that
            the model was given. Images without an axis for channels are (N, H, W). Of a model with several inputs a
            sequence, one for each.
        position: Which of several inputs is drawn; by default the only one that can be.
        options: For the function that draws, such as `title`, or `channels` of `curves`.

    Returns:
        The figure.

    Raises:
        ValueError: There is no picture of such an input, or several have one and none was chosen.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> result = jlrp.explainer(graph)({"fc": {"kernel": np.ones((2, 1))}}, np.ones((3, 2)))
        >>> [place.get_title() for place in explanation(result).axes]
        ['class 0', 'class 0', 'class 0']
    """
    if not isinstance(result, Explanation):
        raise TypeError(f"plot.explanation draws a jlrp.Explanation, not {type(result).__name__}: see plot.heatmap.")
    found = parts(result)
    drawable = [index for index, part in enumerate(found) if part is not None]
    if position is None and len(drawable) == 1:
        (position,) = drawable
    part = found[position] if position in drawable else None
    if position is None or part is None:
        choices = f"position is one of {', '.join(map(str, drawable))}" if drawable else "no axes of a picture"
        raise ValueError(f"The explanation has {described(result)}: {choices}, not {position}.")
    if isinstance(result.relevance, tuple):
        if images is not None and not (isinstance(images, list | tuple) and len(images) == len(found)):
            raise ValueError(f"The model has {len(found)} inputs: images are a sequence with one for each, or none.")
        images = None if images is None else images[position]
        result = replace(result, relevance=result.relevance[position], axes=(result.axes[position],))
    if images is not None and part.kind == "image" and CHANNEL not in part.axes:
        images = np.asarray(images)[..., None]
    draw, under = DRAW[part.kind]
    return draw(result, **{under: images}, **options)
