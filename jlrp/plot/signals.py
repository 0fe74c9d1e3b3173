"""Relevance that is no picture: of series as curves over their steps, of tables as bars."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes as Place
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import colours
from jlrp.plot.lettering import wrapped
from jlrp.plot.maps import limit
from jlrp.plot.parts import Axes, Part, as_explanation, only
from jlrp.plot.sheet import EDGE, number, require_size, write_note
from jlrp.propagation.explanation import Explanation

DPI = 150
TITLE, TEXT, TICKS = 9, 8, 7  # sizes of texts, in points
CURVE = (6.0, 1.5)  # the size of one series' place, in inches
TABLE, BAR, ABREAST = 3.6, 0.17, 3  # the width of one table's place, the height of a bar, and places in a row
NAME = 1.4  # how wide a feature's name may be
AGAINST, FOR = np.array(colours([-1.0, 1.0], 1.0)) / 255
MOST_NAMED = 10  # channels in a legend


def curves(
    values: ArrayLike | Explanation,
    signal: ArrayLike | None = None,
    title: str | Sequence[str] = "",
    *,
    axes: Axes | None = None,
    channels: bool = False,
    notes: Sequence[str] | None = None,
) -> Figure:
    """Relevance of series over their steps: red where it is positive, blue where it is negative.

    Args:
        values: An explanation of series, or an array whose axes are named.
        signal: The series themselves, as the model was given them; they lie in grey under their relevance.
        title: Above each series; for N series a sequence of N. By default the explanation's classes.
        axes: The names of an array's axes, such as `("image", "step", "channel")`.
        channels: Whether each channel has a line of its own, in place of their sum.
        notes: What is written on each series; by default a sentence where the relevance shows nothing.

    Returns:
        The figure: the series below each other, each with a scale that is symmetric about zero.

    Raises:
        ValueError: The axes are unclear or not those of series, or something does not fit the series.

    Example:
        >>> relevance = np.sin(np.arange(20.0)).reshape(2, 10, 1)
        >>> figure = curves(relevance, title=["one", "two"], axes=("image", "step", "channel"))
        >>> [place.get_title() for place in figure.axes]
        ['one', 'two']
    """
    part = only(as_explanation(values, axes), "series")
    return draw_curves(part, part.inputs(signal), part.titled(title), part.noted(notes), channels)


def draw_curves(
    part: Part,
    signals: Sequence[NDArray[Any] | None],
    titles: Sequence[str],
    notes: Sequence[str],
    channels: bool = False,
    size: tuple[float, float] = CURVE,
    every: int = 1,
) -> Figure:
    """`curves`, of series with their titles and notes.

    size: of the place of each, in inches. every: how many steps each value is the mean of.
    """
    width, height = size
    figure = _figure(width, 0.3 + height * len(titles))
    lines = part.numbers() if channels else part.pooled()[..., None]
    places = figure.subplots(len(titles), sharex=True, squeeze=False)[:, 0]
    for place, values, signal, title, note in zip(places, lines, signals, titles, notes, strict=True):
        _curve(place, values, signal, every)
        place.set_title(wrapped(title, 0.8 * width, TITLE), fontsize=TITLE, parse_math=False)
        write_note(place, note, 0.7 * width, 0.5 * height, TICKS, y=0.8)
    places[-1].set_xlabel("step", fontsize=TEXT)
    if 1 < lines.shape[-1] <= MOST_NAMED:
        figure.legend(*places[0].get_legend_handles_labels(), loc="outside right upper", fontsize=TICKS)
    return figure


def bars(
    values: ArrayLike | Explanation,
    names: Sequence[str] = (),
    title: str | Sequence[str] = "",
    *,
    axes: Axes | None = None,
    most: int = 20,
    table: ArrayLike | None = None,
    notes: Sequence[str] | None = None,
) -> Figure:
    """Relevance of tables' features, the largest `|R|` first: red where it is positive, blue where it is negative.

    Args:
        values: An explanation of tables, or an array whose axes are named.
        names: The features' names; by default their positions.
        title: Above each table; for N tables a sequence of N. By default the explanation's classes.
        axes: The names of an array's axes, such as `("image", "feature")`.
        most: How many features are shown of each table.
        table: The tables themselves, (N, features); a feature's value stands behind its name.
        notes: What is written on each table; by default a sentence where the relevance shows nothing.

    Returns:
        The figure: a place for each table, each with a scale that is symmetric about zero.

    Raises:
        ValueError: The axes are unclear or not those of tables, or something does not fit the tables.

    Example:
        >>> figure = bars([[0.5, -2.0]], ["age", "height"], axes=("image", "feature"))
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['height', 'age']
    """
    part = only(as_explanation(values, axes), "table")
    return draw_bars(part, names, part.inputs(table), part.titled(title), part.noted(notes), most)


def draw_bars(
    part: Part,
    names: Sequence[str],
    tables: Sequence[NDArray[Any] | None],
    titles: Sequence[str],
    notes: Sequence[str],
    most: int,
) -> Figure:
    """`bars`, of tables with their titles and notes."""
    rows = part.pooled()
    if most < 1:
        raise ValueError(f"most is how many features are shown, 1 or more, not {most}.")
    if len(names) not in (0, rows.shape[1]):
        raise ValueError(f"There are {rows.shape[1]} features and {len(names)} names: each feature has one.")
    shown, across = min(most, rows.shape[1]), min(ABREAST, len(rows))
    down = -(-len(rows) // across)
    figure = _figure(TABLE * across, (0.7 + BAR * shown) * down)
    places = np.ravel(figure.subplots(down, across, squeeze=False))
    for place, values, table, title, note in zip(places, rows, tables, titles, notes, strict=False):
        order = np.argsort(-np.abs(values), kind="stable")[:shown]
        words = [wrapped(names[k] if len(names) else f"feature {k}", NAME, TICKS, most=1) for k in order]
        if table is not None:
            words = [f"{word} = {number(table[k, 0], 3)}" for word, k in zip(words, order, strict=True)]
        place.barh(range(shown), values[order], color=[FOR if value > 0 else AGAINST for value in values[order]])
        place.set_yticks(range(shown), words, fontsize=TICKS, parse_math=False)
        place.set_ylim(shown - 0.4, -0.6)
        place.axvline(0, color="black", linewidth=0.6)
        _symmetric(place.set_xlim, values)
        _plain(place)
        place.tick_params(axis="y", length=0)
        place.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], symmetric=True))
        part_of = f" ({shown} of {len(values)} features)" if shown < len(values) else ""
        place.set_xlabel(f"relevance R{part_of}", fontsize=TEXT)
        place.set_title(wrapped(title, 0.6 * TABLE, TITLE), fontsize=TITLE, parse_math=False)
        write_note(place, note, 0.4 * TABLE, BAR * shown + 0.2, TICKS)
    for place in places[len(rows) :]:
        place.remove()
    return figure


def _curve(place: Place, values: NDArray[np.float64], signal: NDArray[Any] | None, every: int) -> None:
    """One series: a line for each channel, coloured by its sign where there is only one."""
    steps = every * np.arange(len(values)) + (every - 1) / 2
    marker = "." if len(steps) == 1 else ""
    if values.shape[1] == 1:
        one = values[:, 0]
        for colour, where in ((FOR, one >= 0), (AGAINST, one <= 0)):
            place.fill_between(steps, one, 0, where=where, interpolate=True, color=colour, alpha=0.6, linewidth=0.3)
        place.plot(steps, one, color="black", linewidth=min(0.6, 60 / len(steps)), marker=marker)
    else:
        for channel, line in enumerate(values.T):
            place.plot(steps, line, linewidth=0.9, marker=marker, label=f"channel {channel}")
    place.axhline(0, color="black", linewidth=0.6)
    place.set_ylabel("relevance R", fontsize=TEXT)
    _symmetric(place.set_ylim, values)
    _plain(place)
    place.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    place.margins(x=0.01)
    if signal is not None:
        under = place.twinx()
        under.plot(steps, signal, color="#a0a0a0", linewidth=0.6, marker=marker)
        under.set_ylabel("signal", fontsize=TEXT, color=EDGE)
        _plain(under)
        under.tick_params(colors=EDGE)
        under.set_zorder(-1)
        place.patch.set_visible(False)


def _figure(width: float, height: float) -> Figure:
    require_size(width, height, DPI)
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _symmetric(set_limits: Any, values: NDArray[np.float64]) -> None:
    """Limits of an axis of relevance, with a little room beyond the largest `|R|`."""
    full = 1.05 * limit(values)
    set_limits(-full, full)


def _plain(place: Place) -> None:
    """Small numbers, and a frame that does not compete with what is in it."""
    place.tick_params(labelsize=TICKS, length=2, width=0.5)
    for spine in place.spines.values():
        spine.set(linewidth=0.5, color=EDGE)
