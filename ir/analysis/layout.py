"""Where a value has its channels: as the ops that read it say, or those that make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir.ops import Op, Shape

if TYPE_CHECKING:
    from ir.graph import Graph

COLOURS = (1, 3)
"""How many channels images usually have."""

Axes = tuple[int, ...] | None
"""Which axis of the value each axis at an op is; `None` where no axis has moved."""


def layout_of(graph: Graph, name: str, shape: Shape | None = None) -> str:
    """Find the layout of a value.

    The first op that reads the value and names an axis for channels decides. The value may reach
    it through ops that keep its axes or permute them. Where no such op reads the value, the ops
    that made it decide, the last one first. Where no op decides, the shape does: the channels are
    at the front if there are 1 or 3 of them, and not at the end.

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
    """Find the layout of a value as ops say it: those that read the value, else those that make it.

    Args:
        graph: The graph.
        name: The name of an input or of a node; `None` for whichever input an op names first.
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
    """What the ops that read some values say of them."""
    reached: dict[str, Axes] = dict.fromkeys(names, axes)
    for node in graph.nodes:
        read = next((value for value in node.inputs if value in reached), None)
        if read is None:
            continue
        axes, order = reached[read], node.op.axis_order
        said = _said(node.op, axes)
        if said is not None:
            return said
        if not node.op.keeps_axes:
            continue
        before = axes or tuple(range(len(order)))
        if not order:
            reached[node.name] = axes
        elif sorted(order) == list(range(len(before))):
            reached[node.name] = tuple(before[axis] for axis in order)
    return None


def _as_made(graph: Graph, name: str, axes: Axes) -> str | None:
    """What the ops that a value was made by say of it."""
    node = graph.get(name)
    while node is not None:
        said = _said(node.op, axes)
        if said is not None:
            return said
        order = node.op.axis_order
        if not node.op.keeps_axes:
            return None
        if order:
            after = axes or tuple(range(len(order)))
            if sorted(order) != list(range(len(after))):
                return None
            axes = tuple(after[order.index(axis)] for axis in range(len(order)))
        node = graph.get(node.inputs[0]) if node.inputs else None
    return None


def _said(op: Op, axes: Axes) -> str | None:
    """The layout of the value that follows from the axis that an op takes for the channels."""
    axis = op.channel_axis
    if axis is None:
        return None
    if axes is None:
        if getattr(op, "data_format", None) is None:
            return None  # an axis of a value of unknown rank
        return "channels_first" if axis == 1 else "channels_last"
    if not -len(axes) <= axis < len(axes):
        return None
    own = axes[axis]
    if own == len(axes) - 1:
        return "channels_last"
    return "channels_first" if own == 1 else None
