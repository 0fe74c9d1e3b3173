"""Classes to explain, as users give them: indices, labels, or the start relevance itself."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from jlrp.propagation.arrays import as_any_array, require_finite


def as_target(target: Any, images: tuple[Any, ...], labels: Sequence[str] = ()) -> Array | None:
    """A target as an array.

    Args:
        target: A class index or a label, for all images or one per image; the start relevance; or
            `None`.
        images: One array per input of the graph, batch first.
        labels: The names of the classes.

    Returns:
        `None`, the classes (N,), or the start relevance.

    Raises:
        ValueError: The target is anything else, or a start relevance is not finite.
    """
    if target is None:
        return None
    target = indices_of(target, labels)
    array = as_any_array(target, "Targets")
    whole = jnp.issubdtype(array.dtype, jnp.integer)
    is_start = array.ndim > 1 and (whole or jnp.issubdtype(array.dtype, jnp.floating))
    if not (whole or is_start) or isinstance(array, np.ma.MaskedArray):
        raise ValueError(
            "A target is a class index (an integer) or a label, one per image, or the start itself "
            f"(real numbers without a mask), not {str(target)[:80]!r}."
        )
    if is_start:
        require_finite((array,), "start relevances")
    shape = images[0].shape[:1] if array.ndim == 0 else array.shape
    if isinstance(array, jax.Array):
        return jnp.broadcast_to(array, shape)
    return jax.device_put(np.broadcast_to(array, shape))


def as_classes(classes: Sequence[int | str], labels: Sequence[str]) -> NDArray[np.integer[Any]]:
    """Several classes as an array of indices; `ValueError` for anything else."""
    indices = as_any_array(indices_of(classes, labels), "Classes")
    whole = indices.ndim == 1 and np.issubdtype(indices.dtype, np.integer)
    if not whole or isinstance(indices, np.ma.MaskedArray):
        raise ValueError(
            "classes are a sequence of class indices or labels, for example (3, 7), "
            f"not {classes!r}."
        )
    return indices


def indices_of(target: Any, labels: Sequence[str]) -> Any:
    """Replace labels by class indices. Anything else stays; an unknown label is a `ValueError`."""
    if isinstance(target, str):
        return index_of(target, labels)
    is_array = isinstance(target, np.ndarray) and target.ndim > 0
    if not (is_array or isinstance(target, list | tuple)):
        return target
    if any(isinstance(each, str) for each in target):
        return np.array([index_of(str(each), labels) for each in target])
    return target


def index_of(label: str, labels: Sequence[str]) -> int:
    """The class of a label; `ValueError` where no class has it, or several have."""
    if not labels:
        raise ValueError(
            f"The target {label!r} is a label, but the explainer has none: "
            "give jlrp.explainer(…, labels=[…]), one for each class, or the class's index."
        )
    found = [index for index, name in enumerate(labels) if name == label]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"The classes {', '.join(map(str, found))} all have the label {label!r}: give an index."
        )
    close = get_close_matches(label, labels, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"No class has the label {label!r}.{hint}")


def check_target(target: Any, classes: int) -> None:
    """Raise `ValueError` where a class index is outside the output's classes.

    Targets that are being traced, and start relevances, pass.
    """
    if target is None or isinstance(target, jax.core.Tracer):
        return
    indices = np.asarray(target)
    if indices.dtype.kind not in "iu" or indices.ndim > 1 or not indices.size:
        return
    if indices.min() >= 0 and indices.max() < classes:
        return
    worst = indices.min() if indices.min() < 0 else indices.max()
    if classes == 1:
        raise ValueError(
            f"There is no class {worst}: the output is one unit, class 0. Its negative has the "
            "same map with the opposite signs. With two labels (labels=[…]) both sides are "
            "classes, and the second is the unit."
        )
    raise ValueError(f"There is no class {worst}: the output has the classes 0 to {classes - 1}.")
