"""The compiled part: weights prepared, the graph walked forwards, relevance carried back.

All functions take a `Plan` as their static argument, so that one program serves all explainers that differ in numbers
alone.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from ir.analysis.axes import axis_names
from jlrp.ops.base import along_axis
from jlrp.propagation.batches import divisor, in_chunks
from jlrp.propagation.bounds import carried
from jlrp.propagation.compiling import program
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.interpreter import activations, cast, check_shapes, node_params
from jlrp.propagation.ledger import Bookkeeper, totals
from jlrp.propagation.plan import Plan, Rules
from jlrp.propagation.start import start_relevance
from jlrp.rules import LayerCall, Rule
from jlrp.rules.base import Facts


@flax.struct.dataclass
class Prepared:
    """Weights as the backward pass wants them: folded, in one dtype, and what each node's rule made of them.

    params: those of the folded graph's layers.
    changed: `{node: what prepare returned, for each rule that the node may have}`.
    """

    params: dict[str, Any]
    changed: dict[str, Any]


@flax.struct.dataclass
class Conditions:
    """Which channels' relevance is kept at which values, for several conditions at once.

    channels: `{value: (conditions, most) indices}`, filled up with −1; everything: `{value: (conditions,)}`, true
    where a condition says nothing of a value; number: (conditions,), their numbers.
    """

    channels: dict[str, Array]
    everything: dict[str, Array]
    number: Array


@program()
def prepare(plan: Plan, rules: Rules, params: ir.Params) -> Prepared:
    """Weights folded, and changed as each node's rule wants them."""
    folded = plan.rewritten.params(cast(params, ())[0])
    numbers = _in_dtype(rules, _dtype(folded))
    changed: dict[str, Any] = {}
    for node, index in zip(plan.graph.nodes, plan.rule_of_node, strict=True):
        if node.params is not None and node.params in folded:
            made = [
                plan.formulation.prepare(rule, node.op, folded[node.params], facts_of(plan, node))
                for rule in numbers[index].choices
            ]
            changed |= {} if all(each is None for each in made) else {node.name: made}
    used = {node.params for node in plan.graph.nodes}
    return Prepared({name: layer for name, layer in folded.items() if name in used}, changed)


@program()
def explain(
    plan: Plan,
    rules: Rules,
    weights: ir.Params | Prepared,
    images: tuple[Array, ...],
    target: Array | None,
    region: Array | None = None,
) -> Explanation:
    """One explanation of each image."""

    def of(walk: _Walk, target: Array | None, region: Array | None) -> Explanation:
        return walk.back(*walk.start(target, region))

    return _in_chunks(plan, rules, weights, images, target, region, of)


@program()
def explain_classes(
    plan: Plan,
    rules: Rules,
    weights: ir.Params | Prepared,
    images: tuple[Array, ...],
    targets: Array,
    region: Array | None = None,
) -> Explanation:
    """One explanation of each image for each row of targets (classes, N), with one forward pass."""

    def of(walk: _Walk, targets: Array, region: Array | None) -> Explanation:
        starts = jax.vmap(lambda t: walk.start(t, region)[0])(targets)
        # One class after the other: on a CPU a third of the time of all at once, whose arrays leave the cache.
        result = jax.lax.map(lambda each: walk.back(*each), (starts, targets))
        return _led_by("class", result, output=walk.output, prediction=walk.prediction)

    return _in_chunks(plan, rules, weights, images, targets, region, of, leading=1)


@program()
def explain_conditions(
    plan: Plan,
    rules: Rules,
    weights: ir.Params | Prepared,
    images: tuple[Array, ...],
    target: Array | None,
    region: Array | None,
    conditions: Conditions,
) -> Explanation:
    """One explanation of each image under each condition, with one forward pass."""

    def of(walk: _Walk, target: Array | None, region: Array | None) -> Explanation:
        start, chosen = walk.start(target, region)
        result = jax.lax.map(lambda one: walk.back(start, chosen, walk.masks(one)), conditions)
        chosen = jnp.broadcast_to(chosen, result.target.shape)
        return _led_by("condition", result, output=walk.output, prediction=walk.prediction, target=chosen)

    result = _in_chunks(plan, rules, weights, images, target, region, of, leading=1, target_axis=0)
    return dataclasses.replace(result, target=result.target[0])


def _led_by(name: str, result: Explanation, **alike: Any) -> Explanation:
    """Explanations along a first axis of this name, but for what is alike in all of them."""
    axes = tuple((name, *each) for each in result.axes)
    layer_axes = tuple((layer, (name, *each)) for layer, each in result.layer_axes)
    return dataclasses.replace(result, axes=axes, layer_axes=layer_axes, **alike)


def _in_chunks(
    plan: Plan,
    rules: Rules,
    weights: ir.Params | Prepared,
    images: tuple[Array, ...],
    target: Any,
    region: Any,
    explained: "Callable[[_Walk, Any, Any], Explanation]",
    leading: int = 0,
    target_axis: int | None = None,
) -> Explanation:
    """Walk through as many images at a time as the formulation likes; `explained` makes explanations of a walk.

    leading: how many axes lie before the batch in relevance, and in the target unless `target_axis` says otherwise.
    """
    prepared = weights if isinstance(weights, Prepared) else prepare(plan, rules, weights)
    dtype = _dtype(prepared.params)
    images = tuple(jnp.asarray(x, dtype) for x in images)
    shapes = check_shapes(plan.graph, prepared.params, images)
    batch, axis = images[0].shape[0], leading if target_axis is None else target_axis
    size = divisor(batch, plan.formulation.images_at_once(shapes.values(), dtype))
    if target is not None and target.shape[axis : axis + 1] != (batch,):
        size = batch  # does not fit, which is for `explained` to say
    numbers = _in_dtype(rules, dtype)

    def chunk(args: tuple[tuple[Array, ...], Any, Any]) -> Explanation:
        return explained(_Walk(plan, numbers, prepared, args[0], shapes), *args[1:])

    axes = (tuple(0 for _ in images), None if target is None else axis, None if region is None else 0)
    out_axes = partial(batch_axes, leading, target_axis=leading)
    return in_chunks(chunk, batch, size, (images, target, region), axes, out_axes)


def batch_axes(leading: int, found: Explanation, target_axis: int) -> Explanation:
    """Where the batch lies in each array of an explanation with `leading` axes before it; in the ledger it is last."""
    at = jax.tree.map(lambda _: leading, found)
    ledger = found.ledger and dataclasses.replace(at.ledger, entries=leading + 2)
    prediction = None if found.prediction is None else 0
    return dataclasses.replace(at, output=0, prediction=prediction, target=target_axis, ledger=ledger)


class _Walk:
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
        """The decision value: what is explained."""
        return self.values[self.graph.outputs[0]]

    @property
    def prediction(self) -> Array:
        """What the model says: its own output."""
        tail = self.plan.tail
        if tail is None:
            return self.output
        return activations(tail, {}, tuple(self.values[name] for name in tail.inputs))[tail.outputs[0]]

    def start(self, target: Array | None, region: Array | None) -> tuple[Array, Array]:
        """The relevance that the walk back starts with, and the class (N,) that it stands for."""
        return start_relevance(self.graph, self.plan.start, self.output, self.prediction, target, region)

    def back(self, start: Array, target: Array, masks: Mapping[str, Array] | None = None) -> Explanation:
        """Relevance from the output to the inputs: nodes in reverse, what arrives at a value added up."""
        arrived: dict[str, Array] = {self.graph.outputs[0]: start}
        books = Bookkeeper([], [], [])
        for node in reversed(self.graph.nodes):
            edges = [(name, i) for i, name in enumerate(node.inputs) if self._follows(node.name, i)]
            if node.name not in arrived or not (edges or self.plan.ledger):
                continue
            received = arrived[node.name]
            if masks and node.name in masks:
                arrived[node.name] = received * masks[node.name]
            call, rule = self._call(node), self._rule[node.name]
            shares = self.plan.formulation.relevance(rule, call, arrived[node.name])
            for name, position in edges:
                arrived[name] = arrived[name] + shares[position] if name in arrived else shares[position]
            if self.plan.ledger:
                quotients = self.plan.formulation.quotients(rule, call, arrived[node.name])
                books.enter(node, rule, quotients, received, [shares[i] for _, i in edges])
        everywhere = {name: arrived.get(name, jnp.zeros_like(value)) for name, value in self.values.items()}
        inputs = tuple(everywhere[name] for name in self.graph.inputs)
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
            layer_axes=tuple((name, axis_names(self.graph, ranks[value], value)) for name, value in self.plan.record),
        )

    def masks(self, conditions: Conditions) -> dict[str, Array]:
        """One condition's masks, each of a shape that broadcasts against its value."""
        masks = {}
        for name, channels in conditions.channels.items():
            value = self.values[name]
            axis = self.graph.channel_axis(value.ndim, name)
            kept = (jnp.arange(value.shape[axis])[:, None] == channels).any(1) | conditions.everything[name]
            masks[name] = along_axis(kept, axis, value.ndim).astype(value.dtype)
        return masks

    def _follows(self, name: str, position: int) -> bool:
        return self.plan.followed is None or (name, position) in self.plan.followed

    def _call(self, node: ir.Node) -> LayerCall:
        return LayerCall(
            node.op,
            node_params(node, self.weights.params),
            tuple(self.values[name] for name in node.inputs),
            self.values[node.name],
            tuple(name in self.graph.nonnegative for name in node.inputs),
            self._changed.get(node.name),
            gates=self.graph.gates.get(node.name, ()),
            carried=partial(carried, self.graph, self.weights.params, self.values, node),
            rectified=node.name in self.plan.rectified,
            kept=self._kept[node.name],
            map=self.plan.formulation.affine,
        )

    def _forwards(self, node: ir.Node, inputs: tuple[Array, ...]) -> Array:
        """A node's output; what the formulation keeps for the way back is remembered."""
        output, self._kept[node.name] = self.plan.formulation.forwards(
            self._rule[node.name],
            node.op,
            node_params(node, self.weights.params),
            inputs,
            facts_of(self.plan, node),
            self._changed.get(node.name),
        )
        return output


def facts_of(plan: Plan, node: ir.Node) -> Facts:
    """What is certain of a node."""
    return Facts(all(name in plan.graph.nonnegative for name in node.inputs), node.name in plan.rectified)


def _dtype(params: Any) -> Any:
    leaves = jax.tree.leaves(params)
    return leaves[0].dtype if leaves else jnp.result_type(float)


def _in_dtype(rules: Rules, dtype: Any) -> Rules:
    """The rules' numbers in the dtype of the computation."""
    return jax.tree.map(lambda number: jnp.asarray(number, dtype), rules)
