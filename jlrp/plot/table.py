"""A table of maps as a figure: labels, images, maps with titles, headings, and colour bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from jlrp.plot.colour import ColourMap, Pixels
from jlrp.plot.layout import CAPTION, CELL, GROUP, HEADING, LABEL, NOTE, PAD, TITLE, Layout, Texts
from jlrp.plot.maps import Scaling, limits, require_scaling
from jlrp.plot.pixels import overlay
from jlrp.plot.sheet import BAR, Sheet, colour_bar, number, resolution, scale_note, show_map, show_pixels, write_note

SCOPES: dict[Scaling, str] = {
    "all": "over all maps",
    "row": "in each row",
    "column": "in each column",
    "image": "of each map, given under it",
}


@dataclass(frozen=True)
class Look:
    """How maps are coloured; see `grid`. full: the limit of all maps, if it is given and not found."""

    cmap: ColourMap
    percentile: float
    scaling: Scaling
    full: float | None = None

    def __post_init__(self) -> None:
        require_scaling(self.scaling)


@dataclass(frozen=True)
class Row:
    """A label, an image and a map in each column, with a title above each; the last columns may be missing.

    image: `None` where there is none to draw in this row. under: the image that each map lies over, if over any. notes:
    what is written on each map, if anything is.
    """

    maps: Sequence[NDArray[np.float64]]
    titles: Sequence[str] = ()
    label: str = ""
    image: Pixels | None = None
    image_title: str = ""
    under: Sequence[Pixels] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """Rows under headings: a (group, heading) per column, each of which may be empty."""

    rows: Sequence[Row]
    headings: Sequence[tuple[str, str]]
    look: Look
    caption: str = ""

    def draw(self) -> Figure:
        """The figure."""
        place = self.layout
        sheet = Sheet(place.width, place.height, resolution(CELL, self.rows[0].maps[0].shape[1]))
        self._write_headings(sheet)
        for index, row in enumerate(self.rows):
            self._draw_row(sheet, index, row)
        if self.look.scaling == "row":
            self._draw_bars_at_rows(sheet)
        else:
            self._draw_bars_below(sheet)
        sheet.write(place.note_centre, place.note_top, place.note, NOTE, va="top")
        return sheet.figure

    @cached_property
    def layout(self) -> Layout:
        """Where everything is."""
        look, height, width = self.look, *self.rows[0].maps[0].shape
        scope = SCOPES[look.scaling]
        if look.scaling == "column" and any(group for group, _ in self.headings):
            scope = "in each group"
        elif self._is_one_map:
            scope = ""
        texts = Texts(
            caption=self.caption,
            headings=self.headings,
            titles=[title for row in self.rows for title in (*row.titles, row.image_title)],
            labels=[row.label for row in self.rows],
            note="relevance" if look.full is not None else scale_note(look.cmap, look.percentile, scope),
        )
        return Layout(texts, len(self.rows), height / width, any(r.image is not None for r in self.rows), look.scaling)

    @property
    def _is_one_map(self) -> bool:
        return len(self.rows) == len(self.rows[0].maps) == 1

    @cached_property
    def limits(self) -> list[list[float]]:
        """The limit of every map."""
        if self.look.full is not None:
            return [[self.look.full] * len(row.maps) for row in self.rows]
        groups = [group or index for index, (group, _) in enumerate(self.headings)]
        return limits([row.maps for row in self.rows], self.look.scaling, self.look.percentile, groups)

    def _write_headings(self, sheet: Sheet) -> None:
        place = self.layout
        sheet.write(sheet.width / 2, place.margin, place.caption, CAPTION, va="top", linespacing=1.35)
        for first, last, group in place.groups:
            centre = (place.lefts[first] + place.lefts[last] + CELL) / 2
            sheet.write(centre, place.group_bottom, group, GROUP, va="bottom", fontweight="bold")
        for left, heading in zip(place.lefts, place.column_headings, strict=True):
            sheet.write(left + CELL / 2, place.heading_bottom, heading, HEADING, va="bottom")
        if place.image_left is not None:
            sheet.write(place.image_left + CELL / 2, place.heading_bottom, "image", HEADING, va="bottom")

    def _draw_row(self, sheet: Sheet, index: int, row: Row) -> None:
        place = self.layout
        top = place.tops[index]
        label = place.label(row.label)
        sheet.write(place.margin, top + place.cell_height / 2, label, LABEL, ha="left", multialignment="left")
        if row.image is not None and place.image_left is not None:
            axes = self._cell(sheet, place.image_left, top, row.image_title)
            show_pixels(axes, row.image)
        for column, values in enumerate(row.maps):
            axes = self._cell(sheet, place.lefts[column], top, row.titles[column] if row.titles else "")
            full = self.limits[index][column]
            self._show(axes, values, full, row.under[column] if row.under else None)
            if row.notes:
                height = min(place.cell_height, CELL * values.shape[0] / values.shape[1])
                write_note(axes, row.notes[column], CELL, height)
            if self.look.scaling == "image" and not self._is_one_map and values.any():
                text = f"± {number(full)}" if self.look.cmap.signed else number(full)
                sheet.write(place.lefts[column] + CELL / 2, top + place.cell_height + PAD, text, TITLE, va="top")

    def _cell(self, sheet: Sheet, left: float, top: float, title: str) -> Axes:
        sheet.write(left + CELL / 2, top - PAD, self.layout.title(title), TITLE, va="bottom")
        return sheet.cell(left, top, CELL, self.layout.cell_height)

    def _show(self, axes: Axes, values: NDArray[np.float64], full: float, under: Pixels | None) -> None:
        if under is None:
            show_map(axes, values, full, self.look.cmap)
        else:
            show_pixels(axes, overlay(under, values, full, cmap=self.look.cmap.name))

    def _draw_bars_below(self, sheet: Sheet) -> None:
        """One bar, or one below each group of columns."""
        place = self.layout
        together = place.groups if self.look.scaling == "column" else [(0, len(place.lefts) - 1, "")]
        for first, last, _ in together:
            left, right = place.lefts[first], place.lefts[last] + CELL
            spare = max(0.0, right - left - place.longest_bar) / 2
            axes = sheet.axes(left + spare, place.bar_top, right - left - 2 * spare, BAR)
            self._draw_bar(sheet, axes, range(len(self.rows)), range(first, last + 1), orientation="horizontal")

    def _draw_bars_at_rows(self, sheet: Sheet) -> None:
        place = self.layout
        for index, row in enumerate(self.rows):
            axes = sheet.axes(place.lefts[-1] + CELL + 0.1, place.tops[index], BAR, place.cell_height)
            self._draw_bar(sheet, axes, [index], range(len(row.maps)))

    def _draw_bar(self, sheet: Sheet, axes: Axes, rows: Sequence[int], columns: Sequence[int], **style: str) -> None:
        """The bar of these maps, which share a limit unless each has its own."""
        shown = [(r, c) for r in rows for c in columns if c < len(self.rows[r].maps)]
        full = self.limits[shown[0][0]][shown[0][1]]
        own = self.look.scaling == "image" and len(shown) > 1
        values = [self.rows[r].maps[c] / (self.limits[r][c] if own else 1.0) for r, c in shown]
        colour_bar(
            sheet.figure,
            np.concatenate([np.ravel(each) for each in values]),
            1.0 if own else full,
            self.look.cmap,
            names=("−limit", "0", "limit") if own else None,
            cax=axes,
            **style,
        )
