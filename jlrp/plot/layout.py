"""Where the parts of a table of maps are, in inches from the upper left corner of the figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from jlrp.plot.lettering import LINE, balanced, width_of, wrapped
from jlrp.plot.maps import Scaling
from jlrp.plot.sheet import BAR

CELL = 1.3  # the width of a map, in inches
GAP, GROUP_GAP, PAD, MARGIN = 0.1, 0.24, 0.04, 0.12
CAPTION, GROUP, HEADING, TITLE, LABEL, NOTE = 10, 9, 8, 7, 8, 7  # sizes of texts, in points
WIDEST_LABEL, LONGEST_BAR = 1.25, 3.0
BOLD = 1.2  # how much wider bold letters are, at most
TICKS = 0.2  # room for the numbers at a bar
FLATTEST, TALLEST = 0.3, 3.0  # the height of a cell, in widths


@dataclass(frozen=True)
class Texts:
    """All that is written in a table, before it is broken into lines."""

    caption: str
    headings: Sequence[tuple[str, str]]
    titles: Sequence[str]
    labels: Sequence[str]
    note: str


@dataclass(frozen=True)
class Layout:
    """The places of a table's parts.

    aspect: height over width of the maps. images: whether there is a column of images.
    """

    texts: Texts
    rows: int
    aspect: float
    images: bool
    scaling: Scaling
    margin: float = MARGIN
    longest_bar: float = LONGEST_BAR

    # across

    def label(self, text: str) -> str:
        """A row's label in lines that fit beside it."""
        return wrapped(text, WIDEST_LABEL, LABEL, most=max(1, int(self.cell_height / (LINE * LABEL))))

    @cached_property
    def image_left(self) -> float | None:
        """Where the column of images begins, if there is one."""
        return self._content_left if self.images else None

    @cached_property
    def lefts(self) -> list[float]:
        """Where each column of maps begins."""
        left = self._content_left + (CELL + GAP if self.images else 0)
        found, before = [], None
        for index, (group, _) in enumerate(self.texts.headings):
            first = index == 0 and self.images
            left += GROUP_GAP - GAP if group and (first or (index and group != before)) else 0
            found.append(left)
            left, before = left + CELL + GAP, group
        return found

    @cached_property
    def groups(self) -> list[tuple[int, int, str]]:
        """Neighbouring columns of one group: (first, last, its heading in lines); a column without a group is alone."""
        runs = groupby(enumerate(self.texts.headings), key=lambda item: item[1][0] or item[0])
        found = []
        for _, members in runs:
            columns = [index for index, _ in members]
            width = (self.lefts[columns[-1]] + CELL - self.lefts[columns[0]]) / BOLD
            found.append((columns[0], columns[-1], wrapped(self.texts.headings[columns[0]][0], width, GROUP)))
        return found

    @cached_property
    def width(self) -> float:
        """Of the figure."""
        bars = 0.1 + BAR + 0.5 if self.scaling == "row" else 0
        return self.lefts[-1] + CELL + bars + MARGIN

    @cached_property
    def _content_left(self) -> float:
        lines = [line for text in self.texts.labels for line in self.label(text).splitlines()]
        widest = max((width_of(line, LABEL) for line in lines), default=0.0)
        return MARGIN + (widest + GAP if widest else 0)

    # down

    @cached_property
    def cell_height(self) -> float:
        """Of every map; one that is flatter or taller leaves some of its cell empty."""
        return CELL * min(max(self.aspect, FLATTEST), TALLEST)

    @cached_property
    def caption(self) -> str:
        """In lines."""
        return wrapped(self.texts.caption, self.width - 2 * MARGIN, CAPTION)

    @cached_property
    def column_headings(self) -> list[str]:
        """In lines."""
        return [balanced(heading, CELL, HEADING) for _, heading in self.texts.headings]

    def title(self, text: str) -> str:
        """What stands above a map, in lines."""
        return wrapped(text, CELL, TITLE, most=3)

    @cached_property
    def group_bottom(self) -> float:
        """Where the groups' headings end."""
        caption = _height([self.caption], CAPTION, spacing=1.1)
        return MARGIN + (caption + GAP if caption else 0) + _height([text for _, _, text in self.groups], GROUP)

    @cached_property
    def heading_bottom(self) -> float:
        """Where the columns' headings end."""
        above = PAD if any(text for _, _, text in self.groups) else 0
        image = ["image"] if self.images else []
        return self.group_bottom + above + _height([*self.column_headings, *image], HEADING)

    @cached_property
    def tops(self) -> list[float]:
        """Where each row's pictures begin."""
        titles = _height([self.title(text) for text in self.texts.titles], TITLE)
        first = self.heading_bottom + 1.5 * PAD + (titles + PAD if titles else 0)
        below = PAD + LINE * TITLE if self.scaling == "image" else 0
        pitch = self.cell_height + below + (titles + PAD if titles else 0) + (PAD if below else GAP)
        return [first + index * pitch for index in range(self.rows)]

    @cached_property
    def bar_top(self) -> float:
        """Where the bars below begin, or would."""
        below = PAD + LINE * TITLE if self.scaling == "image" else 0
        return self.tops[-1] + self.cell_height + below + GAP

    @cached_property
    def note_top(self) -> float:
        """Where the note on the scale begins."""
        return self.bar_top if self.scaling == "row" else self.bar_top + BAR + TICKS

    @cached_property
    def note(self) -> str:
        """In lines."""
        return wrapped(self.texts.note, self.width - 2 * MARGIN, NOTE)

    @cached_property
    def note_centre(self) -> float:
        """Below the maps, moved where it would reach over the edge."""
        half = max(width_of(line, NOTE) for line in self.note.splitlines()) / 2
        centre = (self.lefts[0] + self.lefts[-1] + CELL) / 2
        return max(min(centre, self.width - MARGIN - half), MARGIN + half)

    @cached_property
    def height(self) -> float:
        """Of the figure."""
        return self.note_top + _height([self.note], NOTE) + MARGIN


def _height(texts: Sequence[str], size: float, spacing: float = 1.0) -> float:
    """Of the text with the most lines."""
    return max((len(text.splitlines()) for text in texts), default=0) * LINE * size * spacing
