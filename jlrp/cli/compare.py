"""`jlrp compare`: one picture with a column for each preset and a row for each image, or class."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

import ir
import jlrp
from jlrp import plot
from jlrp.cli.choices import Channels, Colours, Contrast, Preprocess, Resize, Scale, Start
from jlrp.cli.files import require_apart, require_folder, require_new, write_whole
from jlrp.cli.gallery import in_options
from jlrp.cli.images import Frame, find, frame_of, read
from jlrp.cli.labels import read_labels
from jlrp.cli.model import load, require_finite, require_room
from jlrp.cli.outputs import Output, output_of, says
from jlrp.cli.preprocess import bounds, chosen, note
from jlrp.cli.program import InputError, console, running, shown, tell
from jlrp.cli.rules import explainer_of, output_note, preset_names, rules_of
from jlrp.cli.targets import Target, parsed
from jlrp.cli.targets import chosen as chosen_classes

MOST_ROWS = 50


@dataclass(frozen=True)
class Row:
    """A row of the picture: an image and one of its classes, with a map (H, W, C) for each preset."""

    path: Path
    pixels: NDArray[np.uint8]
    class_index: int
    label: str
    logit: float
    probability: float | None
    score: str
    one_unit: bool
    maps: Mapping[str, NDArray[np.floating[Any]]]
    notes: Mapping[str, str]

    @property
    def title(self) -> str:
        """Label, class, and probability (or output where the model gives none), for people."""
        if not self.label:
            return f"class {self.class_index}\n{self.score}"
        return f"{self.label}\n{self.score if self.one_unit else f'class {self.class_index}, {self.score}'}"


@dataclass(frozen=True)
class Comparison:
    """A model with an explainer for each preset, and the classes to explain; all of it has been checked."""

    model: ir.Model
    explainers: Mapping[str, Any]
    frame: Frame
    preprocess: ir.Preprocessing
    targets: Sequence[Target]
    output: Output

    def rows(self, pixels: Mapping[Path, NDArray[np.uint8]], out: Console) -> list[Row]:
        """A row for each image and each of its classes, each class once."""
        inputs = self.frame.to_layout(self.preprocess(np.stack(list(pixels.values()))))
        said = says(self.model, self.output, inputs)
        self._require_finite(list(pixels), said.values, [{} for _ in pixels])
        found = chosen_classes(self.targets, said)
        maps: list[dict[str, NDArray[Any]]] = [{} for _ in found]
        notes: list[dict[str, tuple[str, ...]]] = [{} for _ in found]
        for name, explainer in self.explainers.items():
            begun, bound = time.perf_counter(), explainer.bind(self.model.params)
            for image, classes in enumerate(found):
                result = jax.device_get(bound.per_class(inputs[image : image + 1], classes))
                maps[image][name] = np.moveaxis(result.relevance[:, 0], 1 + self.frame.channel_axis, -1)
                notes[image][name] = result.notes()
            out.print(f"{name}: {time.perf_counter() - begun:.1f} s")
        self._require_finite(list(pixels), said.values, maps)
        return [
            Row(
                path=path,
                pixels=image,
                class_index=index,
                label=self.output.name_of(index) if self.output.units == 1 else self.output.labels[index],
                logit=float(said.values[number, index]),
                probability=said.probability(number, index),
                score=self.output.score(said.probability(number, index), float(said.values[number, index])),
                one_unit=self.output.units == 1,
                maps={name: several[position] for name, several in maps[number].items()},
                notes={name: in_options(several[position]) for name, several in notes[number].items()},
            )
            for number, (path, image) in enumerate(pixels.items())
            for position, index in enumerate(found[number])
        ]

    def _require_finite(
        self, paths: Sequence[Path], outputs: NDArray[Any], maps: Sequence[Mapping[str, NDArray[Any]]]
    ) -> None:
        for path, output, several in zip(paths, outputs, maps, strict=True):
            if not np.isfinite(output).all():
                raise InputError(f"{shown(path)}: its output is not finite.")
            for name, relevance in several.items():
                if not np.isfinite(relevance).all():
                    raise InputError(f'{shown(path)}: its relevance under the preset "{name}" is not finite.')


def run(
    model: Path,
    images: list[Path],
    output: Path,
    presets: str,
    targets: str,
    labels: Path | None,
    preprocess: Preprocess | None,
    resize: Resize,
    size: str | None,
    start: Start | None,
    contrast: Contrast | None,
    output_layer: str | None,
    low: float | None,
    high: float | None,
    percentile: float,
    scale: Scale,
    colours: Colours,
    channels: Channels,
    overlay: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
    architecture: str | None,
    variant: str | None,
    layer_file: Path | None,
) -> None:
    """What the command does; see `jlrp compare --help`."""
    names = preset_names(presets)
    _require_picture(output, force)
    paths = find(images)
    require_apart([output], [*paths, model, labels, architecture])
    loaded = load(model, architecture, variant, layer_file)
    require_finite(loaded, model)
    frame = frame_of(loaded, size)
    with running(model):
        explained = output_of(loaded, [(1, *frame.shape)], output_layer)
        require_room(loaded, (1, *frame.shape), 1)
    if explained.positions:
        raise InputError(f'`jlrp compare` takes outputs with a score per class, and "{explained.name}" has positions.')
    explained = replace(explained, labels=read_labels(labels, explained.units))
    wanted = parsed(targets, explained.classes, explained.labels)
    if len(paths) * len(wanted) > MOST_ROWS:
        raise InputError(
            f"{len(paths)} images with {len(wanted)} classes each are {len(paths) * len(wanted)} rows, and a picture "
            f"has at most {MOST_ROWS}: name fewer."
        )
    prepared = chosen(preprocess, loaded, frame)
    rules = rules_of(names, lambda: bounds(prepared, frame), low, high)
    explainers = {name: explainer_of(loaded, name, rules[name], start, explained, contrast=contrast) for name in names}
    pixels = {path: read(path, frame, resize) for path in paths}
    out = console(quiet=quiet or as_json)
    out.print(
        f"{len(paths)} image{'s' * (len(paths) != 1)}, {len(names)} presets{output_note(loaded.graph, explained)}"
    )
    out.print(note(prepared, preprocess))
    with running(model):
        rows = Comparison(loaded, explainers, frame, prepared, wanted, explained).rows(pixels, out)
    try:
        figure = plot.comparison(
            [row.pixels for row in rows],
            {name: [row.maps[name] for row in rows] for name in names},
            [row.title for row in rows],
            notes={name: [row.notes[name] for row in rows] for name in names},
            percentile=percentile,
            scaling=scale.value,
            cmap=colours.value,
            pooling=channels.value,
            over=overlay,
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    write_whole(output, plot.encoded(figure, output.suffix))
    out.print(f"see {shown(output)}")
    if as_json:
        tell(json.dumps(_document(model, output, names, rows), indent=1))


def _require_picture(path: Path, force: bool) -> None:
    """`InputError` where no picture can, or should, be written to `path`."""
    if path.suffix.lower() not in plot.SUFFIXES:
        raise InputError(f"{shown(path)} is no name for a picture: it ends in {', '.join(plot.SUFFIXES)}.")
    if path.is_dir():
        raise InputError(f"{shown(path)} is a folder: give a file in it.")
    require_new([path], force)
    require_folder(path.parent)


def _document(model: Path, output: Path, presets: Sequence[str], rows: Sequence[Row]) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "jlrp": jlrp.__version__,
        "model": str(model),
        "picture": str(output),
        "presets": list(presets),
        "rows": [
            {
                "path": str(row.path),
                "class": row.class_index,
                "label": row.label or None,
                "probability": row.probability,
                "logit": row.logit,
                "notes": {name: note for name, note in row.notes.items() if note},
            }
            for row in rows
        ],
    }
