"""The rule of a loop: the rules of its body, step by step, from the last step to the first."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from ir.ops.scan import LAST, Scan
from jlrp.ops.graphs import activations, node_params
from jlrp.ops.scan import taken_apart, weights_at, weights_of_steps
from jlrp.rules.base import LayerCall, Relevances, Rule


@flax.struct.dataclass
class Steps(Rule):
    """Loops: each layer of the body has its rule, and relevance goes back step by step.

    What arrives at a step is the relevance of what it carried on, from the step behind it, and of
    its own output. A composite makes this rule of the rules that it has for the body's layers.

    For `Scan`. It conserves what the rules of the body conserve, but for what reaches a start that
    is a weight.

    Attributes:
        rules: The distinct rules of the body's layers.
        place: For each node of the body, the position of its rule.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> body = ir.Graph([ir.Node("sum", ir.Add(), ("state", "x"))], ["state", "x"], ["sum"])
        >>> loop, params = ir.Scan(body, steps=2, starts=(0,)), {"start:0": jnp.zeros(1)}
        >>> x = jnp.array([[[1.0], [3.0]]])
        >>> call = jlrp.LayerCall(loop, params, (x,), jlrp.apply(loop, params, x), (False,))
        >>> rule = jlrp.Steps((jlrp.Norm(0.0),), (0,))
        >>> rule.relevance(call, jnp.array([[8.0]]))[0].tolist()
        [[[2.0], [6.0]]]
    """

    rules: tuple[Rule, ...]
    place: tuple[int, ...] = flax.struct.field(pytree_node=False)

    def __str__(self) -> str:
        return f"step by step: {', '.join(dict.fromkeys(map(str, self.rules)))}"

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, Scan)

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        op = call.op
        assert isinstance(op, Scan)
        fixed, starts, sequences = taken_apart(op, call.params, call.inputs)
        own = weights_of_steps(op, call.params)

        def forwards(carry: list[Array], at: Any) -> tuple[list[Array], list[Array]]:
            mine, cells = at
            weights = weights_at(op, call.params, mine)
            values = activations(op.body, weights, (*fixed, *carry, *cells))
            return [values[name] for name in op.body.outputs[: op.carried]], carry

        _, carries = jax.lax.scan(forwards, starts, (own, sequences), op.steps, op.reverse)
        later = [jnp.zeros_like(x) for x in starts]
        if op.result == LAST:
            later[op.place] = relevance
            arriving = None
        else:
            arriving = jnp.moveaxis(relevance, 1, 0)

        def back(state: Any, at: Any) -> tuple[Any, tuple[Array, ...]]:
            later, held = state
            mine, carry, cells, here = at
            weights = weights_at(op, call.params, mine)
            values = activations(op.body, weights, (*fixed, *carry, *cells))
            outputs = [*later, *([] if here is None else [here])]
            found = self._back(op.body, weights, values, outputs)
            first, second = op.fixed, op.fixed + op.carried
            held = [a + b for a, b in zip(held, found[:first], strict=True)]
            return (found[first:second], held), tuple(found[second:])

        nothing = [jnp.zeros_like(x) for x in fixed]
        (begins, held), cells = jax.lax.scan(
            back,
            (later, nothing),
            (own, carries, sequences, arriving),
            op.steps,
            not op.reverse,
        )
        given = [begins[i] for i in op.given]
        return (*held, *given, *(jnp.moveaxis(cell, 0, 1) for cell in cells))

    def _back(
        self, body: ir.Graph, params: Any, values: dict[str, Array], outputs: list[Array]
    ) -> list[Array]:
        """The relevance of the body's inputs, from that of its outputs."""
        arrived: dict[str, Array] = {}

        def add(name: str, share: Array) -> None:
            arrived[name] = arrived[name] + share if name in arrived else share

        for name, share in zip(body.outputs, outputs, strict=True):
            add(name, share)
        for node, place in zip(reversed(body.nodes), reversed(self.place), strict=True):
            if node.name not in arrived:
                continue
            inputs = tuple(values[name] for name in node.inputs)
            weights = node_params(node, params)
            rule = self.rules[place]
            rule = rule.choices[rule.choose(node.op, weights, [x.shape for x in inputs])]
            call = LayerCall(
                node.op,
                weights,
                inputs,
                values[node.name],
                tuple(name in body.nonnegative for name in node.inputs),
                gates=body.gates.get(node.name, ()),
            )
            for name, share in zip(
                node.inputs, rule.relevance(call, arrived[node.name]), strict=True
            ):
                add(name, share)
        return [arrived.get(name, jnp.zeros_like(values[name])) for name in body.inputs]
