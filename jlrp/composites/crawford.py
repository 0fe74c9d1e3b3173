"""The algorithm of 2019 as a composite, with or without the quirks of the original.

The two presets share one table of rules. `crawford2019_original` adds three quirks of the first
implementation, as far as they can be computed:

- Q2: windows of `same` convolutions start at the wrong pixel.
- Q3: 1×1 convolutions of stride 2 copy relevance.
- Q4: the walk does not follow every branch.
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
    """The 2019 algorithm without its mistakes: half-half on kernels, uniform pooling, no folding.

    Convolutions and dense layers have `HalfHalf`: half positive minus half negative shares. Max and
    average pooling share uniformly. Sums have `AbsSplit`; BatchNorm and activations have `Pass`.
    Padding crops. Relevance follows every branch.
    """
    return Composite(_rules(HalfHalf()), fold=False, one="plus")


def crawford2019_original() -> Composite:
    """The 2019 algorithm as it was: shifted windows, copied relevance, branches left out.

    It differs from `crawford2019` in three ways. Windows of `same` convolutions start at the wrong
    pixel. 1×1 convolutions of stride 2 copy their relevance onto skipped pixels. The walk stops in
    residual branches. The maps of the first implementation started from 1: `start="one"`.
    """
    return Composite(_rules(OriginalHalfHalf()), fold=False, followed=walked_edges, one="plus")


def _rules(linear: Rule) -> tuple[Entry, ...]:
    """The table of both presets, with the rule of convolutions and dense layers."""
    return (
        (Fact("has_kernel"), linear),
        (Fact("pools"), UniformPooling()),
        (Fact("sums") & Fact("elementwise"), AbsSplit()),
        (ir.BatchNorm, Pass()),
        *common_rows(),
    )


@flax.struct.dataclass
class OriginalHalfHalf(HalfHalf):
    """`HalfHalf` with the windows of the first implementation.

    - Q2: under `same` padding the window of output `a` starts at pixel `s·a`, not `s·a − ⌊P/2⌋`.
    - Q3: a 1×1 convolution of stride 2 copies the relevance of each sampled pixel onto its three
      skipped neighbours. Copies outside the image are dropped.

    The first implementation fails for dilation, for transposed convolutions, and for an image whose
    columns need more padding than its rows. There this rule is `HalfHalf`.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        shifted = _shift_windows(call)
        shares = super().relevance(shifted, relevance)
        if not _is_plain(call.op) or set(_window(call)) != {1} or set(call.op.strides) != {2}:
            return shares
        (result,) = shares
        for axis in spatial_axes(call.op.data_format, result.ndim):
            result = _copy_forward(result, axis)
        return (result,)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        return super().quotients(_shift_windows(call), relevance)


def _is_plain(op: ir.Op) -> TypeGuard[ir.Convolution]:
    """Whether an op is a convolution that the first implementation knew."""
    if not isinstance(op, ir.Convolution) or op.transposed:
        return False
    return all(d == 1 for d in op.dilation)


def _window(call: LayerCall) -> tuple[int, ...]:
    """The size of a convolution's window."""
    return call.params["kernel"].shape[:-2]


def _shift_windows(call: LayerCall) -> LayerCall:
    """The call of a `same` convolution with the windows that the first implementation read (Q2)."""
    op = call.op
    if not _is_plain(op) or op.padding != "same":
        return call
    (x,) = call.inputs
    lengths = tuple(x.shape[a] for a in spatial_axes(op.data_format, x.ndim))
    padding = shifted_padding(lengths, _window(call), op.strides)
    return call if padding is None else replace(call, op=replace(op, padding=padding))


def shifted_padding(
    lengths: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...]
) -> Pairs | None:
    """Express Q2 as explicit padding: no cells before the image, and after it what windows need.

    Args:
        lengths: The image's size along each axis.
        window: The window's size along each axis.
        strides: The stride along each axis.

    Returns:
        The cells before and after along each axis. `None` where a window would reach past the
        original's own padding, which depends on the rows alone.
    """
    n, k, s = lengths[0], window[0], strides[0]
    own = max(k - s if n % s == 0 else k - n % s, 0)
    needed = [
        (math.ceil(n / s) - 1) * s + k - n for n, k, s in zip(lengths, window, strides, strict=True)
    ]
    return None if max(needed) > own else tuple((0, cells) for cells in needed)


def _copy_forward(x: Array, axis: int) -> Array:
    """Copy the values of each even position to the odd position after it, which holds zeros."""
    even = jnp.take(x, jnp.arange(0, x.shape[axis], 2), axis)
    return jnp.repeat(even, 2, axis)[tuple(slice(n) for n in x.shape)]


def walked_edges(graph: ir.Graph) -> frozenset[Edge]:
    """Find the edges that the original's walk from the output follows (Q4).

    At an `Add` of two inputs the walk takes the first input up to the next activation. There the
    relevance stays, unless the walk comes by again. The walk then takes the second input, without
    such a stop. A second `Add` before the stop replaces the waiting input.

    The original has no answer for a sum of three, or for any other op with several inputs. There
    the walk follows all inputs. An activation fused into a layer counts as a layer of its own.
    """
    followed: set[Edge] = set()
    # where a walk stands, and the edge that waits for its stop
    walks: list[tuple[str, Edge | None]] = [(graph.outputs[0], None)]
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
