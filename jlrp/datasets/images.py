"""Images from files, brought to what a model takes."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

import ir
from jlrp.datasets.errors import DataError
from jlrp.datasets.files import output_names, require_file
from jlrp.datasets.frame import Frame, frame_of
from jlrp.text import printable_path

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""What counts as an image in a folder. A file named on its own may be called anything."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What pillow may read, whatever a file's name is: some of its other formats start programs."""

OWN_SUFFIXES = (".heatmap.png", ".overlay.png")
"""What `jlrp explain` writes, and does not read again from a folder."""

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""Files and folders, or one of them."""


@dataclass(frozen=True)
class Images:
    """Images from files, as a model takes them.

    Attributes:
        images: What the model takes, in its own scale: (N, H, W, C), or (N, C, H, W) if that is the
            model's layout.
        pixels: The same images with values 0…255, (N, H, W, C), red first: what is drawn.
        paths: Their files.
        names: A name for each, no two alike: the file's name without its ending, and more if that
            is not enough.
        left_out: The files that could not be read, each with a sentence that says why.
        frame: The size, channels, layout and scale.

    Example:
        >>> import ir, jlrp
        >>> model = ir.load("jlrp/data/digits_resnet.h5")
        >>> isinstance(jlrp.datasets.load_images(model, "jlrp/data/digits"), jlrp.datasets.Images)
        True
    """

    images: NDArray[np.float32]
    pixels: NDArray[np.uint8]
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    frame: Frame
    left_out: dict[Path, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)


def load_images(model: ir.Model | Frame, paths: Paths, **options: Any) -> Images:
    """Read images from files as a model takes them.

    The EXIF orientation turns an image. An animation gives its first frame. Transparent parts
    become white, and 16-bit grey becomes 8-bit grey. The image is stretched to the model's size, as
    Keras's `load_img` does.

    A file that cannot be read is left out with a warning. `left_out` has the reason.

    Args:
        model: The model, or a `jlrp.datasets.Frame`.
        paths: A file, a folder, or a list of both. A folder gives the image files right in it,
            sorted by name.
        options: `size`, `preprocess` and `resize`, as for `jlrp.datasets.frame_of`.

    Returns:
        The images that could be read.

    Raises:
        DataError: There is no image, none could be read, or the model takes no images.
        ModuleNotFoundError: pillow is not installed.

    Example:
        >>> import ir, jlrp
        >>> model = ir.load("jlrp/data/digits_resnet.h5")
        >>> photos = jlrp.datasets.load_images(model, ["jlrp/data/digits/digit_3_a.png"])
        >>> photos.images.shape, float(photos.images.max()), photos.names, photos.left_out
        ((1, 32, 32, 1), 1.0, ('digit_3_a',), {})
    """
    files = find_images(paths)
    (found,) = read_batches(_frame(model, options), files, len(files))
    _warn(found.left_out)
    if not len(found):
        raise DataError(_none_left(found.left_out))
    return found


def image_batches(
    model: ir.Model | Frame, paths: Paths, batch_size: int = 8, **options: Any
) -> Iterator[Images]:
    """Read images from files in batches, for folders that do not fit into memory.

    Args:
        model: As for `jlrp.datasets.load_images`.
        paths: As for `jlrp.datasets.load_images`.
        batch_size: How many images a batch has; the last one may have fewer.
        options: As for `jlrp.datasets.load_images`.

    Returns:
        An iterator over batches, each as from `jlrp.datasets.load_images`. No two images of the
        whole have one name.

    Raises:
        DataError: As for `jlrp.datasets.load_images`; at the end if no image could be read.

    Example:
        >>> import ir, jlrp
        >>> model = ir.load("jlrp/data/digits_resnet.h5")
        >>> batches = jlrp.datasets.image_batches(model, "jlrp/data/digits", batch_size=4)
        >>> [len(batch) for batch in batches]
        [4, 4, 4]
    """
    if batch_size < 1:
        raise DataError(f"A batch has 1 image or more, not batch_size={batch_size}.")
    return _warned(read_batches(_frame(model, options), find_images(paths), batch_size))


def find_images(paths: Paths, say: Callable[[str], object] = warnings.warn) -> list[Path]:
    """List the image files that `paths` mean, each once; a folder means those in it, sorted.

    Args:
        paths: Files and folders.
        say: Takes a sentence for each file that is another one under a further name, as a link is.

    Raises:
        DataError: There is no image.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found: dict[Path, Path] = {}
    for path in map(Path, given):
        for file in sorted(filter(_is_image, path.iterdir())) if path.is_dir() else [path]:
            first = found.setdefault(Path(os.path.realpath(file)), file)
            if first != file:
                link, name = printable_path(file), printable_path(first)
                say(f"{link} is the same file as {name}, which is taken once.")
    if not found:
        places = ", ".join(printable_path(path) for path in map(Path, given))
        raise DataError(f"No image in {places} ({' '.join(sorted(SUFFIXES))}).")
    return list(found.values())


def read_batches(frame: Frame, paths: Sequence[Path], size: int) -> Iterator[Images]:
    """Read files in batches of `size`; a batch has fewer images if some cannot be read."""
    names = dict(zip(paths, output_names(paths), strict=True))
    for begin in range(0, len(paths), size):
        pixels: dict[Path, NDArray[np.uint8]] = {}
        left_out: dict[Path, str] = {}
        for path in paths[begin : begin + size]:
            try:
                pixels[path] = read_image(path, frame)
            except DataError as error:
                left_out[path] = str(error)
        yield _batch(frame, pixels, {path: names[path] for path in pixels}, left_out)


def read_image(path: Path, frame: Frame) -> NDArray[np.uint8]:
    """Read an image as (height, width, channels) of `frame`, values 0…255."""
    require_file(path)
    try:
        with Image.open(path, formats=FORMATS) as file, silence():
            ImageOps.exif_transpose(file, in_place=True)
            image = _plain(file, "L" if frame.channels == 1 else "RGB")
            image = image.resize(
                (frame.width, frame.height), Image.Resampling[frame.resize.upper()]
            )
    except Exception as error:  # pillow's decoders raise whatever a broken file leads them into
        raise DataError(f"{printable_path(path)} cannot be read: {_reason(error)}") from None
    return np.asarray(image, np.uint8).reshape(frame.height, frame.width, frame.channels)


def read_mask(path: Path, shape: tuple[int, int], what: str = "") -> NDArray[np.bool_]:
    """Read which pixels of an image are brighter than half, at a size; `what` begins a sentence."""
    require_file(path, what)
    subject = f"{what} {printable_path(path)}".lstrip()
    try:
        with Image.open(path, formats=FORMATS) as file, silence():
            grey = file.convert("L").resize(shape[::-1], Image.Resampling.NEAREST)
    except Exception as error:  # as above
        detail = (
            error.strerror
            if isinstance(error, OSError) and error.strerror
            else "it is no image of a known format"
        )
        raise DataError(f"{subject} cannot be read: {detail}.") from None
    mask = np.asarray(grey) > 127
    if not mask.any():
        raise DataError(f"{subject} is dark everywhere: its bright pixels are the region.")
    return mask


@contextmanager
def silence() -> Iterator[None]:
    """Drop what C libraries, such as libtiff, print about a broken file on standard error."""
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


def _frame(model: ir.Model | Frame, options: dict[str, Any]) -> Frame:
    if not isinstance(model, Frame):
        return frame_of(model, **options)
    if options:
        raise DataError(
            f"A frame has its {', '.join(options)} already: leave it out, or give the model."
        )
    return model


def _batch(
    frame: Frame,
    pixels: dict[Path, NDArray[np.uint8]],
    names: dict[Path, str],
    left_out: dict[Path, str],
) -> Images:
    empty = np.empty((0, frame.height, frame.width, frame.channels), np.uint8)
    stacked = np.stack(list(pixels.values())) if pixels else empty
    return Images(
        frame.prepare(stacked), stacked, tuple(pixels), tuple(names.values()), frame, left_out
    )


def _warned(batches: Iterator[Images]) -> Iterator[Images]:
    """Yield the batches that have images, and warn of each file that is left out."""
    some, left_out = False, dict[Path, str]()
    for batch in batches:
        _warn(batch.left_out)
        left_out |= batch.left_out
        if len(batch):
            some = True
            yield batch
    if not some:
        raise DataError(_none_left(left_out))


def _warn(left_out: dict[Path, str]) -> None:
    for sentence in left_out.values():
        warnings.warn(f"An image is left out: {sentence}", stacklevel=3)


def _none_left(left_out: dict[Path, str]) -> str:
    """Return what to say if no image can be read."""
    first = next(iter(left_out.values()))
    return (
        first
        if len(left_out) == 1
        else f"None of {len(left_out)} images can be read; the first: {first}"
    )


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """Remove transparency and bring an image to 8-bit `mode`."""
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels are of pillow's mode {image.mode}, whose range is not known")
    if image.mode.startswith("I;16"):
        return Image.fromarray(
            (np.asarray(image, np.float64) / 257).round().astype(np.uint8)
        ).convert(mode)
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
    named_so = (
        path.suffix.lower() in SUFFIXES
        and not name.startswith(".")
        and not name.endswith(OWN_SUFFIXES)
    )
    return named_so and path.is_file()
