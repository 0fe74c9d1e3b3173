"""From a graph and its rules to relevance: `explain(params, images)`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

import ir
from ir.passes import Rewritten, select_output
from jlrp.composites.composite import Composite
from jlrp.composites.presets import composite_of
from jlrp.fast import Fast
from jlrp.fast.zeros import rectified
from jlrp.propagation import backward
from jlrp.propagation.backward import Conditions, Explanation, Plan, Prepared, batch_axes
from jlrp.propagation.batches import one_by_one
from jlrp.propagation.formulation import PLAIN, Formulation
from jlrp.propagation.interpreter import as_tuple, known_names
from jlrp.propagation.start import as_target, check_target, checked_start
from jlrp.rules import Rule

FORMULATIONS: dict[str, Callable[[], Formulation]] = {
    "fast": lambda: Fast(jax.default_backend()),
    "plain": lambda: PLAIN,
}
"""The names that `jlrp.explainer` takes, and what makes the formulation for the backend in use."""


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
        contrast: str | None = None,
        record: Iterable[str] | bool = (),
        output: str | None = None,
        ledger: bool = False,
        formulation: str = "fast",
    ) -> None:
        checked_start(start, contrast)
        if formulation not in FORMULATIONS:
            raise ValueError(f"There is no formulation {formulation!r}: it is {' or '.join(map(repr, FORMULATIONS))}.")
        composite = composite_of(rules)
        rewritten = composite.rewrite(select_output(graph, output))
        assignment = composite.assign(rewritten.graph)
        self.rules: tuple[Rule, ...] = tuple({id(rule): rule for rule in assignment.values()}.values())
        position = {id(rule): index for index, rule in enumerate(self.rules)}
        self._plan = Plan(
            rewritten,
            backward.kinds(self.rules),
            tuple(position[id(assignment[node.name])] for node in rewritten.graph.nodes),
            composite.followed(rewritten.graph) if composite.followed else None,
            start,
            contrast,
            _recorded(rewritten, record),
            ledger,
            FORMULATIONS[formulation](),
            rectified(rewritten.graph, assignment),
        )

    @property
    def graph(self) -> ir.Graph:
        """The graph that the rules see: folded, without the softmax that ended it."""
        return self._plan.graph

    def __call__(
        self, params: ir.Params | Prepared, images: Any, target: Any = None, *, batch_size: int | None = None
    ) -> Explanation:
        """Explain a batch of images.

        params: as loaded, `{layer: {role: array}}`; the computation runs in their dtype. For many calls place them on
            the device once (`jax.device_put(params)`), or use `bind`.
        images: (N, H, W, C), or the model's own layout; a tuple in the order of `graph.inputs` where there are several.
        target: the class to explain, 0 … classes − 1, one for all images or one per image (N,); by default each
            image's largest output, the lowest index among equals. Or the start relevance itself, in the output's
            shape (N, classes). For an output of another rank: a channel, or the start relevance.
        batch_size: how many images to explain at a time, for a batch that the device has no room for: one compiled
            program, called again and again, and NumPy arrays as the result. Needs concrete images, not `jax.jit`'s.

        Raises `ValueError` for a target or batch size that does not fit, `ir.ShapeError` where images or weights do
        not fit.
        """
        images = as_tuple(self.graph, images)
        chosen = as_target(target, images)
        result = self._in_batches(backward.explain, params, images, chosen, batch_size)
        check_target(target, self._classes(result.output))
        return result

    def per_class(
        self, params: ir.Params | Prepared, images: Any, classes: Sequence[int], *, batch_size: int | None = None
    ) -> Explanation:
        """Explain several classes of each image with one forward pass.

        Returns relevance (classes, N, H, W, C), `target` (classes, N); layers and ledger with the classes first.
        batch_size: as for a call.

        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
        >>> jlrp.explainer(graph, "zero").per_class(params, np.ones((1, 2)), classes=(0, 1)).relevance.tolist()
        [[[2.0, 1.0]], [[0.0, 3.0]]]
        """
        images, chosen = as_tuple(self.graph, images), np.asarray(classes)
        if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer):
            raise ValueError(f"classes are a sequence of class indices, such as (3, 7), not {classes!r}.")
        targets = np.broadcast_to(chosen[:, None], (len(chosen), images[0].shape[0]))
        result = self._in_batches(backward.explain_classes, params, images, targets, batch_size, leading=1)
        check_target(chosen, self._classes(result.output))
        return result

    def conditional(
        self,
        params: ir.Params | Prepared,
        images: Any,
        conditions: Sequence[Mapping[str, int | Sequence[int]]],
        target: Any = None,
        *,
        batch_size: int | None = None,
    ) -> Explanation:
        """Explain under several conditions with one forward pass: what passes through some channels only.

        conditions: each `{layer: channels}`; at these layers' outputs the relevance of all other channels is set to 0.
            An empty condition keeps everything.
        batch_size: as for a call.

        Returns relevance (conditions, N, H, W, C); layers and ledger with the conditions first.
        Source: Achtibat et al., "From attribution maps to human-understandable explanations through concept relevance
        propagation", Nature Machine Intelligence 5, 2023.

        >>> import numpy as np, ir, jlrp
        >>> nodes = [ir.Node("a", ir.Dense(), ("x",), "a"), ir.Node("b", ir.Dense(), ("a",), "b")]
        >>> graph = ir.Graph(nodes, ["x"], ["b"])
        >>> params = {"a": {"kernel": np.eye(2)}, "b": {"kernel": np.array([[1.0], [2.0]])}}
        >>> explain = jlrp.explainer(graph, "zero")
        >>> explain.conditional(params, np.ones((1, 2)), [{}, {"a": 0}, {"a": [1]}]).relevance.tolist()
        [[[1.0, 2.0]], [[1.0, 0.0]], [[0.0, 2.0]]]
        """
        images = as_tuple(self.graph, images)
        chosen = self._conditions(conditions)

        def program(plan: Plan, rules: tuple[Rule, ...], weights: Any, images: Any, target: Any) -> Explanation:
            return backward.explain_conditions(plan, rules, weights, images, target, chosen)

        arrays = as_target(target, images)
        result = self._in_batches(program, params, images, arrays, batch_size, leading=1, target_axis=0)
        check_target(target, self._classes(result.output))
        return result

    def bind(self, params: ir.Params) -> "Bound":
        """The explainer with weights folded, split by sign and placed on the device once: `bound(images)`.

        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> bound = jlrp.explainer(graph, "zero").bind({"fc": {"kernel": np.array([[2.0], [1.0]])}})
        >>> bound(np.ones((1, 2))).relevance.tolist()
        [[2.0, 1.0]]
        """
        return Bound(self, backward.prepare(self._plan, self.rules, params))

    def _in_batches(
        self,
        program: Callable[..., Explanation],
        params: ir.Params | Prepared,
        images: tuple[Any, ...],
        target: Any,
        batch_size: int | None,
        leading: int = 0,
        target_axis: int | None = None,
    ) -> Explanation:
        """One call of a compiled program, or one for each `batch_size` images."""
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size is the number of images to explain at a time, 1 or more, not {batch_size}.")
        if batch_size is None or batch_size >= images[0].shape[0]:
            return program(self._plan, self.rules, params, images, target)
        prepared = params if isinstance(params, Prepared) else backward.prepare(self._plan, self.rules, params)
        axis = leading if target_axis is None else target_axis

        def call(images: Any, target: Any) -> Explanation:
            return program(self._plan, self.rules, prepared, images, target)

        axes = partial(batch_axes, leading, target_axis=axis)
        return cast(Explanation, one_by_one(call, images, target, axis, batch_size, axes))

    def _classes(self, output: Any) -> int:
        return int(output.shape[self.graph.channel_axis(output.ndim)])

    def _conditions(self, conditions: Sequence[Mapping[str, int | Sequence[int]]]) -> Conditions:
        """Conditions as arrays; `ValueError` for a layer that is not there or channels that are no indices."""
        if isinstance(conditions, Mapping) or not conditions:
            raise ValueError("conditions are a sequence of mappings from layers to channels, such as [{'conv1': [3]}].")
        names = list(dict.fromkeys(name for condition in conditions for name in condition))
        values = dict(_found(self._plan.rewritten, names, "condition"))
        channels, everything = {}, {}
        for name, value in values.items():
            rows = [np.atleast_1d(np.asarray(c.get(name, ()), int)) for c in conditions]
            if any((row < 0).any() or row.ndim > 1 for row in rows):
                raise ValueError(f"The channels of layer {name!r} are indices from 0 up, alone or in a sequence.")
            filled = np.full((len(rows), max(1, *(len(row) for row in rows))), -1)
            for index, row in enumerate(rows):
                filled[index, : len(row)] = row
            channels[value], everything[value] = filled, np.array([name not in c for c in conditions])
        number = jnp.arange(len(conditions))
        return Conditions(jax.tree.map(jnp.asarray, channels), jax.tree.map(jnp.asarray, everything), number)


class Bound:
    """An explainer with its weights; made by `Explainer.bind`. Call it as the explainer, without the params.

    >>> import numpy as np, ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    >>> bound = jlrp.explainer(graph, "zero").bind({"fc": {"kernel": np.ones((2, 1))}})
    >>> isinstance(bound, jlrp.Bound), bound(np.ones((3, 2))).relevance.shape
    (True, (3, 2))
    """

    def __init__(self, explainer: Explainer, weights: Prepared) -> None:
        self._explainer, self.weights = explainer, weights

    def __call__(self, images: Any, target: Any = None, *, batch_size: int | None = None) -> Explanation:
        """As `Explainer.__call__`, without the params."""
        return self._explainer(self.weights, images, target, batch_size=batch_size)

    def per_class(self, images: Any, classes: Sequence[int], *, batch_size: int | None = None) -> Explanation:
        """As `Explainer.per_class`, without the params."""
        return self._explainer.per_class(self.weights, images, classes, batch_size=batch_size)

    def conditional(
        self,
        images: Any,
        conditions: Sequence[Mapping[str, Any]],
        target: Any = None,
        *,
        batch_size: int | None = None,
    ) -> Explanation:
        """As `Explainer.conditional`, without the params."""
        return self._explainer.conditional(self.weights, images, conditions, target, batch_size=batch_size)


def explainer(
    graph: ir.Graph,
    rules: str | Composite = "epsilon_plus",
    *,
    start: str = "logit",
    contrast: str | None = None,
    record: Iterable[str] | bool = (),
    output: str | None = None,
    ledger: bool = False,
    formulation: str = "fast",
) -> Explainer:
    """The function `explain(params, images)` of a graph under some rules, compiled once per shape.

    graph: as loaded. rules: a preset's name (`jlrp.PRESETS`) or a `jlrp.Composite`.
    start: relevance starts as the target's output, before the softmax (`"logit"`), or as 1 (`"one"`).
    contrast: `"others"` takes off the mean relevance of all other classes, `"runner_up"` that of the strongest other
        class (Gu et al., "Understanding Individual Decisions of CNNs via Contrastive Backpropagation", 2018).
    record: names of layers whose relevance to return in `result.layers`, or `True` for all.
    output: which of several outputs to explain (the first by default), or any layer to start at.
    ledger: whether `result.ledger` says where relevance went.
    formulation: `"plain"` computes each rule as its formula is written, `"fast"` (`jlrp.fast`) the same numbers, up to
        rounding, in less time.

    Raises `ValueError` for an unknown preset, start, output, layer or formulation, `jlrp.CompositeError` where a layer
    has no rule.

    >>> import numpy as np, ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("p", ir.Softmax(), ("fc",))], ["x"], ["p"])
    >>> explain = jlrp.explainer(graph, "epsilon")
    >>> result = explain({"fc": {"kernel": np.array([[1.0, 0.0], [2.0, 1.0]])}}, np.ones((1, 2)))
    >>> result.target.tolist(), result.output.tolist(), np.round(result.relevance, 3).tolist()
    ([0], [[3.0, 1.0]], [[1.0, 2.0]])
    """
    return Explainer(
        graph,
        rules,
        start=start,
        contrast=contrast,
        record=record,
        output=output,
        ledger=ledger,
        formulation=formulation,
    )


def _recorded(rewritten: Rewritten, record: Iterable[str] | bool) -> tuple[tuple[str, str], ...]:
    """The names to record with the values they stand for."""
    return _found(rewritten, list(rewritten.graph.values) if record is True else list(record or ()), "record")


def _found(rewritten: Rewritten, names: Sequence[str], wanted: str) -> tuple[tuple[str, str], ...]:
    """Names with the values they stand for; `ValueError` for a name that is not (or no longer) there."""
    values, merged = rewritten.graph.values, dict(rewritten.merged)
    for name in names:
        if name in merged:
            raise ValueError(
                f"Layer {name!r} is merged into {merged[name]!r} before the rules are applied: {wanted} that."
            )
        if name not in values:
            raise ValueError(f"There is no layer {name!r} to {wanted}: {known_names(values)}.")
    return tuple((name, values[name]) for name in names)
