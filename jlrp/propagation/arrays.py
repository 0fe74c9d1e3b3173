"""Arrays that users give: which are taken, and a sentence for the others."""

import os
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def as_array(given: Any, what: str = "The images") -> Any:
    """An array of real numbers.

    Args:
        given: A NumPy or JAX array, or what NumPy makes an array of.
        what: What it is, for the message.

    Returns:
        A NumPy or JAX array.

    Raises:
        TypeError: It is no array of real numbers, or it has a mask.
    """
    if isinstance(given, str | bytes | os.PathLike):
        raise TypeError(
            f"{what} are arrays, not files: read {str(given)[:80]!r} into one of the model's shape."
        )
    array = as_any_array(given, what)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{what} have no mask: give masked.filled(0), or another number for what is left out."
        )
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(
            f"{what} are real numbers, but an array of {array.dtype} was given: give its real part."
        )
    if not holds_numbers(array.dtype):
        raise TypeError(
            f"{what} are arrays of numbers, but {type(given).__name__} with values of type "
            f"{array.dtype} was given."
        )
    return array


def as_any_array(given: Any, what: str) -> Any:
    """A NumPy or JAX array of any values, as given or made by NumPy.

    Args:
        given: An array, a tensor of PyTorch, a data frame, nested lists.
        what: What it is, for the message.

    Returns:
        The array.

    Raises:
        TypeError: NumPy makes no array of it.
    """
    if isinstance(given, np.ndarray | jax.Array):
        return given
    if hasattr(given, "detach"):  # a tensor of PyTorch
        given = given.detach().cpu().numpy()
    try:
        return np.asarray(given)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{what} are arrays of numbers, and NumPy makes no array of what was given: {error}"
        ) from None


def require_finite(arrays: Iterable[Any], what: str = "images") -> None:
    """Check that arrays are finite.

    JAX arrays are not looked at: that would wait until the device has computed them. Their maps
    are not finite, which `Explanation.notes` says.

    Args:
        arrays: NumPy and JAX arrays.
        what: What they are, for the message.

    Raises:
        ValueError: A NumPy array holds NaN or infinity.
    """
    for array in arrays:
        if isinstance(array, jax.Array):
            continue
        finite = np.isfinite(array)
        if not finite.all():
            place = ", ".join(map(str, np.argwhere(~finite)[0]))
            raise ValueError(
                f"The {what} hold NaN or infinity ({np.count_nonzero(~finite):,} of "
                f"{finite.size:,} numbers, the first at [{place}]): no relevance follows from it."
            )


def holds_numbers(dtype: Any) -> bool:
    """Whether arrays of this dtype hold numbers, or true and false."""
    return jnp.issubdtype(dtype, jnp.number) or jnp.issubdtype(dtype, jnp.bool_)
