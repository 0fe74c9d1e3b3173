"""Presets and baselines by name, and their explainers."""

import inspect
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rich.table import Table

import ir
import jlrp
from jlrp.baselines.explainer import BaselineExplainer
from jlrp.cli.options import ExplainingOptions
from jlrp.cli.program import InputError, console, tell
from jlrp.composites.presets import require_preset_for
from jlrp.datasets import Frame, Output
from jlrp.text import suggestion

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

Rules = jlrp.Composite | None
"""The composite of a preset; `None` for a baseline."""


def list_presets(as_json: bool) -> None:
    """Do what `jlrp presets --help` says."""
    if as_json:
        tell(json.dumps({name: summary(name) for name in NAMES}, indent=1))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("preset", no_wrap=True, overflow="fold")
    table.add_column("what it does")
    for name in NAMES:
        if name == next(iter(BASELINES)):
            table.add_section()
        table.add_row(name, summary(name))
    console().print(table)


def summary(name: str) -> str:
    """Say in one line what a preset or baseline does, as its docstring does."""
    function = jlrp.PRESETS[name] if name in jlrp.PRESETS else BASELINES[name]
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())


def require_preset(name: str) -> None:
    """Raise `InputError`, which lists the presets, if none has this name."""
    if name not in NAMES:
        raise InputError(
            f'There is no preset "{name}": choose from {", ".join(NAMES)}.{suggestion(name, NAMES)}'
        )


def parse_presets(text: str) -> tuple[str, ...]:
    """Split presets at commas; raise `InputError` if there is none, or none of such a name."""
    names = tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    if not names:
        raise InputError("--presets names none: give one or more, such as epsilon,epsilon_plus.")
    for name in names:
        require_preset(name)
    return names


def composite(name: str, low: Any, high: Any) -> jlrp.Composite:
    """Make a preset's composite, with `low` and `high` if it takes them."""
    if name in BASELINES:
        raise InputError(f"{name} is a baseline, which has no rules for layers: choose a preset.")
    return jlrp.PRESETS[name](low=low, high=high) if _takes_bounds(name) else jlrp.PRESETS[name]()


def rules_of(
    given: ExplainingOptions, presets: Sequence[str], frame: Frame | None
) -> dict[str, Rules]:
    """Make each preset's composite; black and white of `frame` are the default bounds."""
    low, high = (
        _bounds(given, presets, frame)
        if any(map(_takes_bounds, presets))
        else _no_bounds(given, presets)
    )
    return {name: None if name in BASELINES else composite(name, low, high) for name in presets}


def explainer_of(
    given: ExplainingOptions,
    model: ir.Model,
    name: str,
    rules: Rules,
    output: Output,
    ledger: bool = False,
) -> Any:
    """Make the explainer of a preset or baseline; raise `InputError` if the rules do not fit."""
    try:
        if rules is None:
            _refuse_for_baseline(given, name, output)
            labelled = replace(model, labels=output.labels.names)
            return BaselineExplainer(BASELINES[name](labelled, output=output.name))
        require_preset_for(name, model.graph)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `output_note` says it
            return jlrp.explainer(
                model.graph,
                rules,
                contrast=given.contrast,
                start=given.start,
                ledger=ledger,
                output=output.name,
                record=(output.name,) if output.positions else (),
                labels=output.labels.names,
            )
    except ValueError as error:
        raise InputError(str(error)) from error


def start_of(given: ExplainingOptions, rules: Rules) -> str:
    """Say what relevance starts as; a baseline has no start."""
    if given.start is not None:
        return given.start
    return "none" if rules is None else rules.start


def output_note(graph: ir.Graph, output: Output) -> str:
    """Say which of several outputs is explained, and how, if there is something to say."""
    found = ""
    if len(graph.outputs) > 1 or output.name not in graph.outputs:
        found = f', output "{output.name}" of {", ".join(graph.outputs)}'
    if output.decision.note:
        found += f"; {output.decision.note}: the output is explained as it is"
    return found


def _takes_bounds(name: str) -> bool:
    """Tell whether a preset takes the least and the greatest input value."""
    return (
        name in jlrp.PRESETS
        and {"low", "high"} <= inspect.signature(jlrp.PRESETS[name]).parameters.keys()
    )


def _no_bounds(given: ExplainingOptions, presets: Sequence[str]) -> tuple[None, None]:
    """Return no bounds; raise `InputError` if some are given."""
    if given.low is not None or given.high is not None:
        names = " and ".join(f'"{name}"' for name in dict.fromkeys(presets))
        has = "The preset {} has" if len(set(presets)) == 1 else "The presets {} have"
        raise InputError(
            f"{has.format(names)} no bounds: --low and --high are for {_with_bounds()}."
        )
    return None, None


def _bounds(
    given: ExplainingOptions, presets: Sequence[str], frame: Frame | None
) -> tuple[Any, Any]:
    """Find the least and the greatest input: as given, or black and white."""
    black: Any
    white: Any
    black, white = (None, None) if frame is None else frame.bounds
    if frame is None and (given.low is None or given.high is None):
        raise InputError(
            f"For {_with_bounds()} on arrays give the least and the greatest input, --low and "
            "--high."
        )
    with np.errstate(over="ignore"):
        least = black if given.low is None else np.float32(given.low)
        greatest = white if given.high is None else np.float32(given.high)
    if not (np.isfinite(least).all() and np.isfinite(greatest).all()):
        raise InputError(
            f"--low {_numbers(least)} and --high {_numbers(greatest)} should be finite numbers of "
            "float32."
        )
    if not np.all(least < greatest):
        raise InputError(
            f"The least input {_numbers(least)} is not below the greatest {_numbers(greatest)}: "
            "see --low, --high and --preprocess."
        )
    return least, greatest


def _numbers(bound: Any) -> str:
    return ", ".join(f"{number:g}" for number in np.ravel(bound))


def _with_bounds() -> str:
    return ", ".join(filter(_takes_bounds, jlrp.PRESETS)) or "no preset"


def _refuse_for_baseline(given: ExplainingOptions, name: str, output: Output) -> None:
    """Raise `InputError` for options that a baseline does not have."""
    if given.start is not None or given.contrast is not None:
        option = "--start" if given.start is not None else "--contrast"
        raise InputError(f"{option} is for presets, and {name} is a baseline: leave it out.")
    if output.positions:
        raise InputError(
            f'{name} is for outputs with a score per class, and "{output.name}" has positions.'
        )
