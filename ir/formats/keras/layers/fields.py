"""Typed access to a layer's configuration; a wrong type is a `LoadError` with layer and field."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ir.errors import LoadError
from ir.formats.keras.layers.registry import LayerCall, refusal
from ir.formats.keras.spec import LayerSpec
from ir.ops.window import Padding, Pairs


def field(spec: LayerSpec, key: str) -> Any:
    """A field, which must exist."""
    if key not in spec.config:
        raise LoadError(
            f"is damaged: the layer {spec.title!r} ({spec.class_name}) lacks {key!r} in its "
            "configuration."
        )
    return spec.config[key]


def unusual(spec: LayerSpec, key: str, allowed: str) -> LoadError:
    """The error for a field's value."""
    return refusal(spec, f"has {key}={str(spec.config.get(key))[:80]}, but {allowed} can be loaded")


def number(spec: LayerSpec, key: str, default: float) -> float:
    """A number, in any form of any version; `default` if it is null or missing."""
    if spec.config.get(key) is None:
        return default
    value = constant(spec.config[key])
    if not isinstance(value, float):
        raise unusual(spec, key, "a number")
    return value


def flag(spec: LayerSpec, key: str, default: bool) -> bool:
    """True or false."""
    value = spec.config.get(key, default)
    if not isinstance(value, bool | int):
        raise unusual(spec, key, "true or false")
    return bool(value)


def length(spec: LayerSpec, key: str) -> int:
    """A whole number above zero."""
    return lengths(spec, key, 1)[0]


def lengths(spec: LayerSpec, key: str, rank: int, default: int | None = None) -> tuple[int, ...]:
    """Whole numbers above zero, one per spatial axis or one for all."""
    value = spec.config.get(key)
    if value is None:
        value = default if default is not None else field(spec, key)
    found = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    if len(found) != rank or not all(type(n) is int and n > 0 for n in found):
        raise unusual(spec, key, f"{rank} whole {'number' if rank == 1 else 'numbers'} above zero")
    return found


def pairs(spec: LayerSpec, key: str, rank: int) -> Pairs:
    """One (low, high) pair per spatial axis. One number stands for a pair, or for all pairs."""
    value = field(spec, key)
    if isinstance(value, int):
        value = [[value, value]] * rank
    elif rank == 1 and isinstance(value, list | tuple) and all(isinstance(n, int) for n in value):
        value = [list(value) if len(value) == 2 else [*value, *value]]
    if not isinstance(value, list | tuple):
        raise unusual(spec, key, f"{rank} pairs of whole numbers")
    found = tuple(tuple(p) if isinstance(p, list | tuple) else (p, p) for p in value)
    if len(found) != rank or not all(
        len(p) == 2 and all(type(n) is int and n >= 0 for n in p) for p in found
    ):
        raise unusual(spec, key, f"{rank} pairs of whole numbers")
    return found


def axis(spec: LayerSpec, default: int) -> int:
    """One axis, which some versions write as a list."""
    found = axes(spec, default)
    if len(found) != 1:
        raise unusual(spec, "axis", "one axis")
    return found[0]


def axes(spec: LayerSpec, default: int) -> tuple[int, ...]:
    """Axes as they stand in the file: one, or several in a list."""
    value = spec.config.get("axis", default)
    found = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not all(type(n) is int for n in found):
        raise unusual(spec, "axis", "one axis or a list of them")
    return found


def from_end(call: LayerCall, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Count axes of the first input from the end, and sort them."""
    rank = len(call.shapes[0])
    if len(axes) > rank or not all(-rank <= a < rank for a in axes):
        raise refusal(
            call.spec,
            f"has axis={str(list(axes))[:80]}, but its input has {rank} axes, the batch included",
        )
    return tuple(sorted({a % rank - rank for a in axes}))


def padding(spec: LayerSpec, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> Padding:
    """`"valid"`, `"same"`, or the pairs that `"causal"` means."""
    value = str(spec.config.get("padding", "valid")).lower()
    if value == "causal" and len(kernel) == 1:
        return (((kernel[0] - 1) * dilation[0], 0),)
    if value not in ("valid", "same"):
        raise unusual(spec, "padding", "'valid' and 'same'")
    return value


def data_format(spec: LayerSpec) -> str:
    """`"channels_last"` or `"channels_first"`."""
    value = spec.config.get("data_format") or "channels_last"
    if value not in ("channels_last", "channels_first"):
        raise unusual(spec, "data_format", "'channels_last' and 'channels_first'")
    return str(value)


def rank_of(spec: LayerSpec) -> int:
    """The number of spatial axes in a class's name: 2 for `Conv2D`."""
    return next(int(c) for c in spec.class_name if c.isdigit())


def constant(value: Any) -> float | np.ndarray | None:
    """A number or an array of numbers, in any form of Keras; `None` if it is neither.

    The forms are numbers, lists, `{"class_name": "__numpy__", "config": {"value": …}}` and
    `{"type": "ndarray", "values": …}`.
    """
    if isinstance(value, Mapping):
        inner = value.get("config")
        value = value.get("values", inner.get("value") if isinstance(inner, Mapping) else None)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return None if value != value else float(value)
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    if array.dtype.kind not in "fiu" or array.size == 0:
        return None
    return float(array.reshape(())) if array.size == 1 else array.astype(np.float32)
