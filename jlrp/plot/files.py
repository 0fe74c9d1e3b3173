"""Pictures as the contents of files, and relevance as a piece of HTML that needs no other file."""

import base64
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from ir.formats.writing import replacing
from jlrp.plot.colour import ColourMap, Pixels, colour_map, colours
from jlrp.plot.maps import Pooling, channel_sum, limit, pooled
from jlrp.plot.parts import Axes, Part, as_explanation, described, parts
from jlrp.plot.sheet import WHERE, Look, blank, number
from jlrp.plot.signals import DPI, TEXT, bars, draw_curve, evenly
from jlrp.propagation.explanation import Explanation

_JPEG: Any = {"pil_kwargs": {"quality": 95, "subsampling": 0}}
_TIFF: Any = {"pil_kwargs": {"compression": "tiff_lzw"}}
OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {"metadata": {"Software": None}},
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": {"pil_kwargs": {"lossless": True}},
    ".svg": {"metadata": {"Date": None, "Creator": "jlrp"}},
    ".pdf": {"metadata": {"CreationDate": None, "Creator": "jlrp", "Producer": None}},
}
SUFFIXES = tuple(OPTIONS)
"""The endings of file names that say what `encoded` makes."""

TEXT_AS_TEXT: Any = {"svg.fonttype": "none", "svg.hashsalt": "jlrp", "pdf.fonttype": 42}
LEVELS = 255  # colours of a map in a page; an odd number, so that zero has its own
SIDE, LARGEST = 144, 320  # of a map in a page: its width, and its most pixels in the file
SLICES, FEATURES, STEPS = 6, 10, 320  # the most of a volume, a table and a series in a page
CURVE = (3.2, 1.6)  # the size of a series' curve in a page, in inches


def encoded(figure: Figure, suffix: str) -> bytes:
    """The figure as the contents of a file, the same for the same figure.

    In `.svg` and `.pdf` text stays text and lines stay lines, and each map is an image of its own
    pixels; the others are bitmaps, which have boxes for the letters that the font lacks.

    Args:
        figure: The figure.
        suffix: The ending of the file's name: one of `SUFFIXES`, in any case.

    Returns:
        The contents.

    Raises:
        ValueError: The ending is another one.

    Example:
        >>> from jlrp.plot import heatmap
        >>> encoded(heatmap([[1.0, -1.0]], axes=("row", "column")), ".pdf")[:5]
        b'%PDF-'
    """
    kind = suffix.lower()
    if kind not in OPTIONS:
        endings = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise ValueError(f'A picture\'s file name ends in {endings}, not "{suffix}".')
    buffer = BytesIO()
    with warnings.catch_warnings(), rc_context(TEXT_AS_TEXT):
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format=kind[1:], dpi="figure", **OPTIONS[kind])
    return buffer.getvalue()


def save(figure: Figure, path: str | Path) -> None:
    """Write the figure to a file in one step, as the ending of its name says; see `encoded`.

    Raises:
        ValueError: The ending is not one of `SUFFIXES`.

    Example:
        >>> import tempfile
        >>> from jlrp.plot import heatmap
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(heatmap([[1.0, -1.0]], axes=("row", "column")), Path(folder) / "map.svg")
        ...     (Path(folder) / "map.svg").read_text()[:5]
        '<?xml'
    """
    content = encoded(figure, Path(path).suffix)
    with replacing(Path(path)) as file:
        file.write(content)


def png(picture: Figure | Pixels) -> bytes:
    """The picture as the bytes of a PNG file, the same for the same picture.

    Example:
        >>> png(np.zeros((2, 2, 3), np.uint8))[1:4]
        b'PNG'
    """
    if isinstance(picture, Figure):
        return encoded(picture, ".png")
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


# --- HTML


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

    Images are small PNGs, volumes slices of them, series and tables SVGs, all inside the text. What
    shows nothing has a sentence under it that says so. Each of several inputs has its position.

    Args:
        values: An explanation, or an array as `heatmap` takes it.
        target: Of an array: the explained classes, (N,), or (classes, N) where the axis `"class"`
            comes first.
        labels: Of an array: the classes' names.
        axes: The names of an array's axes, such as
            `("class", "image", "row", "column", "channel")`.
        most: How many pictures; a line says how many more images there are.
        percentile: As for `heatmap`; each image or volume has its own limit, in its caption.
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
    result, look = as_explanation(values, axes, target, labels), Look(colour_map(cmap), percentile)
    every = parts(result)
    if not any(every):
        return f"<p>{escape(described(result).capitalize())}: there is no picture of it.</p>"
    draw = partial(_figures, look=look, pooling=pooling)
    text = ""
    for position, part in enumerate(every):
        name = f"<div>input {position}</div>" if len(every) > 1 else ""
        row = "<p>There is no picture of it.</p>" if part is None else _row(part, most, draw)
        text += name + row
    maps = any(part is not None and part.kind in ("image", "volume") for part in every)
    return f"<div>{text}{_legend(look) if maps else ''}</div>"


def _row(part: Part, most: int, draw: Callable[[Part], Iterator[str]]) -> str:
    """The first items of one input, in a row that wraps."""
    if part.kind == "volume":
        most = -(-most // len(evenly(part.values.shape[1], SLICES)))
    rest = len(part.values) - most
    figures = "".join("".join(draw(part.item(k))) for k in range(min(most, len(part.values))))
    more = f"<div style='align-self:center'>and {rest} more</div>" if rest > 0 else ""
    return f"<div style='display:flex;flex-wrap:wrap;gap:12px'>{figures}{more}</div>"


def _figures(item: Part, look: Look, pooling: Pooling) -> Iterator[str]:
    """The figures of one item, of a volume one for each slice."""
    (note,), (title,) = item.noted(), item.titles
    what = "relevance for " + (title.replace("\n", ", ") or "the target")
    if item.kind == "series":
        (line,) = channel_sum(item.numbers())
        every = -(-len(line) // STEPS)  # steps in a mean; the last means may be of fewer
        begins = np.arange(0, len(line), every)
        means = np.add.reduceat(line, begins) / np.diff([*begins, len(line)])
        figure = blank(*CURVE, DPI, "constrained")
        place = figure.subplots()
        draw_curve(place, begins + (every - 1) / 2, means[:, None])
        place.set_xlabel("step", fontsize=TEXT)
        yield _framed(_drawing(figure, what), title, "", note)
    elif item.kind == "table":
        untitled: Any = replace(item, titles=[""])
        figure = bars(untitled, most=FEATURES, notes=[""])
        yield _framed(_drawing(figure, what), title, "", note)
    else:
        (values,) = pooled(item.numbers(), pooling)
        shown = evenly(len(values), SLICES) if item.kind == "volume" else []
        maps = [_reduced(each) for each in (values[shown] if shown else [values])]
        full = limit(np.stack(maps), look.percentile)
        size = f"{'±' if look.cmap.signed else 'to'} {number(full)}" if values.any() else ""
        for index, each in enumerate(maps):
            lines = [title, f"slice {shown[index]}" if shown else ""]
            caption = "\n".join(line for line in lines if line)
            yield _framed(_map(each, full, look.cmap, what), caption, size, note)


def _framed(picture: str, title: str, size: str, note: str) -> str:
    """A picture over its title, the size of its limit and its note."""
    lines = [escape(title).replace("\n", "<br>"), size, f"<i>{escape(note)}</i>" if note else ""]
    caption = "<br>".join(line for line in lines if line)
    width = f";width:{SIDE}px" if picture.startswith("<img") else ""
    caption = f"<figcaption style='font-size:small'>{caption}</figcaption>"
    return f"<figure style='margin:0{width}'>{picture}{caption}</figure>"


def _map(values: NDArray[np.float64], full: float, cmap: ColourMap, what: str) -> str:
    """A map as a PNG of one byte a pixel, in the nearest of `LEVELS` colours."""
    positions = np.rint(cmap.positions(values, full) * (LEVELS - 1)).astype(np.uint8)
    image, buffer = Image.fromarray(positions), BytesIO()
    image.putpalette(_palette(cmap, LEVELS).tobytes())
    image.save(buffer, format="PNG", optimize=True)
    content = base64.b64encode(buffer.getvalue()).decode()
    said = escape(f"{what}, {number(values.min())} to {number(values.max())}", quote=True)
    style = f"width:{SIDE}px;image-rendering:pixelated;display:block;border:1px solid #808080"
    return f"<img src='data:image/png;base64,{content}' alt='{said}' style='{style}'>"


def _drawing(figure: Figure, what: str) -> str:
    """A figure as SVG that leaves the rest of the page alone."""
    text = encoded(figure, ".svg").decode()
    unwanted = r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>"
    text = re.sub(unwanted, "", text, flags=re.DOTALL)
    style = "stroke-linejoin:round;stroke-linecap:butt"
    start = f"<svg role='img' aria-label='{escape(what, quote=True)}' style='{style}' "
    return text[text.index("<svg") :].replace("<svg ", start, 1)


def _reduced(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A large map as means of blocks, so that no side is above `LARGEST`."""
    times = -(-max(values.shape) // LARGEST)
    if times == 1:
        return values
    largest = limit(values)
    shares = Image.fromarray((values / largest).astype(np.float32)).reduce(times)
    return largest * np.asarray(shares, np.float64)


def _palette(cmap: ColourMap, levels: int) -> Pixels:
    return colours(np.linspace(-1 if cmap.signed else 0, 1, levels), 1.0, cmap.name)


def _legend(look: Look) -> str:
    stops = ",".join("#" + bytes(colour).hex() for colour in _palette(look.cmap, 9))
    low = "−limit" if look.cmap.signed else "0"
    size = "width:96px;height:10px;border:1px solid #808080"
    bar = f"<span style='background:linear-gradient(90deg,{stops});{size}'></span>"
    note = f"<span style='margin-left:12px'>{escape(look.note(WHERE['image']))}</span>"
    style = "display:flex;gap:6px;align-items:center;font-size:small;margin-top:6px"
    return f"<div style='{style}'>{low}{bar}limit{note}</div>"
