"""What a span is: the recognisers, in the order in which they are asked."""

from collections.abc import Callable

import numpy as np

import ir
from jlrp.tracing.activations import activated, tolerance
from jlrp.tracing.affine import scaled
from jlrp.tracing.moves import moved, without_batch
from jlrp.tracing.norms import normalized
from jlrp.tracing.numeric import ELEMENTWISE
from jlrp.tracing.part import Part
from jlrp.tracing.pooling import pooled
from jlrp.tracing.regions import Span, number_of, thin
from jlrp.tracing.values import Const, Value


def recognised(span: Span, begins_linear: bool) -> list[Part] | None:
    """The ops that compute what a span computes, one after the other; `None` if none do.

    An op is what it computes: names are not looked at, and numbers decide.

    Args:
        span: The span.
        begins_linear: Whether a layer with a kernel makes its start.
    """
    if span.primitives == {"convert_element_type"}:
        truths = any(np.dtype(each.output.dtype).kind == "b" for each in span.equations)
        return None if truths else []
    recognisers: tuple[Callable[[Span], list[Part] | None], ...] = (
        moved,
        lambda each: scaled(each, begins_linear),
        pooled,
        _masked,
        activated,
        _leaky,
        normalized,
    )
    with np.errstate(all="ignore"):  # of infinities, which a span may make
        found = (recognise(span) for recognise in recognisers)
        return next((parts for parts in found if parts is not None), None)


def _masked(span: Span) -> list[Part] | None:
    """`where(mask, x, number)` with a mask that no image changes."""
    if span.primitives != {"select_n"} or len(span.equations) > 1:
        return None
    which, *cases = span.equations[0].operands
    if not isinstance(which, Const) or len(cases) != 2:
        return None
    numbers = [case for case in cases if isinstance(case, Const)]
    fill = number_of(numbers[0]) if len(numbers) == 1 else None
    if fill is None:
        return None
    shown = without_batch(thin(which), span.start)
    if isinstance(cases[0], Value):
        shown = _not(shown)
    return [Part(ir.Mask(fill), {"mask": shown})]


def _not(mask: Const) -> Const:
    return Const(mask.shape, mask.dtype, (mask,), lambda a: a == 0)


def _leaky(span: Span) -> list[Part] | None:
    """`x` where positive, else `alpha·x`, with a trained `alpha`."""
    trained = [const for const in span.consts if const.trained]
    if (
        len(trained) != 1
        or not span.primitives <= ELEMENTWISE
        or span.start.shape != span.end.shape
    ):
        return None
    numbers = span.numbers(np.random.default_rng(0))
    shape = span.start.first
    x = np.random.default_rng(1).normal(0, 2, (3, *shape))
    alpha = without_batch(thin(trained[0]), span.start)
    drawn = numbers[trained[0].number]
    drawn = (
        drawn.reshape((1,) * (x.ndim - 1))
        if drawn.ndim == 0
        else np.moveaxis(drawn, span.start.axis, 0)
    )
    made = span.run(x, numbers)
    apart = np.max(np.abs(made - np.where(x > 0, x, drawn * x)))
    if not apart <= 10 * tolerance(span.start.dtype):  # NaN is not near
        return None
    return [Part(ir.PRelu(), {"alpha": alpha})]
