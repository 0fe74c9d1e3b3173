"""Pooling over windows and over whole images."""

from ir.formats.keras.layers.arguments import MAX_COPIES
from ir.formats.keras.layers.fields import data_format, flag, lengths, padding, rank_of
from ir.formats.keras.layers.registry import ADDONS, LayerCall, Part, layer, refusal
from ir.ops import AvgPool, Concatenate, GlobalAvgPool, GlobalMaxPool, MaxPool, Op, Slice
from ir.ops.base import spatial_axes


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


@layer(
    *(f"AdaptiveAveragePooling{n}D" for n in (1, 2, 3)),
    *(f"{ADDONS}AdaptiveAveragePooling{n}D" for n in (1, 2, 3)),
)
def adaptive_average_pooling(call: LayerCall) -> list[Part]:
    return _adaptive(call, GlobalAvgPool)


@layer(
    *(f"AdaptiveMaxPooling{n}D" for n in (1, 2, 3)),
    *(f"{ADDONS}AdaptiveMaxPooling{n}D" for n in (1, 2, 3)),
)
def adaptive_max_pooling(call: LayerCall) -> list[Part]:
    return _adaptive(call, GlobalMaxPool)


def _adaptive(call: LayerCall, pool: type[GlobalAvgPool] | type[GlobalMaxPool]) -> list[Part]:
    """Pool with `m` windows along each axis of length `n`, from `⌊i·n/m⌋` to `⌈(i + 1)·n/m⌉`.

    If `m` divides `n`, this is ordinary pooling.
    """
    spec, shape, layout = call.spec, call.shapes[0], data_format(call.spec)
    axes = spatial_axes(layout, len(shape))
    counts = lengths(spec, "output_size", rank_of(spec))
    given = [n for n in (shape[axis] for axis in axes) if n is not None]
    if len(given) != len(counts) or len(axes) != len(counts) or max(counts) > MAX_COPIES:
        raise refusal(
            spec, f"pools values of shape {shape}, of which the lengths must be known, to {counts}"
        )
    if all(n % m == 0 for n, m in zip(given, counts, strict=True)):
        size = tuple(n // m for n, m in zip(given, counts, strict=True))
        return [Part((AvgPool if pool is GlobalAvgPool else MaxPool)(size, size, "valid", layout))]
    parts: list[Part] = []
    for axis, n, m in zip(axes, given, counts, strict=True):
        before: str | int = parts[-1].name if parts else 0
        means = []
        for i in range(m):
            window = (i * n // m, -(-(i + 1) * n // m), None)
            parts.append(
                Part(
                    Slice((*((None, None, None),) * (axis - 1), window)),
                    f"window_{axis}_{i}",
                    reads=(before,),
                )
            )
            parts.append(
                Part(pool(True, axes=(axis,)), f"pool_{axis}_{i}", reads=(parts[-1].name,))
            )
            means.append(parts[-1].name)
        last = "" if axis == axes[-1] else f"joined_{axis}"
        parts.append(Part(Concatenate(axis), last, reads=tuple(means)))
    return parts
