"""Rules made of other rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import flax.struct
from jax import Array

import ir
from ir.ops.base import spatial_axes
from ir.ops.window import dilated
from jlrp.rules.base import LayerCall, Quotient, Relevances, Rule


@flax.struct.dataclass
class WithoutBias(Rule):
    """Another rule, with the bias counted as 0 in its denominators; activations keep it.

    The bias then absorbs no relevance. For the ops that the other rule is for.

    Attributes:
        rule: The other rule.

    Example:
        >>> import jlrp
        >>> jlrp.WithoutBias(jlrp.Epsilon())
        WithoutBias(rule=Epsilon(epsilon=1e-06))
    """

    rule: Rule

    @property
    def choices(self) -> tuple[Rule, ...]:
        inner = self.rule.choices
        return (self,) if len(inner) == 1 else tuple(map(WithoutBias, inner))

    def choose(self, op: ir.Op, params: Mapping[str, Array], inputs: Sequence[ir.Shape]) -> int:
        return self.rule.choose(op, params, inputs)

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return self.rule.relevance(call.without_bias(), relevance)

    def fits(self, op: ir.Op) -> bool:
        return self.rule.fits(op)

    def proportional(self, op: ir.Op) -> bool:
        return self.rule.proportional(op)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        return self.rule.quotients(call.without_bias(), relevance)

    def prepare(self, op: ir.Op, params: Mapping[str, Array], nonnegative: bool) -> Any:
        return self.rule.prepare(op, params, nonnegative)


@flax.struct.dataclass
class SmallWindow(Rule):
    """One rule for layers whose windows are small, another for those that see nearly everything.

    A window is small if it covers at most half of the input along each axis, and if neighbouring
    windows overlap. A rule that treats all cells of a window alike, `Flat` for example, then still
    shows where relevance is. A dense layer has no small windows, nor has a patch embedding, whose
    stride is its window. A window of one cell is small.

    Attributes:
        rule: For convolutions with small windows.
        otherwise: For all other layers.

    Example:
        >>> import jlrp
        >>> print(jlrp.SmallWindow(jlrp.Flat(), jlrp.ZPlus()))
        Flat(epsilon=1e-06) where windows are small, else ZPlus(epsilon=1e-06)
    """

    rule: Rule
    otherwise: Rule

    @property
    def choices(self) -> tuple[Rule, ...]:
        return (self.rule, self.otherwise)

    def choose(self, op: ir.Op, params: Mapping[str, Array], inputs: Sequence[ir.Shape]) -> int:
        return 0 if has_small_windows(op, params, inputs[0]) else 1

    def fits(self, op: ir.Op) -> bool:
        return self.rule.fits(op) and self.otherwise.fits(op)

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return self._chosen(call).relevance(call, relevance)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        return self._chosen(call).quotients(call, relevance)

    def _chosen(self, call: LayerCall) -> Rule:
        return self.choices[self.choose(call.op, call.params, [x.shape for x in call.inputs])]

    def __str__(self) -> str:
        return f"{self.rule} where windows are small, else {self.otherwise}"


def has_small_windows(op: ir.Op, params: Mapping[str, Any], shape: ir.Shape) -> bool:
    """Whether a convolution's windows overlap and cover at most half of each axis of its input."""
    if not isinstance(op, ir.Convolution):
        return False
    window = dilated(tuple(params["kernel"].shape[: len(op.strides)]), op.dilation)
    lengths = tuple(shape[axis] for axis in spatial_axes(op.data_format, len(shape)))
    fits = all(
        n is None or cells == 1 or 2 * cells <= n for cells, n in zip(window, lengths, strict=True)
    )
    overlaps = all(
        cells == 1 or cells > stride for cells, stride in zip(window, op.strides, strict=True)
    )
    return fits and overlaps
