"""Nodes made simpler: moves that cancel, biases in their products, offsets in their norms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import ir
from ir.ops.base import channel_axis
from jlrp.tracing.build import Made, Reference
from jlrp.tracing.moves import rearranged
from jlrp.tracing.values import Const, picked

Shape = tuple[int, ...]

MOVES = (ir.Reshape, ir.Permute)
"""The moves that lose nothing and copy nothing."""


@dataclass(eq=False)
class Nodes:
    """Nodes to come with the shapes of what they make, without the batch.

    Attributes:
        nodes: The nodes. One that was taken out is `None`.
        inputs: The shapes of the function's inputs.
        outputs: The references of its results.
    """

    nodes: list[Made | None]
    inputs: Sequence[Shape]
    outputs: list[Reference]

    def __post_init__(self) -> None:
        self.prune()
        self.shapes: dict[Reference, Shape] = {-1 - i: shape for i, shape in enumerate(self.inputs)}
        for index, node in enumerate(self.nodes):
            if node is not None:
                self.shapes[index] = self._shape(node)

    def _shape(self, node: Made) -> Shape:
        given = [(None, *self.shapes[reference]) for reference in node.inputs]
        made = node.op.output_shape(node.weights, *given)
        return tuple(n if n is not None else 0 for n in made[1:])

    def prune(self) -> None:
        """Take out what no result needs."""
        needed = set(self.outputs)
        for index in range(len(self.nodes) - 1, -1, -1):
            node = self.nodes[index]
            if node is None:
                continue
            if index in needed:
                needed.update(node.inputs)
            else:
                self.nodes[index] = None

    def readers(self) -> dict[Reference, list[int]]:
        """The nodes that read each value; a result of the function counts as a reader, `-1`."""
        found: dict[Reference, list[int]] = {}
        for index, node in enumerate(self.nodes):
            for reference in dict.fromkeys(node.inputs) if node is not None else ():
                found.setdefault(reference, []).append(index)
        for reference in self.outputs:
            found.setdefault(reference, []).append(-1)
        return found

    def replace(self, old: Reference, new: Reference) -> None:
        """Let all that reads one value read another."""
        for node in self.nodes:
            if node is not None:
                node.inputs = [new if each == old else each for each in node.inputs]
        self.outputs = [new if each == old else each for each in self.outputs]

    def node(self, reference: Reference) -> Made | None:
        """The node of a reference; `None` for an input of the function."""
        return self.nodes[reference] if reference >= 0 else None


def tidied(nodes: Nodes) -> Nodes:
    """Make nodes simpler, until nothing changes."""
    changed = True
    while changed:
        changed = _join_moves(nodes)
        changed = _share_moves(nodes) or changed
        changed = _join_scales(nodes) or changed
        changed = _fuse(nodes) or changed
        nodes.prune()
    return nodes


def _share_moves(nodes: Nodes) -> bool:
    """Make one of moves that do the same with the same value."""
    known: dict[tuple[ir.Op, Reference], int] = {}
    changed = False
    for index, node in enumerate(nodes.nodes):
        if node is None or node.weights or not node.op.copies or len(node.inputs) != 1:
            continue
        first = known.setdefault((node.op, node.inputs[0]), index)
        if first != index:
            nodes.replace(index, first)
            nodes.nodes[index] = None
            changed = True
    return changed


def _join_moves(nodes: Nodes) -> bool:
    """Make one move of two that follow each other; take out those that do nothing."""
    changed = False
    readers = nodes.readers()
    for index, node in enumerate(nodes.nodes):
        if node is None or not isinstance(node.op, MOVES):
            continue
        before = nodes.node(node.inputs[0])
        source = node.inputs[0]
        if before is not None and isinstance(before.op, MOVES) and len(readers[source]) == 1:
            source = before.inputs[0]
        elif not _does_nothing(node.op, nodes.shapes[source]):
            continue
        shape = nodes.shapes[source]
        cells = np.arange(1, math.prod(shape) + 1).reshape(shape)
        if source != node.inputs[0]:
            assert before is not None
            cells = _moved(before.op, cells)
        parts = rearranged(shape, _moved(node.op, cells))
        if parts is None or len(parts) > 1:
            continue
        if not parts:
            nodes.replace(index, source)
            nodes.nodes[index] = None
        elif source != node.inputs[0]:
            node.op, node.inputs = parts[0].op, [source]
        else:
            continue
        return True
    return changed


def _join_scales(nodes: Nodes) -> bool:
    """Make one factor of two with nothing but moves between; take out those that are 1."""
    readers = nodes.readers()
    for index, node in enumerate(nodes.nodes):
        if node is None or not isinstance(node.op, ir.Rescale) or node.op.offset:
            continue
        before = nodes.node(node.inputs[0])
        reference = node.inputs[0]
        while before is not None and before.op.copies and len(before.inputs) == 1:
            if len(readers[reference]) > 1:
                break
            reference = before.inputs[0]
            before = nodes.node(reference)
        scale = node.op.scale
        joins = before is not None and isinstance(before.op, ir.Rescale) and not before.op.offset
        if joins and before is not None and len(readers[reference]) == 1:
            assert isinstance(before.op, ir.Rescale)
            before.op = ir.Rescale(_product(before.op.scale, scale))
            scale = 1.0
        if scale == 1.0:
            nodes.replace(index, node.inputs[0])
            nodes.nodes[index] = None
            return True
    return False


def _product(a: float, b: float) -> float:
    """A product, 1 where only rounding makes it another number."""
    return 1.0 if abs(a * b - 1) < 1e-6 else a * b


def _does_nothing(op: ir.Op, shape: Shape) -> bool:
    if isinstance(op, ir.Reshape):
        return op.shape == shape
    return isinstance(op, ir.Permute) and op.axes == tuple(range(1, len(shape) + 1))


def _moved(op: ir.Op, cells: np.ndarray) -> np.ndarray:
    if isinstance(op, ir.Reshape):
        return cells.reshape(op.shape)
    assert isinstance(op, ir.Permute)
    return cells.transpose(tuple(axis - 1 for axis in op.axes))


def _fuse(nodes: Nodes) -> bool:
    """Make offsets behind products their biases, and scales behind norms their weights."""
    changed = False
    readers = nodes.readers()
    for index, node in enumerate(nodes.nodes):
        if node is None or type(node.op) not in (ir.Offset, ir.Gain):
            continue
        found = _before(nodes, readers, node.inputs[0])
        if found is None:
            continue
        into, labels = found
        if _fused(into, node, labels):
            nodes.replace(index, node.inputs[0])
            nodes.nodes[index] = None
            changed = True
    return changed


def _before(
    nodes: Nodes, readers: dict[Reference, list[int]], reference: Reference
) -> tuple[Made, np.ndarray] | None:
    """The product or norm before moves, and where its cells are behind them."""
    moves: list[ir.Op] = []
    while len(readers.get(reference, ())) == 1:
        node = nodes.node(reference)
        if node is None:
            return None
        if not isinstance(node.op, MOVES):
            shape = nodes.shapes[reference]
            cells = np.arange(math.prod(shape)).reshape(shape)
            for op in reversed(moves):
                cells = _moved(op, cells)
            return node, np.stack(np.unravel_index(cells, shape))
        moves.append(node.op)
        reference = node.inputs[0]
    return None


def _fused(into: Made, node: Made, places: np.ndarray) -> bool:
    """Make a node a part of the one before it, if that is possible.

    Args:
        into: The node before.
        node: An `Offset` or a `Gain`.
        places: For each cell that the node reads, its indices in what `into` makes.
    """
    (constant,) = node.weights.values()
    if isinstance(into.op, ir.Normalization) and not isinstance(into.op, ir.UnitNorm):
        role = "beta" if isinstance(node.op, ir.Offset) else "gamma"
        if role in into.weights or (role == "gamma" and "beta" in into.weights):
            return False
        if not constant.trained:
            return False
        axes = sorted(axis % (len(places) + 1) for axis in into.op.weight_axes)
        return _put(into, role, constant, places, [axis - 1 for axis in axes])
    if not isinstance(node.op, ir.Offset) or not into.op.has_kernel or "bias" in into.weights:
        return False
    if isinstance(into.op, ir.EinsumDense):
        axes = [
            axis
            for axis in range(len(places))
            if into.op.letters[2][axis + 1] in into.op.letters[1]
        ]
        return _put(into, "bias", constant, places, axes, keep_rank=True)
    axis = len(places) - 1
    if isinstance(into.op, ir.Convolution):
        axis = channel_axis(into.op.data_format, len(places) + 1) - 1
    return _put(into, "bias", constant, places, [axis])


def _put(
    into: Made,
    role: str,
    constant: Const,
    places: np.ndarray,
    axes: list[int],
    keep_rank: bool = False,
) -> bool:
    """Give a node a constant as a weight along some axes, if it depends on nothing else."""
    cells = np.broadcast_to(
        np.arange(math.prod(constant.shape)).reshape(constant.shape), places.shape[1:]
    )
    lengths = [int(places[axis].max()) + 1 for axis in axes]
    found = np.zeros(lengths, int)
    index = tuple(places[axis] for axis in axes)
    found[index] = cells
    if not np.array_equal(found[index], cells):
        return False
    shape = tuple(lengths)
    if keep_rank:
        shape = tuple(
            lengths[axes.index(axis)] if axis in axes else 1 for axis in range(len(places))
        )
    into.weights[role] = picked(constant, found.ravel(), shape)
    return True
