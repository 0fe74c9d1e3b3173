"""The compiled part: weights prepared, the graph walked forwards, relevance carried back.

All functions take a `Plan` as their static argument, so that one program serves all explainers that differ in numbers
alone.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from ir.passes import Rewritten
from jlrp.composites.composite import Edge
from jlrp.ops.base import along_axis
from jlrp.propagation.batches import divisor, in_chunks
from jlrp.propagation.bounds import carried
from jlrp.propagation.compiling import program
from jlrp.propagation.formulation import PLAIN, Formulation
from jlrp.propagation.interfaces import as_dict, as_xarray
from jlrp.propagation.interpreter import activations, cast, check_shapes, node_params
from jlrp.propagation.ledger import Bookkeeper, Ledger
from jlrp.propagation.start import start_relevance
from jlrp.rules import LayerCall, Rule
from jlrp.rules.base import Facts

if TYPE_CHECKING:
    from jlrp.propagation.interfaces import Dataset

Rules = tuple[Rule, ...]
"""The distinct rules of a composite; a plan says which node has which."""


@dataclass(frozen=True)
class Plan:
    """All that is known before there are numbers.

    kinds: what the distinct rules are, from `kinds`. rule_of_node: for each node of the graph, the position of its
    rule. followed: the edges that relevance follows, or `None` for all. record: pairs (name asked for, value it stands
    for). formulation: how ops and rules are computed. rectified: the nodes at whose output no relevance arrives where
    it is not positive.
    """

    rewritten: Rewritten
    kinds: tuple[Any, ...]
    rule_of_node: tuple[int, ...]
    followed: frozenset[Edge] | None
    start: str
    contrast: str | None
    record: tuple[tuple[str, str], ...]
    ledger: bool
    formulation: Formulation = PLAIN
    rectified: frozenset[str] = frozenset()

    @property
    def graph(self) -> ir.Graph:
        """The graph that the rules see."""
        return self.rewritten.graph

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, field.name) for field in dataclasses.fields(self)))

    def __hash__(self) -> int:
        return self._hash  # asked for at every call


def kinds(rules: Rules) -> tuple[Any, ...]:
    """The classes of rules, of the rules inside them, and their static fields.

    jaxlib 0.10 takes the tree structures of two dataclasses with as many fields for equal, though they hash apart, so
    that now and then two rules would share a compiled program. As a part of the plan, this keeps them apart.
    """

    def of(structure: Any) -> tuple[Any, ...]:
        return structure.node_data(), *map(of, structure.children())

    return of(jax.tree.structure(rules))


@flax.struct.dataclass
class Prepared:
    """Weights as the backward pass wants them: folded, in one dtype, and what each node's rule made of them.

    params: those of the folded graph's layers; changed: `{node: what its rule's prepare returned}`.
    """

    params: dict[str, Any]
    changed: dict[str, Any]


@flax.struct.dataclass
class Explanation:
    """What `explain` returns; a pytree of arrays.

    relevance: what each input value contributed, of the images' shape; a tuple where the graph has several inputs.
    output: (N, classes), what was explained: before the softmax.
    target: (N,), the class explained; (classes, N) from `per_class`.
    layers: `{name: relevance at that layer's output}` for the names in `record`.
    ledger: where relevance went (`jlrp.Ledger`), if it was asked for.

    >>> import numpy as np, ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    >>> result = jlrp.explainer(graph, record=("fc",))({"fc": {"kernel": np.ones((2, 1))}}, np.ones((3, 2)))
    >>> result.relevance.shape, result.layers["fc"].shape
    ((3, 2), (3, 1))
    """

    relevance: Any
    output: Array
    target: Array
    layers: dict[str, Array]
    ledger: Ledger | None = None

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries of NumPy arrays: relevance, output, target, layers, and the ledger if there is one."""
        return as_dict(self)

    def to_xarray(self, leading: str | None = None, channels_first: bool = False) -> "Dataset":
        """An `xarray.Dataset` with named axes: image, row, column, channel (layers with their names), and the ledger.

        leading: what the axis before the images is: `"class"` for `per_class`, which is told from the target, and
            such as `"condition"` for `conditional`. channels_first: whether images are (N, C, H, W).

        Raises `ModuleNotFoundError` without xarray, and `ValueError` for several inputs.
        """
        return as_xarray(self, leading, channels_first)

    def __repr__(self) -> str:
        parts = self.relevance if isinstance(self.relevance, tuple) else (self.relevance,)
        shapes = " and ".join(f"{getattr(x, 'dtype', '')} {getattr(x, 'shape', x)}" for x in parts)
        output = f"output {getattr(self.output, 'shape', self.output)}"
        layers = f", layers {', '.join(self.layers)}" if self.layers else ""
        return f"Explanation(relevance {shapes}, {output}{layers}{', ledger' if self.ledger is not None else ''})"

    def _repr_html_(self) -> str | None:
        """The heatmaps, for a notebook; `None` without the extra `jlrp[cli]` or in the middle of a transformation."""
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(self)):
            return None
        try:
            from jlrp.plot import explanation_html
        except ModuleNotFoundError:
            return None
        return explanation_html(self.relevance, self.target)


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
            made = plan.formulation.prepare(numbers[index], node.op, folded[node.params], facts_of(plan, node))
            changed |= {} if made is None else {node.name: made}
    used = {node.params for node in plan.graph.nodes}
    return Prepared({name: layer for name, layer in folded.items() if name in used}, changed)


@program()
def explain(
    plan: Plan, rules: Rules, weights: ir.Params | Prepared, images: tuple[Array, ...], target: Array | None
) -> Explanation:
    """One explanation of each image."""

    def of(walk: _Walk, target: Array | None) -> Explanation:
        start, target = start_relevance(plan.graph, walk.output, target, plan.start, plan.contrast)
        return walk.back(start, target)

    return _in_chunks(plan, rules, weights, images, target, of)


@program()
def explain_classes(
    plan: Plan, rules: Rules, weights: ir.Params | Prepared, images: tuple[Array, ...], targets: Array
) -> Explanation:
    """One explanation of each image for each row of targets (classes, N), with one forward pass."""

    def of(walk: _Walk, targets: Array) -> Explanation:
        starts = jax.vmap(lambda t: start_relevance(plan.graph, walk.output, t, plan.start, plan.contrast)[0])(targets)
        # One class after the other: on a CPU a third of the time of all at once, whose arrays leave the cache.
        result = jax.lax.map(lambda each: walk.back(*each), (starts, targets))
        return dataclasses.replace(result, output=walk.output)

    return _in_chunks(plan, rules, weights, images, targets, of, leading=1)


@program()
def explain_conditions(
    plan: Plan,
    rules: Rules,
    weights: ir.Params | Prepared,
    images: tuple[Array, ...],
    target: Array | None,
    conditions: Conditions,
) -> Explanation:
    """One explanation of each image under each condition, with one forward pass."""

    def of(walk: _Walk, target: Array | None) -> Explanation:
        start, chosen = start_relevance(plan.graph, walk.output, target, plan.start, plan.contrast)
        result = jax.lax.map(lambda one: walk.back(start, chosen, walk.masks(one)), conditions)
        return dataclasses.replace(result, output=walk.output, target=jnp.broadcast_to(chosen, result.target.shape))

    result = _in_chunks(plan, rules, weights, images, target, of, leading=1, target_axis=0)
    return dataclasses.replace(result, target=result.target[0])


def _in_chunks(
    plan: Plan,
    rules: Rules,
    weights: ir.Params | Prepared,
    images: tuple[Array, ...],
    target: Any,
    explained: "Callable[[_Walk, Any], Explanation]",
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

    def chunk(args: tuple[tuple[Array, ...], Any]) -> Explanation:
        return explained(_Walk(plan, numbers, prepared, args[0]), args[1])

    axes = (tuple(0 for _ in images), None if target is None else axis)
    return in_chunks(chunk, batch, size, (images, target), axes, partial(batch_axes, leading, target_axis=leading))


def batch_axes(leading: int, found: Explanation, target_axis: int) -> Explanation:
    """Where the batch lies in each array of an explanation with `leading` axes before it; in the ledger it is last."""
    at = jax.tree.map(lambda _: leading, found)
    ledger = found.ledger and dataclasses.replace(at.ledger, entries=leading + 2)
    return dataclasses.replace(at, output=0, target=target_axis, ledger=ledger)


class _Walk:
    """One forward pass, and any number of walks back from it."""

    def __init__(self, plan: Plan, rules: Rules, weights: Prepared, images: tuple[Array, ...]) -> None:
        self.plan, self.graph, self.weights = plan, plan.graph, weights
        self._rule = {node.name: rules[index] for node, index in zip(self.graph.nodes, plan.rule_of_node, strict=True)}
        self._kept: dict[str, Any] = {}
        self.values = activations(self.graph, weights.params, images, self._forwards)

    @property
    def output(self) -> Array:
        """What is explained."""
        return self.values[self.graph.outputs[0]]

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
        ledger = books.ledger(start, inputs) if self.plan.ledger else None
        return Explanation(inputs[0] if len(inputs) == 1 else inputs, self.output, target, layers, ledger)

    def masks(self, conditions: Conditions) -> dict[str, Array]:
        """One condition's masks, each of a shape that broadcasts against its value."""
        masks = {}
        for name, channels in conditions.channels.items():
            value = self.values[name]
            axis = self.graph.channel_axis(value.ndim)
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
            self.weights.changed.get(node.name),
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
            self.weights.changed.get(node.name),
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
