"""An explainer with its weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jlrp.propagation.conditions import Condition
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.weights import Prepared

if TYPE_CHECKING:
    from jlrp.propagation.explainer import Explainer


class Bound:
    """An explainer with its weights. `Explainer.bind` makes it.

    Its calls are those of the explainer, without the params.

    Attributes:
        weights: The weights, folded and prepared for the rules.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> bound = jlrp.explainer(graph, "zero").bind({"fc": {"kernel": np.ones((2, 1))}})
        >>> isinstance(bound, jlrp.Bound), bound(np.ones((3, 2))).relevance.shape
        (True, (3, 2))
    """

    def __init__(self, explainer: "Explainer", weights: Prepared) -> None:
        self._explainer, self.weights = explainer, weights

    def __call__(
        self, images: Any, target: Any = None, *, region: Any = None, batch_size: int | None = None
    ) -> Explanation:
        """Explain a batch of images: `Explainer.__call__` without the params."""
        return self._explainer(self.weights, images, target, region=region, batch_size=batch_size)

    def per_class(
        self,
        images: Any,
        classes: Sequence[int | str],
        *,
        conditions: Sequence[Condition] | None = None,
        exclude_parallel: bool = True,
        region: Any = None,
        batch_size: int | None = None,
    ) -> Explanation:
        """Explain several classes of each image: `Explainer.per_class` without the params."""
        return self._explainer.per_class(
            self.weights,
            images,
            classes,
            conditions=conditions,
            exclude_parallel=exclude_parallel,
            region=region,
            batch_size=batch_size,
        )

    def conditional(
        self,
        images: Any,
        conditions: Sequence[Condition],
        target: Any = None,
        *,
        exclude_parallel: bool = True,
        region: Any = None,
        batch_size: int | None = None,
    ) -> Explanation:
        """Explain under several conditions: `Explainer.conditional` without the params."""
        return self._explainer.conditional(
            self.weights,
            images,
            conditions,
            target,
            exclude_parallel=exclude_parallel,
            region=region,
            batch_size=batch_size,
        )
