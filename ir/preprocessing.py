"""From pixel values 0…255 to what a network was trained on, and how that is told from a model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ir.graph import Graph
from ir.ops import Clip, Interpolation, Rearrangement, Scaling, Shape


@dataclass(frozen=True)
class Preprocessing:
    """What is done to images before a model is given them: `(x - mean) / divisor`, channel by channel.

    name: a convention's name, or one of your own.
    mean, divisor: a number for each channel, or a single one for all.
    reverse: whether the channels are put in reverse order before, so that red, green, blue become blue, green, red.
    reason: how it is known, for people.

    Called with images of values 0…255 of the shape (…, channels), red first, it returns them in float32 as the network
    takes them, channels last. `CONVENTIONS` has those with names:

    `caffe`  `x[..., ::-1] - (103.939, 116.779, 123.68)`
    `tf`     `x / 127.5 - 1`
    `torch`  `(x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)`
    `unit`   `x / 255`
    `none`   `x`

    Raises `ValueError` where the numbers make no sense, and for images of another number of channels than it has.
    The first three are the modes of Keras's `imagenet_utils.preprocess_input`.

    >>> import numpy as np, ir
    >>> ir.Preprocessing("mine", mean=(100.0,), divisor=(50.0,))(np.array([[0, 100, 200]], np.uint8))
    array([[-2.,  0.,  2.]], dtype=float32)
    >>> ir.load("jlrp/data/digits_resnet.h5").preprocess.name
    'unit'
    """

    name: str
    mean: tuple[float, ...] = (0.0,)
    divisor: tuple[float, ...] = (1.0,)
    reverse: bool = False
    reason: str = "as given"

    def __post_init__(self) -> None:
        for role in ("mean", "divisor"):
            numbers = tuple(map(float, getattr(self, role)))
            if not numbers or not all(map(isfinite, numbers)):
                raise ValueError(f"The preprocessing {self.name!r} needs {role} as finite numbers, not {numbers}.")
            object.__setattr__(self, role, numbers)
        if not all(self.divisor):
            raise ValueError(f"The preprocessing {self.name!r} cannot divide by 0: its divisor is {self.divisor}.")
        if 1 != len(self.mean) != len(self.divisor) != 1:
            raise ValueError(
                f"The preprocessing {self.name!r} needs mean and divisor for the same channels, "
                f"not {len(self.mean)} and {len(self.divisor)} of them."
            )

    def __call__(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Images of values 0…255, channels last, as the network takes them."""
        if self.channels not in (None, images.shape[-1]):
            raise ValueError(
                f"The preprocessing {self.name!r} is for images of {self.channels} channels, the last axis, "
                f"but was given images of shape {images.shape}."
            )
        values = images[..., ::-1] if self.reverse else images
        mean, divisor = np.asarray(self.mean, np.float32), np.asarray(self.divisor, np.float32)
        return np.asarray((values.astype(np.float32) - mean) / divisor, np.float32)

    @property
    def channels(self) -> int | None:
        """How many channels the images have that it is for; `None` for any number."""
        most = max(len(self.mean), len(self.divisor))
        return most if most > 1 else None


IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

CONVENTIONS = {
    each.name: each
    for each in (
        Preprocessing("caffe", (103.939, 116.779, 123.68), reverse=True),
        Preprocessing("tf", (127.5,), (127.5,)),
        Preprocessing("torch", tuple(255 * m for m in IMAGENET_MEAN), tuple(255 * d for d in IMAGENET_DEVIATION)),
        Preprocessing("unit", divisor=(255.0,)),
        Preprocessing("none"),
    )
}
"""The usual ways, by their names."""


@dataclass(frozen=True)
class Family:
    """Networks that were trained on images preprocessed alike.

    architectures: a pattern for their names in `ir.architectures`.
    layers: patterns for names of layers that they have all of, and that no family before has.
    """

    name: str
    convention: str
    architectures: str
    layers: tuple[str, ...]


FAMILIES = (
    Family("ResNetV2", "tf", "resnet*v2", ("conv2_block1_preact_bn",)),
    Family("ResNeXt", "torch", "resnext*", ("conv2_block1_2_reduce",)),
    Family("ResNeXt", "torch", "resnext*", ("conv2_block1_2_gconv",)),
    Family("DenseNet", "torch", "densenet*", ("conv2_block1_concat",)),
    Family("Xception", "tf", "xception", ("block2_sepconv1",)),
    Family("MobileNet", "tf", "mobilenet", ("conv_pw_1",)),
    Family("MobileNetV3", "tf", "mobilenetv3*", ("expanded_conv_project_bn",)),
    Family("MobileNetV3", "tf", "mobilenetv3*", ("expanded_conv", "project")),
    Family("MobileNetV2", "tf", "mobilenetv2", ("expanded_conv_depthwise",)),
    Family("InceptionV3", "tf", "inceptionv3", ("mixed0",)),
    Family("InceptionResNetV2", "tf", "inceptionresnetv2", ("mixed_5b",)),
    Family("NASNet", "tf", "nasnet*", ("stem_conv1", "stem_bn1")),
    Family("EfficientNet", "torch", "efficientnetb*", ("stem_conv", "block1a_dwconv")),
    Family("EfficientNetV2", "tf", "efficientnetv2*", ("stem_conv", "block1a_project_conv")),
    Family("ConvNeXt", "torch", "convnext*", ("*_stage_0_block_0_depthwise_conv",)),
    Family("RegNet", "unit", "regnet*", ("*_Stage_0_?Block_0_conv_1x1_1",)),
    Family("ResNetRS", "torch", "resnetrs*", ("stem_1_stem_conv_1",)),
    Family("ResNet", "caffe", "resnet*", ("res2a_branch2a",)),
    Family("ResNet", "caffe", "resnet*", ("conv2_block1_1_conv",)),
    Family("VGG", "caffe", "vgg*", ("block1_conv1", "block1_conv2")),
)
"""The networks of `keras.applications`, of its versions since 2016; the first match is right.

Those that scale their input themselves are here for models built with `include_preprocessing=False`: what Keras's
documentation says they take then, or else what the layers did that were left out.
"""


def preprocessing_of(graph: Graph, input_shapes: Sequence[Shape], architecture: str | None = None) -> Preprocessing:
    """The preprocessing that a model's (first) input most likely needs, with the reason.

    None where the model scales its input itself; else that of its family, if the images are in colour and the family is
    known by the name of its architecture or by its layers' names; else 0…1.

    input_shapes: of the graph's inputs, batch first; architecture: its name in `ir.architectures`, if it has one.

    >>> import ir
    >>> name = "res2a_branch2a"
    >>> graph = ir.Graph([ir.Node(name, ir.Conv(), ("image",), name)], ["image"], [name])
    >>> found = preprocessing_of(graph, [(None, 224, 224, 3)])
    >>> found.name, found.reason
    ('caffe', "layer names as in Keras's ResNet")
    """
    shape = input_shapes[0] if input_shapes else ()
    if len(shape) != 4 or not graph.inputs:
        return _because("none", "the model takes no images")
    if _scales_its_input(graph):
        return _because("none", "the model scales its input itself")
    channels = shape[graph.channel_axis(4)]
    if channels not in (3, None):
        images = "grey images" if channels == 1 else f"images of {channels} channels"
        return _because("unit", f"the model takes {images}")
    for family in FAMILIES if architecture else ():
        if fnmatchcase(str(architecture), family.architectures):
            return _because(family.convention, f"the architecture is {architecture}")
    names = {part for name in graph.values for part in (name, *name.split("/"))}
    for family in FAMILIES:
        if all(_any(names, pattern) for pattern in family.layers):
            return _because(family.convention, f"layer names as in Keras's {family.name}")
    return _because("unit", "nothing known about the model")


def _because(convention: str, reason: str) -> Preprocessing:
    return replace(CONVENTIONS[convention], reason=reason)


def _scales_its_input(graph: Graph) -> bool:
    """Whether the input is scaled by constants, before anything else is done than to move, resize or clip it."""
    handed_on = {graph.inputs[0]}  # the image itself, moved, resized or clipped
    for node in graph.nodes:
        if handed_on.isdisjoint(node.inputs):
            continue
        if isinstance(node.op, Scaling):
            return True
        if isinstance(node.op, Rearrangement | Interpolation | Clip):
            handed_on.add(node.name)
    return False


def _any(names: set[str], pattern: str) -> bool:
    return pattern in names or ("*" in pattern and any(fnmatchcase(name, pattern) for name in names))
