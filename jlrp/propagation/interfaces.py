"""Explanations for other tools: plain dictionaries, xarray, and the call that Quantus makes."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from jlrp.propagation.ledger import COLUMNS

if TYPE_CHECKING:
    from xarray import Dataset as Dataset

    from jlrp.propagation.backward import Explanation
    from jlrp.propagation.explainer import Bound, Explainer

_SPACE = {2: ("feature",), 3: ("column", "channel"), 4: ("row", "column", "channel")}
_SPACE[5] = ("depth", *_SPACE[4])
"""What the axes after the images mean, by the rank of a batch, channels last."""


def as_dict(explanation: "Explanation") -> dict[str, Any]:
    """Nested dictionaries of NumPy arrays, strings and tuples; `Explanation.to_dict`."""
    found = jax.device_get(explanation)
    as_arrays = {"relevance": found.relevance, "output": found.output, "target": found.target}
    result = {**as_arrays, "layers": dict(found.layers)}
    if found.ledger is not None:
        ledger = {"layers": found.ledger.layers, "rules": found.ledger.rules, "columns": COLUMNS}
        arrays = {name: getattr(found.ledger, name) for name in ("entries", "start", "inputs")}
        result["ledger"] = {**ledger, **arrays}
    return result


def as_xarray(explanation: "Explanation", leading: str | None, channels_first: bool) -> "Dataset":
    """A data set with named axes; `Explanation.to_xarray`."""
    try:
        from xarray import Dataset
    except ModuleNotFoundError:
        raise ModuleNotFoundError("to_xarray needs xarray: pip install xarray") from None
    found = as_dict(explanation)
    if isinstance(found["relevance"], tuple):
        raise ValueError("to_xarray takes the relevance of one input, but this graph has several: see to_dict.")
    leading = ("class" if found["target"].ndim == 2 else None) if leading is None else leading
    before = (leading,) if leading else ()
    named = {"relevance": found["relevance"], **{f"layer:{name}": array for name, array in found["layers"].items()}}
    variables: dict[str, Any] = {}
    for name, array in named.items():
        space = _space(array.ndim - len(before), channels_first)
        own = space if name == "relevance" else tuple(f"{axis} of {name.removeprefix('layer:')}" for axis in space)
        variables[name] = ((*before, "image", *own), array)
    outputs = ("output",) if found["output"].ndim == 2 else _space(found["output"].ndim, channels_first)
    variables["output"] = (("image", *outputs), found["output"])
    variables["target"] = ((*before[: found["target"].ndim - 1], "image"), found["target"])
    coordinates: dict[str, Any] = {}
    if "ledger" in found:
        ledger = found["ledger"]
        variables["ledger"] = ((*before, "layer", "kept", "image"), ledger["entries"])
        coordinates = {"layer": list(ledger["layers"]), "kept": list(COLUMNS)}
    return Dataset(variables, coordinates)


def _space(rank: int, channels_first: bool) -> tuple[str, ...]:
    if rank not in _SPACE:
        raise ValueError(
            f"to_xarray names the axes of batches with 2 to 5 dimensions, but one has {rank}: "
            "give leading= for per_class and conditional, or see to_dict."
        )
    names = _SPACE[rank]
    return (names[-1], *names[:-1]) if channels_first else names


def explain_func(
    explain: "Explainer | Bound", params: Any = None, *, channels_first: bool = False
) -> Callable[..., NDArray[Any]]:
    """The call `f(model, inputs, targets, **anything)` that Quantus makes, as `explain_func`, of an explainer.

    explain: an explainer with `params`, or one that is bound. channels_first: whether the tool hands over images as
        (N, C, H, W) though the model takes (N, H, W, C); the relevance is then handed back so too.

    The function returns relevance as a NumPy array of the inputs' shape; `model` and other keywords are not looked at.
    Source: Hedström et al., "Quantus: An Explainable AI Toolkit for Responsible Evaluation of Neural Network
    Explanations and Beyond", JMLR 24, 2023.

    >>> import numpy as np, ir, jlrp
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    >>> bound = jlrp.explainer(graph, "zero").bind({"fc": {"kernel": np.array([[2.0], [1.0]])}})
    >>> jlrp.explain_func(bound)(model=None, inputs=np.ones((1, 2)), targets=np.array([0])).tolist()
    [[2.0, 1.0]]
    """
    call: Callable[..., Explanation] = explain if params is None else partial(explain, params)

    def function(model: Any = None, inputs: Any = None, targets: Any = None, **_: Any) -> NDArray[Any]:
        images = np.asarray(inputs)
        images = np.moveaxis(images, 1, -1) if channels_first else images
        chosen = None if targets is None else np.asarray(targets).astype(int)
        relevance = np.asarray(call(images, target=chosen).relevance)
        return np.moveaxis(relevance, -1, 1) if channels_first else relevance

    return function
