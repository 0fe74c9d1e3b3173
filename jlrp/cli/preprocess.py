"""From pixel values 0…255 to what a network was trained on, as `--preprocess` says or as the model does."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

import ir
from ir.preprocessing import CONVENTIONS
from jlrp.cli.images import Frame
from jlrp.cli.program import InputError


class Preprocess(StrEnum):
    """The ways of `keras.applications` (caffe, tf, torch), 0…1 (unit) and 0…255 (none)."""

    caffe = "caffe"
    tf = "tf"
    torch = "torch"
    unit = "unit"
    none = "none"


def chosen(given: Preprocess | None, model: ir.Model, frame: Frame) -> ir.Preprocessing:
    """The preprocessing that is given, or else the model's own; `InputError` where it is for other channels."""
    found = model.preprocess if given is None else CONVENTIONS[given.value]
    if found.channels not in (None, frame.channels):
        what = f'The model\'s preprocessing "{found.name}"' if given is None else f"--preprocess {found.name}"
        images = "RGB images" if found.channels == 3 else f"images of {found.channels} channels"
        takes = "grey" if frame.channels == 1 else "RGB"
        raise InputError(f"{what} is for {images}, and this model takes {takes} ones: use unit, tf or none.")
    return found


def bounds(preprocess: ir.Preprocessing, frame: Frame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What black and white become: the least and the greatest input, per channel, in the model's layout."""
    corners = np.array([0, 255], np.uint8).repeat(frame.channels).reshape(2, 1, 1, frame.channels)
    low, high = frame.to_layout(preprocess(corners))
    return np.minimum(low, high), np.maximum(low, high)
