"""Where the arrays of a value have their channels: as the ops that read it say, or those that make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir.ops import (
    BatchNorm,
    Dense,
    Dot,
    Flatten,
    GlobalPool,
    GroupNorm,
    Op,
    Permute,
    Repeat,
    Reshape,
    Scale,
    Shape,
    Slice,
)

if TYPE_CHECKING:
    from ir.graph import Graph

COLOURS = (1, 3)
"""How many channels images usually have."""

Axes = tuple[int, ...] | None
"""For each axis of what an op reads or makes, which axis of the value it is; `None` where none has moved."""


def layout_of(graph: Graph, name: str, shape: Shape | None = None) -> str:
    """The layout of a value: `"channels_first"` or `"channels_last"`.

    The first op that reads the value and has a data format, or an axis for channels, decides. The
    value may reach that op through ops that keep its axes, or that permute them. Where no such op
    reads it, the last such op that it was made by decides, likewise. Only where no op decides, the
    shape does: 1 or 3 channels at the front, and not at the end.

    Args:
        graph: The graph.
        name: The name of an input or of a node.
        shape: The shape of the value, the batch first; `None` where it is not known.

    Returns:
        `"channels_first"` for (N, C, …), `"channels_last"` for (N, …, C).

    Example:
        >>> import ir
        >>> node = ir.Node("conv", ir.Conv(data_format="channels_first"), ("image",), "conv")
        >>> layout_of(ir.Graph([node], ["image"], ["conv"]), "image", (None, 5, 8, 3))
        'channels_first'
    """
    said = said_layout(graph, name, None if shape is None else len(shape))
    if said is not None:
        return said
    if shape is not None and len(shape) == 4 and shape[1] in COLOURS and shape[3] not in COLOURS:
        return "channels_first"
    return "channels_last"


def said_layout(graph: Graph, name: str | None = None, rank: int | None = None) -> str | None:
    """The layout of a value as the ops say that read it, or else those that make it.

    Args:
        graph: The graph.
        name: The name of an input or of a node; `None` for whichever input an op says it of first.
        rank: How many axes the value has, the batch included; `None` where that is not known.

    Returns:
        `"channels_first"` or `"channels_last"`; `None` where no op says.

    Example:
        >>> import ir
        >>> nodes = [
        ...     ir.Node("moved", ir.Permute((2, 3, 1)), ("image",)),
        ...     ir.Node("conv", ir.Conv(), ("moved",), "conv"),
        ... ]
        >>> said_layout(ir.Graph(nodes, ["image"], ["conv"]), "image")
        'channels_first'
    """
    axes = None if rank is None else tuple(range(rank))
    if name is None:
        return _as_read(graph, graph.inputs, axes)
    return _as_read(graph, (name,), axes) or _as_made(graph, name, axes)


def _as_read(graph: Graph, names: tuple[str, ...], axes: Axes) -> str | None:
    reached: dict[str, Axes] = dict.fromkeys(names, axes)
    for node in graph.nodes:
        read = next((value for value in node.inputs if value in reached), None)
        if read is None:
            continue
        axes = reached[read]
        said = _said(node.op, axes)
        if said is not None:
            return said
        if isinstance(node.op, Permute):
            order = (0, *node.op.axes)
            before = axes or tuple(range(len(order)))
            if sorted(order) == list(range(len(before))):
                reached[node.name] = tuple(before[axis] for axis in order)
        elif _keeps_axes(node.op):
            reached[node.name] = axes
    return None


def _as_made(graph: Graph, name: str, axes: Axes) -> str | None:
    node = graph.get(name)
    while node is not None:
        said = _said(node.op, axes)
        if said is not None:
            return said
        if isinstance(node.op, Permute):
            order = (0, *node.op.axes)
            after = axes or tuple(range(len(order)))
            if sorted(order) != list(range(len(after))):
                return None
            axes = tuple(after[order.index(axis)] for axis in range(len(order)))
        elif not _keeps_axes(node.op):
            return None
        node = graph.get(node.inputs[0]) if node.inputs else None
    return None


def _said(op: Op, axes: Axes) -> str | None:
    """The layout of the value that follows from what an op takes for the channels; `None` where that is not clear."""
    if isinstance(op, Flatten):
        # Channels last is what a flattening does that knows of no images.
        axis = op.start if op.data_format == "channels_first" else None
    elif isinstance(op, GlobalPool) and op.axes is not None:
        axis = None
    elif hasattr(op, "data_format"):
        axis = 1 if op.data_format == "channels_first" else -1
    elif isinstance(op, BatchNorm | GroupNorm | Scale):
        axis = op.axis if axes is not None and -len(axes) <= op.axis < len(axes) else None
    else:
        axis = None
    if axis is None:
        return None
    if axes is None:
        return "channels_first" if axis == 1 else "channels_last"
    if not -len(axes) <= axis < len(axes):
        return None
    own = axes[axis]
    if own == len(axes) - 1:
        return "channels_last"
    return "channels_first" if own == 1 else None


def _keeps_axes(op: Op) -> bool:
    """Whether each axis of the op's output is the same axis of its input."""
    if isinstance(op, Slice):
        return not any(isinstance(entry, int) for entry in op.index)
    if isinstance(op, GlobalPool):
        return op.keepdims
    return not isinstance(op, Dense | Dot | Flatten | Repeat | Reshape)
