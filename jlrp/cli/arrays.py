"""Inputs that are arrays: batches from .npy and .npz files, for signals, tables, volumes and several inputs."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import jax
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

import ir
import jlrp
from ir.ops.base import same_shape, show
from jlrp import plot
from jlrp.cli.choices import Contrast, Start
from jlrp.cli.files import output_names, require_apart, require_file, require_new, write_together
from jlrp.cli.gallery import in_options
from jlrp.cli.labels import read_labels, target_index
from jlrp.cli.model import require_finite
from jlrp.cli.outputs import Output, output_of
from jlrp.cli.program import WRONG, InputError, complain, running, sentence_of, shown, tell
from jlrp.cli.rules import explainer_of, output_note, rules_of, start_of
from jlrp.cli.start import region_of
from jlrp.propagation.programs import batch_axes

SUFFIXES = (".npy", ".npz")
"""The names of files of arrays."""

MAX_TOLD = 8
"""How many samples of a file are named on the console and drawn."""


def are_arrays(paths: Sequence[Path]) -> bool:
    """Whether the inputs are files of arrays; `InputError` where some are and others are not."""
    arrays = [path.suffix.lower() in SUFFIXES for path in paths]
    if any(arrays) and not all(arrays):
        other = paths[arrays.index(False)]
        raise InputError(f"Give images or arrays, not both: {shown(other)} is no {' or '.join(SUFFIXES)} file.")
    return all(arrays)


def read_arrays(path: Path, model: ir.Model) -> tuple[NDArray[Any], ...]:
    """The batch in a file, an array for each input of the model.

    A `.npy` file has the array of the only input; an `.npz` file has one array, or one for each input by its name. An
    array without the batch is a batch of one. Values are taken as they are.

    Raises:
        InputError: The file cannot be read, or its arrays are not those that the model takes.
    """
    found = _loaded(path)
    names = model.graph.inputs
    if len(names) == 1 and len(found) == 1:
        found = {names[0]: next(iter(found.values()))}
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(
            f"{shown(path)} has the arrays {_listed(found)}, but the model has the inputs {_listed(names)}: save them "
            "by these names with np.savez."
        )
    arrays = tuple(
        _fitting(path, name, found[name], shape) for name, shape in zip(names, model.input_shapes, strict=True)
    )
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        raise InputError(f"The arrays in {shown(path)} are batches of {', '.join(map(str, sorted(lengths)))} samples.")
    return arrays


def _loaded(path: Path) -> dict[str, NDArray[Any]]:
    require_file(path)
    try:
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {path.stem: content}
            with content:
                return {name: content[name] for name in content.files}
    except MemoryError:
        raise
    except Exception as error:  # NumPy, zipfile and zlib raise whatever a broken file leads them into
        detail = error.strerror if isinstance(error, OSError) and error.strerror else "it holds no arrays of numbers"
        raise InputError(f"{shown(path)} cannot be read: {detail}.") from None


def _fitting(path: Path, name: str, array: NDArray[Any], shape: ir.Shape) -> NDArray[Any]:
    """An array with its batch; `InputError` where it is not what an input takes."""
    if array.dtype.kind not in "biuf":
        raise InputError(f"{shown(path)} holds values of type {array.dtype}: the model takes real numbers.")
    batch = array[None] if array.ndim == len(shape) - 1 else array
    if batch.ndim != len(shape) or not same_shape((None, *batch.shape[1:]), (None, *shape[1:])):
        raise InputError(f'{shown(path)} has shape {array.shape}, but the input "{name}" takes {show(shape)}.')
    if 0 in batch.shape:
        raise InputError(f"{shown(path)} has shape {array.shape}: it holds no sample.")
    if not np.isfinite(batch).all():
        raise InputError(f"{shown(path)} holds values that are not finite.")
    return batch


def _listed(names: Any) -> str:
    return ", ".join(f'"{shown(str(name))}"' for name in list(names)[:12]) or "none"


def array_files(folder: Path, name: str, drawn: Sequence[str]) -> dict[str, Path]:
    """What may be written for a file of arrays: relevance, and a picture for each input that is drawn.

    >>> {kind: path.as_posix() for kind, path in array_files(Path("maps"), "ecg", ["signal"]).items()}
    {'relevance': 'maps/ecg.npz', 'picture': 'maps/ecg.relevance.png'}
    """
    if len(drawn) == 1:
        pictures = {"picture": ".relevance.png"}
    else:
        pictures = {f"picture:{each}": f".{position}.relevance.png" for position, each in enumerate(drawn)}
    suffixes = {"relevance": ".npz", **pictures}
    return {kind: folder / f"{name}{suffix}" for kind, suffix in suffixes.items()}


@dataclass(frozen=True)
class Given:
    """What the command was given besides the files; see `jlrp explain --help`."""

    model: Path
    preset: str
    target: str
    labels: Path | None
    start: Start | None
    contrast: Contrast | None
    output_layer: str | None
    region: str | None
    low: float | None
    high: float | None
    batch_size: int


def explain_arrays(
    model: ir.Model,
    paths: list[Path],
    given: Given,
    folder: Path,
    pictures: bool,
    force: bool,
    out: Console,
    as_json: bool,
) -> None:
    """Explain files of arrays, and say what became of them.

    Raises:
        InputError: Something given is wrong; nothing is written then.
    """
    drawn = model.graph.inputs if pictures else ()
    files = [file for name in output_names(paths) for file in array_files(folder, name, drawn).values()]
    require_new(files, force)
    require_apart(files, [*paths, given.model, given.labels, given.region])
    require_finite(model, given.model)
    first = read_arrays(paths[0], model)
    output = output_of(model, [(1, *array.shape[1:]) for array in first], given.output_layer)
    output = replace(output, labels=read_labels(given.labels, output.units))
    chosen = target_index(given.target, output.classes, output.labels)
    if output.positions and chosen is None:
        shape = " x ".join(map(str, output.positions))
        raise InputError(f'The output "{output.name}" says a class for each of {shape} positions: name one, --target.')
    rules = rules_of((given.preset,), None, given.low, given.high)[given.preset]
    explain = explainer_of(model, given.preset, rules, given.start, output, contrast=given.contrast)
    job = ArrayJob(
        model=model,
        source=given.model,
        explain=explain,
        preset=given.preset,
        start=start_of(rules, given.start),
        target=chosen,
        output=output,
        batch_size=given.batch_size,
        folder=folder,
        pictures=pictures,
        region=region_of(given.region, output),
    )
    out.print(f"{len(paths)} file{'s' * (len(paths) != 1)}, preset {given.preset}{output_note(model.graph, output)}")
    out.print("arrays are taken as they are: nothing is scaled")
    records = job.run(paths, out)
    done = sum("error" not in record for record in records)
    if done:
        out.print(f"{done} of {len(records)} explained: see {shown(folder)}")
    if as_json:
        document = {
            "jlrp": jlrp.__version__,
            "model": str(given.model),
            "preset": given.preset,
            "start": job.start,
            "files": records,
        }
        tell(json.dumps(document, indent=1))
    if done < len(records):
        raise typer.Exit(WRONG)


@dataclass(frozen=True)
class ArrayJob:
    """One run of `jlrp explain` over files of arrays; all of it has been checked."""

    model: ir.Model
    source: Path
    explain: Any
    preset: str
    start: str
    target: int | None
    output: Output
    batch_size: int
    folder: Path
    pictures: bool
    region: Any = None

    def run(self, paths: list[Path], out: Console) -> list[dict[str, Any]]:
        """Explain and write all files; what became of each, in order. Problems go to standard error."""
        bound = self.explain.bind(self.model.params)
        return [self._told(path, name, bound, out) for path, name in zip(paths, output_names(paths), strict=True)]

    def files(self, name: str) -> dict[str, Path]:
        """What may be written for a file of this output name: relevance, and a picture for each input."""
        return array_files(self.folder, name, self.model.graph.inputs if self.pictures else ())

    def _told(self, path: Path, name: str, bound: Any, out: Console) -> dict[str, Any]:
        try:
            arrays = read_arrays(path, self.model)
            with running(self.source):
                found = self._explained(bound, arrays)
            self._require_finite(path, found)
            contents = self._contents(path, found, arrays, self.files(name))
            write_together(contents)
        except (InputError, OSError) as error:
            complain(f"Error: {sentence_of(error)}")
            return {"path": str(path), "error": sentence_of(error)}
        files = {kind: file for kind, file in self.files(name).items() if file in contents}
        record = self._record(path, found, files)
        for index, line in enumerate(self._lines(record)):
            out.print(f"{shown(path)}[{index}]: {line}")
        more = len(record["classes"]) - MAX_TOLD
        if more > 0:
            out.print(f"{shown(path)}: and {more} more")
        return record

    def _explained(self, bound: Any, arrays: tuple[NDArray[Any], ...]) -> jlrp.Explanation:
        """The explanation of a file; fewer samples than a batch are filled up, so that one program serves all files."""
        count = len(arrays[0])
        missing = max(0, self.batch_size - count)
        filled = tuple(np.concatenate([array, np.repeat(array[-1:], missing, 0)]) for array in arrays)
        images = filled[0] if len(filled) == 1 else filled
        options = {} if self.region is None else {"region": self.region}
        found = bound(images, target=self.target, batch_size=self.batch_size, **options)
        found = jax.device_get(found)
        return jax.tree.map(
            lambda axis, array: np.take(array, np.arange(count), axis), batch_axes(found.leading, found), found
        )

    def _require_finite(self, path: Path, found: jlrp.Explanation) -> None:
        if not all(np.isfinite(array).all() for array in jax.tree.leaves((found.output, found.relevance))):
            raise InputError(f"{shown(path)}: its output or relevance is not finite.")

    def _record(self, path: Path, found: jlrp.Explanation, files: dict[str, Path]) -> dict[str, Any]:
        """What `--json` says of a file."""
        classes = [int(index) for index in found.target]
        record = {
            "path": str(path),
            "classes": classes,
            "labels": [self.output.labels[index] or None for index in classes],
            "notes": [in_options(note) or None for note in found.notes()],
            "files": {kind: str(file) for kind, file in files.items()},
        }
        if self.output.positions:
            return record
        said = self.output.said(found)
        rows = list(enumerate(classes))
        return record | {
            "probabilities": [said.probability(row, index) for row, index in rows],
            "logits": [float(said.values[row, index]) for row, index in rows],
        }

    def _lines(self, record: dict[str, Any]) -> Iterator[str]:
        for row, index in enumerate(record["classes"][:MAX_TOLD]):
            if self.output.positions:
                line = self.output.title(index)
            else:
                line = self.output.verdict(index, record["probabilities"][row], record["logits"][row])
            note = record["notes"][row]
            yield f"{line}: {note}" if note else line

    def _contents(
        self, path: Path, found: jlrp.Explanation, arrays: tuple[NDArray[Any], ...], files: dict[str, Path]
    ) -> dict[Path, bytes]:
        buffer = BytesIO()
        np.savez(buffer, allow_pickle=False, **self._arrays(path, found))
        contents = {files["relevance"]: buffer.getvalue()}
        few = _first(found)
        for position, kind in enumerate(kind for kind in files if kind != "relevance"):
            with suppress(ValueError):  # no picture of such an input
                under: Any = None if "row" in few.axes[position] else [array[:MAX_TOLD] for array in arrays]
                under = under[0] if under is not None and len(arrays) == 1 else under
                contents[files[kind]] = plot.png(plot.explanation(few, under, position=position))
        return contents

    def _arrays(self, path: Path, found: jlrp.Explanation) -> dict[str, Any]:
        """What the .npz holds: numbers and strings, no objects."""
        parts = found.relevance if isinstance(found.relevance, tuple) else (found.relevance,)
        names = ["relevance"] if len(parts) == 1 else [f"relevance:{name}" for name in self.model.graph.inputs]
        return {
            **dict(zip(names, parts, strict=True)),
            "axes": np.array([",".join(axes) for axes in found.axes]),
            "class_index": found.target,
            "label": np.array([self.output.labels[int(index)] for index in found.target]),
            "output": found.output,
            "prediction": found.prediction,
            "note": np.array([in_options(note) for note in found.notes()]),
            "preset": self.preset,
            "start": self.start,
            "target": "predicted" if self.target is None else str(self.target),
            "input": shown(path),
            "model": shown(self.source),
        }


def _first(found: jlrp.Explanation) -> jlrp.Explanation:
    """The samples that are drawn."""
    count = min(MAX_TOLD, len(found.output))
    return jax.tree.map(lambda axis, array: np.take(array, np.arange(count), axis), batch_axes((), found), found)
