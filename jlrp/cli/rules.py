"""What a command explains by: its presets by name, their composites with the bounds of the input, their explainers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import ir
import jlrp
from ir.ops.base import show
from jlrp.cli.images import Frame
from jlrp.cli.job import Start
from jlrp.cli.preprocess import bounds
from jlrp.cli.presets import composite, require_preset, takes_bounds
from jlrp.cli.program import InputError


def preset_names(presets: str) -> tuple[str, ...]:
    """Presets with commas between, each once; `InputError` where there is none, or none of such a name."""
    names = tuple(dict.fromkeys(filter(None, map(str.strip, presets.split(",")))))
    if not names:
        raise InputError("--presets names none: give one or more, such as epsilon,epsilon_plus.")
    for name in names:
        require_preset(name)
    return names


def classes_of(model: ir.Model, frame: Frame) -> int:
    """How many classes the model's (first) output has; `InputError` where that is no score per class."""
    name = model.graph.outputs[0]
    shape = model.graph.shapes(model.params, [(1, *frame.shape)])[name]
    if len(shape) != 2 or shape[1] is None:
        raise InputError(f'The output "{name}" has shape {show(shape)}, which is no score per class.')
    return shape[1]


def rules_of(
    presets: Sequence[str], preprocess: ir.Preprocessing, frame: Frame, low: float | None, high: float | None
) -> dict[str, jlrp.Composite]:
    """Each preset's composite, with the input's bounds where it takes them."""
    if not any(map(takes_bounds, presets)):
        if low is not None or high is not None:
            names = " and ".join(f'"{name}"' for name in dict.fromkeys(presets))
            has = "The preset {} has" if len(set(presets)) == 1 else "The presets {} have"
            raise InputError(f"{has.format(names)} no bounds: --low and --high are for {_with_bounds()}.")
        return {name: composite(name, None, None) for name in presets}
    black, white = bounds(preprocess, frame)
    least, greatest = (black if low is None else np.float32(low)), (white if high is None else np.float32(high))
    if not np.all(least < greatest):
        raise InputError(
            f"The least input {_numbers(least)} is not below the greatest {_numbers(greatest)}: "
            "see --low, --high and --preprocess."
        )
    return {name: composite(name, least, greatest) for name in presets}


def _numbers(bound: Any) -> str:
    return ", ".join(f"{number:g}" for number in np.ravel(bound))


def _with_bounds() -> str:
    return ", ".join(filter(takes_bounds, jlrp.PRESETS)) or "no preset"


def explainer_of(graph: ir.Graph, rules: jlrp.Composite, start: Start, ledger: bool = False) -> jlrp.Explainer:
    """The explainer; `InputError` with what it says where the rules do not fit."""
    try:
        return jlrp.explainer(graph, rules, start=start.value, ledger=ledger)
    except ValueError as error:
        raise InputError(str(error)) from error


def output_note(graph: ir.Graph) -> str:
    """Which of several outputs is explained, for people; empty where there is one."""
    count = len(graph.outputs)
    return f', the first of {count} outputs ("{graph.outputs[0]}")' if count > 1 else ""
