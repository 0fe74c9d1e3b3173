"""What a command explains by: its presets by name, their composites with the bounds of the input, their explainers."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import ir
import jlrp
from jlrp.cli.choices import Contrast, Start
from jlrp.cli.methods import BASELINES, BaselineExplainer
from jlrp.cli.outputs import Output
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


def rules_of(
    presets: Sequence[str], corners: Callable[[], tuple[Any, Any]] | None, low: float | None, high: float | None
) -> dict[str, jlrp.Composite | None]:
    """Each preset's composite, with the input's bounds where it takes them; `None` for a baseline.

    corners: makes what black and white become; `None` where inputs are no images.
    """
    if not any(map(takes_bounds, presets)):
        if low is not None or high is not None:
            names = " and ".join(f'"{name}"' for name in dict.fromkeys(presets))
            has = "The preset {} has" if len(set(presets)) == 1 else "The presets {} have"
            raise InputError(f"{has.format(names)} no bounds: --low and --high are for {_with_bounds()}.")
        return {name: None if name in BASELINES else composite(name, None, None) for name in presets}
    if corners is not None:
        black, white = corners()
    elif low is None or high is None:
        raise InputError(f"For {_with_bounds()} on arrays give the least and the greatest input, --low and --high.")
    else:
        black, white = low, high
    with np.errstate(over="ignore"):
        least, greatest = (black if low is None else np.float32(low)), (white if high is None else np.float32(high))
    if not (np.isfinite(least).all() and np.isfinite(greatest).all()):
        raise InputError(
            f"--low {_numbers(least)} and --high {_numbers(greatest)} should be finite numbers of float32."
        )
    if not np.all(least < greatest):
        raise InputError(
            f"The least input {_numbers(least)} is not below the greatest {_numbers(greatest)}: "
            "see --low, --high and --preprocess."
        )
    return {name: None if name in BASELINES else composite(name, least, greatest) for name in presets}


def _numbers(bound: Any) -> str:
    return ", ".join(f"{number:g}" for number in np.ravel(bound))


def _with_bounds() -> str:
    return ", ".join(filter(takes_bounds, jlrp.PRESETS)) or "no preset"


def explainer_of(
    model: ir.Model,
    name: str,
    rules: jlrp.Composite | None,
    start: Start | None,
    output: Output,
    *,
    contrast: Contrast | None = None,
    ledger: bool = False,
) -> Any:
    """The explainer of a preset or baseline; `InputError` with what it says where the rules do not fit."""
    try:
        if rules is None:
            _refuse_for_baseline(name, start, output, contrast)
            labelled = replace(model, labels=output.labels.names)
            return BaselineExplainer(BASELINES[name](labelled, output=output.name))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `output_note` says it
            return jlrp.explainer(
                model.graph,
                rules,
                contrast=None if contrast is None else contrast.value,
                start=None if start is None else start.value,
                ledger=ledger,
                output=output.name,
                record=(output.name,) if output.positions else (),
                labels=output.labels.names,
            )
    except ValueError as error:
        raise InputError(str(error)) from error


def start_of(rules: jlrp.Composite | None, start: Start | None) -> str:
    """What relevance starts as, for the record; a baseline has no start."""
    if start is not None:
        return start.value
    return "none" if rules is None else rules.start


def _refuse_for_baseline(name: str, start: Start | None, output: Output, contrast: Contrast | None) -> None:
    """`InputError` for what a baseline does not have."""
    if start is not None or contrast is not None:
        option = "--start" if start is not None else "--contrast"
        raise InputError(f"{option} is for presets, and {name} is a baseline: leave it out.")
    if output.positions:
        raise InputError(f'{name} is for outputs with a score per class, and "{output.name}" has positions.')


def output_note(graph: ir.Graph, output: Output) -> str:
    """Which of several outputs is explained, and how, for people; empty where there is nothing to say."""
    found = ""
    if len(graph.outputs) > 1 or output.name not in graph.outputs:
        found = f', output "{output.name}" of {", ".join(graph.outputs)}'
    if output.decision.note:
        found += f"; {output.decision.note}: the output is explained as it is"
    return found
