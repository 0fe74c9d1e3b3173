"""A report of explained images as one HTML file that opens offline.

It needs jinja2 and pillow (`pip install "jlrp[cli]"`).

Example:
    >>> import numpy as np
    >>> from jlrp.report import Map, Picture, Report, Score
    >>> report = Report("digits", facts={"model": "digits.h5"}, presets=("epsilon_plus",))
    >>> heatmap = Map("epsilon_plus", 3, "class 3", values=np.eye(4), full=1.0, start=2.5)
    >>> pixels, scores = np.zeros((4, 4, 3), np.uint8), (Score(3, "", 0.9),)
    >>> report.add(Picture("three.png", pixels, scores, (heatmap,)))
    >>> report.html().startswith("<!doctype html>")
    True
"""

from jlrp.report.content import Map, Picture, Score
from jlrp.report.layers import Layer, layers
from jlrp.report.page import Report

__all__ = ["Layer", "Map", "Picture", "Report", "Score", "layers"]
