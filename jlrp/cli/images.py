"""Images from files: find them, read them, and bring them to the size and channels that a model takes."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

import ir
from ir.analysis.layout import layout_of
from ir.ops.base import show
from jlrp.cli.choices import Resize
from jlrp.cli.files import require_file
from jlrp.cli.program import InputError, shown

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""What counts as an image in a folder. A file named on its own may be called anything."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What pillow may read, whatever a file's name is: some of its other formats start programs."""

OWN_SUFFIXES = (".heatmap.png", ".overlay.png")
"""What `jlrp explain` writes, and does not read again from a folder."""


@dataclass(frozen=True)
class Frame:
    """What images a model takes: their height, width and channels, and where its arrays have the channels."""

    height: int
    width: int
    channels: int
    channels_first: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one image in the model's own layout."""
        size = (self.height, self.width)
        return (self.channels, *size) if self.channels_first else (*size, self.channels)

    @property
    def channel_axis(self) -> int:
        """The channels' axis in an image of the model's own layout."""
        return 0 if self.channels_first else 2

    def to_layout(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Channels-last images in the model's own layout."""
        return np.ascontiguousarray(np.moveaxis(images, -1, 1)) if self.channels_first else images


def frame_of(model: ir.Model, size: str | None = None) -> Frame:
    """The images that `model` takes; `size` (`"224"` or `"224x320"`, height first) where the model leaves it open."""
    if len(model.graph.inputs) != 1:
        raise InputError(
            f"The model has {len(model.graph.inputs)} inputs, and `jlrp explain` takes models of one image: "
            "call jlrp.explainer from Python."
        )
    shape = model.input_shapes[0]
    if len(shape) != 4:
        raise InputError(f"The model takes inputs of shape {show(shape)}, which are no images.")
    channels_first = layout_of(model.graph, model.graph.inputs[0], shape) == "channels_first"
    channels = shape[1] if channels_first else shape[3]
    if channels not in (1, 3):
        takes = channels or "any number of"
        raise InputError(f"The model takes images of {takes} channels, and only grey (1) and RGB (3) can be read.")
    height, width = _size(shape[2:] if channels_first else shape[1:3], size)
    return Frame(height, width, channels, channels_first)


def find(paths: Sequence[Path]) -> list[Path]:
    """The image files meant by `paths`, each once: files as given, of a folder the image files right in it, sorted."""
    found: dict[Path, Path] = {}
    for path in paths:
        for file in sorted(filter(_is_image, path.iterdir())) if path.is_dir() else [path]:
            found.setdefault(Path(os.path.realpath(file)), file)
    if not found:
        raise InputError(f"No image in {', '.join(shown(p) for p in paths)} ({' '.join(sorted(SUFFIXES))}).")
    return list(found.values())


def read(path: Path, frame: Frame, resize: Resize = Resize.bilinear) -> NDArray[np.uint8]:
    """The image of a file as (height, width, channels) of `frame`, values 0…255.

    Turned as its EXIF orientation says; of several frames the first; transparent parts on white; 16-bit grey brought to
    8 bits; stretched to the frame without keeping its proportions, as Keras's `load_img` does. Raises `InputError`.
    """
    require_file(path)
    try:
        with Image.open(path, formats=FORMATS) as file, silence():
            ImageOps.exif_transpose(file, in_place=True)
            image = _plain(file, "L" if frame.channels == 1 else "RGB")
            image = image.resize((frame.width, frame.height), Image.Resampling[resize.value.upper()])
    except InputError as error:
        raise InputError(f"{shown(path)} cannot be read: {error}") from None
    except Exception as error:  # pillow's decoders raise whatever a broken file leads them into
        raise InputError(f"{shown(path)} cannot be read: {_reason(error)}") from None
    return np.asarray(image, np.uint8).reshape(frame.height, frame.width, frame.channels)


@contextmanager
def silence() -> Iterator[None]:
    """Without what libraries in C, such as libtiff, print of a broken file on standard error themselves."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no such stream
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """Without transparency and in 8-bit `mode`."""
    if image.mode in ("I", "F"):
        raise InputError(f"its pixels are of pillow's mode {image.mode}, whose range is not known.")
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image, np.float64) / 257).round().astype(np.uint8)).convert(mode)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == mode else image.convert(mode)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    if isinstance(error, UnidentifiedImageError):
        return "it is no image of a known format."
    return f"{str(error).rstrip('.') or type(error).__name__}."


def _is_image(path: Path) -> bool:
    name = path.name.lower()
    named_so = path.suffix.lower() in SUFFIXES and not name.startswith(".") and not name.endswith(OWN_SUFFIXES)
    return named_so and path.is_file()


def _is_length(text: str) -> bool:
    return text.isdecimal() and len(text) < 6 and 0 < int(text) <= 65536


def _size(fixed: ir.Shape, wanted: str | None) -> tuple[int, int]:
    height, width = fixed
    if wanted is None:
        if height is None or width is None:
            raise InputError("The model takes images of any size: choose one, such as --size 224 or --size 224x320.")
        return height, width
    lengths = wanted.lower().split("x")
    if len(lengths) > 2 or not all(_is_length(length) for length in lengths):
        raise InputError(f'--size "{wanted}" is no size: give one such as 224 (a square) or 224x320 (height x width).')
    given = (int(lengths[0]), int(lengths[-1]))
    if any(a is not None and a != b for a, b in zip(fixed, given, strict=True)):
        takes = f"{height or 'any'} x {width or 'any'} pixels"
        raise InputError(f"--size {wanted} does not fit the model, which takes images of {takes}.")
    return given
