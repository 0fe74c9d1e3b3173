"""Pictures of relevance: heatmaps, curves, bars, slices, overlays and grids.

Needs matplotlib and pillow (`pip install "jlrp[cli]"`).

`explanation` draws a `jlrp.Explanation`, whatever its input is: its axes say. An array of NumPy or
JAX with four dimensions is (N, H, W, C). Others name their axes, such as `axes=("row", "column")`,
because no shape says what it is.

The scale is symmetric: one limit serves both signs. It is a percentile of |R|, and the picture
says which. The colours are matplotlib's "bwr" by default; `COLOUR_MAPS` has others. They are
exactly white at zero, pure red at the limit, pure blue at its negative, and linear between, so that
twice the relevance looks twice as strong. A map that shows nothing says so.

Figures are drawn without pyplot and its state. Functions return `Figure` objects; `save` and
`encoded` make files.

>>> import numpy as np
>>> relevance = np.linspace(-1, 1, 16).reshape(4, 4)
>>> figure = heatmap(relevance, title="cat", axes=("row", "column"))
>>> png(figure)[1:4], overlay(np.zeros((4, 4), np.uint8), relevance).shape
(b'PNG', (4, 4, 3))
"""

from jlrp.plot.colour import (
    COLOUR_MAPS,
    COLOURS,
    NEGATIVE,
    POSITIVE,
    ColourMap,
    Pixels,
    colour_map,
    colours,
)
from jlrp.plot.files import SUFFIXES, encoded, explanation_html, png, save
from jlrp.plot.images import Column, comparison, grid, heatmap
from jlrp.plot.maps import (
    POOLINGS,
    SCALINGS,
    Pooling,
    Scaling,
    as_maps,
    as_pixels,
    channel_sum,
    enlarged,
    limit,
    limits,
    overlay,
    pooled,
)
from jlrp.plot.signals import bars, curves, explanation, slices

__all__ = [
    "COLOURS",
    "COLOUR_MAPS",
    "NEGATIVE",
    "POOLINGS",
    "POSITIVE",
    "SCALINGS",
    "SUFFIXES",
    "ColourMap",
    "Column",
    "Pixels",
    "Pooling",
    "Scaling",
    "as_maps",
    "as_pixels",
    "bars",
    "channel_sum",
    "colour_map",
    "colours",
    "comparison",
    "curves",
    "encoded",
    "enlarged",
    "explanation",
    "explanation_html",
    "grid",
    "heatmap",
    "limit",
    "limits",
    "overlay",
    "png",
    "pooled",
    "save",
    "slices",
]
