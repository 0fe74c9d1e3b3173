"""How fast the compiled `explain` is, and how much memory it takes.

    python -m benchmarks.throughput [--network resnet50] [--batch 8] [--preset epsilon_plus]

It compares with the forward pass and with the least work. The networks are Keras's ResNet50 and
VGG16 at 224×224 with random weights in float32, under every preset of the field, with weights bound
or not.
"""

import argparse
import statistics
import time
from typing import Any

import jax
import numpy as np

import ir
import jlrp
from benchmarks.floor import forward_operations, operations, product_rate
from benchmarks.measure import interleaved, machine, peak_of, seconds
from benchmarks.networks import BLACK, NETWORKS, WHITE, caffe, file_of, photographs
from benchmarks.results import keep

PRESETS = (
    "epsilon",
    "epsilon_plus",
    "epsilon_plus_flat",
    "epsilon_alpha2_beta1",
    "epsilon_gamma_box",
)
BATCHES = (1, 8, 32)
ROUNDS = {1: 15, 8: 5, 32: 2}

CHILD = """
import jax
from benchmarks.networks import caffe, file_of, photographs
import ir, jlrp
from benchmarks.throughput import composite
model = ir.load(file_of({network!r}))
bound = jlrp.explainer(model.graph, composite({preset!r})).bind(model.params)
del model
images = caffe(photographs({batch}))
for _ in range(2):
    jax.block_until_ready(bound(images).relevance)
"""


def main() -> None:
    """Measure what the command line asks for, print it, keep it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--batch", type=int, action="append")
    parser.add_argument("--preset", choices=PRESETS, action="append")
    asked = parser.parse_args()
    print(f"Machine: {machine()}")
    rate = product_rate()
    print(f"A large product of matrices: {rate / 1e9:.0f} GFLOP/s\n")
    rows = []
    for network in asked.network or NETWORKS:
        for batch in asked.batch or BATCHES:
            rows += measured(network, batch, asked.preset or PRESETS, rate)
    print(f"\nKept in {keep('throughput', rows)}")


def composite(preset: str) -> jlrp.Composite:
    """A preset, with the bounds of the images if it needs bounds."""
    made = jlrp.PRESETS[preset]
    return made(BLACK, WHITE) if preset == "epsilon_gamma_box" else made()


def measured(network: str, batch: int, presets: Any, rate: float) -> list[dict[str, Any]]:
    """Measure one network at one batch size: a row per preset, and one for the forward pass."""
    before = time.perf_counter()
    model = ir.load(file_of(network))
    params = jax.block_until_ready(jax.device_put(model.params))
    load = time.perf_counter() - before
    images, shape = caffe(photographs(batch)), (224, 224, 3)
    calls = {"forward": lambda: jlrp.forward(model.graph, params, images)}
    facts = {}
    for preset in presets:
        calls |= explainers(model, params, preset, images, facts)
    taken = interleaved(calls, ROUNDS.get(batch, 3))
    own = statistics.median(taken["forward"]) / batch
    least = {"forward": sum(forward_operations(model.graph, model.params, shape).values())}
    least |= {
        preset: operations(model.graph, model.params, shape, composite(preset))
        for preset in presets
    }
    rows = []
    for name, times in taken.items():
        preset, _, kind = name.partition(", ")
        each = statistics.median(times) / batch
        row = {"network": network, "batch": batch, "preset": preset, "weights": kind or "as loaded"}
        row |= {"ms_per_image": 1e3 * each, "images_per_s": 1 / each, "of_forward": each / own}
        row |= {
            "of_floor": each * rate / least[preset],
            "product_rate": rate,
            "load_s": load,
            **facts.get(name, {}),
        }
        if kind == "bound":
            row["peak_bytes"] = peak_of(CHILD.format(network=network, preset=preset, batch=batch))
        rows.append(row)
        print(line(row), flush=True)
    return rows


def explainers(
    model: ir.Model, params: Any, preset: str, images: np.ndarray, facts: dict[str, Any]
) -> dict[str, Any]:
    """Calls of a preset with weights as loaded and bound, and the times to build and compile."""
    before = time.perf_counter()
    explain = jlrp.explainer(model.graph, composite(preset))
    build = time.perf_counter() - before
    found = {}
    for kind in ("as loaded", "bound"):
        before = time.perf_counter()
        bound = explain.bind(params) if kind == "bound" else None
        binding = time.perf_counter() - before
        call = (
            (lambda bound=bound: bound(images))
            if bound
            else (lambda explain=explain: explain(params, images))
        )
        jax.clear_caches()
        first, again = seconds(call), seconds(call)
        timing = {
            "build_s": build,
            "bind_s": binding,
            "first_s": first,
            "compile_s": max(first - again, 0.0),
        }
        facts[f"{preset}, {kind}"] = timing
        found[f"{preset}, {kind}"] = call
    return found


def line(row: dict[str, Any]) -> str:
    """A row as text."""
    memory = f", {row['peak_bytes'] / 2**30:.2f} GiB" if "peak_bytes" in row else ""
    compiling = f", compiled in {row['compile_s']:.1f} s" if "compile_s" in row else ""
    return (
        f"  {row['network']:<9} batch {row['batch']:<3} {row['preset'] + ', ' + row['weights']:<34}"
        f"{row['ms_per_image']:8.1f} ms an image, {row['of_forward']:5.2f} × forward, "
        f"{row['of_floor']:5.2f} × floor"
        f"{compiling}{memory}"
    )


if __name__ == "__main__":
    main()
