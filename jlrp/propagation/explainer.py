"""From a graph and its rules to relevance: `explain(params, images)`."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import jax
import numpy as np
from numpy.typing import NDArray

import ir
from ir.passes import Decision, Rewritten, select_output
from jlrp.composites.composite import Composite, decision_of
from jlrp.composites.predicates import heads
from jlrp.composites.presets import composite_of
from jlrp.fast import Fast
from jlrp.fast.zeros import rectified
from jlrp.propagation import programs
from jlrp.propagation.arrays import as_any_array, require_finite
from jlrp.propagation.batches import one_by_one
from jlrp.propagation.bound_explainer import Bound
from jlrp.propagation.conditions import Condition, Conditions, conditions_of
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.formulation import PLAIN, Formulation
from jlrp.propagation.given import (
    as_tuple,
    batch_size_of,
    graph_of,
    known_names,
    params_of,
    require_finite_weights,
    require_weights,
)
from jlrp.propagation.plan import Plan, kinds
from jlrp.propagation.programs import Question
from jlrp.propagation.start import Start, as_region, as_target, check_target, checked_start, named
from jlrp.propagation.weights import Prepared, prepare
from jlrp.rules import Rule

FORMULATIONS: dict[str, Callable[[], Formulation]] = {
    "fast": lambda: Fast(jax.default_backend()),
    "plain": lambda: PLAIN,
}
"""The names that `jlrp.explainer` takes, and what makes the formulation for the backend in use."""

DECISIONS = ("value", "output")
"""What is explained: the decision value, or the model's own output."""


class Explainer:
    """A graph with its rules, ready to explain; `jlrp.explainer` makes it and documents its parameters.

    Calls with equal shapes share one compiled program, also among explainers that differ in numbers only.

    Attributes:
        rules: The distinct rules that the layers have.
        decision: The graph up to the decision value, and the tail that was taken off (`ir.passes.Decision`).
        labels: The classes' names, if there are any.

    >>> import ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("p", ir.Softmax(), ("fc",))], ["x"], ["p"])
    >>> isinstance(jlrp.explainer(graph), jlrp.Explainer), jlrp.explainer(graph).graph.outputs
    (True, ('fc',))
    """

    def __init__(
        self,
        graph: ir.Graph | ir.Model,
        rules: str | Composite = "epsilon_plus",
        *,
        start: str | None = None,
        contrast: str | None = None,
        record: Iterable[str] | bool = (),
        output: str | None = None,
        ledger: bool = False,
        decision: str = "value",
        labels: Sequence[str] | None = None,
        formulation: str = "fast",
    ) -> None:
        graph, labels = graph_of(graph, labels)
        checked_start(start, contrast)
        for name, given, known in (("formulation", formulation, FORMULATIONS), ("decision", decision, DECISIONS)):
            if given not in known:
                raise ValueError(f"There is no {name} {given!r}: it is {' or '.join(map(repr, known))}.")
        inner = output is not None and graph.values.get(output) not in graph.outputs
        composite = composite_of(rules)
        composite = composite.for_inner_layers() if inner else composite
        self.decision = _decided(graph, output, decision)
        self.labels = labels
        rewritten = composite.folded(self.decision.graph)
        assignment = composite.assign(rewritten.graph)
        self.rules: tuple[Rule, ...] = tuple({id(rule): rule for rule in assignment.values()}.values())
        position = {id(rule): index for index, rule in enumerate(self.rules)}
        kind = composite.start if start is None else start
        self._plan = Plan(
            rewritten,
            kinds(self.rules),
            tuple(position[id(assignment[node.name])] for node in rewritten.graph.nodes),
            composite.followed(rewritten.graph) if composite.followed else None,
            Start(
                composite.one if kind == "one" else kind,
                contrast,
                two_labels=len(labels) == 2,
                scores=bool(heads(rewritten.graph)) and not inner,
                squashed=self.decision.tail is not None,
            ),
            self.decision.tail,
            _recorded(rewritten, record),
            ledger,
            FORMULATIONS[formulation](),
            rectified(rewritten.graph, assignment),
        )

    @property
    def graph(self) -> ir.Graph:
        """The graph that the rules see: folded, and only up to the decision value."""
        return self._plan.graph

    def __call__(
        self,
        params: ir.Params | ir.Model | Prepared,
        images: Any,
        target: Any = None,
        *,
        region: Any = None,
        batch_size: int | None = None,
    ) -> Explanation:
        """Explain a batch of images.

        Args:
            params: As loaded, `{layer: {role: array}}`, or the `ir.Model` itself; the computation runs in their
                dtype. For many calls place them on the device once (`jax.device_put(params)`), or use `bind`.
            images: (N, H, W, C), or the model's own layout; a tuple in the order of `graph.inputs` where there are
                several. NumPy and JAX arrays, and what NumPy makes arrays of: tensors of PyTorch, data frames, lists.
                JAX arrays are not checked for NaN and infinity, as that would wait for the device:
                `Explanation.notes` says where a map is not finite.
            target: The class to explain, 0 … classes - 1 or a label, one for all images or one per image (N,). By
                default the class that the model says: each image's largest prediction, among equals the one with the
                largest decision value, then the lowest index. Or the start relevance itself, in the output's shape
                (N, classes). Of one unit with two labels, class 1 is the unit and class 0 its negative. For an output
                with positions, such as (N, H, W, classes): a class, or the start relevance.
            region: Where relevance starts in an output with positions: a mask (H, W) or (N, H, W), a box
                (top, left, bottom, right), or `"all"`. By default where the model predicts the target; an inner layer
                starts everywhere.
            batch_size: How many images to explain at a time, for a batch that the device has no room for: one
                compiled program, called again and again, and NumPy arrays as the result. Needs concrete images, not
                `jax.jit`'s.

        Raises:
            ValueError: A target, region or batch size does not fit, or an image or start relevance
                is NaN or infinite.
            TypeError: The params are no params, or the images no arrays of real numbers.
            ir.ShapeError: Images or weights do not fit, or weights are missing.
        """
        return self._answer(params, images, batch_size, target=target, region=region)

    def per_class(
        self,
        params: ir.Params | ir.Model | Prepared,
        images: Any,
        classes: Sequence[int | str],
        *,
        conditions: Sequence[Condition] | None = None,
        exclude_parallel: bool = True,
        region: Any = None,
        batch_size: int | None = None,
    ) -> Explanation:
        """Explain several classes of each image with one forward pass.

        Args:
            params: As for a call.
            images: As for a call.
            classes: Indices or labels.
            conditions: As for `conditional`: each class under each condition.
            exclude_parallel: As for `conditional`.
            region: As for a call.
            batch_size: As for a call.

        Returns:
            Relevance (classes, N, H, W, C), `target` (classes, N); layers and ledger with the classes first. With
            conditions relevance (classes, conditions, N, H, W, C).

        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
        >>> jlrp.explainer(graph, "zero").per_class(params, np.ones((1, 2)), classes=(0, 1)).relevance.tolist()
        [[[2.0, 1.0]], [[0.0, 3.0]]]
        """
        chosen = as_any_array(named(classes, self.labels), "Classes")
        whole = chosen.ndim == 1 and np.issubdtype(chosen.dtype, np.integer)
        if not whole or isinstance(chosen, np.ma.MaskedArray):
            raise ValueError(f"classes are a sequence of class indices or labels, such as (3, 7), not {classes!r}.")
        asked = None if conditions is None else self._conditions(conditions, exclude_parallel)
        return self._answer(params, images, batch_size, classes=chosen, region=region, conditions=asked)

    def conditional(
        self,
        params: ir.Params | ir.Model | Prepared,
        images: Any,
        conditions: Sequence[Condition],
        target: Any = None,
        *,
        exclude_parallel: bool = True,
        region: Any = None,
        batch_size: int | None = None,
    ) -> Explanation:
        """Explain under several conditions with one forward pass: what passes through some channels only.

        Args:
            params: As for a call.
            images: As for a call.
            conditions: Each `{layer: channels}`; at these layers' outputs, or at an input of the graph, the relevance
                of all other channels is set to 0. An empty condition keeps everything.
            target: As for a call.
            exclude_parallel: Whether relevance that reaches an input without passing the layers of the condition, in
                the order of the graph, is dropped (zennit-crp's option of that name). Of two layers of which neither
                precedes the other, what passes either is kept. `False` keeps what goes past them.
            region: As for a call.
            batch_size: As for a call.

        Returns:
            Relevance (conditions, N, H, W, C); layers and ledger with the conditions first.

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
        asked = self._conditions(conditions, exclude_parallel)
        return self._answer(params, images, batch_size, target=target, region=region, conditions=asked)

    def bind(self, params: ir.Params | ir.Model) -> Bound:
        """Fold the weights, split them by sign and place them on the device, once.

        Args:
            params: As for a call. They are checked for NaN and infinity here, and not in a call.

        Returns:
            The explainer with its weights: `bound(images)`.

        Raises:
            ValueError: A weight is NaN or infinite.
            TypeError: The params are no params.
            ir.ShapeError: Weights are missing.

        Example:
            >>> import numpy as np, ir, jlrp
            >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
            >>> explain = jlrp.explainer(graph, "zero")
            >>> bound = explain.bind({"fc": {"kernel": np.array([[2.0], [1.0]])}})
            >>> bound(np.ones((1, 2))).relevance.tolist()
            [[2.0, 1.0]]
        """
        weights = self._weights(params)
        require_finite_weights(self.decision.graph, weights)
        return Bound(self, prepare(self._plan, self.rules, weights))

    def _answer(
        self,
        params: Any,
        images: Any,
        batch_size: int | None,
        *,
        target: Any = None,
        classes: NDArray[Any] | None = None,
        region: Any = None,
        conditions: Conditions | None = None,
    ) -> Explanation:
        """One call of the compiled program, or one for each `batch_size` images."""
        batch_size = batch_size_of(batch_size)
        weights = params if isinstance(params, Prepared) else self._weights(params)
        arrays = as_tuple(self.graph, images)
        require_finite(arrays)
        batch = arrays[0].shape[0]
        chosen: Any = as_target(target, arrays, self.labels)
        if classes is not None:
            chosen = np.broadcast_to(classes[:, None], (len(classes), batch))
        mask = None if region is None else self._mask(region, weights, arrays)
        question = Question(chosen, mask, conditions, classes=classes is not None)
        if batch_size is None or batch_size >= batch:
            found = programs.explain(self._plan, self.rules, weights, arrays, question)
        else:
            if not isinstance(weights, Prepared):
                weights = prepare(self._plan, self.rules, weights)
            axes = (tuple(0 for _ in arrays), question.axes())
            if chosen is not None and chosen.shape[question.classes : question.classes + 1] != (batch,):
                axes = (axes[0], replace(axes[1], target=None))  # does not fit, which is for the program to say
            out_axes = partial(programs.batch_axes, question.leading)
            found = one_by_one(
                lambda args: programs.explain(self._plan, self.rules, weights, *args),
                (arrays, question),
                axes,
                batch_size,
                out_axes,
            )
        check_target(classes if classes is not None else chosen, self._classes(found.output))
        return replace(cast(Explanation, found), labels=self.labels)

    def _weights(self, params: Any) -> ir.Params:
        """The weights of a model, all there."""
        weights: ir.Params = params_of(params)
        require_weights(self.decision.graph, weights)
        return weights

    def _mask(self, region: Any, params: ir.Params | Prepared, images: tuple[Any, ...]) -> Any:
        """A region as a mask of the output's positions."""
        weights = params.params if isinstance(params, Prepared) else self._plan.rewritten.params(params)
        shape = self.graph.shapes(weights, [x.shape for x in images])[self.graph.outputs[0]]
        return as_region(region, shape, self.graph.channel_axis(len(shape), self.graph.outputs[0]))

    def _classes(self, output: Any) -> int:
        return self._plan.start.classes(int(output.shape[self.graph.channel_axis(output.ndim, self.graph.outputs[0])]))

    def _conditions(self, conditions: Sequence[Condition], exclude_parallel: bool) -> Conditions:
        """Conditions as arrays; `ValueError` for a layer that is not there or channels that are no indices."""
        several = isinstance(conditions, Sequence) and len(conditions) > 0
        if not several or not all(isinstance(each, Mapping) for each in conditions):
            raise ValueError("conditions are a sequence of mappings from layers to channels, such as [{'conv1': [3]}].")
        names = list(dict.fromkeys(name for condition in conditions for name in condition))
        values = dict(_found(self._plan.rewritten, names, "condition"))
        return conditions_of(self.graph, conditions, values, exclude_parallel)


def explainer(
    graph: ir.Graph | ir.Model,
    rules: str | Composite = "epsilon_plus",
    *,
    start: str | None = None,
    contrast: str | None = None,
    record: Iterable[str] | bool = (),
    output: str | None = None,
    ledger: bool = False,
    decision: str = "value",
    labels: Sequence[str] | None = None,
    formulation: str = "fast",
) -> Explainer:
    """The function `explain(params, images)` of a graph under some rules, compiled once per shape.

    Args:
        graph: As loaded: a graph, or the `ir.Model` with it, whose labels the explainer then knows.
        rules: A preset's name (`jlrp.PRESETS`) or a `jlrp.Composite`.
        start: What relevance starts as: the decision value of the target (`"logit"`) or 1 (`"one"`). By default what
            the rules say: the decision value, and 1 for `excitation_backprop`. 1 means the sign of the decision
            value, as LRP divides by it, and +1 for `excitation_backprop`, the crawford presets and those of gradients.
        contrast: `"others"` takes off the mean relevance of all other classes, `"runner_up"` that of the strongest
            other class (Gu et al., "Understanding Individual Decisions of CNNs via Contrastive Backpropagation", 2018).
        record: Names of layers whose relevance to return in `result.layers`, or `True` for all.
        output: Which of several outputs to explain (the first by default), or any layer to start at.
        ledger: Whether `result.ledger` says where relevance went.
        decision: `"value"`: the decision value is explained, the input of the squashing activation (softmax, sigmoid,
            ReLU, tanh, …) that ends the network. `"output"`: the model's own output is.
        labels: The classes' names; by default those of the model. Two labels for an output of one unit are its two
            sides: the second is the unit, the first its negative.
        formulation: `"plain"` computes each rule as its formula is written, `"fast"` (`jlrp.fast`) the same numbers,
            up to rounding, in less time.

    Raises:
        ValueError: An unknown preset, start, output, layer, decision or formulation.
        TypeError: The graph is no graph, or the rules are no rules.
        jlrp.CompositeError: A layer has no rule.

    Warns:
        UserWarning: The output is squashed but has no single decision value (heads that are averaged, a softmax that
            a dense layer reads), so that it is explained as it is.

    >>> import numpy as np, ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("p", ir.Softmax(), ("fc",))], ["x"], ["p"])
    >>> explain = jlrp.explainer(graph, "epsilon")
    >>> params = {"fc": {"kernel": np.array([[1.0, 0.0], [2.0, 1.0]])}}
    >>> result = explain(params, np.array([[1.0, 1.0]]))
    >>> result.target.tolist(), result.output.tolist(), result.relevance.round(3).tolist()
    ([0], [[3.0, 1.0]], [[1.0, 2.0]])
    >>> [[f"{p:.3f}" for p in row] for row in result.prediction]  # what the model says
    [['0.881', '0.119']]
    """
    return Explainer(
        graph,
        rules,
        start=start,
        contrast=contrast,
        record=record,
        output=output,
        ledger=ledger,
        decision=decision,
        labels=labels,
        formulation=formulation,
    )


def _decided(graph: ir.Graph, output: str | None, decision: str) -> Decision:
    """What is explained of a graph."""
    if decision == "output":
        return Decision(select_output(graph, output))
    found = decision_of(graph, output)
    if found.note:
        warnings.warn(
            f"{found.note}: there is no single decision value before it, and the output is explained as it is.",
            stacklevel=4,
        )
    return found


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
