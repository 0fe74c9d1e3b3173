"""`jlrp compare`: one picture with a column for each preset and a row for each image, or class."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

import ir
import jlrp
from jlrp import plot
from jlrp.cli.commands import Compare
from jlrp.cli.explain import preprocess_note
from jlrp.cli.methods import explainer_of, output_note, parse_presets, rules_of
from jlrp.cli.models import load, require_finite
from jlrp.cli.program import InputError, complain, console, in_options, running, tell
from jlrp.cli.questions import Target, choose_classes, find_frame, find_output, parse_targets
from jlrp.datasets import Images, Output
from jlrp.datasets.files import require_apart, require_place, write_whole
from jlrp.datasets.images import find_images, read_batches
from jlrp.text import printable_path

MAX_ROWS = 50


@dataclass(frozen=True)
class Row:
    """A row of the picture: an image and one of its classes, with a map (H, W, C) per preset.

    `document` is what `--json` prints of it.
    """

    pixels: NDArray[np.uint8]
    title: str
    maps: Mapping[str, NDArray[np.floating[Any]]]
    notes: Mapping[str, str]
    document: dict[str, Any]


def run(given: Compare) -> None:
    """Do what `jlrp compare --help` says."""
    names = parse_presets(given.presets)
    _require_picture(given.output, given.force)
    paths = find_images(given.images, complain)
    require_apart([given.output], [*paths, given.model, given.labels, given.architecture])
    model = load(given)
    require_finite(model, given.model)
    frame = find_frame(given, model)
    output = find_output(given, model, [(1, *frame.shape)], 1)
    if output.positions:
        raise InputError(
            f'`jlrp compare` takes outputs with a score per class, and "{output.name}" has '
            "positions."
        )
    targets = parse_targets(given.targets, output.classes, output.labels)
    _require_few(len(paths), len(targets))
    rules = rules_of(given, names, frame)
    explainers = {name: explainer_of(given, model, name, rules[name], output) for name in names}
    (photos,) = read_batches(frame, paths, len(paths))
    for sentence in photos.left_out.values():
        raise InputError(sentence)
    out = console(quiet=given.quiet or given.as_json)
    out.print(
        f"{len(paths)} image{'s' * (len(paths) != 1)}, {len(names)} presets"
        f"{output_note(model.graph, output)}"
    )
    out.print(preprocess_note(frame.preprocess, given.preprocess))
    with running(given.model):
        rows = _rows(model, explainers, targets, output, photos, out)
    write_whole(given.output, _picture(given, names, rows))
    out.print(f"see {printable_path(given.output)}")
    if given.as_json:
        document = {
            "jlrp": jlrp.__version__,
            "model": str(given.model),
            "picture": str(given.output),
            "presets": list(names),
            "rows": [row.document for row in rows],
        }
        tell(json.dumps(document, indent=1))


def _rows(
    model: ir.Model,
    explainers: Mapping[str, Any],
    targets: Sequence[Target],
    output: Output,
    photos: Images,
    out: Console,
) -> list[Row]:
    """Make a row for each image and each of its classes."""
    scores = output.predict(model, photos.images)
    for path, values in zip(photos.paths, scores.values, strict=True):
        if not np.isfinite(values).all():
            raise InputError(f"{printable_path(path)}: its output is not finite.")
    classes = choose_classes(targets, scores)
    found: dict[str, list[jlrp.Explanation]] = {}
    for name, explainer in explainers.items():
        begun, bound = time.perf_counter(), explainer.bind(model.params)
        found[name] = [
            jax.device_get(bound.per_class(photos.images[number : number + 1], wanted))
            for number, wanted in enumerate(classes)
        ]
        out.print(f"{name}: {time.perf_counter() - begun:.1f} s")
        for path, each in zip(photos.paths, found[name], strict=True):
            if not np.isfinite(each.relevance).all():
                where = printable_path(path)
                raise InputError(f'{where}: its relevance under the preset "{name}" is not finite.')
    channels, rows = photos.frame.channel_axis, []
    for number, (path, pixels) in enumerate(zip(photos.paths, photos.pixels, strict=True)):
        one = {name: several[number] for name, several in found.items()}
        for position, index in enumerate(classes[number]):
            label = output.name_of(index) if output.units == 1 else output.labels[index]
            value = float(scores.values[number, index])
            probability = scores.probability(number, index)
            notes = {name: in_options(each.notes()[position]) for name, each in one.items()}
            maps = {
                name: np.moveaxis(each.relevance[position, 0], channels, -1)
                for name, each in one.items()
            }
            document = {
                "path": str(path),
                "class": index,
                "label": label or None,
                "probability": probability,
                "logit": value,
                "notes": {name: note for name, note in notes.items() if note},
            }
            title = _title(output, index, label, output.score(probability, value))
            rows.append(Row(pixels, title, maps, notes, document))
    return rows


def _title(output: Output, index: int, label: str, score: str) -> str:
    """Put label, class and score on two lines."""
    if not label:
        return f"class {index}\n{score}"
    return f"{label}\n{score if output.units == 1 else f'class {index}, {score}'}"


def _picture(given: Compare, names: Sequence[str], rows: Sequence[Row]) -> bytes:
    try:
        figure = plot.comparison(
            [row.pixels for row in rows],
            {name: [row.maps[name] for row in rows] for name in names},
            [row.title for row in rows],
            notes={name: [row.notes[name] for row in rows] for name in names},
            percentile=given.percentile,
            scaling=given.scale,
            cmap=given.colours,
            pooling=given.channels,
            over=given.overlay,
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    return plot.encoded(figure, given.output.suffix)


def _require_picture(path: Path, force: bool) -> None:
    """Raise `InputError` if no picture can, or should, be written to `path`."""
    if path.suffix.lower() not in plot.SUFFIXES:
        endings = ", ".join(plot.SUFFIXES)
        raise InputError(f"{printable_path(path)} is no name for a picture: it ends in {endings}.")
    require_place(path, force)


def _require_few(images: int, classes: int) -> None:
    """Raise `InputError` if a picture would have too many rows."""
    if images * classes > MAX_ROWS:
        raise InputError(
            f"{images} images with {classes} classes each are {images * classes} rows, and a "
            f"picture has at most {MAX_ROWS}: name fewer."
        )
