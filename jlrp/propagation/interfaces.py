"""Explanations for other tools: plain dictionaries, xarray, and a function for Quantus."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from jlrp.propagation.ledger import COLUMNS

if TYPE_CHECKING:
    from xarray import Dataset as Dataset

    from jlrp.propagation.bound_explainer import Bound
    from jlrp.propagation.explainer import Explainer
    from jlrp.propagation.explanation import Explanation


def as_dict(explanation: "Explanation") -> dict[str, Any]:
    """Convert to nested dictionaries of NumPy arrays, strings and tuples."""
    found = jax.device_get(explanation)
    names = ("relevance", "output", "prediction", "target", "start")
    result: dict[str, Any] = {name: getattr(found, name) for name in names}
    result |= {"layers": dict(found.layers), "axes": found.axes, "labels": found.labels}
    if found.ledger is not None:
        ledger = {"layers": found.ledger.layers, "rules": found.ledger.rules, "columns": COLUMNS}
        arrays = {name: getattr(found.ledger, name) for name in ("entries", "start", "inputs")}
        result["ledger"] = {**ledger, **arrays}
    return result


def as_xarray(explanation: "Explanation", leading: str | None) -> "Dataset":
    """Convert to a data set with named axes."""
    try:
        from xarray import Dataset
    except ModuleNotFoundError:
        raise ModuleNotFoundError("to_xarray needs xarray: pip install xarray") from None
    found = as_dict(explanation)
    if isinstance(found["relevance"], tuple):
        raise ValueError(
            "to_xarray takes the relevance of one input, but this graph has several: see to_dict."
        )
    (axes,) = explanation.axes
    if len(axes) != found["relevance"].ndim:
        raise ValueError(
            f"The relevance has {found['relevance'].ndim} axes, but the names of {len(axes)} are "
            f"known, {', '.join(axes)}: take one explanation out of a mapped one, or see to_dict."
        )
    first = explanation.leading
    renamed = dict(zip(first, (leading,) if leading and first else first, strict=True))
    before = tuple(renamed[name] for name in first)
    variables: dict[str, Any] = {"relevance": ((*before, *axes[len(first) :]), found["relevance"])}
    for name, names in explanation.layer_axes:
        own = tuple(f"{axis} of {name}" for axis in names[len(first) + 1 :])
        variables[f"layer:{name}"] = ((*before, "image", *own), found["layers"][name])
    variables |= {
        name: (_output_axes(found[name]), found[name]) for name in ("output", "prediction")
    }
    variables["target"] = ((*before[: found["target"].ndim - 1], "image"), found["target"])
    coordinates: dict[str, Any] = {}
    if explanation.labels and len(explanation.labels) == found["output"].shape[-1]:
        coordinates["output"] = list(explanation.labels)
    if "ledger" in found:
        ledger = found["ledger"]
        variables["ledger"] = ((*before, "layer", "kept", "image"), ledger["entries"])
        coordinates |= {"layer": list(ledger["layers"]), "kept": list(COLUMNS)}
    return Dataset(variables, coordinates)


def _output_axes(output: NDArray[Any]) -> tuple[str, ...]:
    """The names of an output's axes: `"image"` and `"output"`, or numbers where there are more."""
    if output.ndim == 2:
        return ("image", "output")
    return ("image", *(f"axis {axis} of output" for axis in range(1, output.ndim)))


def explain_func(
    explain: "Explainer | Bound", params: Any = None, *, channels_first: bool = False
) -> Callable[..., NDArray[Any]]:
    """Make the function that Quantus calls as `explain_func`.

    Args:
        explain: An explainer together with `params`, or a bound explainer.
        params: The weights, if the explainer is not bound.
        channels_first: Whether the tool gives images as (N, C, H, W) although the model takes
            (N, H, W, C). The relevance then has the tool's layout too.

    Returns:
        A function `f(model, inputs, targets, **anything)`. It returns relevance as a NumPy array of
        the inputs' shape. It ignores `model` and other keywords.

    References:
        Hedström et al., "Quantus: An Explainable AI Toolkit for Responsible Evaluation of Neural
        Network Explanations and Beyond", JMLR 24, 2023.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> bound = jlrp.explainer(graph, "zero").bind({"fc": {"kernel": np.array([[2.0], [1.0]])}})
        >>> function = jlrp.explain_func(bound)
        >>> function(model=None, inputs=np.ones((1, 2)), targets=np.array([0])).tolist()
        [[2.0, 1.0]]
    """
    call: Callable[..., Explanation] = explain if params is None else partial(explain, params)

    def function(
        model: Any = None, inputs: Any = None, targets: Any = None, **_: Any
    ) -> NDArray[Any]:
        images = np.asarray(inputs)
        images = np.moveaxis(images, 1, -1) if channels_first else images
        chosen = None if targets is None else np.asarray(targets).astype(int)
        relevance = np.asarray(call(images, target=chosen).relevance)
        return np.moveaxis(relevance, -1, 1) if channels_first else relevance

    return function
