"""Layers that bring images to one size, by interpolation, a central crop or padding."""

from typing import Any

from ir.formats.keras.layers.arguments import option, wholes
from ir.formats.keras.layers.fields import constant, data_format, flag, length, unusual
from ir.formats.keras.layers.registry import LayerCall, Part, layer, refusal
from ir.ops import Crop, Rescale, Resize, ZeroPad

METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


@layer("Resizing")
def resizing(call: LayerCall) -> list[Part]:
    spec = call.spec
    interpolation = spec.config.get("interpolation", "bilinear")
    if interpolation not in METHODS:
        raise unusual(spec, "interpolation", ", ".join(map(repr, METHODS)))
    fitted = [
        key for key in ("crop_to_aspect_ratio", "pad_to_aspect_ratio") if flag(spec, key, False)
    ]
    size = (length(spec, "height"), length(spec, "width"))
    resize = Resize(size, interpolation, data_format(spec), flag(spec, "antialias", False))
    return [*_fit_proportions(call, resize, fitted), Part(resize)]


@layer("CenterCrop")
def center_crop(call: LayerCall) -> list[Part]:
    """The centre of the image. A smaller image is resized."""
    spec, layout = call.spec, data_format(call.spec)
    wanted = (length(spec, "height"), length(spec, "width"))
    given = _lengths(call, layout)
    if any(n < m for n, m in zip(given, wanted, strict=True)):
        resize = Resize(wanted, "bilinear", layout)
        return [*_fit_proportions(call, resize, ["crop_to_aspect_ratio"]), Part(resize)]
    pairs = tuple(((n - m) // 2, n - m - (n - m) // 2) for n, m in zip(given, wanted, strict=True))
    return [Part(Crop(pairs, layout))] if any(map(any, pairs)) else []


@layer("RandomCrop")
def random_crop(call: LayerCall) -> list[Part]:
    """The crop at inference: Keras 2 resizes the largest centre, and Keras 3.15 does nothing."""
    if call.keras_version >= 3:
        return []
    spec, layout = call.spec, data_format(call.spec)
    resize = Resize((length(spec, "height"), length(spec, "width")), "bilinear", layout)
    if _lengths(call, layout) == resize.size:
        return []
    return [*_fit_proportions(call, resize, ["crop_to_aspect_ratio"]), Part(resize)]


def image_resize(call: LayerCall) -> list[Part]:
    """The function of Keras 3 and of TensorFlow 2."""
    size = wholes(call, option(call, "size", 1, None), "the size")
    method = str(option(call, "interpolation", 2, option(call, "method", 2, "bilinear"))).lower()
    kept = [
        key
        for key in ("crop_to_aspect_ratio", "pad_to_aspect_ratio")
        if option(call, key, None, False)
    ]
    if (
        method not in METHODS
        or len(size) != 2
        or min(size) < 1
        or option(call, "preserve_aspect_ratio", None, False)
    ):
        raise refusal(
            call.spec,
            f"resizes images to {str(size)[:80]} by {method[:80]!r}, which is not supported",
        )
    first = option(call, "data_format", None, None) == "channels_first"
    resize = Resize(
        size,
        method,
        "channels_first" if first else "channels_last",
        bool(option(call, "antialias", None, False)),
    )
    return [*_fit_proportions(call, resize, kept), Part(resize)]


def _lengths(call: LayerCall, layout: str) -> tuple[int, int]:
    shape = call.shapes[0]
    if len(shape) != 4:
        raise refusal(
            call.spec, f"takes images with channels, but was given values of shape {shape}"
        )
    height, width = shape[2:] if layout == "channels_first" else shape[1:3]
    if height is None or width is None:
        raise refusal(call.spec, "keeps the proportions of images whose size the model leaves open")
    return height, width


def _fit_proportions(call: LayerCall, resize: Resize, options: list[str]) -> list[Part]:
    """Bring images to the proportions of the new size by a central crop or by padding."""
    if not options:
        return []
    if len(options) > 1:
        raise refusal(call.spec, "crops to the proportions of the new size and pads to them")
    height, width = _lengths(call, resize.data_format)
    new_height, new_width = resize.size
    fitting = int(width * new_height / new_width), int(height * new_width / new_height)
    if options == ["crop_to_aspect_ratio"]:
        pairs = []
        for given, wanted in zip((height, width), fitting, strict=True):
            left = max(min(given, wanted), 1)
            pairs.append(((given - left) // 2, given - left - (given - left) // 2))
        return (
            [Part(Crop(tuple(pairs), resize.data_format), "centre")] if any(map(any, pairs)) else []
        )
    around = [
        (max(wanted, given) - given) // 2
        for given, wanted in zip((height, width), fitting, strict=True)
    ]
    if around[0]:
        around[1] = 0  # Keras pads either rows or columns
    if not any(around):
        return []
    value = constant(_option(call, "fill_value", 0.0))
    if str(_option(call, "fill_mode", "constant")) != "constant" or not isinstance(value, float):
        raise refusal(
            call.spec, "pads images by something else than one number, which is not supported"
        )
    pad = Part(ZeroPad(tuple((n, n) for n in around), resize.data_format), "padded")
    if value == 0:
        return [pad]
    return [Part(Rescale(1.0, -value), "without"), pad, Part(Rescale(1.0, value), "filled")]


def _option(call: LayerCall, key: str, default: Any) -> Any:
    return option(call, key, None, default)
