"""Pictures of relevance: heatmaps, curves, bars, slices, overlays and grids.

Needs matplotlib and pillow (`pip install "jlrp[cli]"`).

`explanation` draws a `jlrp.Explanation`, whatever its input is: its axes say. Of an array, of NumPy or JAX, four
dimensions are (N, H, W, C); others are named, such as `axes=("row", "column")`, for no shape says what it is.

The scale is symmetric: one limit serves both signs, a percentile of `|R|` that the picture states. The colours are
matplotlib's "bwr" unless another of `COLOUR_MAPS` is asked for: exactly white at zero, pure red at the limit, pure
blue at its negative, and linear between, so that twice the relevance looks twice as strong. A map that shows nothing
says so.

Figures are drawn without pyplot and its state: functions return `Figure` objects, `save` and `encoded` make files.

>>> import numpy as np
>>> relevance = np.linspace(-1, 1, 16).reshape(4, 4)
>>> figure = heatmap(relevance, title="cat", axes=("row", "column"))
>>> png(figure)[1:4], overlay(np.zeros((4, 4), np.uint8), relevance).shape
(b'PNG', (4, 4, 3))
"""

from jlrp.plot.colour import COLOUR_MAPS, COLOURS, ColourMap, Pixels, colour_map, colours
from jlrp.plot.dispatch import explanation
from jlrp.plot.encoding import SUFFIXES, encoded, png, save
from jlrp.plot.grids import Column, comparison, grid
from jlrp.plot.heatmaps import heatmap
from jlrp.plot.html import explanation_html
from jlrp.plot.maps import POOLINGS, SCALINGS, Pooling, Scaling, channel_sum, limit, limits, pooled
from jlrp.plot.parts import as_maps
from jlrp.plot.pixels import NEGATIVE, POSITIVE, as_pixels, enlarged, overlay
from jlrp.plot.signals import bars, curves
from jlrp.plot.volumes import slices

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
