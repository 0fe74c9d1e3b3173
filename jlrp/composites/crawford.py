"""The 2019 algorithm as a composite: its rules, and the quirks of the original as far as they can be computed at all.

The two presets share one table of rules. `crawford2019_original` adds three quirks of the first implementation:
windows of `same` convolutions that start at the wrong pixel (Q2), copies of relevance at 1×1 convolutions of stride 2
(Q3), and a walk that does not follow every branch (Q4).
"""

import math
from dataclasses import replace
from typing import TypeGuard

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from ir.ops.base import spatial_axes
from ir.ops.window import Pairs
from jlrp.composites.composite import Composite, Edge, Entry
from jlrp.composites.predicates import Fact
from jlrp.composites.rows import common_rows
from jlrp.rules import AbsSplit, HalfHalf, LayerCall, Pass, Rule, UniformPooling
from jlrp.rules.base import Quotient, Relevances


def crawford2019() -> Composite:
    """The 2019 algorithm with its mistakes mended: half positive minus half negative shares, uniform pooling.

    HalfHalf on convolutions and dense layers, uniform max and average pooling, AbsSplit at sums, Pass on BatchNorm and
    activations, crops at padding; every branch is followed and nothing is folded.
    """
    return Composite(_rules(HalfHalf()), fold=False, one="plus")


def crawford2019_original() -> Composite:
    """The 2019 algorithm as it was, shifted windows, copied relevance and unfollowed branches included.

    As `crawford2019`, with the windows of `same` convolutions starting at the wrong pixel, the relevance of 1×1
    convolutions of stride 2 copied onto skipped pixels, and the walk that stops in residual branches. The maps of the
    first implementation started from 1: `start="one"`.
    """
    return Composite(_rules(OriginalHalfHalf()), fold=False, followed=walked_edges, one="plus")


def _rules(linear: Rule) -> tuple[Entry, ...]:
    return (
        (Fact("has_kernel"), linear),
        (Fact("pools"), UniformPooling()),
        (Fact("sums") & Fact("elementwise"), AbsSplit()),
        (ir.BatchNorm, Pass()),
        *common_rows(),
    )


@flax.struct.dataclass
class OriginalHalfHalf(HalfHalf):
    """`HalfHalf` with the first implementation's windows.

    Q2: under `same` padding the window of output `a` starts at pixel `s·a` in place of `s·a − ⌊P/2⌋`.
    Q3: a 1×1 convolution of stride 2 copies each sampled pixel's relevance onto its three skipped neighbours; copies
    that fall outside the image are dropped.
    Where the first implementation fails (dilation; an image whose columns need more padding than its rows; transposed
    convolutions), this is `HalfHalf`.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        walked = _as_walked(call)
        shares = super().relevance(walked, relevance)
        if not _is_plain(call.op) or set(_window(call)) != {1} or set(call.op.strides) != {2}:
            return shares
        (result,) = shares
        for axis in spatial_axes(call.op.data_format, result.ndim):
            result = _copied_forward(result, axis)
        return (result,)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        return super().quotients(_as_walked(call), relevance)


def _is_plain(op: ir.Op) -> TypeGuard[ir.Convolution]:
    """Whether an op is a convolution that the first implementation knew."""
    if not isinstance(op, ir.Convolution) or op.transposed:
        return False
    return all(d == 1 for d in op.dilation)


def _window(call: LayerCall) -> tuple[int, ...]:
    return call.params["kernel"].shape[:-2]


def _as_walked(call: LayerCall) -> LayerCall:
    """The call of a `same` convolution with the windows that the first implementation read (Q2)."""
    op = call.op
    if not _is_plain(op) or op.padding != "same":
        return call
    (x,) = call.inputs
    lengths = tuple(x.shape[a] for a in spatial_axes(op.data_format, x.ndim))
    padding = shifted_padding(lengths, _window(call), op.strides)
    return call if padding is None else replace(call, op=replace(op, padding=padding))


def shifted_padding(lengths: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...]) -> Pairs | None:
    """Q2 as explicit padding: nothing before the image, after it whatever the last window needs.

    `None` where a window would reach past the original's own padding, which it reckoned from the rows alone.
    """
    n, k, s = lengths[0], window[0], strides[0]
    own = max(k - s if n % s == 0 else k - n % s, 0)
    needed = [(math.ceil(n / s) - 1) * s + k - n for n, k, s in zip(lengths, window, strides, strict=True)]
    return None if max(needed) > own else tuple((0, cells) for cells in needed)


def _copied_forward(x: Array, axis: int) -> Array:
    """Each even position's values also at the odd position after it, which holds zeros."""
    even = jnp.take(x, jnp.arange(0, x.shape[axis], 2), axis)
    return jnp.repeat(even, 2, axis)[tuple(slice(n) for n in x.shape)]


def walked_edges(graph: ir.Graph) -> frozenset[Edge]:
    """Q4: the edges that the original's walk from the output follows.

    An `Add` of two is left by its first input as far as the next activation, where the relevance stays unless the
    walk comes by again; then by its second input, without such a stop. A second `Add` met before the stop replaces the
    input that was waiting. Where the original has no answer (a sum of three, any other op with several inputs) all
    inputs are followed. An activation fused into a layer counts as a layer of its own.
    """
    followed: set[Edge] = set()
    walks: list[tuple[str, Edge | None]] = [
        (graph.outputs[0], None)
    ]  # where a walk stands, and what waits for its stop
    seen = set(walks)

    def follow(edge: Edge, waiting: Edge | None) -> None:
        followed.add(edge)
        walk = (graph[edge[0]].inputs[edge[1]], waiting)
        if walk not in seen:
            seen.add(walk)
            walks.append(walk)

    while walks:
        name, waiting = walks.pop()
        node = graph.get(name)
        if node is None or (waiting is not None and isinstance(node.op, ir.ActivationOp)):
            if waiting is not None:
                follow(waiting, None)
        elif isinstance(node.op, ir.Add) and len(node.inputs) == 2:
            follow((name, 0), (name, 1))
        else:
            for position in range(len(node.inputs)):
                follow((name, position), waiting if position == 0 else None)
    return frozenset(followed)
