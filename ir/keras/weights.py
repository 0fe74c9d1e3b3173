"""Which array of a file belongs to which layer: the order in which Keras stores weights, and older layouts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ir.errors import LoadError
from ir.hdf5 import Group
from ir.keras.layers import Weight, weights_of
from ir.keras.spec import LayerSpec
from ir.ops import Shape
from ir.ops.base import same_shape

Params = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Origin:
    """What wrote the weights: the major version of Keras and the backend, `None` where the file does not say."""

    keras_version: int
    backend: str | None = None


@dataclass(frozen=True)
class Stored:
    """One array that a file should hold, and where it goes: `params[key][weight.role]`."""

    key: str
    layer: LayerSpec
    weight: Weight


def stored_in(layer: LayerSpec) -> list[Stored]:
    """The arrays in the group of a layer or nested model, in the order in which Keras writes them.

    All trainable weights come first, then all others; for a nested model this is over all of its layers, so that the
    order depends on which of them are frozen.
    """
    trained, others = _split(layer, "")
    return trained + others


def _split(layer: LayerSpec, prefix: str) -> tuple[list[Stored], list[Stored]]:
    """The trained weights and the others."""
    name = prefix + layer.name
    if layer.model is None:
        own = [Stored(f"{name}/{w.part}" if w.part else name, layer, w) for w in weights_of(layer)]
        trained = [s for s in own if layer.trainable and s.weight.trainable]
        return trained, [s for s in own if s not in trained]
    inner = [_split(each, f"{name}/") for each in layer.model.layers]
    if layer.trainable:
        return [s for t, _ in inner for s in t], [s for _, o in inner for s in o]
    return [], [s for t, o in inner for s in (*t, *o)]


def read_layer(group: Group, layer: LayerSpec, origin: Origin, params: Params) -> None:
    """Put the arrays of one group of the file into `params`."""
    expected, names = stored_in(layer), group.names("weight_names")
    if len(expected) != len(names):
        raise LoadError(
            f"holds {_count(names)} for the layer {layer.name!r} ({layer.class_name}), but its configuration needs "
            f"{_count([s.weight.role for s in expected])}: the weights are those of another model."
        )
    for stored, name in zip(expected, _matched(layer, expected, names), strict=True):
        params.setdefault(stored.key, {})[stored.weight.role] = _fitted(group.array(name), stored, origin)


def _matched(layer: LayerSpec, expected: list[Stored], names: list[str]) -> list[str]:
    """The file's names in the order of `expected`: as the names themselves say, else as they stand."""
    named = _named(expected)
    positions = [_position(name, named) for name in names]
    if sorted(p for p in positions if p is not None) == list(range(len(expected))):
        return [name for _, name in sorted(zip(positions, names, strict=True), key=lambda pair: pair[0] or 0)]
    known = {n for s in expected for n in s.weight.names}
    for stored, name in zip(expected, names, strict=True):
        role = _role(name, known)
        if role is not None and role not in stored.weight.names:
            raise LoadError(
                f"holds the array {name!r} in {layer.name!r} where the configuration needs the {stored.weight.role} of "
                f"{stored.key!r}: the order of the weights is that of another model."
            )
    return names


def _named(expected: list[Stored]) -> dict[str, int | None]:
    """Names under which files hold the arrays, with their positions; `None` for those that mean several."""
    found: dict[str, int | None] = {}
    for index, stored in enumerate(expected):
        for role in stored.weight.names:
            for name in (f"{stored.layer.name}/{role}", f"{stored.layer.name}_{role}"):
                found[name] = index if found.get(name, index) == index else None
    return found


def _position(name: str, named: dict[str, int | None]) -> int | None:
    """The position of the array that a file calls `name`.

    `conv1/kernel:0`, `conv1_1/kernel:0` (the second model that a program built), `outer/conv1/kernel`, and Keras 1's
    `conv1_W:0` and `conv1_W_1:0`.
    """
    scope, _, last = _bare(name).rpartition("/")
    layer = scope.rpartition("/")[2]
    unnumbered = re.sub(r"_\d+$", "", layer)
    tries = (f"{scope}/{last}", f"{layer}/{last}", f"{unnumbered}/{last}", last, re.sub(r"_\d+$", "", last))
    return next((named[t] for t in tries if named.get(t) is not None), None)


def _role(name: str, known: set[str]) -> str | None:
    """The role that a name ends with, the longest of those known; `None` where it ends otherwise."""
    last = _bare(name).rpartition("/")[2]
    for text in (last, re.sub(r"_\d+$", "", last)):
        fits = [role for role in known if text == role or text.endswith(f"_{role}")]
        if fits:
            return max(fits, key=len)
    return None


def _bare(name: str) -> str:
    return re.sub(r":\d+$", "", name)


def _fitted(array: np.ndarray, stored: Stored, origin: Origin) -> np.ndarray:
    """The array in today's layout, checked against what the configuration says."""
    shape, found = stored.weight.shape, array.shape
    if stored.weight.kernel:
        array = _modern_kernel(array, stored, origin)
    if shape is not None and not same_shape(array.shape, shape):
        raise LoadError(
            f"holds a {stored.weight.role} of shape {found} for the layer {stored.key!r} ({stored.layer.class_name}), "
            f"but its configuration needs {_show(shape)}: the weights do not fit the model."
        )
    return array if array.flags.owndata and array.flags.c_contiguous else array.copy()


def _modern_kernel(kernel: np.ndarray, stored: Stored, origin: Origin) -> np.ndarray:
    """A convolution's kernel as (*window, in, out), whatever wrote it.

    Keras 1 stores (out, in, *window) with `dim_ordering: th`, and a further axis of length 1 in one dimension.
    Theano turns kernels round, so that those it wrote are stored mirrored.
    """
    config, shape = stored.layer.config, stored.weight.shape or ()
    if origin.keras_version == 1:
        if len(shape) == 3 and kernel.ndim == 4:
            kernel = _first_fit(kernel, (*shape[:1], 1, *shape[1:]), (2, 3, 1, 0))
            kernel = kernel[:, 0] if kernel.shape[1] == 1 else kernel
        elif config.get("data_format") == "channels_first" and kernel.ndim == len(shape):
            kernel = kernel.transpose(*range(2, kernel.ndim), 1, 0)
    if kernel.ndim == 4:
        kernel = _first_fit(kernel, shape, (3, 2, 0, 1))
    if origin.backend == "theano":
        kernel = kernel[(slice(None, None, -1),) * (kernel.ndim - 2)]
    return kernel


def _first_fit(kernel: np.ndarray, shape: Shape, axes: tuple[int, ...]) -> np.ndarray:
    """The kernel, or with its axes in another order where only that has the shape."""
    if same_shape(kernel.shape, shape) or not same_shape(kernel.transpose(axes).shape, shape):
        return kernel
    return kernel.transpose(axes)


def _count(names: Sequence[str]) -> str:
    if not names:
        return "no arrays"
    listed = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    return f"{len(names)} {'array' if len(names) == 1 else 'arrays'} ({listed})"


def _show(shape: Shape) -> str:
    return str(tuple("any" if n is None else n for n in shape)).replace("'", "")
