"""Preprocessing: from pixel values 0…255 to the values that a network was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from math import isfinite, log
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ir.analysis.first_layers import Effect, effects_of
from ir.analysis.inputs import Kind, kind_of_input
from ir.analysis.layout import layout_of
from ir.graph import Graph, Params
from ir.ops import Shape
from ir.ops.base import channel_axis


@dataclass(frozen=True)
class Preprocessing:
    """What turns images into what a model takes: `(x - mean) / divisor`, channel by channel.

    Call it with images of values 0…255 and shape (…, channels), red first. It returns them in
    float32, channels last. `CONVENTIONS` has these by name:

    - `caffe`: `x[..., ::-1] - (103.939, 116.779, 123.68)`
    - `tf`: `x / 127.5 - 1`
    - `torch`: `(x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)`
    - `unit`: `x / 255`
    - `none`: `x`

    The first three are the modes of Keras's `imagenet_utils.preprocess_input`.

    Args:
        name: The name of a convention, or any other.
        mean: A number for each channel, or one for all.
        divisor: A number for each channel, or one for all.
        reverse: Whether to reverse the channels first: red, green, blue become blue, green, red.
        reason: Why this is the right one, as a phrase for messages.
        instead: The name of the convention to try instead if the reason leaves doubt. `None` if it
            leaves no doubt.

    Raises:
        ValueError: The numbers make no sense, or the images have another number of channels.

    Example:
        >>> import numpy as np, ir
        >>> mine = ir.Preprocessing("mine", mean=(100.0,), divisor=(50.0,))
        >>> mine(np.array([[0, 100, 200]], np.uint8))
        array([[-2.,  0.,  2.]], dtype=float32)
        >>> ir.load("jlrp/data/digits_resnet.h5").preprocess.name
        'unit'
    """

    name: str
    mean: tuple[float, ...] = (0.0,)
    divisor: tuple[float, ...] = (1.0,)
    reverse: bool = False
    reason: str = "as given"
    instead: str | None = None

    def __post_init__(self) -> None:
        for role in ("mean", "divisor"):
            numbers = tuple(map(float, getattr(self, role)))
            if not numbers or not all(map(isfinite, numbers)):
                raise ValueError(
                    f"The preprocessing {self.name!r} needs {role} as finite numbers, not "
                    f"{numbers}."
                )
            object.__setattr__(self, role, numbers)
        if not all(self.divisor):
            raise ValueError(
                f"The preprocessing {self.name!r} cannot divide by 0: its divisor is "
                f"{self.divisor}."
            )
        if 1 != len(self.mean) != len(self.divisor) != 1:
            raise ValueError(
                f"The preprocessing {self.name!r} needs mean and divisor for the same channels, "
                f"not {len(self.mean)} and {len(self.divisor)} of them."
            )

    def __call__(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Preprocess images of values 0…255, channels last."""
        if self.channels not in (None, images.shape[-1]):
            raise ValueError(
                f"The preprocessing {self.name!r} is for images of {self.channels} channels, the "
                f"last axis, but was given images of shape {images.shape}."
            )
        values = images[..., ::-1] if self.reverse else images
        mean, divisor = np.asarray(self.mean, np.float32), np.asarray(self.divisor, np.float32)
        return np.asarray((values.astype(np.float32) - mean) / divisor, np.float32)

    @property
    def sure(self) -> bool:
        """Whether the reason leaves no doubt."""
        return self.instead is None

    @property
    def channels(self) -> int | None:
        """The number of channels of its images; `None` for any number."""
        most = max(len(self.mean), len(self.divisor))
        return most if most > 1 else None


IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

CONVENTIONS = {
    each.name: each
    for each in (
        Preprocessing("caffe", (103.939, 116.779, 123.68), reverse=True),
        Preprocessing("tf", (127.5,), (127.5,)),
        Preprocessing(
            "torch",
            tuple(255 * m for m in IMAGENET_MEAN),
            tuple(255 * d for d in IMAGENET_DEVIATION),
        ),
        Preprocessing("unit", divisor=(255.0,)),
        Preprocessing("none"),
    )
}
"""The usual ways of preprocessing by name."""


@dataclass(frozen=True)
class Family:
    """Networks that were trained with the same preprocessing.

    Attributes:
        name: The name of the family, for messages.
        convention: The name of the preprocessing in `CONVENTIONS`.
        architectures: A pattern for their names in `ir.architectures`.
        layers: Patterns for names of layers. The family's networks match all of them, and those of
            the families before it do not.
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
"""The networks of `keras.applications` in all versions since 2016. The first match decides.

Some networks scale their input themselves. Their entries are for models built with
`include_preprocessing=False`. They say what Keras's documentation says of such models, or what the
missing layers did.
"""


LIKELIER = 3.0
"""The decision is sure if one scale's misfit is greater than the other's by this factor."""

STRANGE = 255.0
"""A misfit of this factor makes even the better scale unlikely."""

SMALL = 0.05
"""A spread below this is too small even for the better scale: pixels may go beyond 255."""

SCALES = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))
"""The values of black and white on each scale to try."""

WORDS: dict[Kind, str] = {
    "series": "signals of shape {}",
    "volume": "volumes or videos of shape {}",
    "table": "rows of numbers, of shape {}",
    "other": "inputs of shape {}",
}
"""What a model takes if it does not take images."""


def preprocessing_of(
    graph: Graph,
    input_shapes: Sequence[Shape],
    architecture: str | None = None,
    params: Params = MappingProxyType({}),
) -> Preprocessing:
    """The preprocessing that a model's first input most likely needs, with the reason.

    For an input that is not an image it is `none`. For images, the first of these decides:

    1. The layers that scale the input. We put both 0…255 and 0…1 through them. The scale with the
       result nearer to unit size is the right one: `none` or `unit`.
    2. The family of the model, for images in colour: by the name of its architecture, or by the
       names of its layers.
    3. The statistics of a BatchNorm behind the first convolution, with both scales, as in 1. The
       choice is not sure if −1…1 fits them better still.
    4. Otherwise `unit`, the most frequent one. The choice is not sure.

    The choice between two scales is not sure if their results differ by less than a factor of 3.

    Args:
        graph: The graph.
        input_shapes: The shapes of its inputs, batch first.
        architecture: The name in `ir.architectures`, if the model has one.
        params: The weights. Layers without weights here do not decide.

    Returns:
        One of `CONVENTIONS`, with its `reason`. If it is not sure, `instead` says what to try.

    Example:
        >>> import ir
        >>> name = "res2a_branch2a"
        >>> graph = ir.Graph([ir.Node(name, ir.Conv(), ("image",), name)], ["image"], [name])
        >>> found = preprocessing_of(graph, [(None, 224, 224, 3)])
        >>> found.name, found.reason
        ('caffe', "layer names as in Keras's ResNet")
        >>> scaling = ir.Node("scaled", ir.Rescale(2.0, -1.0), ("image",))
        >>> graph = ir.Graph([scaling, ir.Node(name, ir.Relu(), ("scaled",))], ["image"], [name])
        >>> found = preprocessing_of(graph, [(None, 224, 224, 3)])
        >>> found.name, found.reason
        ('unit', 'its first layers bring 0…1 to −1.0…1.0 (Rescale)')
    """
    if not input_shapes or not graph.inputs:
        return _because("none", "the model takes no images")
    name, shape = graph.inputs[0], input_shapes[0]
    kind = kind_of_input(graph, input_shapes, params, name)
    perhaps_grey = kind == "other" and len(shape) == 3  # images without an axis for channels
    if kind != "image" and not perhaps_grey:
        return _because("none", f"the model takes {WORDS[kind].format(_show(shape))}, not images")
    layout = layout_of(graph, name, shape)
    raw, unit, signed = (effects_of(graph, params, name, shape, layout, *scale) for scale in SCALES)
    scaled = _by_scaling(raw.scaled, unit.scaled)
    normalised = _by_statistics(raw.normalised, unit.normalised, signed.normalised)
    if scaled is not None:
        if normalised is not None and normalised.sure and not scaled.sure:
            return normalised
        return scaled
    channels = 1 if perhaps_grey else shape[channel_axis(layout, len(shape))]
    family = _family(graph, architecture) if channels in (3, None) else None
    found = family or normalised
    if found is not None:
        return found
    if perhaps_grey:
        return _because(
            "none", f"inputs of shape {_show(shape)} may be grey images or signals", instead="unit"
        )
    grey = "grey images" if channels == 1 else f"images of {channels} channels"
    takes = "" if channels in (3, None) else f"the model takes {grey}, and "
    return _because("unit", f"{takes}nothing in the model tells its scale", instead="none")


def _because(convention: str, reason: str, instead: str | None = None) -> Preprocessing:
    """A convention with the reason for it."""
    return replace(CONVENTIONS[convention], reason=reason, instead=instead)


def _family(graph: Graph, architecture: str | None) -> Preprocessing | None:
    """The convention of the model's family; `None` if no name tells the family."""
    for family in FAMILIES if architecture else ():
        if fnmatchcase(str(architecture), family.architectures):
            return _because(family.convention, f"the architecture is {architecture}")
    names = {part for name in graph.values for part in (name, *name.split("/"))}
    for family in FAMILIES:
        if all(_any(names, pattern) for pattern in family.layers):
            return _because(family.convention, f"layer names as in Keras's {family.name}")
    return None


def _any(names: set[str], pattern: str) -> bool:
    """Whether a name matches the pattern."""
    return pattern in names or (
        "*" in pattern and any(fnmatchcase(name, pattern) for name in names)
    )


def _likelier(raw: Effect, unit: Effect) -> tuple[bool, bool]:
    """Whether 0…255 is likelier than 0…1, and whether the choice between them is sure."""
    best, other = sorted((raw, unit), key=lambda effect: effect.misfit)
    sure = (
        other.misfit - best.misfit >= log(LIKELIER)
        and best.misfit < log(STRANGE)
        and best.spread >= SMALL
    )
    return best is raw, sure


def _by_scaling(raw: Effect | None, unit: Effect | None) -> Preprocessing | None:
    """What the layers that scale the input say; `None` without such layers."""
    if raw is None or unit is None:
        return None
    ops = ", ".join(dict.fromkeys(raw.ops))
    if not all(map(isfinite, (raw.low, raw.high, unit.low, unit.high))):
        words = "scale it by numbers that are not known or not finite"
        return _because("none", f"its first layers {words} ({ops})", instead="unit")
    is_raw, sure = _likelier(raw, unit)
    name, instead = ("none", "unit") if is_raw else ("unit", "none")
    results = {"none": f"0…255 to {_range(raw)}", "unit": f"0…1 to {_range(unit)}"}
    if sure:
        return _because(name, f"its first layers bring {results[name]} ({ops})")
    both = " and ".join(results.values())
    return _because(
        name, f"its first layers bring {both} ({ops}), and either may be right", instead
    )


def _by_statistics(
    raw: Effect | None, unit: Effect | None, signed: Effect | None
) -> Preprocessing | None:
    """What a BatchNorm behind the first convolution says; `None` without one."""
    if (
        raw is None
        or unit is None
        or signed is None
        or not isfinite(raw.misfit + unit.misfit + signed.misfit)
    ):
        return None
    is_raw, sure = _likelier(raw, unit)
    name, scale, instead = ("none", "0…255", "unit") if is_raw else ("unit", "0…1", "none")
    spreads = f"standard deviation {_number(raw.spread)} for 0…255, {_number(unit.spread)} for 0…1"
    if not is_raw and unit.misfit - signed.misfit >= log(LIKELIER):
        return _because(
            name, f"its first BatchNorm fits 0…1 better than 0…255 ({spreads}), but −1…1 best", "tf"
        )
    if sure:
        return _because(name, f"its first BatchNorm fits {scale} ({spreads})")
    return _because(name, f"its first BatchNorm fits {scale} hardly better ({spreads})", instead)


def _range(effect: Effect) -> str:
    return f"{_number(effect.low)}…{_number(effect.high)}"


def _number(value: float) -> str:
    """Write a number with two digits at least, and as a whole number from 100 on."""
    size = abs(value)
    digits = ".0f" if size >= 100 else ".1f" if size >= 0.95 or size < 1e-9 else ".2g"
    return f"{value:{digits}}".replace("-", "−")


def _show(shape: Shape) -> str:
    lengths = ["?" if length is None else str(length) for length in shape[1:]]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"
