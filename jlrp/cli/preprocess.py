"""From pixel values 0…255 to what a network was trained on, as `--preprocess` says or as the model does."""

import numpy as np
from numpy.typing import NDArray

import ir
from ir.preprocessing import CONVENTIONS
from jlrp.cli.choices import Preprocess
from jlrp.cli.images import Frame
from jlrp.cli.program import InputError


def chosen(given: Preprocess | None, model: ir.Model, frame: Frame) -> ir.Preprocessing:
    """The preprocessing that is given, or else the model's own; `InputError` where it is for other channels."""
    found = model.preprocess if given is None else CONVENTIONS[given.value]
    if found.channels not in (None, frame.channels):
        what = f'The model\'s preprocessing "{found.name}"' if given is None else f"--preprocess {found.name}"
        images = "RGB images" if found.channels == 3 else f"images of {found.channels} channels"
        takes = "grey" if frame.channels == 1 else "RGB"
        raise InputError(f"{what} is for {images}, and this model takes {takes} ones: use unit, tf or none.")
    return found


TRAINED_ON = {"unit": "0…1", "none": "0…255", "tf": "−1…1"}
"""The scale of the images that a model was trained on, by the convention for it."""


def note(preprocess: ir.Preprocessing, given: Preprocess | None) -> str:
    """What was done to the pixels, how it is known, and the option that changes it, for people.

    Args:
        preprocess: What was chosen.
        given: What `--preprocess` says, if it is there.

    Returns:
        One line without its end.

    Example:
        >>> print(note(ir.Preprocessing("mine"), None))
        preprocess mine (as given; --preprocess overrides)
        >>> print(note(ir.Preprocessing("unit", reason="nothing tells", instead="none"), None))
        preprocess unit, unsure (nothing tells; --preprocess none if it was trained on 0…255)
    """
    if given is not None:
        return f"preprocess {preprocess.name} ({preprocess.reason})"
    if preprocess.instead not in CONVENTIONS:
        return f"preprocess {preprocess.name} ({preprocess.reason}; --preprocess overrides)"
    scale = TRAINED_ON.get(preprocess.instead)
    option = f"--preprocess {preprocess.instead}{f' if it was trained on {scale}' if scale else ' may be right'}"
    return f"preprocess {preprocess.name}, unsure ({preprocess.reason}; {option})"


def bounds(preprocess: ir.Preprocessing, frame: Frame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What black and white become: the least and the greatest input, per channel, in the model's layout."""
    corners = np.array([0, 255], np.uint8).repeat(frame.channels).reshape(2, 1, 1, frame.channels)
    low, high = frame.to_layout(preprocess(corners))
    return np.minimum(low, high), np.maximum(low, high)
