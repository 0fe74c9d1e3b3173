"""`jlrp compare`: one picture with a column for each preset and a row for each image, or class."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

import ir
import jlrp
from jlrp import plot
from jlrp.cli.files import require_apart, require_folder, require_new, write_whole
from jlrp.cli.gallery import in_options
from jlrp.cli.images import Frame, Resize, find, frame_of, read
from jlrp.cli.labels import read_labels
from jlrp.cli.model import Architecture, ModelPath, Variant, load, require_finite
from jlrp.cli.options import (
    High,
    Images,
    LabelFile,
    Low,
    OutputLayer,
    Percentile,
    Preprocessing,
    Resizing,
    Size,
    StartAt,
)
from jlrp.cli.outputs import Output, output_of, says
from jlrp.cli.preprocess import chosen, note
from jlrp.cli.program import Force, InputError, Json, Quiet, console, running, shown, tell
from jlrp.cli.rules import explainer_of, output_note, preset_names, rules_of
from jlrp.cli.targets import Target, parsed
from jlrp.cli.targets import chosen as chosen_classes

DEFAULT_PRESETS = "epsilon,epsilon_plus,epsilon_plus_flat,epsilon_alpha2_beta1_flat"
MOST_ROWS = 50


class Colours(StrEnum):
    """The colour maps of `jlrp.plot`."""

    bwr = "bwr"
    blue_orange = "blue_orange"
    coolwarm = "coolwarm"
    seismic = "seismic"
    magma = "magma"


class Scale(StrEnum):
    """Which maps share one colour scale."""

    image = "image"
    row = "row"
    column = "column"
    all = "all"


class Channels(StrEnum):
    """How the channels of a pixel become one number."""

    sum = "sum"
    norm = "norm"


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
    explainers: Mapping[str, jlrp.Explainer]
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


def compare(
    model: ModelPath,
    images: Images,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help=f"The picture: a name in {' '.join(plot.SUFFIXES)}.")
    ] = Path("jlrp-compare.png"),
    presets: Annotated[
        str, typer.Option(metavar="A,B,...", help="The rules, one column each: see `jlrp presets`.")
    ] = DEFAULT_PRESETS,
    targets: Annotated[
        str,
        typer.Option(
            metavar="CLASSES", help="The classes, one row each: predicted, top3, above0.5, or such as 3,tabby."
        ),
    ] = "predicted",
    labels: LabelFile = None,
    preprocess: Preprocessing = None,
    resize: Resizing = Resize.bilinear,
    size: Size = None,
    start: StartAt = None,
    output_layer: OutputLayer = None,
    low: Low = None,
    high: High = None,
    percentile: Percentile = 99.5,
    scale: Annotated[
        Scale, typer.Option(help="Which maps share one colour scale: none (image), a row, a column, or all.")
    ] = Scale.image,
    colours: Annotated[
        Colours, typer.Option(help="The colour map; blue_orange suits any reader, magma shows |relevance|.")
    ] = Colours.bwr,
    channels: Annotated[Channels, typer.Option(help="How a pixel's channels become one number.")] = Channels.sum,
    overlay: Annotated[bool, typer.Option("--overlay", help="Lay the maps over the image in grey.")] = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    architecture: Architecture = None,
    variant: Variant = None,
) -> None:
    """Compare presets, and classes, in one picture.

    A row for each image and class, with label and probability; a column for each preset. The picture's format is told
    from the file's name; .svg and .pdf keep text and lines as such.

    One image that cannot be read stops all, and no file is written.

    \b
    Examples:
      jlrp compare resnet50.h5 cat.jpg dog.jpg --labels class_index.json
      jlrp compare resnet50.h5 cat.jpg --targets top3 --presets epsilon,epsilon_plus -o cat.pdf
      jlrp compare resnet50.h5 cat.jpg --targets 281,282 --scale row --colours blue_orange --overlay
    """
    names = preset_names(presets)
    _require_picture(output, force)
    paths = find(images)
    require_apart([output], [*paths, model, labels, architecture])
    loaded = load(model, architecture, variant)
    require_finite(loaded, model)
    frame = frame_of(loaded, size)
    with running(model):
        explained = output_of(loaded, frame, output_layer)
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
    rules = rules_of(names, prepared, frame, low, high)
    explainers = {name: explainer_of(loaded.graph, rules[name], start, explained) for name in names}
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
