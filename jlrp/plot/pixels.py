"""Pictures as arrays of pixels: relevance laid over an image, and small pictures enlarged."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import Pixels, colour_map, colours
from jlrp.plot.maps import Pooling, limit
from jlrp.plot.parts import as_maps, image_axes

GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as pillow's convert("L")
NEGATIVE, POSITIVE = (tuple(map(int, end)) for end in colours([-1.0, 1.0], 1.0))


def as_pixels(image: ArrayLike) -> Pixels:
    """An image as pixels 0…255: (H, W) or (H, W, 1) in grey → (H, W); (H, W, 3) → itself.

    Taken are whole numbers from 0 to 255 and floats from 0 to 1; `ValueError` for others and for another shape.

    >>> as_pixels([[0.0, 1.0]]).tolist(), as_pixels(np.zeros((4, 5, 1), np.uint8)).shape
    ([[0, 255]], (4, 5))
    """
    values = np.asarray(image)
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[-1] not in (1, 3)) or 0 in values.shape:
        raise ValueError(f"An image has the shape (H, W), (H, W, 1) or (H, W, 3), and this has {values.shape}.")
    grey = values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
    most = 255.0 if grey.dtype.kind in "iub" else 1.0
    numbers = grey.astype(np.float64)
    if not (numbers.min() >= 0 and numbers.max() <= most):  # also where there is a NaN
        raise ValueError(
            f"An image holds whole numbers from 0 to 255 or floats from 0 to 1, and this {grey.dtype} from "
            f"{numbers.min():g} to {numbers.max():g}: draw the pixels, not the model's input."
        )
    return np.asarray(np.rint(numbers * (255 / most)), np.uint8)


def overlay(
    image: ArrayLike,
    values: ArrayLike,
    full: float | None = None,
    strength: float = 0.85,
    cmap: str = "bwr",
    pooling: Pooling = "sum",
) -> Pixels:
    """The image in grey with relevance laid over it in colour.

    Where there is no relevance, the grey image stays.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3); see `as_pixels`.
        values: Relevance of the same height and width: (H, W) or (H, W, C), or (N, H, W, C), for
            example for several classes of the image.
        full: The relevance that covers the image the most. By default the maximum of `|values|`;
            see `limit`.
        strength: How much of the image is covered there, 0 to 1.
        cmap: The colour map. A signed map covers with its two end colours, more for more relevance.
            A sequential map covers with its own colours.
        pooling: How a pixel's channels become one number; see `pooled`.

    Returns:
        (H, W, 3), or (N, H, W, 3) for N maps.

    Raises:
        ValueError: Image and relevance differ in size.

    Example:
        >>> grey = np.full((1, 2), 100, np.uint8)
        >>> overlay(grey, [[1.0, 0.0]], full=1.0, strength=0.8).tolist()
        [[[224, 20, 20], [100, 100, 100]]]
    """
    maps, grey = as_maps(values, pooling, image_axes(values)), _grey(as_pixels(image))
    if maps.shape[1:] != grey.shape:
        given = f"Relevance of {_size(maps.shape[1:])} pixels"
        raise ValueError(f"{given} cannot lie over an image of {_size(grey.shape)} pixels.")
    full = limit(maps, 100.0) if full is None else full
    share = np.clip(maps / full, -1, 1)[..., None]
    cover = strength * np.abs(share)
    shown = np.sign(share[..., 0]) if colour_map(cmap).signed else share[..., 0]
    blended = np.asarray(np.rint((1 - cover) * grey[..., None] + cover * colours(shown, 1.0, cmap)), np.uint8)
    return blended if np.ndim(values) == 4 else blended[0]


def enlarged(pixels: Pixels, least: int = 320) -> Pixels:
    """The picture with every pixel repeated, a whole number of times, until its shorter side has at least `least`.

    >>> enlarged(np.zeros((2, 3), np.uint8), least=5).shape
    (6, 9)
    """
    times = -(-least // min(pixels.shape[:2]))
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def _grey(image: Pixels) -> NDArray[np.float64]:
    values = image.astype(np.float64)
    return values @ np.asarray(GREY_WEIGHTS) if values.ndim == 3 else values


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} × {shape[1]}"
