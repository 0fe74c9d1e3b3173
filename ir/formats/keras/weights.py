"""The arrays that a model stores, in Keras's order, and how older versions store them."""

from dataclasses import dataclass, replace

import numpy as np

from ir.errors import LoadError
from ir.formats.hdf5 import Group
from ir.formats.keras.layers import Weight, weights_of
from ir.formats.keras.spec import LayerSpec
from ir.ops import Shape
from ir.ops.base import same_shape

Params = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Origin:
    """What wrote the weights.

    Attributes:
        keras_version: The major version of Keras.
        backend: Keras's backend; `None` if the file does not say.
    """

    keras_version: int
    backend: str | None = None


@dataclass(frozen=True)
class Stored:
    """One array that a file should hold. It becomes `params[key][weight.role]`."""

    key: str
    layer: LayerSpec
    weight: Weight


@dataclass(frozen=True)
class Place:
    """The place of one array in a file."""

    group: Group
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape. It does not read the array."""
        return self.group.shape(self.name)


Located = list[tuple[Stored, Place]]
"""The arrays of a model, each with its place in a file."""


def stored_arrays(layer: LayerSpec, prefix: str = "") -> list[Stored]:
    """The arrays of a layer or nested model, in the order in which Keras writes them.

    Trainable weights come first, in a nested model those of all its layers. So the order depends
    on which layers are frozen.

    Args:
        layer: The layer or nested model.
        prefix: The beginning of the keys.
    """
    trained, others = _split(layer, prefix)
    return trained + others


def unwrap(wrapper: LayerSpec) -> LayerSpec:
    """The layer inside a wrapper, with the wrapper's name."""
    assert wrapper.inner is not None
    return replace(wrapper.inner, name=wrapper.name)


def _split(layer: LayerSpec, prefix: str) -> tuple[list[Stored], list[Stored]]:
    """The trainable weights and the others."""
    name = prefix + layer.name
    if layer.model is None:
        own = [Stored(f"{name}/{w.part}" if w.part else name, layer, w) for w in weights_of(layer)]
        trained = [s for s in own if layer.trainable and s.weight.trainable]
        others = [s for s in own if s not in trained]
        if layer.inner is not None:
            within, without = _split(unwrap(layer), prefix)
            if layer.trainable:
                return trained + within, others + without
            # SpectralNormalization holds the kernel itself too, before its own arrays.
            copied = int(layer.class_name.endswith("SpectralNormalization"))
            inside = [*within, *without]
            others = [*inside[:copied], *own, *inside[copied:]]
        return trained, others
    inner = [_split(each, f"{name}/") for each in layer.model.layers]
    if layer.trainable:
        return [s for t, _ in inner for s in t], [s for _, o in inner for s in o]
    return [], [s for t, o in inner for s in (*t, *o)]


def read(located: Located, origin: Origin) -> Params:
    """Read the weights of a model that its layers need at inference."""
    params: Params = {}
    for stored, place in located:
        if stored.weight.used:
            params.setdefault(stored.key, {})[stored.weight.role] = _fit(
                place.group.array(place.name), stored, origin
            )
    return params


def require_fit(located: Located) -> None:
    """`LoadError` for the first array whose shape is not that of the configuration.

    It reads no array.
    """
    for stored, place in located:
        found, shape = place.shape, stored.weight.shape
        theano = (
            stored.weight.kernel
            and len(found) == 4
            and same_shape(in_todays_order(found), shape or ())
        )
        if shape is not None and not theano and not same_shape(found, shape):
            raise _misfit(stored, found)


def theano_shape(located: Located) -> tuple[int, ...] | None:
    """The shape of the first 4-D kernel, if it has Theano's order (out, in, height, width)."""
    kernels = (
        (s.weight.shape, place.shape)
        for s, place in located
        if s.weight.kernel and len(place.shape) == 4
    )
    shape, found = next(kernels, (None, ()))
    wrong = (
        shape is not None
        and not same_shape(found, shape)
        and same_shape(in_todays_order(found), shape)
    )
    return found if wrong else None


def in_todays_order(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Turn a 4-D kernel's shape from Theano's order (out, in, height, width) into today's."""
    return (*shape[2:], shape[1], shape[0])


def _fit(array: np.ndarray, stored: Stored, origin: Origin) -> np.ndarray:
    """Bring an array into today's layout, and check its shape."""
    shape, found = stored.weight.shape, array.shape
    if stored.weight.kernel:
        array = _modern_kernel(array, stored, origin)
    if shape is not None and not same_shape(array.shape, shape):
        raise _misfit(stored, found)
    return array if array.flags.owndata and array.flags.c_contiguous else array.copy()


def _modern_kernel(kernel: np.ndarray, stored: Stored, origin: Origin) -> np.ndarray:
    """Bring a convolution's kernel into the order (*window, in, out).

    Keras 1 stores (out, in, *window) with `dim_ordering: th`, and one more axis of length 1 for one
    dimension. Theano mirrors kernels, so its files hold mirrored kernels.
    """
    config, shape = stored.layer.config, stored.weight.shape or ()
    if origin.keras_version == 1:
        if len(shape) == 3 and kernel.ndim == 4:
            kernel = _first_fit(kernel, (*shape[:1], 1, *shape[1:]), (2, 3, 1, 0))
            kernel = kernel[:, 0] if kernel.shape[1] == 1 else kernel
        elif config.get("data_format") == "channels_first" and kernel.ndim == len(shape):
            kernel = kernel.transpose(*range(2, kernel.ndim), 1, 0)
        elif kernel.ndim == 4:
            kernel = _first_fit(kernel, shape, (2, 3, 1, 0))
    if kernel.ndim == 4:
        kernel = _first_fit(kernel, shape, (3, 2, 0, 1))
    if origin.backend == "theano":
        kernel = kernel[(slice(None, None, -1),) * (kernel.ndim - 2)]
    return kernel


def _first_fit(kernel: np.ndarray, shape: Shape, axes: tuple[int, ...]) -> np.ndarray:
    """The kernel, with its axes in another order if only that order fits the shape."""
    if same_shape(kernel.shape, shape) or not same_shape(kernel.transpose(axes).shape, shape):
        return kernel
    return kernel.transpose(axes)


def _misfit(stored: Stored, found: tuple[int, ...]) -> LoadError:
    return LoadError(
        f"holds a {stored.weight.role} of shape {found} for the layer {stored.key!r} "
        f"({stored.layer.class_name}), but its configuration needs "
        f"{_show(stored.weight.shape or ())}: the weights do not fit the model."
    )


def _show(shape: Shape) -> str:
    return str(tuple("any" if n is None else n for n in shape)).replace("'", "")
