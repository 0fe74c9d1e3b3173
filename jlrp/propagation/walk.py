"""One walk forward through the graph, and any number of walks back."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax.numpy as jnp
from jax import Array

import ir
from ir.analysis.axes import axis_names
from jlrp.ops.base import along_axis
from jlrp.ops.graphs import activations, node_params
from jlrp.propagation.bounds import propagate_bounds
from jlrp.propagation.conditions import Conditions
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.ledger import Bookkeeper, totals
from jlrp.propagation.plan import Plan, Rules
from jlrp.propagation.start import start_relevance
from jlrp.propagation.weights import Prepared, facts_of
from jlrp.rules import LayerCall, Rule


class Walk:
    """One forward pass, and any number of walks back from it."""

    def __init__(
        self,
        plan: Plan,
        rules: Rules,
        weights: Prepared,
        images: tuple[Array, ...],
        shapes: Mapping[str, ir.Shape],
    ) -> None:
        self.plan, self.graph, self.weights = plan, plan.graph, weights
        self._rule: dict[str, Rule] = {}
        self._changed: dict[str, Any] = {}
        for node, index in zip(self.graph.nodes, plan.rule_of_node, strict=True):
            rule, inputs = rules[index], tuple(shapes[name] for name in node.inputs)
            choice = rule.choose(node.op, node_params(node, weights.params), inputs)
            self._rule[node.name] = rule.choices[choice]
            if node.name in weights.changed:
                self._changed[node.name] = weights.changed[node.name][choice]
        self._kept: dict[str, Any] = {}
        self.values = activations(self.graph, weights.params, images, self._forwards)

    @property
    def output(self) -> Array:
        """The decision value, which is explained."""
        return self.values[self.graph.outputs[0]]

    @property
    def prediction(self) -> Array:
        """The model's own output."""
        tail = self.plan.tail
        if tail is None:
            return self.output
        return activations(tail, {}, tuple(self.values[name] for name in tail.inputs))[
            tail.outputs[0]
        ]

    def start(self, target: Array | None, region: Array | None) -> tuple[Array, Array]:
        """The relevance at the start of the walk back, and the class (N,) that it stands for."""
        return start_relevance(
            self.graph, self.plan.start, self.output, self.prediction, target, region
        )

    def back(self, start: Array, target: Array, condition: Conditions | None = None) -> Explanation:
        """Walk from the output back to the inputs, and add up what arrives at each value.

        Args:
            start: The relevance of the decision value.
            target: The class that it stands for.
            condition: One condition, if there are conditions.

        Returns:
            The explanation. Its relevance has the shape of the images.
        """
        masks = {} if condition is None else self._masks(condition)
        closed = {} if condition is None else condition.closed
        arrived: dict[str, Array] = {self.graph.outputs[0]: start}
        books = Bookkeeper([], [], [])
        for node in reversed(self.graph.nodes):
            edges = [(name, i) for i, name in enumerate(node.inputs) if self._follows(node.name, i)]
            if node.name not in arrived or not (edges or self.plan.ledger):
                continue
            received = arrived[node.name]
            if node.name in masks:
                arrived[node.name] = received * masks[node.name]
            call, rule = self._call(node), self._rule[node.name]
            shares = self.plan.formulation.relevance(rule, call, arrived[node.name])
            shares = tuple(
                jnp.where(closed[node.name, i], 0, share) if (node.name, i) in closed else share
                for i, share in enumerate(shares)
            )
            for name, position in edges:
                arrived[name] = (
                    arrived[name] + shares[position] if name in arrived else shares[position]
                )
            if self.plan.ledger:
                quotients = self.plan.formulation.quotients(rule, call, arrived[node.name])
                books.enter(node, rule, quotients, received, [shares[i] for _, i in edges])
        everywhere = {
            name: arrived.get(name, jnp.zeros_like(value)) for name, value in self.values.items()
        }
        inputs = tuple(everywhere[name] * masks.get(name, 1) for name in self.graph.inputs)
        everywhere |= dict(zip(self.graph.inputs, inputs, strict=True))
        layers = {name: everywhere[value] for name, value in self.plan.record}
        ranks = {name: value.ndim for name, value in everywhere.items()}
        return Explanation(
            relevance=inputs[0] if len(inputs) == 1 else inputs,
            output=self.output,
            target=target,
            layers=layers,
            ledger=books.ledger(start, inputs) if self.plan.ledger else None,
            prediction=self.prediction,
            start=totals(jnp.abs(start)),
            axes=tuple(axis_names(self.graph, ranks[name], name) for name in self.graph.inputs),
            layer_axes=tuple(
                (name, axis_names(self.graph, ranks[value], value))
                for name, value in self.plan.record
            ),
        )

    def _masks(self, condition: Conditions) -> dict[str, Array]:
        """One condition's masks, each of a shape that broadcasts against its value."""
        masks = {}
        for name, channels in condition.channels.items():
            value = self.values[name]
            axis = self.graph.channel_axis(value.ndim, name)
            kept = (jnp.arange(value.shape[axis])[:, None] == channels).any(
                1
            ) | condition.everything[name]
            masks[name] = along_axis(kept, axis, value.ndim).astype(value.dtype)
        return masks

    def _follows(self, name: str, position: int) -> bool:
        """Whether relevance follows an edge."""
        return self.plan.followed is None or (name, position) in self.plan.followed

    def _call(self, node: ir.Node) -> LayerCall:
        """What the rule of a node sees."""
        return LayerCall(
            node.op,
            node_params(node, self.weights.params),
            tuple(self.values[name] for name in node.inputs),
            self.values[node.name],
            tuple(name in self.graph.nonnegative for name in node.inputs),
            self._changed.get(node.name),
            gates=self.graph.gates.get(node.name, ()),
            propagate_bounds=partial(
                propagate_bounds, self.graph, self.weights.params, self.values, node
            ),
            rectified=node.name in self.plan.rectified,
            kept=self._kept[node.name],
            map=self.plan.formulation.affine,
        )

    def _forwards(self, node: ir.Node, inputs: tuple[Array, ...]) -> Array:
        """A node's output. What the formulation keeps for the walk back goes to `_kept`."""
        output, self._kept[node.name] = self.plan.formulation.forwards(
            self._rule[node.name],
            node.op,
            node_params(node, self.weights.params),
            inputs,
            facts_of(self.plan, node),
            self._changed.get(node.name),
        )
        return output
