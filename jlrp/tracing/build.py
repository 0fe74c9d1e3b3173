"""The nodes of the graph: spans cut where they are known, and the ops that always are nodes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np

import ir
from ir.ops.interval import ANYTHING, UNIT, within
from jlrp.tracing import jaxprs
from jlrp.tracing.activations import Elementwise
from jlrp.tracing.errors import WAY_OUT, TraceError, at
from jlrp.tracing.known import recognised
from jlrp.tracing.marking import roles_of
from jlrp.tracing.moves import joined, without_batch
from jlrp.tracing.numeric import REDUCTIONS, WINDOWS
from jlrp.tracing.part import Part
from jlrp.tracing.regions import Span, cuts, region, span, thin
from jlrp.tracing.values import Const, Equation, Operand, Value
from jlrp.tracing.walk import unsupported

LONGEST = 96
"""How many equations a span has at most."""

Reference = int
"""The position of a made node, or `-1 - i` for the i-th input of the function."""


@dataclass(eq=False)
class Made:
    """A node to come.

    Attributes:
        op: The op.
        inputs: What it reads.
        weights: Its weights by role.
        line: The user's line.
    """

    op: ir.Op
    inputs: list[Reference]
    weights: dict[str, Const]
    line: str


@dataclass(eq=False)
class Builder:
    """Makes the nodes that values need, each once.

    Attributes:
        nodes: The nodes.
        known: The nodes that make values, by the value's number.
        spans: What spans cost, and their ops, by the numbers of their ends.
        ends: The nodes that make the ends of spans.
        refused: The keys of spans that are no known op.
        paths: The keys of each leaf of the params.
    """

    nodes: list[Made] = field(default_factory=list)
    known: dict[int, Reference] = field(default_factory=dict)
    spans: dict[tuple[int, int], tuple[float, list[Part] | None]] = field(default_factory=dict)
    ends: dict[tuple[int, int], Reference] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    paths: Sequence[tuple[str, ...]] = ()

    def reference(self, value: Value) -> Reference:
        """The node that makes a value.

        Raises:
            TraceError: There is no op for what makes it.
        """
        if value.number not in self.known:
            equation = value.equation
            assert equation is not None
            made = self._anchor(equation) if value.root is value else self._region(value)
            self.known[value.number] = made
        return self.known[value.number]

    def prepare(self, ends: Iterable[Value]) -> None:
        """Make the nodes of all roots that some values need, in order.

        What needs them then finds them, however deep the function is.
        """
        found: dict[int, Value] = {}
        stack = list(ends)
        while stack:
            value = stack.pop()
            if value.number not in found and value.equation is not None:
                found[value.number] = value
                stack.extend(value.equation.values)
        for number in sorted(found):
            if found[number].root is found[number]:
                self.reference(found[number])

    def add(
        self, parts: Sequence[Part], inputs: Sequence[Reference], equation: Equation
    ) -> Reference:
        """Nodes one after the other; the first reads the inputs, each other the one before."""
        read = list(inputs)
        for part in parts:
            _require_one_value(part.weights.values(), equation.line)
            made = Made(part.op, read, dict(part.weights), equation.line)
            self.nodes.append(made)
            read = [len(self.nodes) - 1]
        return read[0]

    def _region(self, end: Value) -> Reference:
        root = end.root
        equations = region(root, end)
        for equation in equations:
            _require_one_value(equation.consts, equation.line)
        places = cuts(root, equations)
        prices: dict[int, float] = {0: 0.0}
        before: dict[int, int] = {}
        for index, stop in enumerate(places[1:], start=1):
            prices[stop] = float("inf")
            for start in reversed(places[:index]):
                if stop - start > LONGEST:
                    break
                each = span(root, equations, start, stop)
                price, parts = self._price(each)
                if parts is None and start != places[index - 1]:
                    continue
                if prices[start] + price < prices[stop]:
                    prices[stop], before[stop] = prices[start] + price, start
        path = [places[-1]]
        while path[-1]:
            path.append(before[path[-1]])
        reference = self.reference(root)
        for start, stop in zip(reversed(path[1:]), reversed(path[:-1]), strict=True):
            reference = self._emit(span(root, equations, start, stop), reference)
        return reference

    def _emit(self, each: Span, reference: Reference) -> Reference:
        """The nodes of one span behind the node that makes its start."""
        key = (each.start.number, each.end.number)
        if key not in self.ends:
            _, parts = self._price(each)
            last = each.equations[-1]
            self.ends[key] = (
                self._apart(each, reference)
                if parts is None
                else self.add(parts, [reference], last)
            )
            self.known.setdefault(each.end.number, self.ends[key])
        return self.ends[key]

    def _price(self, each: Span) -> tuple[float, list[Part] | None]:
        """What a span costs, less for fewer ops that are known, and its ops."""
        key = (each.start.number, each.end.number)
        if key not in self.spans:
            parts = None if each.key in self.refused else recognised(each, self._linear(each.start))
            if parts is None:
                self.refused.add(each.key)
                self.spans[key] = 100.0, None
            else:
                unnamed = sum(isinstance(part.op, Elementwise) for part in parts)
                self.spans[key] = (1.0 if parts else 0.1) + 0.01 * len(parts) + 10 * unnamed, parts
        return self.spans[key]

    def _linear(self, value: Value) -> bool:
        """Whether a layer with a kernel makes a value, possibly under another shape."""
        while value.root is not value:
            equation = value.equation
            assert equation is not None
            if equation.primitive not in ("reshape", "transpose", "squeeze", "broadcast_in_dim"):
                return False
            (value,) = equation.values
        equation = value.equation
        products = ("dot_general", "conv_general_dilated")
        return equation is not None and equation.primitive in products and bool(equation.consts)

    def _apart(self, each: Span, reference: Reference) -> Reference:
        """The last op of a span that is none as a whole, on what the rest makes."""
        equation = each.equations[-1]
        self.known.setdefault(each.start.number, reference)
        single = len(equation.values) < 2 and len(each.equations) > 1
        if single or equation.primitive not in MERGES:
            raise self._unknown(each)
        if equation.primitive == "mul":
            self._require_no_normalisation(each)
        return MERGES[equation.primitive](self, equation)

    def _unknown(self, each: Span) -> TraceError:
        names = sorted(each.primitives)
        if len(names) == 1:
            return unsupported(names[0], each.line)
        return TraceError(
            f"No op is known that computes ({', '.join(names)}){at(each.line)}. {WAY_OUT}"
        )

    def _require_no_normalisation(self, each: Span) -> None:
        """Raise `TraceError` for `x·f(Σ x)` unless `f` is a gate: it may be a normalisation."""
        equation = each.equations[-1]
        summed = [_is_summed(value, each.start) for value in equation.values]
        if not any(summed) or all(summed):
            return
        for value, over in zip(equation.values, summed, strict=True):
            if over:
                made = self.nodes[self.reference(value)] if self.reference(value) >= 0 else None
                while made is not None and made.op.copies and made.inputs[0] >= 0:
                    made = self.nodes[made.inputs[0]]
                if made is None or not within(made.op.bounds(ANYTHING), UNIT):
                    raise self._unknown(each)

    def _anchor(self, equation: Equation) -> Reference:
        _require_one_value(equation.consts, equation.line)
        if equation.op is not None:
            return self._marked(equation)
        make = ANCHORS.get(equation.primitive)
        if make is not None:
            return make(self, equation)
        if equation.primitive in MERGES and len(equation.values) > 1:
            return MERGES[equation.primitive](self, equation)
        if equation.primitive == "div":
            raise TraceError(
                "A quotient of two values that depend on the images has no rule for relevance"
                f"{at(equation.line)}. {WAY_OUT}"
            )
        raise unsupported(equation.primitive, equation.line)

    def _marked(self, equation: Equation) -> Reference:
        roles = roles_of(jaxprs.call_name(equation.made))
        consts, values = equation.operands[: len(roles)], equation.operands[len(roles) :]
        if not all(isinstance(c, Const) for c in consts) or not all(
            isinstance(v, Value) for v in values
        ):
            raise TraceError(
                f"A function that is marked as one op takes weights, then values{at(equation.line)}"
                ": its weights depend on the params alone, and its values on the images."
            )
        if any(value.axis for value in equation.values) or equation.output.axis:
            raise TraceError(
                f"A function that is marked as one op takes the batch first{at(equation.line)}."
            )
        weights = {r: c for r, c in zip(roles, consts, strict=True) if isinstance(c, Const)}
        read = [self.reference(v) for v in values if isinstance(v, Value)]
        return self.add([Part(equation.op, weights)], read, equation)

    def moved(self, value: Value, order: Sequence[int], equation: Equation) -> Reference:
        """A value whose axes, but the batch, are put in another order for an equation."""
        axes = [value.placed(axis) for axis in order]
        return self.permuted(self.reference(value), axes, equation)

    def permuted(self, reference: Reference, axes: Sequence[int], equation: Equation) -> Reference:
        """What a node makes with its axes, counted from 1, in another order."""
        if list(axes) == sorted(axes):
            return reference
        return self.add([Part(ir.Permute(tuple(axes)))], [reference], equation)


def _require_one_value(consts: Iterable[Const], line: str) -> None:
    """Raise `TraceError` for a constant that is not the same for every image."""
    for const in consts:
        if const.wrong:
            raise TraceError(f"The function{at(line)} {const.wrong}")


def _is_summed(value: Value, start: Value) -> bool:
    """Whether all ways from one value to another go through a sum over cells."""
    known: dict[int, bool] = {start.number: False}
    for equation in region(start, value):
        over = equation.primitive in REDUCTIONS or equation.primitive in WINDOWS
        known[equation.output.number] = over or all(known[v.number] for v in equation.values)
    return known[value.number]


def _plain(op: ir.Op) -> Callable[[Builder, Equation], Reference]:
    """A merge of the values that an equation reads, of one layout."""

    def make(builder: Builder, equation: Equation) -> Reference:
        read = [builder.reference(v) for v in equation.operands if isinstance(v, Value)]
        return builder.add([Part(op)], read, equation)

    return make


def _concatenated(builder: Builder, equation: Equation) -> Reference:
    axis = equation.params["dimension"]
    if axis == equation.output.axis:
        raise TraceError(f"'concatenate' joins images along the batch{at(equation.line)}.")
    place = equation.output.placed(axis)
    read: list[Reference] = []
    waiting: list[Operand] = []
    for operand in equation.operands:
        if isinstance(operand, Const):
            waiting.append(operand)
            continue
        reference = builder.reference(operand)
        if waiting:
            weights = {"before": joined(waiting, axis, equation.output)}
            reference = builder.add([Part(ir.Insert(place), weights)], [reference], equation)
            waiting = []
        read.append(reference)
    if waiting:
        weights = {"behind": joined(waiting, axis, equation.output)}
        read[-1] = builder.add([Part(ir.Insert(place), weights)], [read[-1]], equation)
    if len(read) == 1:
        return read[0]
    return builder.add([Part(ir.Concatenate(place))], read, equation)


def _stacked(builder: Builder, equation: Equation) -> Reference:
    output = equation.output
    if not all(isinstance(operand, Value) for operand in equation.operands):
        raise TraceError(
            f"Values that no image changes are stacked with others{at(equation.line)}: use "
            "jnp.concatenate."
        )
    place = output.placed(equation.params["axis"])
    one = [n for axis, n in enumerate(output.shape) if axis != output.axis]
    one[place - 1] = 1
    read = [
        builder.add([Part(ir.Reshape(tuple(one)))], [builder.reference(v)], equation)
        for v in equation.operands
        if isinstance(v, Value)
    ]
    if len(read) == 1:
        return read[0]
    return builder.add([Part(ir.Concatenate(place))], read, equation)


def _selected(builder: Builder, equation: Equation) -> Reference:
    """`where(mask, a, b)` with a mask that no image changes: the sum of both, masked with 0."""
    which, *cases = equation.operands
    if not isinstance(which, Const) or len(cases) != 2:
        raise TraceError(
            f"A choice between values that depends on the images has no rule{at(equation.line)}. "
            f"{WAY_OUT}"
        )
    shown = without_batch(thin(which), equation.output)
    hidden = Const(shown.shape, shown.dtype, (shown,), lambda a: a == 0)
    read = []
    for case, mask in zip(cases, (hidden, shown), strict=True):
        if isinstance(case, Value):
            part = Part(ir.Mask(0.0), {"mask": mask})
            read.append(builder.add([part], [builder.reference(case)], equation))
    if len(read) == 2:
        return builder.add([Part(ir.Add())], read, equation)
    (constant,) = (case for case in cases if isinstance(case, Const))
    offset = Const(
        tuple(
            np.broadcast_shapes(shown.shape, without_batch(thin(constant), equation.output).shape)
        ),
        constant.dtype,
        (hidden if cases[0] is constant else shown, without_batch(thin(constant), equation.output)),
        lambda mask, a: jnp.where(mask, a, jnp.zeros((), a.dtype)),
    )
    return builder.add([Part(ir.Offset(), {"offset": offset})], read, equation)


MERGES: dict[str, Callable[[Builder, Equation], Reference]] = {
    "add": _plain(ir.Add()),
    "add_any": _plain(ir.Add()),
    "concatenate": _concatenated,
    "max": _plain(ir.Maximum()),
    "min": _plain(ir.Minimum()),
    "mul": _plain(ir.Multiply()),
    "select_n": _selected,
    "stack": _stacked,
    "sub": _plain(ir.Subtract()),
}
"""The primitives that join several values, and what makes their nodes."""

ANCHORS: dict[str, Callable[[Builder, Equation], Reference]] = {}
"""The primitives that are nodes by themselves, and what makes them."""
