"""Relevance as a piece of HTML that needs no other file, for notebooks."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import colour_map, colours
from jlrp.plot.encoding import encoded, indexed_png
from jlrp.plot.maps import Pooling, limit
from jlrp.plot.parts import Axes, Part, as_explanation, described, parts
from jlrp.plot.sheet import number, scale_note
from jlrp.plot.signals import draw_bars, draw_curves
from jlrp.plot.volumes import evenly
from jlrp.propagation.explanation import Explanation

LEVELS = 255  # colours of an indexed PNG; an odd number, so that zero has its own
SIDE, LARGEST = 144, 320  # of a picture: shown, and at most inlined, in pixels
SLICES, FEATURES, STEPS = 6, 10, 320  # shown at most, of a volume, a table and a series
CURVE = (3.2, 1.3)  # the size of a series' curve, in inches


def explanation_html(
    values: ArrayLike | Explanation,
    target: ArrayLike = (),
    *,
    labels: Sequence[str] = (),
    axes: Axes | None = None,
    most: int = 8,
    percentile: float = 99.5,
    cmap: str = "bwr",
    pooling: Pooling = "sum",
) -> str:
    """An explanation's first images with their classes; for `Explanation._repr_html_`.

    Images are small PNGs, volumes slices of them, series and tables SVGs, all inside the text. What shows nothing has
    a sentence under it that says so. Of several inputs each that there is a picture of follows, by its position.

    Args:
        values: An explanation, or an array as `heatmap` takes it.
        target: Of an array the classes explained, (N,), or (classes, N) where the axis `"class"` comes first.
        labels: Of an array the classes' names.
        axes: The names of an array's axes, such as `("class", "image", "row", "column", "channel")`.
        most: How many pictures; how many more images there are is told.
        percentile: As for `heatmap`; each image or volume has its own limit, which is told.
        cmap: A name in `COLOUR_MAPS`.
        pooling: As for `heatmap`.

    Returns:
        HTML.

    Raises:
        ValueError: The axes of an array are unclear.

    Example:
        >>> page = explanation_html(np.ones((3, 4, 4, 1)), [7, 7, 2], most=2)
        >>> page.count("data:image/png;base64,"), "class 7" in page, "and 1 more" in page
        (2, True, True)
    """
    result = values if isinstance(values, Explanation) else as_explanation(values, axes, target, labels)
    found, look = parts(result), _Look(percentile, cmap, pooling)
    if not any(found):
        return f"<p>{escape(described(result).capitalize())}: there is no picture of it.</p>"
    several = [f"<div>input {position}</div>" if len(found) > 1 else "" for position in range(len(found))]
    shown = "".join(
        name + (_part(part, most, look) if part is not None else "<p>There is no picture of it.</p>")
        for name, part in zip(several, found, strict=True)
    )
    mapped = any(part is not None and part.kind in ("image", "volume") for part in found)
    return f"<div>{shown}{_legend(percentile, cmap) if mapped else ''}</div>"


@dataclass(frozen=True)
class _Look:
    """How maps are drawn; see `explanation_html`."""

    percentile: float
    cmap: str
    pooling: Pooling


def _part(part: Part, most: int, look: _Look) -> str:
    """The first items of one input, in a row that wraps."""
    if part.kind == "volume":
        most = -(-most // len(evenly(part.values.shape[1], SLICES)))
    count = min(most, len(part.values))
    shown = "".join(figure for index in range(count) for figure in _figures(part.first(1, index), look))
    rest = len(part.values) - count
    more = f"<div style='align-self:center'>and {rest} more</div>" if rest else ""
    return f"<div style='display:flex;flex-wrap:wrap;gap:12px'>{shown}{more}</div>"


def _figures(part: Part, look: _Look) -> Iterator[str]:
    """The figures of one item, of a volume one for each slice."""
    (note,), (title,), what = part.notes(), part.titles, part.titles[0].replace("\n", ", ") or "the target"
    if part.kind == "series":
        every = -(-part.values.shape[1] // STEPS)
        figure = draw_curves(_shortened(part, every), [None], [""], [""], size=CURVE, every=every)
        yield _framed(_drawing(figure, what), title, "", note)
    elif part.kind == "table":
        yield _framed(_drawing(draw_bars(part, (), [None], [""], [""], FEATURES), what), title, "", note)
    else:
        (values,) = part.pooled(look.pooling)
        shown = evenly(len(values), SLICES) if part.kind == "volume" else []
        maps = [_reduced(each) for each in (values[shown] if shown else [values])]
        full = limit(np.stack(maps), look.percentile)
        size = f"± {number(full)}" if colour_map(look.cmap).signed else f"to {number(full)}"
        for position, each in enumerate(maps):
            lines = [title, f"slice {shown[position]}" if shown else ""]
            name = "\n".join(line for line in lines if line)
            yield _framed(_map(each, full, look.cmap, what), name, size if values.any() else "", note)


def _framed(picture: str, title: str, size: str, note: str) -> str:
    """A picture over its title, the size of its limit and its note."""
    lines = [escape(title).replace("\n", "<br>"), size, f"<i>{escape(note)}</i>" if note else ""]
    caption = f"<figcaption style='font-size:small'>{'<br>'.join(line for line in lines if line)}</figcaption>"
    width = f";width:{SIDE}px" if picture.startswith("<img") else ""
    return f"<figure style='margin:0{width}'>{picture}{caption}</figure>"


def _map(values: NDArray[np.float64], full: float, cmap: str, what: str) -> str:
    content = base64.b64encode(_picture(values, full, cmap)).decode()
    said = escape(f"relevance for {what}, {number(values.min())} to {number(values.max())}", quote=True)
    style = f"width:{SIDE}px;image-rendering:pixelated;display:block;border:1px solid #808080"
    return f"<img src='data:image/png;base64,{content}' alt='{said}' style='{style}'>"


def _drawing(figure: Figure, what: str) -> str:
    """A figure as SVG that leaves the rest of the page alone."""
    text = encoded(figure, ".svg").decode()
    text = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    said = escape(f"relevance for {what}", quote=True)
    style = "stroke-linejoin:round;stroke-linecap:butt"
    return text[text.index("<svg") :].replace("<svg ", f"<svg role='img' aria-label='{said}' style='{style}' ", 1)


def _shortened(part: Part, every: int) -> Part:
    """Series as means of so many steps each; what fills no such mean is left out."""
    values = part.numbers()[:, : part.values.shape[1] // every * every]
    return replace(part, values=values.reshape(len(values), -1, every, values.shape[-1]).mean(2))


def _picture(values: NDArray[np.float64], full: float, cmap: str) -> bytes:
    """In the map's colours, to the nearest of `LEVELS`."""
    share = np.clip(values / full, -1, 1)
    signed = colour_map(cmap).signed
    position = (share + 1) / 2 if signed else np.abs(share)
    palette = colours(np.linspace(-1 if signed else 0, 1, LEVELS), 1.0, cmap)
    return indexed_png(np.rint(position * (LEVELS - 1)).astype(np.uint8), palette)


def _reduced(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A large map as means of blocks, so that no side is above `LARGEST`; what fills no block is left out."""
    times = -(-max(values.shape) // LARGEST)
    height, width = (max(1, side // times) for side in values.shape)
    if times == 1 or min(values.shape) < times:
        return values
    blocks = values[: height * times, : width * times].reshape(height, times, width, times)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _legend(percentile: float, cmap: str) -> str:
    chosen = colour_map(cmap)
    ends = np.linspace(-1 if chosen.signed else 0, 1, 9)
    stops = ",".join("#" + bytes(colour).hex() for colour in colours(ends, 1.0, cmap))
    low, high = ("−limit", "limit") if chosen.signed else ("0", "limit")
    bar = f"background:linear-gradient(90deg,{stops});width:96px;height:10px;border:1px solid #808080"
    note = scale_note(chosen, percentile, "of each map, given under it")
    return (
        "<div style='display:flex;gap:6px;align-items:center;font-size:small;margin-top:6px'>"
        f"{low}<span style='{bar}'></span>{high}<span style='margin-left:12px'>{escape(note)}</span></div>"
    )
