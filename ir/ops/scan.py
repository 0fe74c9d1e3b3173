"""A loop: one graph, step after step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ir.ops.base import Op, Shape, ShapeError, Weights, require_numbers, require_param, show

OF = "::"
"""What stands between the name of a layer of the body and the role of its weight."""

LAST, ALL = "last", "all"
"""What a loop returns: what it carries at the end, or one value of each step."""


@dataclass(frozen=True)
class Scan(Op):
    """A graph that runs step after step, as in a recurrent layer.

    The body's inputs are, in this order: `fixed` values, the same in every step; `carried` values,
    which a step hands on to the next; and `cells`, each the t-th of a sequence (N, T, …). The
    body's outputs are the carried values for the next step, and then one more where `result` is
    `"all"`.

    The node reads the fixed values, those carried values whose start is no weight, and the
    sequences. Its output is a carried value behind the last step, or what each step makes,
    (N, T, …).

    Weights: `layer::role` for each weight of the body, with an axis of steps first where `stacked`
    names it; and `start:i`, without the batch, for the carried value `i` whose start is a weight.

    Attributes:
        body: The graph of one step.
        steps: The number of steps.
        fixed: How many fixed values there are.
        carried: How many carried values there are.
        result: `"last"` or `"all"`.
        place: Which of the carried values is the output, where `result` is `"last"`.
        reverse: Whether the last step comes first.
        stacked: The weights that each step has its own of.
        starts: The carried values whose start is a weight.

    Example:
        >>> import numpy as np, ir
        >>> step = [ir.Node("sum", ir.Add(), ("state", "x"))]
        >>> body = ir.Graph(step, inputs=["state", "x"], outputs=["sum"])
        >>> loop = ir.Scan(body, steps=5, carried=1, starts=(0,))
        >>> loop.output_shape({"start:0": np.zeros(3)}, (None, 5, 3))
        (None, 3)
    """

    body: Any
    steps: int
    fixed: int = 0
    carried: int = 1
    result: str = LAST
    place: int = 0
    reverse: bool = False
    stacked: frozenset[str] = frozenset()
    starts: tuple[int, ...] = ()

    keeps_axes = False
    unsaved = (
        "is a loop, which no file can hold yet: trace the function with a larger number of steps "
        "to unroll."
    )

    @property
    def needs(self) -> tuple[str, ...]:
        return (
            *(f"start:{i}" for i in self.starts),
            *(
                f"{node.params}{OF}{role}"
                for node in self.body.nodes
                if node.params is not None
                for role in node.op.needs
            ),
        )

    @property
    def given(self) -> tuple[int, ...]:
        """The carried values whose start the node reads."""
        return tuple(i for i in range(self.carried) if i not in self.starts)

    @property
    def sequences(self) -> int:
        """How many sequences the node reads."""
        return len(self.body.inputs) - self.fixed - self.carried

    def body_params(self, params: Weights, step: Any = None) -> dict[str, dict[str, Any]]:
        """The body's weights, `{layer: {role: array}}`, of one step.

        Args:
            params: The node's weights.
            step: The index of the step; `None` leaves the stacked weights out.
        """
        found: dict[str, dict[str, Any]] = {}
        for key, array in params.items():
            layer, of_body, role = key.partition(OF)
            if of_body and (key not in self.stacked or step is not None):
                found.setdefault(layer, {})[role] = array[step] if key in self.stacked else array
        return found

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        require_numbers("steps", (self.steps,), 1)
        count = self.fixed + len(self.given) + self.sequences
        if len(inputs) != count or not inputs:
            raise ShapeError(f"takes {count} inputs, but was given {len(inputs)}.")
        batch = inputs[0][0]
        fixed, rest = inputs[: self.fixed], inputs[self.fixed :]
        given = dict(zip(self.given, rest, strict=False))
        for sequence in rest[len(given) :]:
            if len(sequence) < 2 or sequence[1] not in (self.steps, None):
                raise ShapeError(
                    f"goes over {self.steps} steps, but was given a sequence of shape "
                    f"{show(sequence)}."
                )
        for role in self.needs:
            require_param(params, role)
        carried = [
            given[i] if i in given else (batch, *params[f"start:{i}"].shape)
            for i in range(self.carried)
        ]
        cells = [(s[0], *s[2:]) for s in rest[len(given) :]]
        shapes = self.body.shapes(self._shaped(params), [*fixed, *carried, *cells])
        if self.result == LAST:
            return tuple(shapes[self.body.outputs[self.place]])
        made = shapes[self.body.outputs[self.carried]]
        return (made[0], self.steps, *made[1:])

    def _shaped(self, params: Weights) -> Mapping[str, Mapping[str, Any]]:
        """The body's weights of one step, as anything with their shapes."""
        found: dict[str, dict[str, Any]] = {}
        for key, array in params.items():
            layer, of_body, role = key.partition(OF)
            if of_body:
                shape = tuple(array.shape)[1:] if key in self.stacked else tuple(array.shape)
                found.setdefault(layer, {})[role] = _Shaped(shape)
        return found


@dataclass(frozen=True)
class _Shaped:
    """A shape in the place of an array."""

    shape: tuple[int, ...]
