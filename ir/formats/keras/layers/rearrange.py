"""Layers that move, add or drop cells, and those that resize images."""

from ir.formats.keras.layers.fields import data_format, field, flag, length, lengths, pairs, rank_of, unusual
from ir.formats.keras.layers.operators import reshaped
from ir.formats.keras.layers.registry import LayerCall, Part, layer
from ir.formats.keras.spec import LayerSpec
from ir.ops import Crop, Flatten, Permute, Repeat, Reshape, Resize, Upsample, ZeroPad


@layer("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(call: LayerCall) -> list[Part]:
    return [Part(ZeroPad(pairs(call.spec, "padding", rank_of(call.spec)), data_format(call.spec)))]


@layer("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(call: LayerCall) -> list[Part]:
    return [Part(Crop(pairs(call.spec, "cropping", rank_of(call.spec)), data_format(call.spec)))]


@layer("Flatten")
def flatten(call: LayerCall) -> list[Part]:
    return [Part(Flatten(data_format(call.spec)))]


@layer("CenterCrop")
def center_crop(call: LayerCall) -> list[Part]:
    spec, first = call.spec, data_format(call.spec) == "channels_first"
    cropping = []
    for key, given in zip(("height", "width"), call.shapes[0][2:] if first else call.shapes[0][-3:-1], strict=True):
        wanted = lengths(spec, key, 1)[0]
        if given is None or given < wanted:
            raise unusual(spec, key, f"at most the image's length of {given}")
        cropping.append(((given - wanted) // 2, given - wanted - (given - wanted) // 2))
    return [Part(Crop(tuple(cropping), data_format(spec)))] if any(map(any, cropping)) else []


@layer("RepeatVector")
def repeat_vector(call: LayerCall) -> list[Part]:
    return [Part(Repeat(lengths(call.spec, "n", 1)[0]))]


@layer("UpSampling1D", "UpSampling2D", "UpSampling3D")
def up_sampling(call: LayerCall) -> list[Part]:
    spec, rank = call.spec, rank_of(call.spec)
    interpolation = spec.config.get("interpolation", "nearest")
    if interpolation not in ("nearest", "bilinear") or (interpolation == "bilinear" and rank != 2):
        raise unusual(spec, "interpolation", "'nearest', and 'bilinear' in two dimensions,")
    return [Part(Upsample(lengths(spec, "size", rank, default=2), interpolation, data_format(spec)))]


@layer("Resizing")
def resizing(call: LayerCall) -> list[Part]:
    spec = call.spec
    for key in ("crop_to_aspect_ratio", "pad_to_aspect_ratio"):
        if flag(spec, key, False):
            raise unusual(spec, key, "only false")
    interpolation = spec.config.get("interpolation", "bilinear")
    if interpolation not in ("nearest", "bilinear", "bicubic"):
        raise unusual(spec, "interpolation", "'nearest', 'bilinear' and 'bicubic'")
    size = (length(spec, "height"), length(spec, "width"))
    return [Part(Resize(size, interpolation, data_format(spec), flag(spec, "antialias", False)))]


@layer("Reshape")
def reshape(call: LayerCall) -> list[Part]:
    if "target_shape" not in call.spec.config:
        return reshaped(call)
    shape = tuple(-1 if n is None else n for n in _list(call.spec, "target_shape"))
    if shape.count(-1) > 1 or not all(type(n) is int and (n == -1 or n > 0) for n in shape):
        raise unusual(call.spec, "target_shape", "lengths above zero, one of them left open by -1,")
    return [Part(Reshape(shape))]


@layer("Permute")
def permute(call: LayerCall) -> list[Part]:
    return [Part(Permute(tuple(_list(call.spec, "dims"))))]


def _list(spec: LayerSpec, key: str) -> list[int]:
    value = field(spec, key)
    if not isinstance(value, list | tuple) or not all(n is None or type(n) is int for n in value):
        raise unusual(spec, key, "a list of whole numbers")
    return list(value)
