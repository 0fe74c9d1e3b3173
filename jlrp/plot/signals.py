"""Series as curves, tables as bars, volumes as slices, and an explanation as its axes say."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes as Place
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import NEGATIVE, POSITIVE, Pixels, colour_map
from jlrp.plot.images import heatmap
from jlrp.plot.maps import Pooling, Scaling, channel_sum, limit, pooled
from jlrp.plot.parts import CHANNEL, Axes, Kind, as_explanation, described, part_of, parts
from jlrp.plot.sheet import EDGE, Cell, Look, Table, blank, height_of, number, wrapped, write_note
from jlrp.propagation.explanation import Explanation

DPI = 150
TITLE, TEXT, TICKS = 9, 8, 7  # sizes of texts, in points
WIDTH, HEIGHT = 6.0, 1.5  # of one series' place, in inches
TABLE, BAR, ABREAST = 3.6, 0.17, 3  # a table's width, a bar's height, and tables in a row
MAX_NAME, MAX_LINES = 1.4, 4  # the width of a feature's name, and the lines of a title
MAX_NAMED = 10  # channels in a legend
FOR, AGAINST = np.divide(POSITIVE, 255), np.divide(NEGATIVE, 255)


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
        values: An explanation of series, or an array with named axes.
        signal: The series as the model got them; they lie in grey under their relevance.
        title: Above each series; for N series a sequence of N. By default the explained classes.
        axes: The names of an array's axes, such as `("image", "step", "channel")`.
        channels: Whether each channel has a line of its own, in place of their sum.
        notes: A note on each series; by default a sentence where the relevance shows nothing.

    Returns:
        The figure: a place for each series, each with a scale that is symmetric about zero.

    Raises:
        ValueError: The axes are unclear or not those of series, or an argument does not fit.

    Example:
        >>> relevance = np.sin(np.arange(20.0)).reshape(2, 10, 1)
        >>> figure = curves(relevance, title=["one", "two"], axes=("image", "step", "channel"))
        >>> [place.get_title() for place in figure.axes]
        ['one', 'two']
    """
    part = part_of(values, "series", axes)
    lines = part.numbers() if channels else channel_sum(part.numbers())[..., None]
    given = part.inputs(signal), part.titled(title), part.noted(notes)
    figure = blank(WIDTH, 0.3 + HEIGHT * len(lines), DPI, "constrained")
    places = figure.subplots(len(lines), sharex=True, squeeze=False)[:, 0]
    steps = np.arange(lines.shape[1])
    for place, series, inputs, text, note in zip(places, lines, *given, strict=True):
        draw_curve(place, steps, series)
        if inputs is not None:
            _draw_signal(place, steps, inputs)
        text = wrapped(text, 0.8 * WIDTH, TITLE, MAX_LINES)
        place.set_title(text, fontsize=TITLE, parse_math=False)
        write_note(place, note, TICKS, 0.8, y=0.8)
    places[-1].set_xlabel("step", fontsize=TEXT)
    if 1 < lines.shape[-1] <= MAX_NAMED:
        handles = places[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside right upper", fontsize=TICKS)
    return figure


def draw_curve(place: Place, steps: NDArray[Any], values: NDArray[np.float64]) -> None:
    """A line for each channel (steps, channels); a single one has the colours of its signs."""
    marker = "." if len(steps) == 1 else ""
    if values.shape[1] == 1:
        one = values[:, 0]
        style: Any = {"interpolate": True, "alpha": 0.6, "linewidth": 0.3}
        place.fill_between(steps, one, 0, where=one >= 0, color=FOR, **style)
        place.fill_between(steps, one, 0, where=one <= 0, color=AGAINST, **style)
        place.plot(steps, one, color="black", linewidth=min(0.6, 60 / len(steps)), marker=marker)
    else:
        names = [f"channel {channel}" for channel in range(values.shape[1])]
        place.plot(steps, values, linewidth=0.9, marker=marker, label=names)
    place.axhline(0, color="black", linewidth=0.6)
    place.set_ylabel("relevance R", fontsize=TEXT)
    place.set_ylim(_symmetric(values))
    whole = {"steps": [1, 2, 5, 10], "integer": True, "min_n_ticks": 1}
    place.xaxis.set_major_locator(MaxNLocator("auto", **whole))
    place.margins(x=0.01)
    _thin(place)


def _draw_signal(place: Place, steps: NDArray[Any], signal: NDArray[Any]) -> None:
    """What the model got, in grey under its relevance, with a scale at the right."""
    under = place.twinx()
    under.plot(steps, signal, color="#a0a0a0", linewidth=0.6, marker="." if len(steps) == 1 else "")
    under.set_ylabel("signal", fontsize=TEXT, color=EDGE)
    _thin(under)
    under.tick_params(colors=EDGE)
    under.set_zorder(-1)
    place.patch.set_visible(False)


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
    """Relevance of tables' features, the largest |R| first: red is positive, blue negative.

    Args:
        values: An explanation of tables, or an array with named axes.
        names: The features' names; by default their positions.
        title: Above each table; for N tables a sequence of N. By default the explained classes.
        axes: The names of an array's axes, such as `("image", "feature")`.
        most: How many features of each table the figure has.
        table: The tables as the model got them, (N, features). Each value follows its name.
        notes: A note on each table; by default a sentence where the relevance shows nothing.

    Returns:
        The figure: a place for each table, each with a scale that is symmetric about zero.

    Raises:
        ValueError: The axes are unclear or not those of tables, or an argument does not fit.

    Example:
        >>> figure = bars([[0.5, -2.0]], ["age", "height"], axes=("image", "feature"))
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['height', 'age']
    """
    part = part_of(values, "table", axes)
    rows, features = channel_sum(part.numbers()), part.values.shape[1]
    if most < 1:
        raise ValueError(f"most is how many features are shown, 1 or more, not {most}.")
    if len(names) not in (0, features):
        raise ValueError(f"There are {features} features and {len(names)} names: each has one.")
    names = names if len(names) else [f"feature {index}" for index in range(features)]
    titles = [wrapped(text, 0.6 * TABLE, TITLE, MAX_LINES) for text in part.titled(title)]
    across, shown = min(ABREAST, len(rows)), min(most, features)
    down = -(-len(rows) // across)
    height = 0.55 + height_of(titles, TITLE) + BAR * shown
    figure = blank(TABLE * across, height * down, DPI, "constrained")
    places = figure.subplots(down, across, squeeze=False).ravel()
    given = part.inputs(table), titles, part.noted(notes)
    for place, row, inputs, text, note in zip(places, rows, *given, strict=False):
        _draw_bars(place, row, names, inputs, shown)
        place.set_title(text, fontsize=TITLE, parse_math=False)
        write_note(place, note, TICKS, 0.7)
    for place in places[len(rows) :]:
        place.remove()
    return figure


def _draw_bars(
    place: Place,
    values: NDArray[np.float64],
    names: Sequence[str],
    table: NDArray[Any] | None,
    shown: int,
) -> None:
    """One table: a bar for each of its strongest features."""
    order = np.argsort(-np.abs(values), kind="stable")[:shown]
    words = [wrapped(names[k], MAX_NAME, TICKS, most=1) for k in order]
    if table is not None:
        words = [f"{word} = {number(table[k, 0], 3)}" for word, k in zip(words, order, strict=True)]
    colours = [FOR if value > 0 else AGAINST for value in values[order]]
    place.barh(range(shown), values[order], color=colours)
    place.set_yticks(range(shown), words, fontsize=TICKS, parse_math=False)
    place.set_ylim(shown - 0.4, -0.6)
    place.axvline(0, color="black", linewidth=0.6)
    place.set_xlim(_symmetric(values))
    _thin(place)
    place.tick_params(axis="y", length=0)
    place.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], symmetric=True))
    some = f" ({shown} of {len(values)} features)" if shown < len(values) else ""
    place.set_xlabel(f"relevance R{some}", fontsize=TEXT)


def _symmetric(values: NDArray[np.float64]) -> tuple[float, float]:
    """Limits of an axis of relevance, with a little room beyond the largest |R|."""
    full = 1.05 * limit(values)
    return -full, full


def _thin(place: Place) -> None:
    """Small numbers, and a thin frame."""
    place.tick_params(labelsize=TICKS, length=2, width=0.5)
    place.spines[:].set(linewidth=0.5, color=EDGE)


def slices(
    values: ArrayLike | Explanation,
    volume: ArrayLike | None = None,
    title: str | Sequence[str] = "",
    *,
    axes: Axes | None = None,
    count: int = 6,
    percentile: float = 100.0,
    cmap: str = "bwr",
    pooling: Pooling = "sum",
    scaling: Scaling = "all",
    notes: Sequence[str] | None = None,
) -> Figure:
    """Relevance of volumes as slices across their depth, a row for each volume.

    Args:
        values: An explanation of volumes, or an array with named axes.
        volume: The volumes as the model got them; they lie in grey under their relevance, each
            from its least to its greatest value.
        title: Left of each row; for N volumes a sequence of N. By default the explained classes.
        axes: The names of an array's axes: `("image", "depth", "row", "column", "channel")`.
        count: How many slices of each volume the figure has, evenly spaced.
        percentile: Full colour is for this percentile of |R| over the slices that share a scale.
        cmap: A name in `COLOUR_MAPS`.
        pooling: How a voxel's channels become one number, see `pooled`.
        scaling: Which slices share a scale: `"all"`, those of a volume (`"row"`), of a `"column"`,
            or none (`"image"`).
        notes: A note on each volume; by default a sentence where the relevance shows nothing.

    Returns:
        The figure.

    Raises:
        ValueError: The axes are unclear or not those of volumes, or an argument does not fit.

    Example:
        >>> names = ("image", "depth", "row", "column", "channel")
        >>> figure = slices(np.ones((2, 9, 4, 4, 1)), title=["one", "two"], axes=names, count=3)
        >>> [text.get_text() for text in figure.texts][:4]
        ['one', 'slice 1', 'slice 4', 'slice 7']
    """
    part = part_of(values, "volume", axes)
    shown = evenly(part.values.shape[1], count)
    given = part.inputs(volume), part.titled(title), part.noted(notes)
    rows = []
    for maps, inputs, label, note in zip(pooled(part.numbers(), pooling), *given, strict=True):
        under = [None] * len(maps) if inputs is None else _greys(inputs)
        notes = [note, *[""] * len(shown)]
        cells = [Cell(maps[k], f"slice {k}", notes[n], under[k]) for n, k in enumerate(shown)]
        rows.append((label, cells))
    look = Look(colour_map(cmap), percentile, scaling)
    return Table(rows, [("", "")] * len(shown), look).draw()


def evenly(depth: int, count: int) -> list[int]:
    """The middles of `count` parts of a depth, or all slices where there are no more.

    >>> evenly(9, 3), evenly(2, 6)
    ([1, 4, 7], [0, 1])
    """
    if count < 1:
        raise ValueError(f"count is how many slices are shown, 1 or more, not {count}.")
    count = min(depth, count)
    return [int((index + 0.5) * depth / count) for index in range(count)]


def _greys(volume: NDArray[Any]) -> Pixels:
    """A volume (depth, row, column, channel) as greys, channels averaged."""
    values = np.asarray(volume, np.float64).mean(-1)
    share = (values - values.min()) / (np.ptp(values) or 1.0)
    return np.rint(255 * share).astype(np.uint8)


DRAW: dict[Kind, tuple[Callable[..., Figure], str]] = {
    "image": (heatmap, "image"),
    "series": (curves, "signal"),
    "table": (bars, "table"),
    "volume": (slices, "volume"),
}
"""What draws each kind, and its argument for what the model got."""


def explanation(
    result: Explanation,
    images: ArrayLike | Sequence[ArrayLike] | None = None,
    *,
    position: int | None = None,
    **options: Any,
) -> Figure:
    """An explanation as its axes say.

    `heatmap` draws images, `curves` series, `bars` tables, and `slices` volumes.

    Args:
        result: The explanation.
        images: What lies under the relevance: pixels, as `heatmap` takes them, or the series,
            tables or volumes that the model got. Images without an axis for channels are
            (N, H, W). For a model with several inputs: a sequence, one for each.
        position: Which of several inputs; by default the only one that has a picture.
        options: For the function that draws, such as `title`, or `channels` of `curves`.

    Returns:
        The figure.

    Raises:
        ValueError: No input has a picture, or several have one and `position` is missing.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> result = jlrp.explainer(graph)({"fc": {"kernel": np.ones((2, 1))}}, np.ones((3, 2)))
        >>> [place.get_title() for place in explanation(result).axes]
        ['class 0', 'class 0', 'class 0']
    """
    if not isinstance(result, Explanation):
        kind = type(result).__name__
        raise TypeError(f"plot.explanation draws a jlrp.Explanation, not {kind}: see plot.heatmap.")
    every = parts(as_explanation(result, options.get("axes")))
    drawable = {index: part for index, part in enumerate(every) if part is not None}
    if position is None and len(drawable) == 1:
        (position,) = drawable
    if position is None or position not in drawable:
        positions = f"position is one of {', '.join(map(str, drawable))}"
        choices = positions if drawable else "no axes of a picture"
        raise ValueError(f"The explanation has {described(result)}: {choices}, not {position}.")
    part = drawable[position]
    if images is not None and isinstance(result.relevance, tuple):
        if not isinstance(images, list | tuple) or len(images) != len(every):
            allowed = "images are a sequence with one for each, or none"
            raise ValueError(f"The model has {len(every)} inputs: {allowed}.")
        images = images[position]
    if images is not None and part.kind == "image" and CHANNEL not in part.axes:
        images = np.asarray(images)[..., None]
    draw, under = DRAW[part.kind]
    return draw(part, **{under: images}, **options)
