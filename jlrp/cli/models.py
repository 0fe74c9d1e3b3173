"""The model of a command: load, check, show and convert it."""

import hashlib
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.table import Table

import ir
import jlrp
from ir.ops.base import show
from jlrp.cli.commands import Convert, Inspect
from jlrp.cli.methods import composite, require_preset
from jlrp.cli.options import DEFAULT_PRESET, ModelOptions
from jlrp.cli.program import WRONG, InputError, complain, console, running, tell
from jlrp.composites.flow import attention
from jlrp.datasets.files import require_apart, require_place
from jlrp.datasets.memory import require_memory
from jlrp.propagation.given import not_finite
from jlrp.propagation.trial import keepers
from jlrp.text import printable_path

SUFFIX = ".safetensors"
"""How the name of a converted file ends."""


def load(given: ModelOptions) -> ir.Model:
    """Load the model of a file, or weights into an architecture."""
    if given.variant is not None and given.architecture is None:
        raise InputError(
            "--variant chooses between the builds of an --architecture: give that too."
        )
    if given.layer_file is not None:
        import_layers(given.layer_file)
    return ir.load(
        given.model, architecture=given.architecture, variant=given.variant, hdf5=given.hdf5
    )


def require_room(
    model: ir.Model, shapes: Sequence[ir.Shape], images: int, smaller: str = "a smaller --size"
) -> None:
    """Raise `DataError` if the values of so many images take more than all memory.

    Half of the values count, as not all are kept at once.

    Args:
        model: The model.
        shapes: The shapes of the inputs, batch first.
        images: How many images there are at a time.
        smaller: What to give if one image is too many.
    """
    one = model.graph.shapes(model.params, [(1, *shape[1:]) for shape in shapes])
    values = sum(math.prod(n or 1 for n in shape) for shape in one.values())
    what = f"{images} images at a time make" if images > 1 else "one image of this size makes"
    advice = f"give {'a smaller --batch-size' if images > 1 else smaller}"
    require_memory(4 * images * values // 2, f"In the model, {what}", advice)


def require_finite(model: ir.Model, path: Path) -> None:
    """Raise `InputError`, which names the weight, if one has a NaN or an infinity in it."""
    for layer, role, _ in not_finite(model.params):
        raise InputError(
            f'{printable_path(path)}: the {role} of layer "{layer}" '
            "holds values that are not finite."
        )


def import_layers(path: Path) -> None:
    """Execute a user's Python file once, so that its layers are known.

    Args:
        path: The file that `--layers` names.

    Raises:
        InputError: The file cannot be read or fails; the sentence says where.
    """
    name = f"jlrp_layers_{hashlib.sha256(os.path.realpath(path).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return
    spec = spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InputError(f"--layers takes a Python file (.py), and {printable_path(path)} is none.")
    sys.modules[name] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:300].removesuffix(".")
        where = f"The file {printable_path(path)} of --layers"
        raise InputError(f"{where} fails{_line(error, path)}: {detail}.") from error


def convert(given: Convert) -> None:
    """Do what `jlrp convert --help` says."""
    out = printable_path(given.out)
    if given.out.suffix.lower() != SUFFIX:
        raise InputError(f"{out} should end in {SUFFIX}, as that is the format that is written.")
    require_place(given.out, given.force)
    require_apart([given.out], [given.model, given.architecture])
    model = load(given)
    try:
        ir.save(model, given.out)
    except ValueError as error:
        raise InputError(f"{printable_path(given.model)}: {error}") from error
    size = f"{given.out.stat().st_size / 1e6:,.1f} MB"
    console(given.quiet).print(f"Wrote {out}: {_counts(model)}, {size}.")


def inspect(given: Inspect) -> None:
    """Do what `jlrp inspect --help` says."""
    require_preset(given.preset)
    model = load(given)
    if given.preset == DEFAULT_PRESET and attention(model.graph):
        given = replace(given, preset="attnlrp_gamma")
    rules, kept, problem = dict[str, str](), None, None
    try:
        with running(given.model):
            chosen = composite(given.preset, 0.0, 1.0)
            rules = chosen.rule_names(model.graph)
            if given.ledger:
                with console(stderr=True).status("compiling a trial of each layer"):
                    kept = keepers(model, chosen)
    except jlrp.CompositeError as error:
        problem = str(error)
    document = _document(given, model, rules, kept)
    if given.as_json:
        tell(json.dumps(document, indent=1))
    out = console(quiet=given.as_json)
    source = ", ".join(f"{key} {value}" for key, value in model.source.items())
    out.print(f"{printable_path(given.model)}: {source}")
    out.print(_table(given, model, document["layers"]))
    out.print(_totals(model))
    if problem is not None:
        complain(f"Error: {problem}")
        raise typer.Exit(WRONG)


def _document(
    given: Inspect, model: ir.Model, rules: dict[str, str], kept: dict[str, str] | None
) -> dict[str, Any]:
    """Describe a model as `--json` does."""
    layers = []
    for node, shape in zip(model.graph.nodes, _shapes_of_nodes(model), strict=True):
        layer = {
            "layer": node.name,
            "op": str(node.op),
            "inputs": list(node.inputs),
            "output_shape": list(shape),
            "weights": 0 if node.params is None else _size(model, node.params),
            "rule": rules.get(node.name),
        }
        keeps = {} if kept is None else {"can_keep": kept.get(node.name, "").split(", ")}
        layers.append(layer | {key: list(filter(None, words)) for key, words in keeps.items()})
    head = {"model": str(given.model), "preset": given.preset}
    return {**head, "outputs": list(model.graph.outputs), "layers": layers}


def _table(given: Inspect, model: ir.Model, layers: list[dict[str, Any]]) -> Table:
    """Lay out the description of the layers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    headings = ["layer", "op", "inputs", "output shape", "weights", f"rule ({given.preset})"]
    ledger = any("can_keep" in layer for layer in layers)
    for heading in [*headings, *(["can keep"] if ledger else [])]:
        right = heading == "weights"
        table.add_column(heading, overflow="fold", justify="right" if right else "left")
    for name, shape in zip(model.graph.inputs, model.input_shapes, strict=True):
        table.add_row(name, "input", "", show(shape), "", "")
    counted: set[str | None] = {None}
    for node, layer in zip(model.graph.nodes, layers, strict=True):
        weights = f"{layer['weights']:,}" if node.params not in counted else "shared"
        counted.add(node.params)
        table.add_row(
            node.name,
            layer["op"],
            ", ".join(node.inputs),
            show(tuple(layer["output_shape"])),
            "" if node.params is None else weights,
            layer["rule"] or "none",
            *([", ".join(layer["can_keep"])] if ledger else []),
        )
    return table


def _shapes_of_nodes(model: ir.Model) -> list[ir.Shape]:
    shapes = model.shapes
    return [shapes[node.name] for node in model.graph.nodes]


def _totals(model: ir.Model) -> str:
    arrays = [array for layer in model.params.values() for array in layer.values()]
    dtypes = ", ".join(sorted({str(array.dtype) for array in arrays})) or "none"
    size = f"{sum(array.nbytes for array in arrays) / 1e6:.1f} MB"
    return f"{_counts(model)} ({size}, {dtypes}); outputs: {', '.join(model.graph.outputs)}"


def _counts(model: ir.Model) -> str:
    nodes, layers = len(model.graph.nodes), len(model.params)
    return f"{nodes} nodes, {layers} layers with weights, {model.parameter_count:,} numbers"


def _size(model: ir.Model, layer: str) -> int:
    return sum(int(np.size(array)) for array in model.params[layer].values())


def _line(error: BaseException, path: Path) -> str:
    """Say where in the file an error arose."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f" in line {error.lineno}"
    lines, trace = [], error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f" in line {lines[-1]}" if lines else ""
