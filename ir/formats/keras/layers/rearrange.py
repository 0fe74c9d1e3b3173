"""Layers that move, add or drop cells."""

from ir.formats.keras.layers import rearranging
from ir.formats.keras.layers.fields import data_format, field, lengths, pairs, rank_of, unusual
from ir.formats.keras.layers.registry import LayerCall, Part, layer
from ir.formats.keras.spec import LayerSpec
from ir.ops import Crop, Flatten, Permute, Repeat, Reshape, Upsample, ZeroPad


@layer("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(call: LayerCall) -> list[Part]:
    return [Part(ZeroPad(pairs(call.spec, "padding", rank_of(call.spec)), data_format(call.spec)))]


@layer("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(call: LayerCall) -> list[Part]:
    return [Part(Crop(pairs(call.spec, "cropping", rank_of(call.spec)), data_format(call.spec)))]


@layer("Flatten")
def flatten(call: LayerCall) -> list[Part]:
    return [Part(Flatten(data_format(call.spec)))]


@layer("RepeatVector")
def repeat_vector(call: LayerCall) -> list[Part]:
    return [Part(Repeat(lengths(call.spec, "n", 1)[0]))]


@layer("UpSampling1D", "UpSampling2D", "UpSampling3D")
def up_sampling(call: LayerCall) -> list[Part]:
    spec, rank = call.spec, rank_of(call.spec)
    interpolation = spec.config.get("interpolation", "nearest")
    if interpolation not in ("nearest", "bilinear") or (interpolation == "bilinear" and rank != 2):
        raise unusual(spec, "interpolation", "'nearest', and 'bilinear' in two dimensions,")
    return [
        Part(Upsample(lengths(spec, "size", rank, default=2), interpolation, data_format(spec)))
    ]


@layer("Reshape")
def reshape(call: LayerCall) -> list[Part]:
    if "target_shape" not in call.spec.config:
        return rearranging.reshape(call)
    shape = tuple(-1 if n is None else n for n in _list(call.spec, "target_shape"))
    if shape.count(-1) > 1 or not all(type(n) is int and (n == -1 or n > 0) for n in shape):
        raise unusual(call.spec, "target_shape", "lengths above zero, one of them left open by -1,")
    return [Part(Reshape(shape))]


@layer("Permute")
def permute(call: LayerCall) -> list[Part]:
    dims = _list(call.spec, "dims")
    if None in dims:
        raise unusual(call.spec, "dims", "a list of whole numbers")
    return [Part(Permute(tuple(dims)))]


def _list(spec: LayerSpec, key: str) -> list[int]:
    value = field(spec, key)
    if not isinstance(value, list | tuple) or not all(n is None or type(n) is int for n in value):
        raise unusual(spec, key, "a list of whole numbers")
    return list(value)
