"""From a graph and its rules to relevance: the compiled `explain(params, images)`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from ir.passes import Rewritten, select_output
from jlrp.composite import Composite, Edge
from jlrp.interpreter import activations, as_tuple, cast, check_shapes, known_names, node_params
from jlrp.presets import composite_of
from jlrp.rules import LayerCall, Rule

STARTS = ("logit", "one")
"""What relevance starts as at the target: its output value, or 1."""


@flax.struct.dataclass
class Explanation:
    """What `explain` returns; a pytree of arrays.

    relevance: what each input value contributed, of the images' shape; a tuple where the graph has several inputs.
    output: (N, classes), what was explained: before the softmax.
    target: (N,), the class explained; (classes, N) from `per_class`.
    layers: `{name: relevance at that layer's output}` for the names in `record`.

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


@dataclass(frozen=True)
class _Plan:
    """All that is known before there are numbers: the static argument of the compiled functions."""

    rewritten: Rewritten
    rule_of_node: tuple[int, ...]
    followed: frozenset[Edge] | None
    start: str
    record: tuple[tuple[str, str], ...]

    @property
    def graph(self) -> ir.Graph:
        return self.rewritten.graph


class Explainer:
    """A graph with its rules, ready to explain; made by `jlrp.explainer`.

    Calls with equal shapes share one compiled program, also among explainers that differ in numbers only.

    >>> import ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("p", ir.Softmax(), ("fc",))], ["x"], ["p"])
    >>> isinstance(jlrp.explainer(graph), jlrp.Explainer), jlrp.explainer(graph).graph.outputs
    (True, ('fc',))
    """

    def __init__(
        self,
        graph: ir.Graph,
        rules: str | Composite = "epsilon_plus",
        *,
        start: str = "logit",
        record: Iterable[str] | bool = (),
        output: str | None = None,
    ) -> None:
        if start not in STARTS:
            raise ValueError(f"There is no start {start!r}: relevance starts as {' or '.join(map(repr, STARTS))}.")
        composite = composite_of(rules)
        rewritten = composite.rewrite(select_output(graph, output))
        assignment = composite.assign(rewritten.graph)
        self.rules: tuple[Rule, ...] = tuple({id(rule): rule for rule in assignment.values()}.values())
        position = {id(rule): index for index, rule in enumerate(self.rules)}
        self._plan = _Plan(
            rewritten,
            tuple(position[id(assignment[node.name])] for node in rewritten.graph.nodes),
            composite.followed(rewritten.graph) if composite.followed else None,
            start,
            _recorded(rewritten, record),
        )

    @property
    def graph(self) -> ir.Graph:
        """The graph that the rules see: folded, without the softmax that ended it."""
        return self._plan.graph

    def __call__(self, params: ir.Params, images: Any, target: Any = None) -> Explanation:
        """Explain a batch of images.

        params: as loaded, `{layer: {role: array}}`; the computation runs in their dtype. For many calls place them on
            the device once (`jax.device_put(params)`), or use `bind`.
        images: (N, H, W, C), or the model's own layout; a tuple in the order of `graph.inputs` where there are several.
        target: the class to explain, 0 … classes − 1, one for all images or one per image (N,); by default each
            image's largest output, the lowest index among equals. Or the start relevance itself, in the output's
            shape (N, classes).

        Raises `ValueError` for a target that does not fit, `ir.ShapeError` where images or weights do not fit.
        """
        images = as_tuple(self.graph, images)
        return _checked(_explain(self._plan, self.rules, params, images, _target(target, images)), target)

    def per_class(self, params: ir.Params, images: Any, classes: Sequence[int]) -> Explanation:
        """Explain several classes of each image with one forward pass.

        Returns relevance (classes, N, H, W, C), `target` (classes, N), and layers with the classes first.

        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
        >>> jlrp.explainer(graph, "zero").per_class(params, np.ones((1, 2)), classes=(0, 1)).relevance.tolist()
        [[[2.0, 1.0]], [[0.0, 3.0]]]
        """
        images, chosen = as_tuple(self.graph, images), np.asarray(classes)
        if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer):
            raise ValueError(f"classes are a sequence of class indices, such as (3, 7), not {classes!r}.")
        targets = jnp.broadcast_to(jnp.asarray(chosen)[:, None], (len(chosen), images[0].shape[0]))
        return _checked(_explain_classes(self._plan, self.rules, params, images, targets), chosen)

    def bind(self, params: ir.Params) -> "Bound":
        """The explainer with weights folded and placed on the device once: `bound(images)` for many batches.

        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> bound = jlrp.explainer(graph, "zero").bind({"fc": {"kernel": np.array([[2.0], [1.0]])}})
        >>> bound(np.ones((1, 2))).relevance.tolist()
        [[2.0, 1.0]]
        """
        folded = _fold(self._plan.rewritten, params)
        used = {node.params for node in self.graph.nodes}
        plan = _Plan(Rewritten(self.graph), *(getattr(self._plan, f) for f in _REST))
        return Bound(self, plan, {name: layer for name, layer in folded.items() if name in used})


_REST = ("rule_of_node", "followed", "start", "record")


class Bound:
    """An explainer with its weights; made by `Explainer.bind`. Call it as the explainer, without the params.

    >>> import numpy as np, ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    >>> bound = jlrp.explainer(graph, "zero").bind({"fc": {"kernel": np.ones((2, 1))}})
    >>> isinstance(bound, jlrp.Bound), bound(np.ones((3, 2))).relevance.shape
    (True, (3, 2))
    """

    def __init__(self, explainer: Explainer, plan: _Plan, params: dict[str, Any]) -> None:
        self._rules, self._plan, self.params = explainer.rules, plan, params

    def __call__(self, images: Any, target: Any = None) -> Explanation:
        """As `Explainer.__call__`, with the bound params."""
        images = as_tuple(self._plan.graph, images)
        return _checked(_explain(self._plan, self._rules, self.params, images, _target(target, images)), target)


def explainer(
    graph: ir.Graph,
    rules: str | Composite = "epsilon_plus",
    *,
    start: str = "logit",
    record: Iterable[str] | bool = (),
    output: str | None = None,
) -> Explainer:
    """The function `explain(params, images)` of a graph under some rules, compiled once per shape.

    graph: as loaded. rules: a preset's name (`jlrp.PRESETS`) or a `jlrp.Composite`.
    start: relevance starts as the target's output, before the softmax (`"logit"`), or as 1 (`"one"`).
    record: names of layers whose relevance to return in `result.layers`, or `True` for all.
    output: which of several outputs to explain; the first by default.

    Raises `ValueError` for an unknown preset, start, output or layer, `jlrp.CompositeError` where a layer has no rule.

    >>> import numpy as np, ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("p", ir.Softmax(), ("fc",))], ["x"], ["p"])
    >>> explain = jlrp.explainer(graph, "epsilon")
    >>> result = explain({"fc": {"kernel": np.array([[1.0, 0.0], [2.0, 1.0]])}}, np.ones((1, 2)))
    >>> result.target.tolist(), result.output.tolist(), np.round(result.relevance, 3).tolist()
    ([0], [[3.0, 1.0]], [[1.0, 2.0]])
    """
    return Explainer(graph, rules, start=start, record=record, output=output)


@partial(jax.jit, static_argnums=0)
def _fold(rewritten: Rewritten, params: ir.Params) -> dict[str, Any]:
    return rewritten.params(cast(params, ())[0])


@partial(jax.jit, static_argnums=0)
def _explain(
    plan: _Plan, rules: Any, params: ir.Params, images: tuple[Array, ...], target: Array | None
) -> Explanation:
    params, images, rules = _prepared(plan, rules, params, images)
    values = activations(plan.graph, params, images)
    output = values[plan.graph.outputs[0]]
    start, target = _start(plan.start, output, target)
    relevance, layers = _backward(plan, rules, params, values, start)
    return Explanation(relevance, output, target, layers)


@partial(jax.jit, static_argnums=0)
def _explain_classes(
    plan: _Plan, rules: Any, params: ir.Params, images: tuple[Array, ...], targets: Array
) -> Explanation:
    params, images, rules = _prepared(plan, rules, params, images)
    values = activations(plan.graph, params, images)
    output = values[plan.graph.outputs[0]]
    starts = jax.vmap(lambda target: _start(plan.start, output, target)[0])(targets)
    relevance, layers = jax.vmap(lambda start: _backward(plan, rules, params, values, start))(starts)
    return Explanation(relevance, output, targets, layers)


def _prepared(
    plan: _Plan, rules: Any, params: ir.Params, images: tuple[Array, ...]
) -> tuple[Any, tuple[Array, ...], Any]:
    """Weights folded as the plan says; weights, images and the rules' numbers in one dtype; shapes checked."""
    params, images = cast(params, images)
    params = plan.rewritten.params(params)
    check_shapes(plan.graph, params, images)
    return params, images, jax.tree.map(lambda number: jnp.asarray(number, images[0].dtype), rules)


def _start(start: str, output: Array, target: Array | None) -> tuple[Array, Array]:
    """The output's relevance, and the class it stands for."""
    if target is not None and (target.ndim > 1 or output.ndim == 1):
        if target.shape != output.shape:
            raise ValueError(f"A start relevance has the output's shape {output.shape}, but {target.shape} was given.")
        return target.astype(output.dtype), jnp.argmax(target, axis=-1)
    if output.ndim != 2:
        raise ValueError(
            f"The output has shape {output.shape} and so no class to explain: "
            "give the start relevance in that shape as target."
        )
    target = jnp.argmax(output, axis=-1) if target is None else target
    if target.shape != output.shape[:1]:
        raise ValueError(f"Give one target, or one per image: {output.shape[0]} images, but {target.shape[0]} targets.")
    chosen = jax.nn.one_hot(target, output.shape[-1], dtype=output.dtype)
    return (chosen * output if start == "logit" else chosen), target


def _backward(
    plan: _Plan, rules: Sequence[Rule], params: ir.Params, values: dict[str, Array], start: Array
) -> tuple[Any, dict[str, Array]]:
    """Relevance from the output to the inputs: nodes in reverse, what arrives at a value added up."""
    graph = plan.graph
    arrived: dict[str, Array] = {graph.outputs[0]: start}
    for node, index in zip(reversed(graph.nodes), reversed(plan.rule_of_node), strict=True):
        edges = [
            (name, i) for i, name in enumerate(node.inputs) if plan.followed is None or (node.name, i) in plan.followed
        ]
        if node.name not in arrived or not edges:
            continue
        call = LayerCall(
            node.op,
            node_params(node, params),
            tuple(values[name] for name in node.inputs),
            values[node.name],
            tuple(name in graph.nonnegative for name in node.inputs),
        )
        shares = rules[index].relevance(call, arrived[node.name])
        for name, position in edges:
            arrived[name] = arrived[name] + shares[position] if name in arrived else shares[position]

    def relevance_of(name: str) -> Array:
        return arrived[name] if name in arrived else jnp.zeros_like(values[name])

    inputs = tuple(relevance_of(name) for name in graph.inputs)
    layers = {name: relevance_of(value) for name, value in plan.record}
    return inputs[0] if len(inputs) == 1 else inputs, layers


def _recorded(rewritten: Rewritten, record: Iterable[str] | bool) -> tuple[tuple[str, str], ...]:
    """The names to record with the values they stand for; `ValueError` for a name that is not (or no longer) there."""
    values, merged = rewritten.graph.values, dict(rewritten.merged)
    names = list(values) if record is True else list(record or ())
    for name in names:
        if name in merged:
            raise ValueError(
                f"Layer {name!r} is merged into {merged[name]!r} before the rules are applied: record that."
            )
        if name not in values:
            raise ValueError(f"There is no layer {name!r} to record: {known_names(values)}.")
    return tuple((name, values[name]) for name in names)


def _target(target: Any, images: tuple[Any, ...]) -> Array | None:
    """The target as an array: `None`, (N,) class indices, or a start relevance."""
    if target is None:
        return None
    array = target if isinstance(target, jax.Array) else np.asarray(target)
    if not jnp.issubdtype(array.dtype, jnp.number if array.ndim > 1 else jnp.integer):
        raise ValueError(
            f"A target is a class index (an integer), one per image, or a start relevance, not {target!r}."
        )
    return jnp.broadcast_to(jnp.asarray(array), images[0].shape[:1] if array.ndim == 0 else array.shape)


def _checked(result: Explanation, target: Any) -> Explanation:
    """The result; `ValueError` where a concrete class index is not one of the output's."""
    if target is None or isinstance(target, jax.core.Tracer):
        return result
    indices, classes = np.asarray(target), result.output.shape[-1]
    if indices.ndim < 2 and indices.size and (indices.min() < 0 or indices.max() >= classes):
        worst = indices.min() if indices.min() < 0 else indices.max()
        raise ValueError(f"There is no class {worst}: the output has the classes 0 to {classes - 1}.")
    return result
