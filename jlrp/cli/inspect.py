"""`jlrp inspect`: a model's layers, edges and shapes, and the rule that each layer gets."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.table import Table

import ir
import jlrp
from ir.ops.base import show
from jlrp.cli.model import load
from jlrp.cli.presets import composite, require_preset
from jlrp.cli.program import WRONG, complain, console, running, shown, tell
from jlrp.propagation.trial import keepers


def run(
    model: Path,
    preset: str,
    ledger: bool,
    as_json: bool,
    architecture: str | None,
    variant: str | None,
    layer_file: Path | None,
) -> None:
    """What the command does; see `jlrp inspect --help`."""
    require_preset(preset)
    loaded = load(model, architecture, variant, layer_file)
    chosen, kept = composite(preset, 0.0, 1.0), None
    try:
        with running(model):
            rules, problem = chosen.rule_names(loaded.graph), None
            kept = keepers(loaded, chosen) if ledger else None
    except jlrp.CompositeError as error:
        rules, problem = {}, str(error)
    if as_json:
        tell(json.dumps(_document(model, loaded, rules, preset, kept), indent=1))
    out = console(quiet=as_json)
    out.print(f"{shown(model)}: {', '.join(f'{key} {value}' for key, value in loaded.source.items())}")
    out.print(_table(loaded, rules, preset, kept))
    out.print(_totals(loaded))
    if problem is not None:
        complain(f"Error: {problem}")
        raise typer.Exit(WRONG)


def _table(model: ir.Model, rules: dict[str, str], preset: str, kept: dict[str, str] | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    ledger = [] if kept is None else ["can keep"]
    for heading in ("layer", "op", "inputs", "output shape", "weights", f"rule ({preset})", *ledger):
        table.add_column(heading, overflow="fold", justify="right" if heading == "weights" else "left")
    shapes = model.shapes
    for name in model.graph.inputs:
        table.add_row(name, "input", "", show(shapes[name]), "", "")
    counted: set[str | None] = {None}
    for node in model.graph.nodes:
        first = node.params not in counted
        weights = "" if node.params is None else f"{_size(model, node.params):,}" if first else "shared"
        counted.add(node.params)
        inputs, rule = ", ".join(node.inputs), rules.get(node.name, "none")
        keeps = [] if kept is None else [kept.get(node.name, "")]
        table.add_row(node.name, str(node.op), inputs, show(shapes[node.name]), weights, rule, *keeps)
    return table


def _document(
    path: Path, model: ir.Model, rules: dict[str, str], preset: str, kept: dict[str, str] | None
) -> dict[str, Any]:
    """What `--json` prints."""
    shapes = model.shapes
    layers = [
        {
            "layer": node.name,
            "op": str(node.op),
            "inputs": list(node.inputs),
            "output_shape": list(shapes[node.name]),
            "weights": 0 if node.params is None else _size(model, node.params),
            "rule": rules.get(node.name),
            **({} if kept is None else {"can_keep": list(filter(None, kept.get(node.name, "").split(", ")))}),
        }
        for node in model.graph.nodes
    ]
    return {"model": str(path), "preset": preset, "outputs": list(model.graph.outputs), "layers": layers}


def _size(model: ir.Model, layer: str) -> int:
    return sum(int(np.size(array)) for array in model.params[layer].values())


def _totals(model: ir.Model) -> str:
    bytes_ = sum(array.nbytes for layer in model.params.values() for array in layer.values())
    dtypes = sorted({str(array.dtype) for layer in model.params.values() for array in layer.values()})
    outputs = ", ".join(model.graph.outputs)
    return (
        f"{len(model.graph.nodes)} nodes, {len(model.params)} layers with weights, {model.parameter_count:,} numbers "
        f"({bytes_ / 1e6:.1f} MB, {', '.join(dtypes) or 'none'}); outputs: {outputs}"
    )
