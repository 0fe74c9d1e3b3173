"""Pooling over windows and over whole images."""

from ir.formats.keras.layers.fields import data_format, flag, lengths, padding, rank_of
from ir.formats.keras.layers.registry import LayerCall, Part, layer
from ir.ops import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool, Op


def _pool(call: LayerCall, op: type[MaxPool] | type[AvgPool]) -> list[Part]:
    spec, rank = call.spec, rank_of(call.spec)
    size = lengths(spec, "pool_size", rank, default=2)
    strides = lengths(spec, "strides", rank) if spec.config.get("strides") is not None else size
    made: Op = op(size, strides, padding(spec, (), ()), data_format(spec))
    return [Part(made)]


@layer("MaxPooling1D", "MaxPooling2D", "MaxPooling3D")
def max_pooling(call: LayerCall) -> list[Part]:
    return _pool(call, MaxPool)


@layer("AveragePooling1D", "AveragePooling2D", "AveragePooling3D")
def average_pooling(call: LayerCall) -> list[Part]:
    return _pool(call, AvgPool)


@layer("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D")
def global_max_pooling(call: LayerCall) -> list[Part]:
    return [Part(GlobalMaxPool(flag(call.spec, "keepdims", False), data_format(call.spec)))]


@layer("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D")
def global_average_pooling(call: LayerCall) -> list[Part]:
    return [Part(GlobalAvgPool(flag(call.spec, "keepdims", False), data_format(call.spec)))]
