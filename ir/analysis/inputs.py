"""What kind of data a model takes: images, series, volumes or tables."""

from collections.abc import Sequence
from typing import Literal

from ir.analysis.shapes import Shapes
from ir.graph import Graph, Node, Params
from ir.ops import Convolution, Shape
from ir.ops.base import spatial_axes
from ir.ops.window import dilated

Kind = Literal["image", "series", "volume", "table", "other"]
"""The kinds of input.

`image`: a height and a width along which windows move, and channels.
`series`: one axis along which windows move: signals over time, text.
`volume`: three axes, such as depth, height and width, or time, height and width.
`table`: rows of numbers without any order in space or time.
`other`: anything else, and what does not say which of these it is.
"""

MAX_CONVOLUTIONS = 16
"""How many of the convolutions that read an input first are examined."""

SENSELESS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""What an op may raise if its attributes or weights make no sense.

Models are examined before they are checked.
"""


def kind_of_input(
    graph: Graph, input_shapes: Sequence[Shape], params: Params, name: str | None = None
) -> Kind:
    """Find out what kind of data an input takes.

    The number of axes decides: two are a table, three a series, four images, five a volume. The
    convolutions that read the input first, possibly behind other ops, correct this. Four axes are
    a series where each of these convolutions moves along one axis alone: its window has one cell
    along the other axis, or covers that axis. A window of 1×k right before one of k×1 counts as a
    square window in two steps. Spectrograms under square windows are images. Three axes are `other`
    where no op reads them as they are: they are flattened, or windows move along two axes. They may
    be grey images without an axis for the channels.

    Args:
        graph: The graph.
        input_shapes: The shapes of its inputs, the batch first.
        params: Its weights, for the windows of convolutions; what is missing decides nothing.
        name: The name of the input; `None` for the first one.

    Returns:
        The kind. `"other"` if the graph has no inputs.

    Raises:
        ValueError: The graph has no input of this name.

    Example:
        >>> import numpy as np, ir
        >>> graph = ir.Graph([ir.Node("conv", ir.Conv(), ("x",), "conv")], ["x"], ["conv"])
        >>> params = {"conv": {"kernel": np.zeros((1, 16, 1, 4))}}
        >>> kind_of_input(graph, [(None, 8, 64, 1)], params)  # 8 electrodes, 64 points in time
        'series'
        >>> kind_of_input(graph, [(None, 64, 64, 1)], {"conv": {"kernel": np.zeros((3, 3, 1, 4))}})
        'image'
    """
    if name is None and not graph.inputs:
        return "other"
    index = 0 if name is None else graph.inputs.index(name)
    if index >= len(input_shapes):
        return "other"
    return _Reader(graph, params).kind(graph.inputs[index], input_shapes[index])


class _Reader:
    """The convolutions that read a value first, and the shapes of what they read."""

    def __init__(self, graph: Graph, params: Params) -> None:
        self.graph, self.params = graph, params
        self.shapes = Shapes()
        self.flattened = False

    def kind(self, name: str, shape: Shape) -> Kind:
        rank = len(shape)
        if rank not in (2, 3, 4, 5):
            return "other"
        if rank == 2 or rank == 5:
            return "table" if rank == 2 else "volume"
        self.shapes[name] = shape
        first = self.convolutions(name)
        dimensions = {len(node.op.strides) for node, _ in first if isinstance(node.op, Convolution)}
        if 3 in dimensions:
            return "volume"
        along_one_axis = bool(first) and all(
            self.moves_along_one_axis(node, read) for node, read in first
        )
        if rank == 4:
            return "series" if along_one_axis else "image"
        if first:
            return "series" if along_one_axis else "other"
        return "other" if self.flattened else "series"

    def convolutions(self, name: str) -> list[tuple[Node, str]]:
        """The convolutions that read a value, possibly behind other ops, and what each reads."""
        reached, found = {name}, []
        for node in self.graph.nodes:
            read = next((value for value in node.inputs if value in reached), None)
            if read is None:
                continue
            if isinstance(node.op, Convolution):
                found.append((node, read))
                if len(found) == MAX_CONVOLUTIONS:
                    break
            if node.op.has_kernel or node.op.reduces or not self._knows(node):
                continue
            if len(self.shapes[node.name]) > 2:
                reached.add(node.name)
            elif node.op.reshapes:
                self.flattened = True
        return found

    def _knows(self, node: Node) -> bool:
        """Whether the shape of a node's value is known, or becomes so."""
        if node.name in self.shapes:
            return True
        if not all(value in self.shapes for value in node.inputs):
            return False
        weights = {} if node.params is None else self.params.get(node.params, {})
        try:
            self.shapes.add(node, weights)
        except SENSELESS:
            return False
        return True

    def window(self, node: Node) -> tuple[int, ...] | None:
        """The reach of a convolution's windows along each axis; `None` where weights say none."""
        weights = {} if node.params is None else self.params.get(node.params, {})
        shape = tuple(getattr(weights.get("kernel"), "shape", ()))
        assert isinstance(node.op, Convolution)
        count = len(node.op.strides)
        if len(shape) != count + 2 or len(node.op.dilation) != count:
            return None
        return dilated(shape[:count], node.op.dilation)

    def moves_along_one_axis(self, node: Node, read: str) -> bool:
        """Whether the windows of a convolution move along one axis alone."""
        window, shape = self.window(node), self.shapes[read]
        assert isinstance(node.op, Convolution)
        if len(node.op.strides) == 1:
            return True
        if window is None or len(window) != 2 or len(shape) != 4:
            return False
        lengths = [shape[axis] for axis in spatial_axes(node.op.data_format, 4)]
        covers = [
            length is not None and cells >= length
            for cells, length in zip(window, lengths, strict=True)
        ]
        if covers[0] != covers[1]:
            return True
        if (window[0] == 1) == (window[1] == 1):
            return False
        return not (self._knows(node) and self._second_step(node, window))

    def _second_step(self, node: Node, window: tuple[int, ...]) -> bool:
        """Whether a convolution right after has the same window along the other axis."""
        return any(self.window(after) == window[::-1] for after, _ in self.convolutions(node.name))
