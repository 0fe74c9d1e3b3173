"""Whether a map shows anything: it may be zero, the same everywhere, tiny, or not finite."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jlrp.propagation.explanation import Explanation

MIN_SHARE = 1e-6
"""The share of the start that some value of a map must have; float32 rounding is a tenth of it."""

NOT_FINITE = "the relevance is not finite"
NO_START = (
    "the decision value of the class explained is 0, so that there is no relevance to share out"
)
NOTHING = "no relevance reached the input: ledger=True says where it went"
CONSTANT = "the relevance is the same everywhere"


def note_of(
    relevance: Sequence[NDArray[Any]], start: float | None = None, channel: int | None = None
) -> str:
    """Say in a sentence why the relevance of one image shows nothing.

    Args:
        relevance: One array for each input, without the batch.
        start: Σ|R| at the decision value, or `None` where it is unknown.
        channel: The axis of the channels. A map that is the same everywhere within each channel
            is constant too.

    Returns:
        The sentence, or an empty string for a map that shows something.

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
    if start is not None and largest < MIN_SHARE * abs(start):
        share = f"{largest / abs(start):.0e}"
        return f"next to no relevance reached the input (at most {share} of the start)"
    if sum(each.size for each in values) > 1 and all(
        _is_constant(each, channel, largest) for each in values
    ):
        return CONSTANT
    return ""


def notes_of(explanation: "Explanation") -> tuple[str, ...]:
    """Give `note_of` every image of an explanation, leading axes first, row by row."""
    found = jax.device_get(explanation)
    inputs = found.relevance if isinstance(found.relevance, tuple) else (found.relevance,)
    before = len(found.leading) + 1
    leading = inputs[0].shape[:before]
    count = int(np.prod(leading))
    rows = [np.asarray(each).reshape(count, *each.shape[before:]) for each in inputs]
    start = found.start
    if start is not None and "condition" in found.leading:
        start = np.expand_dims(start, -2)  # the same under all conditions
    starts = [None] * count if start is None else np.ravel(np.broadcast_to(start, leading))
    names = found.axes[0][before:] if found.axes else ()
    channel = names.index("channel") if "channel" in names else None
    return tuple(
        note_of([row[index] for row in rows], None if start is None else float(start), channel)
        for index, start in enumerate(starts)
    )


def _is_constant(values: NDArray[np.float64], channel: int | None, largest: float) -> bool:
    """Whether values, or at least those of each channel, are the same up to rounding."""
    axes = tuple(range(values.ndim))
    if channel is not None and values.ndim > 1:
        positions = tuple(axis for axis in axes if axis != channel)
        if any(values.shape[axis] > 1 for axis in positions):
            axes = positions
    return bool(np.all(np.ptp(values, axis=axes) <= MIN_SHARE * largest))
