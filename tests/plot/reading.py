"""Pictures read back."""

from io import BytesIO

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from jlrp import Explanation, plot

IMAGES = ("image", "row", "column", "channel")


def explained(relevance, axes=IMAGES, target=(), labels=(), start=None) -> Explanation:
    """An explanation with made-up relevance."""
    return Explanation(
        relevance, None, np.asarray(target), {}, start=start, axes=(axes,), labels=labels
    )


def notes(figure: Figure) -> list[str]:
    """What is written on each picture, in one line."""
    return [
        " ".join(word for text in axes.texts for word in text.get_text().split())
        for axes in pictures(figure)
    ]


def decoded(content: bytes) -> np.ndarray:
    """The colours (height, width, 3) of a bitmap file."""
    with Image.open(BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def shown(figure: Figure, axes: Axes) -> np.ndarray:
    """What a PNG of the figure has where these axes are."""
    pixels = decoded(plot.png(figure))
    box = axes.get_window_extent()
    top, bottom = (len(pixels) - round(edge) for edge in (box.y1, box.y0))
    return pixels[top:bottom, round(box.x0) : round(box.x1)]


def pictures(figure: Figure) -> list[Axes]:
    """The axes that have an image in them, colour bars left out."""
    return [axes for axes in figure.axes if axes.images and axes not in bars(figure)]


def bars(figure: Figure) -> list[Axes]:
    """The axes that are colour bars."""
    return [axes for axes in figure.axes if axes.get_label() == "colour bar"]


def assert_pixels(figure: Figure, axes: Axes, expected: np.ndarray) -> None:
    """The axes show `expected` (height, width, 3), every pixel as a square of the same number of
    dots.

    Dots that the frame may touch, at the edge of the axes, are not looked at; nor those beside the
    edges of squares where Matplotlib is older than 3.11, which rounds some edges up and others
    down.
    """
    found = shown(figure, axes)
    height, width, _ = expected.shape
    times, rest = divmod(found.shape[1], width)
    assert rest == 0
    assert found.shape == (times * height, times * width, 3)
    blocks = expected.repeat(times, 0).repeat(times, 1)
    rows, columns = (np.arange(3, times * number - 3) for number in (height, width))
    if matplotlib.__version_info__ < (3, 11):
        rows, columns = (
            dots[(dots % times > 0) & (dots % times < times - 1)] for dots in (rows, columns)
        )
    np.testing.assert_array_equal(found[np.ix_(rows, columns)], blocks[np.ix_(rows, columns)])


def assert_no_overlap(figure: Figure) -> None:
    """No text lies over another, over a picture or a bar, or reaches over the figure's edge."""
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    places = [("a picture", axes.get_window_extent(renderer)) for axes in figure.axes]
    for index, (name, box) in enumerate(boxes):
        assert box.x0 >= 0, name
        assert box.y0 >= 0, name
        assert box.x1 <= figure.bbox.x1, name
        assert box.y1 <= figure.bbox.y1, name
        for other, second in (*boxes[:index], *places):
            apart = (
                box.x1 <= second.x0
                or second.x1 <= box.x0
                or box.y1 <= second.y0
                or second.y1 <= box.y0
            )
            assert apart, f"{name!r} lies over {other!r}"


def texts(figure: Figure) -> list:
    """All texts that are drawn."""
    found = list(figure.texts)
    for axes in figure.axes:
        found += [axes.title, axes.xaxis.label, axes.yaxis.label]
        if axes.get_label() == "colour bar":
            found += [*axes.get_xticklabels(), *axes.get_yticklabels()]
    return [text for text in found if text.get_text() and text.get_visible()]
