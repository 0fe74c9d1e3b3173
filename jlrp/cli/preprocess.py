"""From pixel values 0…255 to what a network was trained on."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

import ir
from jlrp.cli.images import Frame
from jlrp.cli.program import InputError


class Preprocess(StrEnum):
    """The ways of `keras.applications` (caffe, tf, torch), 0…1 (unit) and 0…255 (none)."""

    caffe = "caffe"
    tf = "tf"
    torch = "torch"
    unit = "unit"
    none = "none"


@dataclass(frozen=True)
class Scaling:
    """`(x - mean) / divisor` per channel, after the channels were put in BGR order where `reverse` says so."""

    mean: tuple[float, ...]
    divisor: tuple[float, ...]
    reverse: bool = False

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Channels-last images of 0…255 as the network takes them."""
        values = images[..., ::-1] if self.reverse else images
        mean, divisor = np.asarray(self.mean, np.float32), np.asarray(self.divisor, np.float32)
        return np.asarray((values.astype(np.float32) - mean) / divisor, np.float32)


SCALINGS = {
    Preprocess.caffe: Scaling((103.939, 116.779, 123.68), (1.0,), reverse=True),
    Preprocess.tf: Scaling((127.5,), (127.5,)),
    Preprocess.torch: Scaling((0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255)),
    Preprocess.unit: Scaling((0.0,), (255.0,)),
    Preprocess.none: Scaling((0.0,), (1.0,)),
}

FAMILIES = (
    (Preprocess.tf, "ResNetV2", {"conv2_block1_preact_bn"}),
    (Preprocess.torch, "DenseNet", {"conv2_block1_concat"}),
    (Preprocess.tf, "Xception", {"block2_sepconv1"}),
    (Preprocess.tf, "MobileNet", {"conv_pw_1"}),
    (Preprocess.tf, "MobileNetV2", {"expanded_conv_depthwise"}),
    (Preprocess.tf, "InceptionV3", {"mixed0"}),
    (Preprocess.tf, "InceptionResNetV2", {"mixed_5b"}),
    (Preprocess.tf, "NASNet", {"stem_conv1", "stem_bn1"}),
    (Preprocess.caffe, "ResNet", {"res2a_branch2a"}),
    (Preprocess.caffe, "ResNet", {"conv2_block1_1_conv"}),
    (Preprocess.caffe, "VGG", {"block1_conv1", "block1_conv2"}),
)
"""Networks of `keras.applications` by layers that only they have, in an order in which the first match is right."""

IN_MODEL = ("rescaling", "normalization")
"""How the layers that preprocess inside a model are called, or how their names end."""


def scaling(mode: Preprocess, frame: Frame) -> Scaling:
    """The scaling of a mode; `InputError` where it needs colours and the model takes grey images."""
    found = SCALINGS[mode]
    if len(found.mean) > 1 and frame.channels == 1:
        raise InputError(
            f"--preprocess {mode.value} is for RGB images, and this model takes grey ones: use unit, tf or none."
        )
    return found


def bounds(mode: Preprocess, frame: Frame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What black and white become: the least and the greatest input, per channel, in the model's layout."""
    corners = np.array([0, 255], np.uint8).repeat(frame.channels).reshape(2, 1, 1, frame.channels)
    low, high = frame.to_layout(scaling(mode, frame)(corners))
    return low, high


def guess(graph: ir.Graph, frame: Frame) -> tuple[Preprocess, str]:
    """The likely preprocessing and why, from what the graph says of itself."""
    if any(
        name.rsplit("/")[-1].startswith(IN_MODEL) or name.endswith(IN_MODEL) for name in graph.readers[graph.inputs[0]]
    ):
        return Preprocess.none, "the model scales its input itself"
    if frame.channels == 1:
        return Preprocess.unit, "the model takes grey images"
    names = {part for name in graph.values for part in (name, *name.split("/"))}
    for mode, family, layers in FAMILIES:
        if layers <= names:
            return mode, f"layer names as in Keras's {family}"
    return Preprocess.unit, "nothing known about the model"
