"""What the axes of a value mean: from its rank, the graph's layout, and the ops that read it."""

from ir.graph import Graph
from ir.ops import Scaling

AXES = {
    0: (),
    1: ("feature",),
    2: ("step", "channel"),
    3: ("row", "column", "channel"),
    4: ("depth", "row", "column", "channel"),
}
"""The names of the axes after the batch, by their number, channels last."""

MATRIX = ("row", "column")
"""The axes of an image without an axis for channels."""

BATCH = "image"
"""The name of the batch's axis."""


def axis_names(graph: Graph, rank: int, name: str | None = None) -> tuple[str, ...]:
    """Name a value's axes, the batch included.

    A table has features. A series has steps and channels. An image has rows, columns and channels,
    and a volume has depth besides. In a channels-first model the channels come before these. An
    input of rank 3 that no layer reads as a series is an image without an axis for channels.

    Args:
        graph: The graph.
        rank: The number of the value's axes, the batch included.
        name: The value's name; `None` where it is not known.

    Returns:
        One name for each axis; `"axis 4"` and the like beyond a volume's.

    Example:
        >>> import ir
        >>> graph = ir.Graph([ir.Node("c", ir.Conv(), ("x",), "c")], ["x"], ["c"])
        >>> axis_names(graph, 4), axis_names(graph, 2)
        (('image', 'row', 'column', 'channel'), ('image', 'feature'))
    """
    names = AXES.get(rank - 1, tuple(f"axis {axis}" for axis in range(1, rank)))
    if rank == 3 and name in graph.inputs and not _is_series(graph, str(name)):
        return (BATCH, *MATRIX)
    if rank > 2 and rank - 1 in AXES and graph.channel_axis(rank, name) == 1:
        names = (names[-1], *names[:-1])
    return (BATCH, *names)


def _is_series(graph: Graph, name: str) -> bool:
    """Whether some layer reads a value of rank 3 as steps with channels."""
    waiting, seen = [name], {name}
    while waiting:
        for reader in graph.readers.get(waiting.pop(), ()):
            op = graph[reader].op
            if op.reshapes:
                continue
            if not op.moves and not isinstance(op, Scaling):
                return True
            if reader not in seen:
                seen.add(reader)
                waiting.append(reader)
    return False
