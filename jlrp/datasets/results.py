"""Explanations in files."""

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from jlrp.datasets.arrays import read_npz
from jlrp.datasets.errors import DataError
from jlrp.datasets.files import write_whole
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.ledger import COLUMNS, Ledger
from jlrp.text import printable_path

FORMAT = "jlrp.explanation"
"""The array that marks such a file; its value is the version of the format."""

ARRAYS = ("output", "target", "prediction", "start")
"""Arrays of an explanation that are kept under their own names."""


def save_explanation(explanation: Explanation, path: str | os.PathLike[str]) -> None:
    """Write an explanation to an `.npz` file in one step, so that the file is never half there.

    The file holds numbers and texts, no objects: `relevance` (`relevance:0`, … for several inputs),
    `output`, `prediction`, `target`, `start`, the names of the axes, `layer:NAME` for each recorded
    layer, and the ledger. `np.load` reads it too.

    Args:
        explanation: What `jlrp.explain` or an explainer returns.
        path: Where to; its folder is made.

    Raises:
        OSError: The file cannot be written.

    Example:
        >>> import os, tempfile, numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> result = jlrp.explainer(graph)({"fc": {"kernel": np.ones((2, 1))}}, np.ones((3, 2)))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "result.npz")
        ...     jlrp.datasets.save_explanation(result, path)
        ...     jlrp.datasets.load_explanation(path).relevance.shape
        (3, 2)
    """
    found = jax.device_get(explanation)
    several = isinstance(found.relevance, tuple)
    parts = (
        {f"relevance:{index}": part for index, part in enumerate(found.relevance)}
        if several
        else {}
    )
    write_whole(
        Path(path),
        npz_bytes(
            {
                FORMAT: "1",
                **(parts or {"relevance": found.relevance}),
                **{
                    name: getattr(found, name)
                    for name in ARRAYS
                    if getattr(found, name) is not None
                },
                **{f"layer:{name}": array for name, array in found.layers.items()},
                "axes": _texts(",".join(axes) for axes in found.axes),
                "layer_names": _texts(name for name, _ in found.layer_axes),
                "layer_axes": _texts(",".join(axes) for _, axes in found.layer_axes),
                "labels": _texts(found.labels),
                **({} if found.ledger is None else ledger_arrays(found.ledger)),
            }
        ),
    )


def load_explanation(path: str | os.PathLike[str]) -> Explanation:
    """Read an explanation that `jlrp.datasets.save_explanation` wrote.

    Args:
        path: The file.

    Returns:
        The explanation, with NumPy arrays.

    Raises:
        DataError: The file cannot be read, or holds no explanation.

    Example:
        >>> import jlrp
        >>> jlrp.datasets.load_explanation("README.md")
        Traceback (most recent call last):
        jlrp.datasets.DataError: README.md cannot be read: it holds no arrays of numbers.
    """
    path = Path(path)
    found: dict[str, Any] = dict(read_npz(path))
    try:
        if str(found[FORMAT]) != "1":
            raise DataError(
                f"{printable_path(path)} is of a later version of this format: update jlrp."
            )
        return Explanation(
            relevance=found["relevance"]
            if "relevance" in found
            else _numbered(found, "relevance:"),
            output=found["output"],
            target=found["target"],
            layers={
                name.removeprefix("layer:"): found[name]
                for name in found
                if name.startswith("layer:")
            },
            ledger=_ledger(found) if "ledger" in found else None,
            prediction=found.get("prediction"),
            start=found.get("start"),
            axes=tuple(_axes(text) for text in found["axes"]),
            layer_axes=tuple(
                (str(name), _axes(text))
                for name, text in zip(found["layer_names"], found["layer_axes"], strict=True)
            ),
            labels=tuple(map(str, found["labels"])),
        )
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{printable_path(path)} holds no explanation: jlrp.datasets.save_explanation writes "
            "such files."
        ) from error


def npz_bytes(arrays: dict[str, Any]) -> bytes:
    """Make the content of an `.npz` file of numbers and texts."""
    buffer = BytesIO()
    np.savez(
        buffer, allow_pickle=False, **{name: _storable(value) for name, value in arrays.items()}
    )
    return buffer.getvalue()


def ledger_arrays(ledger: Ledger) -> dict[str, Any]:
    """Name the numbers and headings of a ledger as files have them."""
    return {
        "ledger": ledger.entries,
        "ledger_layers": _texts(ledger.layers),
        "ledger_rules": _texts(ledger.rules),
        "ledger_columns": _texts(COLUMNS),
        "ledger_start": ledger.start,
        "ledger_inputs": ledger.inputs,
    }


def _ledger(found: dict[str, Any]) -> Ledger:
    return Ledger(
        entries=found["ledger"],
        start=found["ledger_start"],
        inputs=found["ledger_inputs"],
        layers=tuple(map(str, found["ledger_layers"])),
        rules=tuple(map(str, found["ledger_rules"])),
    )


def _numbered(found: dict[str, Any], prefix: str) -> tuple[Any, ...]:
    count = sum(name.startswith(prefix) for name in found)
    return tuple(found[f"{prefix}{index}"] for index in range(count))


def _storable(value: Any) -> NDArray[Any]:
    """Make an array that NumPy's format has; it lacks bfloat16, which becomes float32."""
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def _texts(texts: Any) -> NDArray[np.str_]:
    return np.array(list(texts), dtype=np.str_)


def _axes(text: Any) -> tuple[str, ...]:
    return tuple(filter(None, str(text).split(",")))
