"""Ways to explain, by their names: the presets, and the baselines that they are compared with."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

import ir
import jlrp

BASELINES: dict[str, Callable[..., jlrp.Baseline]] = {
    baseline.__name__: baseline
    for baseline in (
        jlrp.gradient,
        jlrp.gradient_times_input,
        jlrp.smoothgrad,
        jlrp.integrated_gradients,
        jlrp.occlusion,
        jlrp.grad_cam,
    )
}
"""The baselines by name."""

NAMES = (*jlrp.PRESETS, *BASELINES)
"""What `--preset` takes."""


def summary(name: str) -> str:
    """What a preset or baseline does, in one line: the first paragraph of its docstring."""
    function = jlrp.PRESETS[name] if name in jlrp.PRESETS else BASELINES[name]
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())


@dataclass(frozen=True)
class BaselineExplainer:
    """A baseline in the place of a `jlrp.Explainer`, and, once it has weights, of a `jlrp.Bound`."""

    baseline: jlrp.Baseline
    params: Any = None

    def bind(self, params: ir.Params) -> "BaselineExplainer":
        """The baseline with its weights on the device."""
        return BaselineExplainer(self.baseline, jax.device_put(params))

    def __call__(self, images: Any, target: Any = None, *, batch_size: int | None = None) -> jlrp.Explanation:
        """The explanation of a batch; `batch_size` images at a time."""
        batch = len(images[0] if isinstance(images, tuple) else images)
        if batch_size is None or batch_size >= batch:
            return self.baseline(self.params, images, target)
        parts = []
        for begin in range(0, batch, batch_size):
            taken = np.minimum(np.arange(begin, begin + batch_size), batch - 1)
            several = tuple(x[taken] for x in images) if isinstance(images, tuple) else images[taken]
            chosen = target if np.ndim(target) == 0 else np.asarray(target)[taken]
            found = jax.device_get(self.baseline(self.params, several, chosen))
            kept = min(batch_size, batch - begin)
            parts.append(jax.tree.map(lambda array, kept=kept: array[:kept], found))
        return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)

    def per_class(self, images: Any, classes: Sequence[int]) -> jlrp.Explanation:
        """One explanation for each class, the classes first."""
        each = [self(images, target=int(index)) for index in classes]
        found = jax.tree.map(lambda *arrays: np.stack(arrays), *each)
        axes = tuple(("class", *axes) for axes in each[0].axes)
        return found.replace(axes=axes, output=each[0].output, prediction=each[0].prediction)
