"""Arithmetic on intervals: what is certain of an op's output from what is certain of its inputs.

An interval is of exact arithmetic: a computed value may overstep it by its rounding.
"""

import math
from collections.abc import Callable

Interval = tuple[float, float]
"""The smallest and the largest possible value; `-inf` and `inf` where nothing is known."""

ANYTHING: Interval = (-math.inf, math.inf)
"""The interval of a value of which nothing is known."""

UNIT: Interval = (0.0, 1.0)
"""The interval of gates and probabilities."""

ROUNDING = 1e-6
"""How far an interval may overstep another and count as within it.

Constants such as 1/6 come rounded to float32.
"""


def within(inner: Interval, outer: Interval) -> bool:
    """Whether every value of `inner` is one of `outer`, up to rounding.

    Example:
        >>> within((0, 6 * 0.16666667), UNIT), within((-1, 1), UNIT)
        (True, False)
    """
    return outer[0] - ROUNDING <= inner[0] and inner[1] <= outer[1] + ROUNDING


def hull(*intervals: Interval) -> Interval:
    """The smallest interval that holds all of these; `ANYTHING` if there are none.

    Example:
        >>> hull((0, 1), (3, 4))
        (0, 4)
    """
    if not intervals:
        return ANYTHING
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def clip(x: Interval, low: float, high: float) -> Interval:
    """The interval of `min(max(x, low), high)`.

    Example:
        >>> clip((-3, 9), 0, 6)
        (0, 6)
    """
    return min(max(x[0], low), high), min(max(x[1], low), high)


def scale(x: Interval, factor: float, offset: float = 0.0) -> Interval:
    """The interval of `factor·x + offset`; `0·∞` is 0, as no value is infinite.

    Example:
        >>> scale((0, math.inf), -2, 1), scale(ANYTHING, 0)
        ((-inf, 1.0), (0.0, 0.0))
    """
    ends = [_times(factor, end) + offset for end in x]
    return min(ends), max(ends)


def total(*intervals: Interval) -> Interval:
    """The interval of a sum of one value of each.

    Example:
        >>> total((0, 1), (-2, math.inf))
        (-2, inf)
    """
    low, high = sum(low for low, _ in intervals), sum(high for _, high in intervals)
    return (-math.inf if math.isnan(low) else low), (math.inf if math.isnan(high) else high)


def product(*intervals: Interval) -> Interval:
    """The interval of a product of one value of each.

    Example:
        >>> product((-1, 2), (0, math.inf)), product((0, 0), ANYTHING)
        ((-inf, inf), (0.0, 0.0))
    """
    found: Interval = (1.0, 1.0)
    for x in intervals:
        ends = [_times(a, b) for a in found for b in x]
        found = min(ends), max(ends)
    return found


def signs(x: Interval) -> Interval:
    """The interval of sums of any number of values: one side of 0, or anything.

    Example:
        >>> signs((0, 3)), signs((-1, 3))
        ((0.0, inf), (-inf, inf))
    """
    return (0.0 if x[0] >= 0 else -math.inf), (0.0 if x[1] <= 0 else math.inf)


def towards_zero(x: Interval) -> Interval:
    """The interval of all values between 0 and `x`.

    Example:
        >>> towards_zero((2, 3)), towards_zero((-1, 3))
        ((0.0, 3), (-1, 3))
    """
    return min(x[0], 0.0), max(x[1], 0.0)


def pieces(
    x: Interval, at: float, below: Callable[[float], float], above: Callable[[float], float]
) -> Interval:
    """The interval of a function of two monotone pieces.

    Args:
        x: The interval of the inputs.
        at: The point where the pieces meet; either may hold there.
        below: The function up to that point.
        above: The function from that point on.

    Example:
        >>> pieces((-4, 2), 0, below=lambda x: -1.0, above=lambda x: x)
        (-1.0, 2.0)
    """
    found = []
    if x[0] <= at:
        found += [below(x[0]), below(min(x[1], at))]
    if x[1] >= at:
        found += [above(max(x[0], at)), above(x[1])]
    return float(min(found)), float(max(found))


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b
