"""How the cost of `explain` grows with batch, image size, classes and distinct rules.

    python -m benchmarks.scaling

The network is Keras's ResNet50 with random weights in float32, under EpsilonPlus, bound.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import ir
import jlrp
from benchmarks.measure import machine, peak_of, seconds
from benchmarks.networks import caffe, file_of, photographs
from benchmarks.results import keep

BATCHES = (1, 2, 4, 8, 16, 32)
SIZES = (112, 160, 224, 320, 448)
CLASSES = (1, 2, 4, 8, 16)
RULES = (1, 4, 16, 53)
ROUNDS = 3

CHILD = """
import jax
from benchmarks.networks import caffe, file_of, photographs
import ir, jlrp
model = ir.load(file_of("resnet50"))
bound = jlrp.explainer(model.graph, "epsilon_plus").bind(model.params)
images = caffe(photographs({batch}, {size}))
jax.block_until_ready(bound(images{options}).relevance)
"""


def main() -> None:
    """Measure, print, keep."""
    print(f"Machine: {machine()}\nResNet50, EpsilonPlus, weights bound\n")
    model = ir.load(file_of("resnet50"))
    rows = [row for part in (batches, sizes, classes, rules) for row in part(model)]
    print(f"\nKept in {keep('scaling', rows)}")


def batches(model: ir.Model) -> list[dict[str, Any]]:
    """Seconds and memory for batches of 224×224 images, whole and eight at a time."""
    bound = jlrp.explainer(model.graph, "epsilon_plus").bind(model.params)
    rows = []
    for batch in BATCHES:
        images = caffe(photographs(batch))
        peak = peak_of(CHILD.format(batch=batch, size=224, options=""))
        rows.append(
            row("batch", batch, batch, lambda images=images: bound(images), peak_bytes=peak)
        )
    images, peak = (
        caffe(photographs(32)),
        peak_of(CHILD.format(batch=32, size=224, options=", batch_size=8")),
    )
    rows.append(row("batch_size=8", 32, 32, lambda: bound(images, batch_size=8), peak_bytes=peak))
    return rows


def sizes(model: ir.Model) -> list[dict[str, Any]]:
    """Seconds and memory for two images of several sizes.

    The network ends in a mean over all positions, so it takes any size.
    """
    bound = jlrp.explainer(model.graph, "epsilon_plus").bind(model.params)
    rows = []
    for size in SIZES:
        images = caffe(photographs(2, size))
        peak = peak_of(CHILD.format(batch=2, size=size, options=""))
        pixels = 2 * (size / 224) ** 2
        rows.append(row("size", size, pixels, lambda images=images: bound(images), peak_bytes=peak))
    return rows


def classes(model: ir.Model) -> list[dict[str, Any]]:
    """Seconds for several classes of two images with one forward pass."""
    bound = jlrp.explainer(model.graph, "epsilon_plus").bind(model.params)
    images = caffe(photographs(2))
    return [
        row("classes", n, 2 * n, lambda n=n: bound.per_class(images, range(n))) for n in CLASSES
    ]


def rules(model: ir.Model) -> list[dict[str, Any]]:
    """Seconds to compile and run if convolutions have several rules of one kind."""
    images, rows = caffe(photographs(2)), []
    names = [node.name for node in model.graph.nodes if isinstance(node.op, ir.Conv)]
    for count in RULES:
        own = [(name, jlrp.ZPlus(1e-6 * (1 + i % count))) for i, name in enumerate(names)]
        explain = jlrp.explainer(model.graph, jlrp.PRESETS["epsilon_plus"]().with_rules(*own))
        bound = explain.bind(model.params)
        rows.append(row("rules", count, 2, lambda bound=bound: bound(images)))
    return rows


def row(
    what: str, value: int, units: float, call: Callable[[], Any], **facts: Any
) -> dict[str, Any]:
    """Make and print a row.

    Args:
        what: What grows.
        value: How large it is.
        units: What the seconds are divided by: 224×224 images times classes.
        call: The call to measure.
        facts: Further entries of the row.
    """
    jax.clear_caches()
    before = time.perf_counter()
    jax.block_until_ready(call())
    first = time.perf_counter() - before
    took = statistics.median(seconds(call) for _ in range(ROUNDS))
    found = {"what": what, "value": value, "seconds": took, "ms_per_unit": 1e3 * took / units}
    found |= {"compile_s": max(first - took, 0.0), **facts}
    memory = f", {facts['peak_bytes'] / 2**30:.2f} GiB" if "peak_bytes" in facts else ""
    print(
        f"  {what:<13} {value:>4}: {took:7.3f} s, {found['ms_per_unit']:6.1f} ms a unit{memory}",
        flush=True,
    )
    return found


def slope(values: list[float], taken: list[float]) -> float:
    """The exponent `p` of `taken ≈ c·valuesᵖ`, by least squares of logarithms; 1 is linear."""
    return float(np.polyfit(np.log(values), np.log(taken), 1)[0])


if __name__ == "__main__":
    main()
