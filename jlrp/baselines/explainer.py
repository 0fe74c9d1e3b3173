"""A baseline with the whole interface of an explainer: weights bound, batches, several classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

import ir
from jlrp.baselines.base import Baseline
from jlrp.propagation.batches import one_by_one
from jlrp.propagation.explanation import Explanation


@dataclass(frozen=True)
class BaselineExplainer:
    """A baseline as a `jlrp.Explainer`, and with weights as a `jlrp.Bound`."""

    baseline: Baseline
    params: Any = None

    def bind(self, params: ir.Params) -> "BaselineExplainer":
        """Place the weights on the device."""
        return BaselineExplainer(self.baseline, jax.device_put(params))

    def __call__(
        self, images: Any, target: Any = None, *, batch_size: int | None = None
    ) -> Explanation:
        """Explain a batch, `batch_size` images at a time."""
        count = len(images[0] if isinstance(images, tuple) else images)
        if batch_size is None or batch_size >= count:
            return self.baseline(self.params, images, target)
        target = target if target is None else np.broadcast_to(target, (count,))
        given = (images, target)

        def explain(part: Any) -> Any:
            return jax.device_get(self.baseline(self.params, *part))

        return one_by_one(explain, given, _first_axes(given), batch_size, _first_axes)

    def per_class(self, images: Any, classes: Sequence[int]) -> Explanation:
        """Explain each class; the classes come first."""
        each = [self(images, target=int(index)) for index in classes]
        found = jax.tree.map(lambda *arrays: np.stack(arrays), *each)
        axes = tuple(("class", *axes) for axes in each[0].axes)
        return found.replace(axes=axes, output=each[0].output, prediction=each[0].prediction)


def _first_axes(tree: Any) -> Any:
    """Say that the batch is the first axis of each array."""
    return jax.tree.map(lambda _: 0, tree)
