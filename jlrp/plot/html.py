"""Relevance as a piece of HTML that needs no other file, for notebooks."""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import colour_map, colours
from jlrp.plot.encoding import indexed_png
from jlrp.plot.maps import Pooling, as_maps, limit
from jlrp.plot.sheet import number, scale_note

LEVELS = 255  # colours of an indexed PNG; an odd number, so that zero has its own
SIDE, LARGEST = 144, 320  # of a picture: shown, and at most inlined, in pixels


def explanation_html(
    relevance: ArrayLike | tuple[ArrayLike, ...],
    target: ArrayLike,
    *,
    labels: Sequence[str] = (),
    most: int = 8,
    percentile: float = 99.5,
    cmap: str = "bwr",
    pooling: Pooling = "sum",
) -> str:
    """Heatmaps of the first images with their classes, each a PNG inside the text; for `Explanation._repr_html_`.

    relevance: as `Explanation` has it: (N, H, W, C), or (N, C, H, W) where C is 1 or 3 and W is not; with further axes
        in front, (classes, N, H, W, C). Of several inputs the first that is an image. Without any, its shape is told.
    target: (N,), or (classes, N): the classes explained. labels: their names.
    most: how many heatmaps; how many more there are is told. percentile, cmap, pooling: as for `heatmap`; each map has
        its own limit, which is told.

    >>> page = explanation_html(np.ones((3, 4, 4, 1)), [7, 7, 2], most=2)
    >>> page.count("data:image/png;base64,"), "class 7" in page, "and 1 more" in page
    (2, True, True)
    """
    inputs = relevance if isinstance(relevance, tuple) else (relevance,)
    arrays = [np.asarray(each) for each in inputs]
    images = next((each for each in map(_channels_last, arrays) if each is not None), None)
    if images is None:
        shapes = ", ".join(str(each.shape) for each in arrays)
        return f"<p>Relevance of shape {shapes}, which is no picture.</p>"
    images, classes = images.reshape(-1, *images.shape[-3:]), np.ravel(np.asarray(target))
    shown = [
        _figure(images[index], _class(classes, index, len(images), labels), percentile, cmap, pooling)
        for index in range(min(most, len(images)))
    ]
    rest = len(images) - len(shown)
    more = f"<div style='align-self:center'>and {rest} more</div>" if rest else ""
    row = f"<div style='display:flex;flex-wrap:wrap;gap:12px'>{''.join(shown)}{more}</div>"
    return f"<div>{row}{_legend(percentile, cmap)}</div>"


def _channels_last(values: NDArray[np.generic]) -> NDArray[np.generic] | None:
    """Relevance of images as (…, H, W, C); `None` for what is none."""
    if values.ndim < 4 or 0 in values.shape:
        return None
    if values.shape[-3] in (1, 3) and values.shape[-1] not in (1, 3):
        return np.moveaxis(values, -3, -1)
    return values


def _class(classes: NDArray[np.generic], index: int, images: int, labels: Sequence[str]) -> str:
    """The class of an image; nothing where the target is no class per image but a start relevance."""
    if classes.dtype.kind not in "iu" or not len(classes) or images % len(classes):
        return ""
    number_of_class = int(classes[index % len(classes)])
    return f"{labels[number_of_class]} (class {number_of_class})" if len(labels) else f"class {number_of_class}"


def _figure(relevance: NDArray[np.generic], name: str, percentile: float, cmap: str, pooling: Pooling) -> str:
    finite = np.isfinite(np.asarray(relevance, np.float64)).all()
    if not finite:
        return f"<figure style='margin:0;width:{SIDE}px'>not finite<figcaption>{escape(name)}</figcaption></figure>"
    values = _reduced(as_maps(relevance, pooling)[0])
    full = limit(values, percentile)
    content = base64.b64encode(_picture(values, full, cmap)).decode()
    size = f"± {number(full)}" if colour_map(cmap).signed else f"to {number(full)}"
    what = f"relevance for {name or 'the target'}, {number(values.min())} to {number(values.max())}"
    style = f"width:{SIDE}px;image-rendering:pixelated;display:block;border:1px solid #808080"
    return (
        f"<figure style='margin:0;width:{SIDE}px'>"
        f"<img src='data:image/png;base64,{content}' alt='{escape(what, quote=True)}' style='{style}'>"
        f"<figcaption style='font-size:small'>{escape(name)}<br>{size}</figcaption></figure>"
    )


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
