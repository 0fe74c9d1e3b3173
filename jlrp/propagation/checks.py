"""Whether a map shows anything: all zero, the same everywhere, next to nothing, or not finite."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jlrp.propagation.explanation import Explanation

LEAST = 1e-6
"""The share of the start that some value must have for a map to show anything; float32 rounding is a tenth of it."""

NOT_FINITE = "the relevance is not finite"
NO_START = "the decision value of the class explained is 0, so that there is no relevance to share out"
NOTHING = "no relevance reached the input: ledger=True says where it went"
CONSTANT = "the relevance is the same everywhere"


def note_of(relevance: Sequence[NDArray[Any]], start: float | None = None, channel: int | None = None) -> str:
    """A sentence where the relevance of one image shows nothing, else an empty string.

    Args:
        relevance: One array for each input, without the batch.
        start: Σ|R| at the decision value, or `None` where it is not known.
        channel: The axis of the channels: a map that is the same everywhere for each channel is constant too.

    Example:
        >>> note_of([np.zeros((4, 4, 1))], start=3.0)
        'no relevance reached the input: ledger=True says where it went'
        >>> note_of([np.array([1.0, -2.0])], start=3.0)
        ''
    """
    values = [np.asarray(each, np.float64) for each in relevance]
    if not all(np.isfinite(each).all() for each in values):
        return NOT_FINITE
    largest = max((float(np.abs(each).max(initial=0)) for each in values), default=0.0)
    if start == 0:
        return NO_START
    if largest == 0:
        return NOTHING
    if start is not None and largest < LEAST * abs(start):
        return f"next to no relevance reached the input (at most {largest / abs(start):.0e} of the start)"
    if sum(each.size for each in values) > 1 and all(_constant(each, channel, largest) for each in values):
        return CONSTANT
    return ""


def notes_of(explanation: "Explanation") -> tuple[str, ...]:
    """`note_of` for every image of an explanation, leading axes first, row by row."""
    found = jax.device_get(explanation)
    inputs = found.relevance if isinstance(found.relevance, tuple) else (found.relevance,)
    before = len(found.leading) + 1
    count = int(np.prod(inputs[0].shape[:before]))
    rows = [np.asarray(each).reshape(count, *each.shape[before:]) for each in inputs]
    start = found.start
    if start is not None and "condition" in found.leading:
        start = np.expand_dims(start, -2)  # the same under all conditions
    starts = [None] * count if start is None else np.ravel(np.broadcast_to(start, inputs[0].shape[:before]))
    names = found.axes[0][before:] if found.axes else ()
    channel = names.index("channel") if "channel" in names else None
    return tuple(
        note_of([row[index] for row in rows], None if start is None else float(start), channel)
        for index, start in enumerate(starts)
    )


def _constant(values: NDArray[np.float64], channel: int | None, largest: float) -> bool:
    """Whether values, or at least those of each channel, are the same up to rounding."""
    if channel is not None and values.ndim > 1:
        axes = tuple(axis for axis in range(values.ndim) if axis != channel)
        if all(values.shape[axis] == 1 for axis in axes):
            axes = tuple(range(values.ndim))
    else:
        axes = tuple(range(values.ndim))
    return bool(np.all(np.ptp(values, axis=axes) <= LEAST * largest))
