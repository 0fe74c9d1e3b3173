"""Loops that stay loops: a scan whose body is a graph."""

from collections.abc import Sequence
from typing import Any

import jax

import ir
from ir.ops.scan import OF
from jlrp.tracing.assembly import Assembled, assembled
from jlrp.tracing.build import ANCHORS, Builder, Reference
from jlrp.tracing.moves import without_batch
from jlrp.tracing.part import Part
from jlrp.tracing.regions import thin
from jlrp.tracing.tidy import Nodes, tidied
from jlrp.tracing.values import Const, Equation, Loop, Value, evaluate


def _loop(builder: Builder, equation: Equation) -> Reference:
    loop: Loop = equation.params["loop"]
    result, place = equation.params["result"]
    body = _body(builder, loop, loop.carries if result == "last" else (*loop.carries, place))
    weights: dict[str, Const] = {}
    stacked = set()
    for layer, roles in body.weights.items():
        for role, const in roles.items():
            key = f"{layer}{OF}{role}"
            if const.varies:
                stacked.add(key)
                const = _of_all_steps(const, loop.steps)
            weights[key] = const
    starts = []
    for index, (start, value) in enumerate(loop.carried):
        if isinstance(start, Const):
            starts.append(index)
            weights[f"start:{index}"] = _spread(start, value)
    op = ir.Scan(
        body.graph,
        loop.steps,
        fixed=len(loop.fixed),
        carried=len(loop.carried),
        result=result,
        place=place if result == "last" else 0,
        reverse=loop.reverse,
        stacked=frozenset(stacked),
        starts=tuple(starts),
    )
    read = [builder.reference(value) for value in loop.operands]
    return builder.add([Part(op, weights)], read, equation)


def _spread(start: Const, value: Value) -> Const:
    """The start of a carried value, of its whole shape without the batch."""
    small = without_batch(thin(start), value)
    shape = value.first

    def broadcast(array: Any) -> Any:
        return jax.numpy.broadcast_to(array, shape)

    return Const(shape, small.dtype, (small,), broadcast)


def _body(builder: Builder, loop: Loop, outputs: Sequence[Value]) -> Assembled:
    inner = Builder(
        known={value.number: -1 - i for i, value in enumerate(loop.inputs)}, paths=builder.paths
    )
    inner.prepare(outputs)
    references = [inner.reference(value) for value in outputs]
    nodes = tidied(Nodes(list(inner.nodes), [value.first for value in loop.inputs], references))
    return assembled(nodes, builder.paths, [f"in:{i}" for i in range(len(loop.inputs))])


def _of_all_steps(const: Const, steps: int) -> Const:
    """A constant of one step, for all steps, which come first."""
    same: dict[int, Const] = {}
    own: dict[int, Const] = {}
    stack = [const]
    while stack:
        each = stack.pop()
        if each.step:
            own[each.number] = each
        elif not each.varies:
            same[each.number] = each
        else:
            stack.extend(each.inputs)
    inputs = (*same.values(), *(each.inputs[0] for each in own.values()))

    def computed(*arrays: Any) -> Any:
        fixed = dict(zip(same, arrays, strict=False))

        def at(*cells: Any) -> Any:
            (made,) = evaluate([const], (), fixed | dict(zip(own, cells, strict=True)))
            return made

        return jax.vmap(at)(*arrays[len(fixed) :])

    return Const((steps, *const.shape), const.dtype, inputs, computed)


ANCHORS["loop"] = _loop
