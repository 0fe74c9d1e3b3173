"""Images per second: the original algorithm in NumPy loops against the compiled `explain`.

    python -m benchmarks.compare_original

Both run the same networks in one run, with relevance that starts at 1. The answer of
`crawford2019_original` is checked first. `crawford2019` is the same algorithm without its mistakes.
There are no loops for it, so it is set beside the same ones.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

import ir
import jlrp
from benchmarks import original_loops
from benchmarks.measure import machine, median_seconds, seconds
from benchmarks.networks import caffe, file_of, photographs
from benchmarks.results import keep

PRESET, MENDED = "crawford2019_original", "crawford2019"
TOLERANCE = 1e-3
"""Of the largest relevance.

Both sides compute in float32, and without ε quotients near 0/0 differ.
"""


@dataclass(frozen=True)
class Compiled:
    """The times of the compiled side: to read and resolve, to compile, and per batch."""

    build: float
    compile: float
    steady: float
    batch: int

    @property
    def rate(self) -> float:
        return self.batch / self.steady


def main() -> None:
    """Print the comparison."""
    print(f"Machine: {machine()}")
    print("Relevance starts at 1, float32\n")
    rows = digits()
    print()
    rows += resnet50()
    print(f"\nKept in {keep('original', rows)}")


def digits() -> list[dict[str, Any]]:
    """Compare on the shipped digits network: the loops run whole images."""
    path = Path(jlrp.__file__).parent / "data" / "digits_resnet.h5"
    model = ir.load(path)
    images = np.random.default_rng(0).random((8, *model.input_shapes[0][1:]), np.float32)
    print(f"Digits ResNet, {shape_of(model)}")
    layers = original_loops.from_model(model)
    difference = largest_difference(model, layers, images[:2])
    whole = original_loops.time_whole(layers, images[0])
    report_loops(1 / whole, f"{whole:.2f} s per image, measured on a whole image")
    return report_compiled("digits", path, images, 1 / whole, difference)


def resnet50() -> list[dict[str, Any]]:
    """Compare on Keras's ResNet50.

    A whole image takes the loops minutes, so their time is summed over layers.
    """
    path = file_of("resnet50")
    model = ir.load(path)
    images = caffe(photographs(8))
    print(f"ResNet50 (keras.applications, random weights), {shape_of(model)}")
    layers = original_loops.from_model(model)
    difference = largest_difference(model, layers, images[:1, :32, :32])
    times = original_loops.time_per_layer(layers, images[0], positions=1000)
    total = sum(t.seconds for t in times)
    run = sum(t.seconds for t in times if t.measured)
    scaled = [t for t in times if not t.measured]
    share = sum(t.timed for t in scaled) / sum(t.positions for t in scaled)
    report_loops(
        1 / total,
        f"{total:.0f} s per image, SUMMED over {len(times)} layers: {len(scaled)} convolutions "
        "measured on 1000 "
        f"output positions each ({share:.2%} of all) and scaled up, the other {run:.2f} s measured "
        "whole",
    )
    return report_compiled("resnet50", path, images, 1 / total, difference)


def largest_difference(
    model: ir.Model, layers: list[original_loops.Layer], images: np.ndarray
) -> float:
    """The largest difference, relative to the largest relevance; an error above `TOLERANCE`."""
    ours = np.asarray(
        jlrp.explainer(model.graph, PRESET, start="one")(model.params, images).relevance
    )
    loops = np.stack([original_loops.explain(layers, image)[layers[0].name] for image in images])
    difference = float(np.abs(ours - loops).max() / np.abs(loops).max())
    if not difference <= TOLERANCE:
        raise SystemExit(
            f"The two sides disagree by {difference:.1e} of the largest relevance: nothing is "
            "timed."
        )
    return difference


def report_loops(rate: float, how: str) -> None:
    print(f"  original loops            {rate:12.4f} images/s   {how}")


def report_compiled(
    network: str, path: Path, images: np.ndarray, loops: float, difference: float
) -> list[dict[str, Any]]:
    rows = []
    for preset in (PRESET, MENDED):
        for batch in (1, len(images)):
            result = compiled(path, images[:batch], preset)
            took = f"compile {result.compile:.2f} s, then {result.steady * 1e3:.1f} ms a batch"
            print(
                f"  {preset}, batch {batch:<2}  {result.rate:12.4f} images/s   "
                f"{result.rate / loops:,.0f} times the loops (build {result.build:.2f} s, {took})"
            )
            row = {
                "network": network,
                "preset": preset,
                "batch": batch,
                "loops_images_per_s": loops,
            }
            rows.append(
                row
                | {
                    "images_per_s": result.rate,
                    "ratio": result.rate / loops,
                    "difference": difference,
                }
            )
    print(
        f"  checked first: under {PRESET} the two sides differ by {difference:.0e} of the largest "
        "relevance"
    )
    return rows


def compiled(path: Path, images: np.ndarray, preset: str) -> Compiled:
    """Build, compile and run, each timed; the weights are bound."""
    before = time.perf_counter()
    model = ir.load(path)
    explain = jlrp.explainer(model.graph, preset, start="one").bind(model.params)
    jax.block_until_ready(explain.weights)
    build = time.perf_counter() - before
    jax.clear_caches()
    first = seconds(lambda: explain(images))
    steady = median_seconds(lambda: explain(images))
    return Compiled(build, max(first - steady, 0.0), steady, len(images))


def shape_of(model: ir.Model) -> str:
    return f"input {model.input_shapes[0][1:]}, {model.parameter_count:,} weights"


if __name__ == "__main__":
    main()
