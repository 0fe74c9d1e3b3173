"""What images a model takes: their size, channels, layout and scale."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

import ir
from ir.analysis.layout import layout_of
from ir.ops.base import show
from ir.preprocessing import CONVENTIONS
from jlrp.datasets.errors import DataError

Resize = Literal["nearest", "bilinear", "bicubic", "lanczos"]
"""How an image is brought to the model's size."""

MAX_SIDE = 65_536
"""The largest height and width, in pixels."""

Size = int | tuple[int, int]
"""The side of a square, or height and width, in pixels."""


@dataclass(frozen=True)
class Frame:
    """What images a model takes; `jlrp.datasets.frame_of` makes it.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1 for grey, 3 for RGB.
        channels_first: Whether the model's arrays are (N, C, H, W); else they are (N, H, W, C).
        preprocess: From pixels of 0…255 to the model's own scale.
        resize: How files are brought to this size.

    Example:
        >>> frame = Frame(8, 9, 3)
        >>> frame.shape, frame.to_layout(np.zeros((2, 8, 9, 3), np.float32)).shape
        ((8, 9, 3), (2, 8, 9, 3))
    """

    height: int
    width: int
    channels: int
    channels_first: bool = False
    preprocess: ir.Preprocessing = CONVENTIONS["none"]
    resize: Resize = "bilinear"

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one image in the model's own layout."""
        size = (self.height, self.width)
        return (self.channels, *size) if self.channels_first else (*size, self.channels)

    @property
    def channel_axis(self) -> int:
        """The channels' axis in an image of the model's own layout."""
        return 0 if self.channels_first else 2

    @property
    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The least and the greatest input per channel: black and white in the model's scale."""
        corners = np.array([0, 255], np.uint8).repeat(self.channels).reshape(2, 1, 1, self.channels)
        low, high = self.prepare(corners)
        return np.minimum(low, high), np.maximum(low, high)

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Bring pixels (N, H, W, C) of 0…255 to the model's own scale and layout."""
        return self.to_layout(self.preprocess(pixels))

    def to_layout(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring images (N, H, W, C) to the model's own layout."""
        return np.ascontiguousarray(np.moveaxis(images, -1, 1)) if self.channels_first else images


def frame_of(
    model: ir.Model,
    size: Size | None = None,
    preprocess: str | ir.Preprocessing | None = None,
    resize: Resize = "bilinear",
) -> Frame:
    """Find out what images a model takes.

    Args:
        model: The model.
        size: Pixels, for a model that takes any size: the side of a square, or (height, width).
        preprocess: The name of a convention (`"caffe"`, `"tf"`, `"torch"`, `"unit"`, `"none"`) or
            an `ir.Preprocessing`; by default `model.preprocess`.
        resize: `"nearest"`, `"bilinear"`, `"bicubic"` or `"lanczos"`.

    Returns:
        The frame.

    Raises:
        DataError: The model takes no images, or images of another size or number of channels.

    Example:
        >>> import ir, jlrp
        >>> frame = jlrp.datasets.frame_of(ir.load("jlrp/data/digits_resnet.h5"))
        >>> frame.shape, frame.preprocess.name
        ((32, 32, 1), 'unit')
    """
    if len(model.graph.inputs) != 1:
        raise DataError(
            f"The model has {len(model.graph.inputs)} inputs, and images are for models of one: "
            "give arrays, in an .npz file with one for each input."
        )
    shape = model.input_shapes[0]
    if len(shape) != 4:
        raise DataError(f"The model takes inputs of shape {show(shape)}, which are no images.")
    channels_first = layout_of(model.graph, model.graph.inputs[0], shape) == "channels_first"
    channels = shape[1] if channels_first else shape[3]
    if channels not in (1, 3):
        takes = channels or "any number of"
        raise DataError(
            f"The model takes images of {takes} channels, and only grey (1) and RGB (3) can be "
            "read."
        )
    if resize not in get_args(Resize):
        raise DataError(
            f"There is no resize={resize!r}: it is one of {', '.join(map(repr, get_args(Resize)))}."
        )
    height, width = _size(shape[2:] if channels_first else shape[1:3], size)
    chosen = _preprocessing(model, preprocess, channels)
    return Frame(height, width, channels, channels_first, chosen, resize)


def _size(fixed: ir.Shape, wanted: Size | None) -> tuple[int, int]:
    height, width = fixed
    if wanted is None:
        if height is None or width is None:
            raise DataError(
                "The model takes images of any size: choose one, such as size=224 or "
                "size=(224, 320)."
            )
        return height, width
    sides = wanted if isinstance(wanted, tuple | list) else (wanted, wanted)
    if len(sides) != 2 or not all(isinstance(side, int) and 0 < side <= MAX_SIDE for side in sides):
        raise DataError(
            f"size={wanted!r} is no size: give 1 to {MAX_SIDE:,} pixels, or (height, width)."
        )
    if any(a is not None and a != b for a, b in zip(fixed, sides, strict=True)):
        takes = f"{height or 'any'} x {width or 'any'} pixels"
        raise DataError(f"size={wanted} does not fit the model, which takes images of {takes}.")
    return sides[0], sides[1]


def _preprocessing(
    model: ir.Model, given: str | ir.Preprocessing | None, channels: int
) -> ir.Preprocessing:
    """Return the given preprocessing or the model's own; raise `DataError` if it does not fit."""
    if isinstance(given, str) and given not in CONVENTIONS:
        raise DataError(
            f"There is no preprocess={given!r}: it is one of {', '.join(map(repr, CONVENTIONS))}."
        )
    found = (
        model.preprocess
        if given is None
        else CONVENTIONS[given]
        if isinstance(given, str)
        else given
    )
    if found.channels not in (None, channels):
        what = (
            f'The model\'s preprocessing "{found.name}"'
            if given is None
            else f"preprocess={found.name!r}"
        )
        images = "RGB images" if found.channels == 3 else f"images of {found.channels} channels"
        takes = "grey" if channels == 1 else "RGB"
        raise DataError(
            f"{what} is for {images}, and this model takes {takes} ones: use unit, tf or none."
        )
    return found
