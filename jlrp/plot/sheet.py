"""Tables of maps in one figure: labels, images, maps with titles, headings and colour bars.

A figure is a grid of rows and columns. Their sizes are in inches, each a whole number of the
bitmap's dots. The resolution gives each pixel of a map a whole number of dots: no row or column of
a picture is wider than another. Texts are broken into lines that fit before they are placed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.gridspec import GridSpec
from numpy.typing import NDArray

from jlrp.plot.colour import ColourMap, Pixels
from jlrp.plot.maps import Scaling, limits, overlay
from jlrp.text import printable

MIN_DPI, MAX_DPI, DPI = 200, 800, 300
MAX_DOTS = 65_000  # of a side of a bitmap, as matplotlib can draw it
CELL, FLATTEST, TALLEST = 1.3, 0.3, 3.0  # a map's width in inches, and its height in widths
MARGIN, GAP, GROUP_GAP, PAD = 0.12, 0.1, 0.24, 0.04
BAR, TICKS, MAX_BAR = 0.1, 0.2, 3.0  # a colour bar's thickness, its numbers' height, its length
CAPTION, GROUP, TEXT, SMALL = 10, 9, 8, 7  # sizes of texts, in points
LINE, MAX_LABEL, BOLD = 1.25 / 72, 1.25, 1.2  # the height of a line per point, and widths
EDGE = "#808080"
FIRST, TOP, STEP = 3, 9, 6  # the first cells' column and row, and from one row to the next
WHERE: dict[Scaling, str] = {
    "all": "over all maps",
    "row": "in each row",
    "column": "in each column",
    "image": "of each map, given under it",
}


def wrapped(text: str, width: float, size: float, most: int | None = None) -> str:
    """Text in lines of at most `width` inches at `size` points.

    A line ends at a space, after "_", or else inside a word. Where there are more than `most`
    lines, one ends in "…", and the last line that `text` has itself follows it. What is no letter,
    sign or space becomes "\ufffd", as in `printable`.

    >>> wrapped("epsilon_alpha2_beta1_flat", 1.25, 8).splitlines()
    ['epsilon_alpha2_', 'beta1_flat']
    >>> wrapped("American Staffordshire terrier\\n97.3 %", 1.0, 8, most=2).splitlines()
    ['American…', '97.3 %']
    """
    every = [list(_lines(paragraph, width, size)) for paragraph in text.splitlines()]
    paragraphs = [lines for lines in every if lines]
    last = paragraphs.pop() if len(paragraphs) > 1 else []
    lines = [line for paragraph in paragraphs for line in paragraph]
    if most is not None and len(lines) + len(last) > most:
        last = last[: most - 1]
        lines = lines[: most - len(last)]
        (cut, *_) = _lines(lines[-1], width - width_of("…", size), size)
        lines[-1] = cut + "…"
    return "\n".join(lines + last)


def balanced(text: str, width: float, size: float) -> str:
    """As `wrapped`, with lines of about one length, and no more of them.

    >>> balanced("epsilon_alpha2_beta1_flat", 1.4, 8).splitlines()
    ['epsilon_alpha2_', 'beta1_flat']
    """
    shapes = [wrapped(text, share * width, size) for share in np.linspace(0.5, 1, 6)]
    return next(each for each in shapes if each.count("\n") == shapes[-1].count("\n"))


def width_of(text: str, size: float) -> float:
    """How wide the widest line of a text is, in inches: the sum of its letters' advances.

    >>> width_of("mm", 8) > 2 * width_of("i", 8) > 0
    True
    """
    return max(sum(map(_advance, line)) for line in text.split("\n")) * size / 72


def height_of(texts: Sequence[str], size: float) -> float:
    """How high the text with the most lines is, in inches."""
    return max((len(text.splitlines()) for text in texts), default=0) * LINE * size


def _lines(text: str, width: float, size: float) -> Iterator[str]:
    """As many letters on a line as fit, in time that is linear in the text."""
    text = " ".join(printable(text).split())
    ends = np.cumsum([0.0, *map(_advance, text)]) * size / 72
    begin = 0
    while begin < len(text):
        stop = int(np.searchsorted(ends, ends[begin] + width + 1e-9, "right")) - 1
        if stop < len(text):
            broken = max(text.rfind(" ", begin, stop + 1), text.rfind("_", begin, stop) + 1)
            stop = broken if broken > begin else max(stop, begin + 1)
        yield text[begin:stop].rstrip()
        begin = stop + (text[stop : stop + 1] == " ")


@lru_cache(maxsize=4096)
def _advance(letter: str) -> float:
    """The width of a letter, in its size; of a letter that the font lacks, a square's."""
    font = get_font(findfont(FontProperties()))
    if not font.get_char_index(ord(letter)):
        return 1.0
    font.set_size(100, 72)
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


def blank(width: float, height: float, dpi: float, layout: Any = None) -> Figure:
    """A white figure; `ValueError` where its bitmap has more dots than matplotlib can draw."""
    if max(width, height) * dpi > MAX_DOTS:
        size = f"{width:.0f} × {height:.0f} inches"
        hint = "draw fewer images or columns at a time"
        raise ValueError(f"A picture of {size} is too large to draw: {hint}.")
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    return figure


class Sheet:
    """A figure with rows and columns of these sizes in inches, rounded up to whole dots."""

    def __init__(self, heights: Sequence[float], widths: Sequence[float], dpi: float) -> None:
        down, across = (np.ceil(np.multiply(each, dpi) - 1e-6) for each in (heights, widths))
        self.figure = blank(across.sum() / dpi, down.sum() / dpi, dpi)
        edges: Any = {"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": 0, "hspace": 0}
        ratios: Any = {"width_ratios": across, "height_ratios": down}
        self.grid = GridSpec(len(down), len(across), self.figure, **edges, **ratios)

    def axes(self, row: Any, column: Any, longest: float = np.inf) -> Axes:
        """Axes in a cell or a slice of cells, at most so many inches wide."""
        box = self.grid[row, column].get_position(self.figure)
        share = min(1.0, longest / (box.width * self.figure.get_figwidth()))
        return self.figure.add_axes(box.shrunk(share, 1).anchored("C", box).bounds)

    def write(self, row: Any, column: Any, text: str, size: float, va: str, **style: Any) -> None:
        """Text in a cell or a slice of cells, centred, but always within the figure."""
        if text:
            box = self.grid[row, column].get_position(self.figure)
            half = (width_of(text, size) / 2 + MARGIN) / self.figure.get_figwidth()
            middle = max(half, min((box.x0 + box.x1) / 2, 1 - half))
            y = {"top": box.y1, "center": (box.y0 + box.y1) / 2, "baseline": box.y0}[va]
            style = {"ha": "center", "va": va, "fontsize": size, "parse_math": False, **style}
            self.figure.text(box.x0 if style["ha"] == "left" else middle, y, text, **style)


def resolution(width: float, pixels: int, least: float = MIN_DPI) -> float:
    """Dots per inch, at least `least`, so that each of the pixels in `width` has whole dots.

    >>> resolution(1.25, 224), resolution(1.25, 5000)
    (358.4, 300)
    """
    dpi = ceil(least * width / pixels) * pixels / width
    return dpi if dpi <= MAX_DPI else DPI


def show(axes: Axes, picture: NDArray[Any], **look: Any) -> None:
    """A picture in a thin frame, pixel by pixel, or means where the bitmap has fewer dots."""
    box = axes.get_window_extent()
    rows, columns = picture.shape[:2]
    fits = rows <= round(box.height) and columns <= round(box.width)
    square = abs(box.height * columns - box.width * rows) < 1e-3 * rows  # its place is like it
    how: Any = {"interpolation": "none" if fits else "antialiased", "interpolation_stage": "data"}
    how |= look or {"cmap": "gray", "vmin": 0, "vmax": 255}
    axes.imshow(picture, aspect="auto" if square else "equal", **how)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(linewidth=0.5, color=EDGE)


def write_note(axes: Axes, note: str, size: float, width: float = 0.92, y: float = 0.5) -> None:
    """A note in a place, in lines that fit; `width` and `y`, its middle, are shares of it."""
    if note:
        axes.apply_aspect()
        box = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted())
        most = int(((1 - abs(2 * y - 1)) * box.height - 0.05) / (LINE * size))
        lines = wrapped(note, width * box.width, size, max(1, most))
        behind = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1}
        style: Any = {"transform": axes.transAxes, "ha": "center", "va": "center", "bbox": behind}
        axes.text(0.5, y, lines, fontsize=size, parse_math=False, **style)


def colour_bar(axes: Axes, shown: Any, cmap: ColourMap, own: bool = False, **options: Any) -> Any:
    """A bar for maps with their limits, with an arrow at an end where a map goes beyond its own.

    It has no numbers where each map has its own limit.
    """
    full = 1.0 if own else shown[0][1]
    ticks = [-full, 0.0, full] if cmap.signed else [0.0, full]
    names = ["−limit", "0", "limit"][-len(ticks) :] if own else list(map(number, ticks))
    above = any((cmap.drawn(values) > limit).any() for values, limit in shown)
    below = any((cmap.drawn(values) < -limit).any() for values, limit in shown)
    options = {"mappable": ScalarMappable(cmap.norm(full), cmap.table)} | options
    options["extend"] = ("neither", "min", "max", "both")[2 * above + below]
    figure: Any = axes.figure
    bar = figure.colorbar(cax=axes, ticks=ticks, **options)
    bar.set_ticklabels(names)
    bar.outline.set(linewidth=0.5, edgecolor=EDGE)
    axes.tick_params(labelsize=SMALL, length=2, width=0.5, pad=2)
    axes.set_label("colour bar")
    if bar.orientation == "horizontal":  # the outer numbers end where the bar does
        first, *_, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
    return bar


def number(value: float, digits: int = 2) -> str:
    """Two digits of a number, or more, with a minus sign and not a hyphen.

    >>> number(-0.0724), number(0.0)
    ('−0.072', '0')
    """
    return f"{value:.{digits}g}".replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True)
class Look:
    """How maps are coloured, see `grid`; `full` is the limit of all maps, if it is given."""

    cmap: ColourMap
    percentile: float
    scaling: Scaling = "all"
    full: float | None = None

    def limits(self, maps: Any, groups: Any = None) -> list[list[float]]:
        """The limit of every map of a table."""
        own = limits(maps, self.scaling, self.percentile, groups)
        return own if self.full is None else [[self.full] * len(line) for line in own]

    def note(self, where: str = "") -> str:
        """What the colours of a bar mean, and where its limit comes from."""
        if self.full is not None:
            return "relevance"
        what = "relevance R" if self.cmap.signed else "|R|"
        of = "maximum" if self.percentile == 100 else f"percentile {self.percentile:g}"
        return f"{what}; limit: {of} of |R| {where}".rstrip()


@dataclass(frozen=True)
class Cell:
    """A map (H, W) with a title and a note, over an image if there is one; or the image alone."""

    values: Any = None
    title: str = ""
    note: str = ""
    image: Pixels | None = None

    def draw(self, axes: Axes, full: float, cmap: ColourMap, size: float = 6) -> None:
        """Draw the map in its colours with its note, or the image."""
        if self.image is None:
            show(axes, cmap.drawn(self.values), cmap=cmap.table, norm=cmap.norm(full))
        elif self.values is None:
            show(axes, self.image)
        else:
            show(axes, overlay(self.image, self.values, full, cmap=cmap.name))
        write_note(axes, self.note, size)


class Table:
    """Rows of cells with a label each, under a group and a heading for each column.

    All these texts may be empty. Images have the first column, if there are any. An image may be
    missing in its row (`None`), and so may the last maps of the last row.
    """

    def __init__(
        self,
        rows: Sequence[tuple[str, Sequence[Cell | None]]],
        headings: Sequence[tuple[str, str]],
        look: Look,
        caption: str = "",
    ) -> None:
        self.rows, self.headings, self.look, self.caption = rows, headings, look, caption
        cells = [[cell for cell in line if cell and cell.values is not None] for _, line in rows]
        maps = [[cell.values for cell in line] for line in cells]
        self.first = len(headings) - len(maps[0])
        self.columns = range(self.first, len(headings))
        self.single = len(rows) == len(self.columns) == 1
        self.own = look.scaling == "image" and not self.single
        names = [group or column for column, (group, _) in enumerate(headings)]
        self.groups = [list(same) for _, same in groupby(self.columns, names.__getitem__)]
        limits = look.limits(maps, names[self.first :])
        self.shown = [list(zip(*line, strict=True)) for line in zip(maps, limits, strict=True)]

    def draw(self) -> Figure:
        """The figure."""
        height, width = self.shown[0][0][0].shape
        high = CELL * min(max(height / width, FLATTEST), TALLEST)
        most = max(1, int(high / (LINE * TEXT)))
        labels = [wrapped(label, MAX_LABEL, TEXT, most) for label, _ in self.rows]
        headings = [balanced(heading, CELL, TEXT) for _, heading in self.headings]
        widths = self._widths(labels)
        inner = sum(widths) - 2 * MARGIN
        caption, note = wrapped(self.caption, inner, CAPTION), wrapped(self._note(), inner, SMALL)
        groups = []
        for columns in self.groups:
            room = sum(widths[_across(columns)]) / BOLD
            groups.append(wrapped(self.headings[columns[0]][0], room, GROUP))
        titles = [_title(cell) for _, cells in self.rows for cell in cells]
        above, below = height_of(titles, SMALL), LINE * SMALL if self.own else 0
        heights = [MARGIN, 1.1 * height_of([caption], CAPTION), GAP if caption else 0]
        heights += [height_of(groups, GROUP), PAD if any(groups) else 0]
        heights += [height_of(headings, TEXT), 2 * PAD if any(headings) else 0]
        heights += [above, PAD if above else 0, high, PAD, below, PAD] * len(self.rows)
        heights += [] if self.look.scaling == "row" else [PAD, BAR, TICKS]
        heights += [height_of([note], SMALL), MARGIN]

        sheet = Sheet(heights, widths, resolution(CELL, width))
        sheet.write(1, slice(None), caption, CAPTION, "top", linespacing=1.35)
        for columns, group in zip(self.groups, groups, strict=True):
            sheet.write(3, _across(columns), group, GROUP, "baseline", fontweight="bold")
        for column in [*self.columns, *range(self.first)]:
            sheet.write(5, _across([column]), headings[column], TEXT, "baseline")
        for row, label in enumerate(labels):
            sheet.write(TOP + STEP * row, 1, label, TEXT, "center", ha="left")
            for column, cell in enumerate(self.rows[row][1]):
                self._draw_cell(sheet, row, column, cell)
        self._draw_bars(sheet)
        sheet.write(-2, _across(self.columns), note, SMALL, "top")
        return sheet.figure

    def _widths(self, labels: Sequence[str]) -> list[float]:
        """Of all columns: margin, label, then a gap and a cell each, bar, margin."""
        widths = [MARGIN, max(width_of(label, TEXT) for label in labels)]
        for (before, _), (group, _) in pairwise([("", ""), *self.headings]):
            widths += [GROUP_GAP if group and group != before else GAP, CELL]
        widths[2] = GAP if any(labels) else 0
        return [*widths, *([GAP, BAR, 0.5] if self.look.scaling == "row" else []), MARGIN]

    def _note(self) -> str:
        """What the bars mean."""
        grouped = self.look.scaling == "column" and any(group for group, _ in self.headings)
        where = "in each group" if grouped else WHERE[self.look.scaling]
        return self.look.note("" if self.single else where)

    def _draw_cell(self, sheet: Sheet, row: int, column: int, cell: Cell | None) -> None:
        """A cell under its title; below it its limit, where it has one of its own."""
        place, span, cmap = TOP + STEP * row, _across([column]), self.look.cmap
        if cell is not None:
            full = self.shown[row][column - self.first][1] if column >= self.first else 1.0
            cell.draw(sheet.axes(place, span), full, cmap)
            sheet.write(place - 2, span, _title(cell), SMALL, "baseline")
            if self.own and np.any(cell.values):
                text = f"± {number(full)}" if cmap.signed else number(full)
                sheet.write(place + 2, span, text, SMALL, "top")

    def _draw_bars(self, sheet: Sheet) -> None:
        """A bar beside each row, below each group, or one below all."""
        cmap = self.look.cmap
        if self.look.scaling == "row":
            for row, shown in enumerate(self.shown):
                colour_bar(sheet.axes(TOP + STEP * row, -3), shown, cmap)
            return
        for columns in self.groups if self.look.scaling == "column" else [self.columns]:
            some = slice(columns[0] - self.first, columns[-1] - self.first + 1)
            shown = [each for line in self.shown for each in line[some]]
            axes = sheet.axes(-4, _across(columns), MAX_BAR)
            colour_bar(axes, shown, cmap, self.own, orientation="horizontal")


def _title(cell: Cell | None) -> str:
    """What stands above a cell, in lines."""
    return wrapped(cell.title, CELL, SMALL, most=3) if cell else ""


def _across(columns: Sequence[int]) -> slice:
    """Where these columns of cells are among all columns."""
    return slice(FIRST + 2 * columns[0], FIRST + 2 * columns[-1] + 1)
