"""A figure on which pictures, texts and colour bars are placed in inches from its upper left corner.

Places are whole numbers of the bitmap's pixels, and its resolution is chosen so that a cell has a whole number of them
for each pixel of the picture in it: no row or column of a picture is wider than another.
"""

from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from jlrp.plot.colour import ColourMap, Pixels
from jlrp.plot.lettering import LINE, wrapped

LEAST_DPI, MOST_DPI, DPI = 200, 800, 300
MOST_DOTS = 65_000  # of a side of a bitmap, as matplotlib can draw it
DESCENT = 0.2 / 72  # of letters below the line, per point
BAR = 0.1  # the thickness of a colour bar
EDGE = "#808080"


class Sheet:
    """A white figure of a size in inches; see the module for what is aligned."""

    def __init__(self, width: float, height: float, dpi: float) -> None:
        self.dpi = dpi
        self.width, self.height = (ceil(length * dpi) / dpi for length in (width, height))
        require_size(self.width, self.height, dpi)
        self.figure = Figure(figsize=(self.width, self.height), dpi=dpi, facecolor="white")
        FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes at a place, all of it rounded to whole pixels of the bitmap."""
        left, top, width, height = (round(length * self.dpi) / self.dpi for length in (left, top, width, height))
        bottom = self.height - top - height
        box = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def cell(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes for a picture: a thin frame without ticks."""
        axes = self.axes(left, top, width, height)
        bare(axes)
        return axes

    def write(self, x: float, y: float, text: str, size: float, **style: Any) -> None:
        """Text as it is, centred on (x, y) unless `style` says otherwise.

        What ends at a `"bottom"` has its last line's letters on one line with its neighbours', whatever they are.
        """
        if not text:
            return
        style = {"ha": "center", "va": "center", "linespacing": 1.2, **style}
        if style["va"] == "bottom":
            style["va"], y = "baseline", y - DESCENT * size
        self.figure.text(x / self.width, 1 - y / self.height, text, fontsize=size, parse_math=False, **style)


def require_size(width: float, height: float, dpi: float) -> None:
    """`ValueError` where a bitmap of so many inches has more dots than matplotlib can draw."""
    if max(width, height) * dpi > MOST_DOTS:
        size = f"{width:.0f} × {height:.0f} inches"
        raise ValueError(f"A picture of {size} is too large to draw: draw fewer images or columns at a time.")


def bare(axes: Axes) -> None:
    """No ticks, and a frame that does not compete with the picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(linewidth=0.5, color=EDGE)


def show_pixels(axes: Axes, image: Pixels) -> None:
    """A picture in grey or in colour, pixel by pixel."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation=sampling(image.shape, axes))


def show_map(axes: Axes, values: Any, full: float, cmap: ColourMap) -> None:
    """A relevance map in its colours, pixel by pixel; where those are too many, means of relevance, not of colours."""
    shown, how = values if cmap.signed else np.abs(values), sampling(values.shape, axes)
    axes.imshow(shown, cmap=cmap.table, norm=cmap.norm(full), interpolation=how, interpolation_stage="data")


def write_note(axes: Axes, note: str, width: float, height: float, size: float = 6, y: float = 0.5) -> None:
    """A note on a picture, in lines that fit into this width and height, in inches; y: its middle, from 0 to 1."""
    if note:
        lines = wrapped(note, 0.92 * width, size, most=max(1, int((height - 0.05) / (LINE * size))))
        place: Any = {"transform": axes.transAxes, "ha": "center", "va": "center"}
        behind = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1}
        axes.text(0.5, y, lines, fontsize=size, parse_math=False, bbox=behind, **place)


def sampling(shape: tuple[int, ...], axes: Axes) -> str:
    """Pixels as they are ("none", also in vector files), but averages where the bitmap has fewer than the picture."""
    dots = axes.get_window_extent()
    return "none" if shape[1] <= round(dots.width) and shape[0] <= round(dots.height) else "antialiased"


def resolution(width: float, pixels: int, least: float = LEAST_DPI) -> float:
    """Dots per inch, at least `least`, with which `pixels` fill `width` inches with a whole number of dots each.

    >>> resolution(1.25, 224), resolution(1.25, 5000)
    (358.4, 300)
    """
    dpi = ceil(least * width / pixels) * pixels / width
    return dpi if dpi <= MOST_DPI else DPI


def colour_bar(
    figure: Figure, values: NDArray[np.float64], full: float, cmap: ColourMap, names: Any = None, **place: Any
) -> Any:
    """A bar up to the limit, with an arrow at an end where `values` go beyond it; `names` instead of numbers at it."""
    shown = values if cmap.signed else np.abs(values)
    above, below = shown.max() > full, cmap.signed and shown.min() < -full
    extend = "both" if above and below else "max" if above else "min" if below else "neither"
    ticks = [-full, 0.0, full] if cmap.signed else [0.0, full]
    colours = place.pop("mappable", None) or ScalarMappable(cmap.norm(full), cmap.table)
    bar = figure.colorbar(colours, extend=extend, ticks=ticks, **place)
    bar.ax.set_label("colour bar")
    bar.ax.tick_params(labelsize=7, length=2, width=0.5, pad=2)
    bar.outline.set(linewidth=0.5, edgecolor=EDGE)
    bar.set_ticklabels([number(tick) for tick in ticks] if names is None else names[-len(ticks) :])
    if bar.orientation == "horizontal":  # the outer numbers end where the bar does
        first, *_, last = bar.ax.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
    return bar


def number(value: float, digits: int = 2) -> str:
    """Two digits of a number, or more, with a minus sign and not a hyphen.

    >>> number(-0.0724), number(0.0)
    ('−0.072', '0')
    """
    return f"{value:.{digits}g}".replace("-", "\N{MINUS SIGN}")


def scale_note(cmap: ColourMap, percentile: float, where: str) -> str:
    """What the colours of a bar say, and where its limit comes from.

    >>> from jlrp.plot.colour import COLOUR_MAPS
    >>> scale_note(COLOUR_MAPS["bwr"], 99.5, "in each row"), scale_note(COLOUR_MAPS["magma"], 100, "of each map")
    ('relevance R; limit: percentile 99.5 of |R| in each row', '|R|; limit: maximum of |R| of each map')
    """
    of = "maximum" if percentile == 100 else f"percentile {percentile:g}"
    return f"{'relevance R' if cmap.signed else '|R|'}; limit: {of} of |R| {where}".rstrip()
