"""An explainer: a graph with its rules, which turns weights and images into relevance."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jax import Array
from numpy.typing import NDArray

import ir
from ir.passes import Decision
from jlrp.propagation import programs
from jlrp.propagation.arrays import require_finite
from jlrp.propagation.bound_explainer import Bound
from jlrp.propagation.conditions import Condition, Conditions, conditions_of
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.given import (
    as_tuple,
    batch_size_of,
    params_of,
    require_finite_weights,
    require_weights,
)
from jlrp.propagation.plan import Plan, Rules, values_of
from jlrp.propagation.programs import Question
from jlrp.propagation.regions import as_region
from jlrp.propagation.targets import as_classes, as_target, check_target
from jlrp.propagation.weights import Prepared, prepare


class Explainer:
    """A graph with its rules, ready to explain. `jlrp.explainer` makes it.

    Calls with equal shapes share one compiled program, even for two explainers that differ only in
    numbers.

    Attributes:
        rules: The distinct rules that the layers have.
        decision: The graph up to the decision value, and the tail behind it (`ir.passes.Decision`).
        labels: The names of the classes, or an empty tuple.

    Example:
        >>> import ir, jlrp
        >>> nodes = [ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("p", ir.Softmax(), ("fc",))]
        >>> explain = jlrp.explainer(ir.Graph(nodes, ["x"], ["p"]))
        >>> isinstance(explain, jlrp.Explainer), explain.graph.outputs
        (True, ('fc',))
    """

    def __init__(
        self, plan: Plan, rules: Rules, decision: Decision, labels: tuple[str, ...]
    ) -> None:
        self._plan, self.rules, self.decision, self.labels = plan, rules, decision, labels

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
            params: The weights as loaded, `{layer: {role: array}}`, or the `ir.Model` itself. The
                computation runs in their dtype. For many calls place them on the device once
                (`jax.device_put(params)`), or use `bind`.
            images: (N, H, W, C), or the model's own layout. For several inputs a tuple in the
                order of `graph.inputs`. NumPy and JAX arrays, and what NumPy makes arrays of:
                tensors of PyTorch, data frames, lists. JAX arrays are not checked for NaN and
                infinity, because that would wait for the device. `Explanation.notes` says where a
                map is not finite.
            target: The class to explain: an index from 0 or a label, one for all images or one per
                image (N,). By default the class with each image's largest prediction; among equals
                the one with the largest decision value, then the lowest index. For one unit with
                two labels, class 1 is the unit and class 0 its negative. An output with positions,
                for example (N, H, W, classes), needs a class. An array of the output's shape
                (N, classes) is the start relevance itself.
            region: Where relevance starts in an output with positions: a mask (H, W) or (N, H, W),
                a box (top, left, bottom, right), or `"all"`. By default where the model predicts
                the target. An inner layer starts everywhere.
            batch_size: How many images to explain at a time, for a batch that does not fit on the
                device. One compiled program runs again and again, and the result is NumPy arrays.
                The images must be concrete: `jax.jit` cannot trace such a call.

        Returns:
            The explanation. Its relevance has the shape of the images.

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
            Relevance (classes, N, H, W, C) and `target` (classes, N). Layers and ledger have the
            classes first. With conditions the relevance is (classes, conditions, N, H, W, C).

        Raises:
            ValueError: As for a call and for `conditional`, or the classes are no indices or
                labels.

        Example:
            >>> import numpy as np, ir, jlrp
            >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
            >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
            >>> explain = jlrp.explainer(graph, "zero")
            >>> explain.per_class(params, np.ones((1, 2)), classes=(0, 1)).relevance.tolist()
            [[[2.0, 1.0]], [[0.0, 3.0]]]
        """
        indices = as_classes(classes, self.labels)
        arrays = None if conditions is None else self._conditions(conditions, exclude_parallel)
        return self._answer(
            params, images, batch_size, classes=indices, region=region, conditions=arrays
        )

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
        """Explain under several conditions with one forward pass.

        A condition keeps the relevance that passes through some channels only.

        Args:
            params: As for a call.
            images: As for a call.
            conditions: Each is `{layer: channels}`. At the output of each layer, or at an input of
                the graph, the relevance of all other channels becomes 0. An empty condition keeps
                everything.
            target: As for a call.
            exclude_parallel: Whether to drop relevance that reaches an input without passing the
                layers of the condition, in the order of the graph (the option of that name in
                zennit-crp). Where neither of two layers precedes the other, relevance that passes
                either stays. `False` keeps relevance that goes past the layers.
            region: As for a call.
            batch_size: As for a call.

        Returns:
            Relevance (conditions, N, H, W, C). Layers and ledger have the conditions first.

        Raises:
            ValueError: As for a call, or a condition names an unknown layer or no channels.

        References:
            Achtibat et al., "From attribution maps to human-understandable explanations through
            concept relevance propagation", Nature Machine Intelligence 5, 2023.

        Example:
            >>> import numpy as np, ir, jlrp
            >>> a = ir.Node("a", ir.Dense(), ("x",), "a")
            >>> b = ir.Node("b", ir.Dense(), ("a",), "b")
            >>> graph = ir.Graph([a, b], ["x"], ["b"])
            >>> params = {"a": {"kernel": np.eye(2)}, "b": {"kernel": np.array([[1.0], [2.0]])}}
            >>> explain = jlrp.explainer(graph, "zero")
            >>> result = explain.conditional(params, np.ones((1, 2)), [{}, {"a": 0}, {"a": [1]}])
            >>> result.relevance.tolist()
            [[[1.0, 2.0]], [[1.0, 0.0]], [[0.0, 2.0]]]
        """
        arrays = self._conditions(conditions, exclude_parallel)
        return self._answer(
            params, images, batch_size, target=target, region=region, conditions=arrays
        )

    def bind(self, params: ir.Params | ir.Model) -> Bound:
        """Fold the weights, split them by sign and place them on the device, once.

        Args:
            params: As for a call. `bind` checks them for NaN and infinity; a call does not.

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
        weights = self._complete_weights(params)
        require_finite_weights(self.decision.graph, weights)
        return Bound(self, prepare(self._plan, self.rules, weights))

    def _answer(
        self,
        params: ir.Params | ir.Model | Prepared,
        images: Any,
        batch_size: int | None,
        *,
        target: Any = None,
        classes: NDArray[np.integer[Any]] | None = None,
        region: Any = None,
        conditions: Conditions | None = None,
    ) -> Explanation:
        """One call of the compiled program, or one for each `batch_size` images."""
        size = batch_size_of(batch_size)
        weights = params if isinstance(params, Prepared) else self._complete_weights(params)
        arrays = as_tuple(self.graph, images)
        require_finite(arrays)
        batch = arrays[0].shape[0]
        chosen: Any = as_target(target, arrays, self.labels)
        if classes is not None:
            chosen = np.broadcast_to(classes[:, None], (len(classes), batch))
        mask = None if region is None else self._mask(region, weights, arrays)
        question = Question(chosen, mask, conditions, classes=classes is not None)
        found: Explanation
        if size is None or size >= batch:
            found = programs.explain(self._plan, self.rules, weights, arrays, question)
        else:
            found = programs.explain_in_batches(
                self._plan, self.rules, weights, arrays, question, size
            )
        axis = self.graph.channel_axis(found.output.ndim, self.graph.outputs[0])
        units = int(found.output.shape[axis])
        check_target(chosen if classes is None else classes, self._plan.start.classes(units))
        return replace(found, labels=self.labels)

    def _complete_weights(self, params: ir.Params | ir.Model) -> ir.Params:
        """The weights of a model; `ir.ShapeError` where some are missing."""
        weights: ir.Params = params_of(params)
        require_weights(self.decision.graph, weights)
        return weights

    def _mask(
        self, region: Any, weights: ir.Params | Prepared, images: tuple[Any, ...]
    ) -> Array | None:
        """A region as a mask of the output's positions."""
        folded = (
            weights.params
            if isinstance(weights, Prepared)
            else self._plan.rewritten.params(weights)
        )
        output = self.graph.outputs[0]
        shape = self.graph.shapes(folded, [x.shape for x in images])[output]
        return as_region(region, shape, self.graph.channel_axis(len(shape), output))

    def _conditions(self, conditions: Sequence[Condition], exclude_parallel: bool) -> Conditions:
        """Conditions as arrays; `ValueError` for an unknown layer or bad channels."""
        several = isinstance(conditions, Sequence) and len(conditions) > 0
        if not several or not all(isinstance(each, Mapping) for each in conditions):
            raise ValueError(
                "conditions are a sequence of mappings from layers to channels, "
                "for example [{'conv1': [3]}]."
            )
        names = dict.fromkeys(name for condition in conditions for name in condition)
        values = dict(values_of(self._plan.rewritten, names, "condition"))
        return conditions_of(self.graph, conditions, values, exclude_parallel)
