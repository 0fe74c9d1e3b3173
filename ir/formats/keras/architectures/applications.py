"""The networks of `keras.applications`, from the configurations that Keras itself writes for them.

`applications.txt.xz` has two lines for each build, with the classifier and without: a title and the
configuration, with only what matters at inference. `tools/export_architectures.py` writes the file.
The code reads a line when it needs it.

A variant is one of the builder's widths (its `alpha`), or a choice that a file of weights leaves
open:

- `keras`: the only build.
- `minimalistic`: MobileNetV3 without squeeze-and-excite, hard-swish and 5×5 windows.
- `imagenet`: EfficientNet for the published weights. These hold the deviation σ in place of the
  variance, so that the normalisation divides by √σ. The model divides by √σ once more.
- `scratch`: EfficientNet for other weights, without that division.

Some builders can leave out the scaling of the input (`include_preprocessing`). Here they include
it, as by default.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ir.errors import LoadError
from ir.formats.keras.architectures.head import Build, Head
from ir.formats.keras.config import model_spec, parse
from ir.formats.keras.spec import ModelSpec, rename_layers

CONFIGURATIONS = Path(__file__).with_name("applications.txt.xz")
RGB = 3
DEVIATION = (0.229, 0.224, 0.225)
"""The standard deviation of ImageNet's images of 0…1, per channel."""

ONE_BUILD = """
    vgg16 vgg19 resnet50v2 resnet101v2 resnet152v2 inceptionv3 inceptionresnetv2 xception
    densenet121 densenet169 densenet201 nasnetmobile nasnetlarge
    efficientnetv2b0 efficientnetv2b1 efficientnetv2b2 efficientnetv2b3
    efficientnetv2s efficientnetv2m efficientnetv2l
    convnexttiny convnextsmall convnextbase convnextlarge convnextxlarge
"""
VARIANTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(ONE_BUILD.split(), ("keras",)),
    "mobilenet": ("1.0", "0.75", "0.5", "0.25"),
    "mobilenetv2": ("1.0", "0.35", "0.5", "0.75", "1.3", "1.4"),
    "mobilenetv3small": ("1.0", "0.75", "minimalistic"),
    "mobilenetv3large": ("1.0", "0.75", "minimalistic"),
    **{f"efficientnetb{size}": ("imagenet", "scratch") for size in range(8)},
}
"""The variants of each architecture, the usual one first."""


def variants(name: str) -> Mapping[str, Build]:
    """The builds of an architecture by the variant's name.

    Example:
        >>> build = variants("mobilenet")["0.25"]
        >>> build(Head(None, classes=5), 3).outputs
        (Tensor(layer='predictions', call=0, index=0),)
        >>> build(None, 3).outputs
        (Tensor(layer='conv_pw_13_relu', call=0, index=0),)
    """
    return {variant: partial(_build, name, variant) for variant in VARIANTS[name]}


def _build(name: str, variant: str, head: Head | None, channels: int) -> ModelSpec:
    """Build the model with or without a classifier, for images with this number of channels."""
    config = parse(_configuration(name, variant, top=head is not None))
    spec = model_spec(config, keras_version=3)
    spec = spec if channels == RGB else _with_channels(spec, channels)
    return spec if head is None else _with_head(spec, head)


def detect_variant(name: str, layers: int, variance: Any) -> str | None:
    """The variant of EfficientNet that a file of weights belongs to; `None` for other networks.

    The published weights hold the standard deviation of ImageNet in place of the variance. Keras
    corrects it with one more rescaling layer, only in networks for these weights.

    Args:
        name: The name of the architecture.
        layers: The number of layers that the file lists.
        variance: The variance of the input that the file stores, if any.
    """
    if "scratch" not in VARIANTS[name]:
        return None
    published = variance is not None and np.allclose(variance, DEVIATION, atol=1e-3)
    more = layers > len(_build(name, "scratch", Head(None, 1000), RGB).layers)
    return "imagenet" if published or more else "scratch"


def title(name: str, variant: str, top: bool) -> str:
    """The beginning of a build's line."""
    return f"{name} {variant} {'top' if top else 'notop'}"


def _configuration(name: str, variant: str, top: bool) -> str:
    import lzma  # here, as some builds of Python lack it

    start = f"{title(name, variant, top)} "
    with lzma.open(CONFIGURATIONS, "rt", encoding="utf-8") as lines:
        return next(line.removeprefix(start) for line in lines if line.startswith(start))


def _with_channels(spec: ModelSpec, channels: int) -> ModelSpec:
    """Change the number of channels; `LoadError` if the model scales each colour in its own way."""
    for layer in spec.layers:
        if any(
            isinstance(layer.config.get(key), list)
            for key in ("scale", "offset", "mean", "variance")
        ):
            raise LoadError(
                f"has weights for images of {channels} channels, but {spec.name!r} scales red, "
                f"green and blue each in its own way inside the model (layer {layer.name!r}): save "
                "the whole model with model.save."
            )
    changes = {
        layer.name: {"batch_shape": [*layer.config["batch_shape"][:-1], channels]}
        for layer in spec.layers
        if layer.class_name == "InputLayer"
    }
    return _with_config(spec, changes)


def _with_head(spec: ModelSpec, head: Head) -> ModelSpec:
    """Give the classifier the head's number of classes and its name.

    The classifier is the last dense layer or 1×1 convolution. A reshape behind the convolution has
    the number of classes too.
    """
    layers = {layer.name: layer for layer in spec.layers}
    changes: dict[str, dict[str, Any]] = {}
    layer = layers[spec.outputs[0].layer]
    while layer.class_name not in ("Dense", "Conv2D"):
        if layer.class_name == "Reshape":
            changes[layer.name] = {"target_shape": [head.classes]}
        layer = layers[layer.calls[0].tensors[0].layer]
    changes[layer.name] = {"units" if layer.class_name == "Dense" else "filters": head.classes}
    spec = _with_config(spec, changes)
    return spec if head.name is None else rename_layers(spec, {layer.name: head.name})


def _with_config(spec: ModelSpec, changes: Mapping[str, Mapping[str, Any]]) -> ModelSpec:
    """Change the configurations of some layers."""
    layers = (
        replace(layer, config={**layer.config, **changes.get(layer.name, {})})
        for layer in spec.layers
    )
    return replace(spec, layers=tuple(layers))
