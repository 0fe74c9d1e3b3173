"""Pictures of relevance: heatmaps, overlays and grids. Needs matplotlib and pillow (`pip install "jlrp[cli]"`).

Relevance is a NumPy or JAX array of shape (H, W), (H, W, C) or (N, H, W, C), with channels last. The scale is
symmetric: one limit serves both signs, a percentile of |R| that the picture states. The colours are matplotlib's "bwr"
unless another of `COLOUR_MAPS` is asked for: exactly white at zero, pure red at the limit, pure blue at its negative,
and linear between, so that twice the relevance looks twice as strong.

Figures are drawn without pyplot and its state: functions return `Figure` objects, `save` and `encoded` make files.

>>> import numpy as np
>>> relevance = np.linspace(-1, 1, 16).reshape(4, 4)
>>> png(heatmap(relevance, title="cat"))[1:4], overlay(np.zeros((4, 4), np.uint8), relevance).shape
(b'PNG', (4, 4, 3))
"""

from jlrp.plot.colour import COLOUR_MAPS, COLOURS, ColourMap, Pixels, colour_map, colours
from jlrp.plot.encoding import SUFFIXES, encoded, png, save
from jlrp.plot.grids import Column, comparison, grid
from jlrp.plot.heatmaps import heatmap
from jlrp.plot.html import explanation_html
from jlrp.plot.maps import POOLINGS, SCALINGS, Pooling, Scaling, as_maps, channel_sum, limit, limits, pooled
from jlrp.plot.pixels import NEGATIVE, POSITIVE, as_pixels, enlarged, overlay

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
    "channel_sum",
    "colour_map",
    "colours",
    "comparison",
    "encoded",
    "enlarged",
    "explanation_html",
    "grid",
    "heatmap",
    "limit",
    "limits",
    "overlay",
    "png",
    "pooled",
    "save",
]
