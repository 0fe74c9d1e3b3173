"""What all runs of `jlrp explain` share, and the run over files of arrays."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
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
from jlrp.cli.commands import Explain
from jlrp.cli.methods import Rules, start_of
from jlrp.cli.models import require_room
from jlrp.cli.program import InputError, complain, expected, in_options, running, sentence_of
from jlrp.datasets import Output, load_arrays
from jlrp.datasets.arrays import read_npz
from jlrp.datasets.files import write_together
from jlrp.datasets.results import npz_bytes
from jlrp.propagation.programs import batch_axes
from jlrp.text import printable_path

Record = dict[str, Any]
"""What `--json` says of a file: its path with classes, scores and files, or with an error."""

MAX_SAMPLES = 8
"""How many samples of a file of arrays are printed and drawn."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What all files of one run share; all of it has been checked.

    Attributes:
        given: The options.
        model: The model.
        rules: Those of each preset, that of the run and those of its report.
        explainers: Those of each preset.
        output: The output that is explained.
        target: The class, `None` for the predicted one.
        region: Where relevance starts, `None` for where the class is predicted.
        batch_size: How many images there are in a call.
        out: Where ordinary output goes.
    """

    given: Explain
    model: ir.Model
    rules: Mapping[str, Rules]
    explainers: Mapping[str, Any]
    output: Output
    target: int | None
    region: Any
    batch_size: int
    out: Console

    @property
    def explain(self) -> Any:
        """The explainer of the run's own preset."""
        return self.explainers[self.given.preset]

    @property
    def start(self) -> str:
        """What relevance starts as."""
        return start_of(self.given, self.rules[self.given.preset])

    def files(self, name: str) -> dict[str, Path]:
        """List what may be written for a file of this output name."""
        raise NotImplementedError

    def is_done(self, name: str) -> bool:
        """Return whether an earlier run has explained the file of this output name.

        Raises:
            InputError: That run had other options.
        """
        files = self.files(name)
        certain = [file for kind, file in files.items() if not kind.startswith("picture")]
        if not self.given.skip_existing or not all(map(os.path.exists, certain)):
            return False
        found = read_npz(files["relevance"]) if "relevance" in files else self.facts()
        for fact, value in self.facts().items():
            if str(found.get(fact)) != value:
                where = printable_path(files["relevance"])
                raise InputError(
                    f"{where} is there with {fact} {str(found.get(fact))[:80]}, and {value} is "
                    "given: give another place, or --force to replace it."
                )
        return True

    def confirm(self, record: Record) -> Record:
        """Return a record, or that of a failure if what was written is gone by now."""
        gone = [file for file in record.get("files", {}).values() if not os.path.lexists(file)]
        if not gone:
            return record
        where, file = printable_path(record["path"]), printable_path(gone[0])
        return self.refuse(
            Path(record["path"]),
            InputError(f"{where} is not explained: {file} was written, and is gone."),
        )

    def fill(self, images: NDArray[Any]) -> NDArray[Any]:
        """Fill a batch up with its last image, so that one program serves all batches."""
        missing = max(0, self.batch_size - len(images))
        return np.concatenate([images, np.repeat(images[-1:], missing, 0)])

    def call(self, bound: Any, images: Any, **options: Any) -> jlrp.Explanation:
        """Explain a batch, and take the result off the device."""
        region = {} if self.region is None else {"region": self.region}
        return jax.device_get(bound(images, target=self.target, **region, **options))

    def refuse(self, path: Path, error: Exception) -> Record:
        """Say why a file is left out; return its record."""
        sentence = sentence_of(error)
        complain(f"Error: {sentence}")
        return {"path": str(path), "error": sentence}

    def facts(self, **more: str) -> dict[str, str]:
        """Return what every `.npz` says of the run."""
        return {
            "preset": self.given.preset,
            "start": self.start,
            "target": "predicted" if self.target is None else str(self.target),
            **more,
            "model": printable_path(self.given.model),
        }


@dataclass(frozen=True, kw_only=True)
class ArrayRun(Run):
    """A run over files of arrays, with a record for each file."""

    def run(self, names: Mapping[Path, str]) -> list[Record]:
        """Explain and write files, by their output names; return a record for each, in order."""
        bound = self.explain.bind(self.model.params)
        records = [self._record(bound, path, name) for path, name in names.items()]
        return list(map(self.confirm, records))

    def files(self, name: str) -> dict[str, Path]:
        """List what may be written for a file of this output name."""
        inputs = self.model.graph.inputs if self.given.pictures else ()
        pictures = {"picture": ".relevance.png"}
        if len(inputs) != 1:
            pictures = {
                f"picture:{each}": f".{position}.relevance.png"
                for position, each in enumerate(inputs)
            }
        suffixes = {"relevance": ".npz", **pictures}
        return {kind: self.given.output / f"{name}{suffix}" for kind, suffix in suffixes.items()}

    def _record(self, bound: Any, path: Path, name: str) -> Record:
        try:
            arrays = load_arrays(self.model, path)
            with running(self.given.model):
                shapes = [array.shape for array in arrays]
                require_room(self.model, shapes, self.batch_size, "arrays of fewer numbers")
                filled = tuple(map(self.fill, arrays))
                images = filled[0] if len(filled) == 1 else filled
                found = rows_of(
                    self.call(bound, images, batch_size=self.batch_size), range(len(arrays[0]))
                )
            require_finite(path, found)
            contents = self._contents(path, name, found, arrays)
            write_together(contents)
        except expected() as error:
            return self.refuse(path, error)
        files = {kind: str(file) for kind, file in self.files(name).items() if file in contents}
        record = {"path": str(path), **self._document(found), "files": files}
        self._tell(path, record)
        return record

    def _document(self, found: jlrp.Explanation) -> Record:
        classes = [int(index) for index in found.target]
        record: Record = {
            "classes": classes,
            "labels": [self.output.labels[index] or None for index in classes],
            "notes": [in_options(note) or None for note in found.notes()],
        }
        if not self.output.positions:
            scores = self.output.scores(found)
            record["probabilities"] = [
                scores.probability(row, index) for row, index in enumerate(classes)
            ]
            record["logits"] = [
                float(scores.values[row, index]) for row, index in enumerate(classes)
            ]
        return record

    def _tell(self, path: Path, record: Record) -> None:
        for row, index in enumerate(record["classes"][:MAX_SAMPLES]):
            if self.output.positions:
                line = self.output.title(index)
            else:
                line = self.output.verdict(
                    index, record["probabilities"][row], record["logits"][row]
                )
            note = record["notes"][row]
            self.out.print(f"{printable_path(path)}[{row}]: {line}{f': {note}' if note else ''}")
        more = len(record["classes"]) - MAX_SAMPLES
        if more > 0:
            self.out.print(f"{printable_path(path)}: and {more} more")

    def _contents(
        self, path: Path, name: str, found: jlrp.Explanation, arrays: Sequence[NDArray[Any]]
    ) -> dict[Path, bytes]:
        parts = found.relevance if isinstance(found.relevance, tuple) else (found.relevance,)
        names = (
            ["relevance"]
            if len(parts) == 1
            else [f"relevance:{each}" for each in self.model.graph.inputs]
        )
        files = self.files(name)
        relevance = {
            files.pop("relevance"): npz_bytes(
                {
                    **dict(zip(names, parts, strict=True)),
                    "axes": np.array([",".join(axes) for axes in found.axes]),
                    "class_index": found.target,
                    "label": np.array([self.output.labels[int(index)] for index in found.target]),
                    "output": found.output,
                    "prediction": found.prediction,
                    "note": np.array([in_options(note) for note in found.notes()]),
                    **self.facts(input=printable_path(path)),
                }
            )
        }
        contents: dict[Path, bytes] = {}
        few = rows_of(found, range(min(MAX_SAMPLES, len(found.output))))
        for position, file in enumerate(files.values()):
            with suppress(ValueError):  # no picture of such an input
                under: Any = (
                    None
                    if "row" in few.axes[position]
                    else [array[:MAX_SAMPLES] for array in arrays]
                )
                under = under[0] if under is not None and len(arrays) == 1 else under
                contents[file] = plot.png(plot.explanation(few, under, position=position))
        return contents | relevance  # written last: what has it is done


def rows_of(found: jlrp.Explanation, rows: Sequence[int]) -> jlrp.Explanation:
    """Take some images out of the explanation of a batch."""
    taken = np.asarray(rows, int)
    axes = batch_axes(found.leading, found)
    return jax.tree.map(lambda axis, array: np.take(array, taken, axis), axes, found)


def require_finite(path: Path, found: jlrp.Explanation, *maps: NDArray[Any]) -> None:
    """Raise `InputError` if an output or relevance is not a number."""
    arrays = jax.tree.leaves((found.output, found.prediction, found.relevance, maps))
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError(f"{printable_path(path)}: its output or relevance is not finite.")
