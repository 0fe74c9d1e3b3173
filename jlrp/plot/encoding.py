"""Pictures as the contents of files."""

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from ir.formats.writing import replacing
from jlrp.plot.colour import Pixels
from jlrp.text import printable

VECTOR: dict[str, dict[str, Any]] = {
    ".svg": {"metadata": {"Date": None, "Creator": "jlrp"}},
    ".pdf": {"metadata": {"CreationDate": None, "Creator": "jlrp", "Producer": None}},
}
BITMAP: dict[str, dict[str, Any]] = {
    ".png": {"metadata": {"Software": None}},
    ".jpg": {"pil_kwargs": {"quality": 95, "subsampling": 0}},
    ".jpeg": {"pil_kwargs": {"quality": 95, "subsampling": 0}},
    ".tif": {"pil_kwargs": {"compression": "tiff_lzw"}},
    ".tiff": {"pil_kwargs": {"compression": "tiff_lzw"}},
    ".webp": {"pil_kwargs": {"lossless": True}},
}
SUFFIXES = (*BITMAP, *VECTOR)
"""The endings of file names that say what `encoded` makes."""

TEXT_AS_TEXT: Any = {"svg.fonttype": "none", "svg.hashsalt": "jlrp", "pdf.fonttype": 42}


def encoded(figure: Figure, suffix: str) -> bytes:
    """The figure as the contents of a file of this ending, the same for the same figure.

    suffix: one of `SUFFIXES`, in any case. In `.svg` and `.pdf` text stays text and lines stay lines, and each map is
        an image of its own pixels; the others are bitmaps. `ValueError` for another ending.

    Letters that the font does not have are drawn as boxes (in `.svg`, whatever shows the file finds them elsewhere).

    >>> from jlrp.plot import heatmap
    >>> encoded(heatmap([[1.0, -1.0]], axes=("row", "column")), ".pdf")[:5]
    b'%PDF-'
    """
    options = (BITMAP | VECTOR).get(suffix.lower())
    if options is None:
        raise ValueError(
            f'A picture\'s file name ends in {", ".join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, not "{suffix}".'
        )
    for text in figure.findobj(Text):
        lines = "\n".join(map(printable, text.get_text().split("\n")))
        if lines != text.get_text():  # what is no letter is no XML either
            text.set_text(lines)
    buffer = BytesIO()
    with warnings.catch_warnings(), rc_context(TEXT_AS_TEXT):
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format=suffix.lower().lstrip("."), dpi="figure", **options)
    return buffer.getvalue()


def save(figure: Figure, path: str | Path) -> None:
    """Write the figure to a file in one step, as the ending of its name says; see `encoded`.

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

    >>> png(np.zeros((2, 2, 3), np.uint8))[1:4]
    b'PNG'
    """
    if isinstance(picture, Figure):
        return encoded(picture, ".png")
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def indexed_png(position: NDArray[np.uint8], palette: Pixels) -> bytes:
    """A PNG of one byte a pixel: (H, W) positions in a palette of at most 256 colours (colours, 3).

    >>> len(indexed_png(np.zeros((2, 2), np.uint8), np.zeros((1, 3), np.uint8))) < 100
    True
    """
    image = Image.fromarray(position, "L")
    image.putpalette(palette.tobytes())
    buffer = BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
