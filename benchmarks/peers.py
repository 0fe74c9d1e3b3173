"""jlrp against zennit, captum and a minimal PyTorch version, in turns within one run.

    python -m benchmarks.peers [--batch 8] [--network resnet50]

It needs the extra `peers`. All have the same weights and images. The maps are compared first.
Ratios are ratios of medians. BatchNorm is folded beforehand for all. PyTorch has its faster memory
format, channels last.
"""

import argparse
import statistics
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import torch

import ir
import jlrp
from benchmarks import torch_peers
from benchmarks.measure import interleaved, machine, peak_of
from benchmarks.networks import BLACK, NETWORKS, WHITE, caffe, file_of, photographs
from benchmarks.results import keep
from benchmarks.throughput import CHILD, PRESETS, composite

ROUNDS = {1: 15, 8: 7}
TOLERANCE = 0.02
"""Of an image's largest relevance. In float32 quotients near 0/0 differ, most of all under ε."""

PEER_CHILD = """
from benchmarks.peers import folded, torch_call
from benchmarks.networks import caffe, photographs
graph, params = folded({network!r})
call = torch_call({peer!r}, {preset!r}, graph, params, caffe(photographs({batch})))
for _ in range(2):
    call()
"""

PEERS = {
    "zennit": PRESETS,
    "captum ε": ("epsilon",),
    "captum z⁺": ("epsilon_plus",),
    "minimal": ("epsilon_plus",),
}
"""Our presets that each peer has. captum's z⁺ is another rule: it does not clamp the bias and drops
`x⁻`."""

NOT_COMPARED = {"captum z⁺"}


def main() -> None:
    """Measure, print, keep."""
    warnings.filterwarnings("ignore")  # captum says at every call that it wants gradients
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--batch", type=int, action="append")
    asked = parser.parse_args()
    print(f"Machine: {machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    rows = []
    for network in asked.network or ["resnet50"]:
        for batch in asked.batch or ROUNDS:
            rows += compared(network, batch)
    versions = {name: _version(name) for name in ("torch", "zennit", "captum")}
    print(f"\nKept in {keep('peers', rows, versions=versions)}")


def folded(network: str) -> tuple[ir.Graph, ir.Params]:
    """A network as the rules see it, with the weights that it needs."""
    model = ir.load(file_of(network))
    rewritten = jlrp.PRESETS["epsilon"]().rewrite(model.graph)
    params = rewritten.params(model.params)
    used = {node.params for node in rewritten.graph.nodes if node.params}
    return rewritten.graph, {name: jax.tree.map(np.asarray, params[name]) for name in used}


def torch_call(
    peer: str, preset: str, graph: ir.Graph, params: ir.Params, images: np.ndarray
) -> Callable[[], Any]:
    """A peer's explanation of the images."""
    shape = images.shape[1:]
    x = torch_peers.as_images(images)
    if peer == "zennit":
        made = torch_peers.zennit_explain(
            graph, params, shape, torch_peers.zennit_composite(preset, BLACK, WHITE)
        )
    elif peer == "minimal":
        made = torch_peers.minimal_explain(graph, params, shape)
    elif peer == "forward":
        made = torch_peers.forward(graph, params, shape)
    else:
        rule = {"captum ε": "EpsilonRule", "captum z⁺": "Alpha1_Beta0_Rule"}[peer]
        made = torch_peers.captum_explain(graph, params, shape, rule)
    return partial(made, x)


def compared(network: str, batch: int) -> list[dict[str, Any]]:
    """Measure one network at one batch size: a row for each peer and preset.

    Each pair runs by itself, so nothing else is in the cache.
    """
    graph, params = folded(network)
    model = ir.load(file_of(network))
    images = caffe(photographs(batch))
    rows: list[dict[str, Any]] = []
    own = paired(forward(model, images), torch_call("forward", "", graph, params, images), batch)
    print(
        f"\n{network}, batch {batch}: forward {own[0]:.1f} ms an image in XLA, {own[1]:.1f} in "
        "PyTorch"
    )
    memory: dict[str, int] = {}
    for peer, preset in ((peer, preset) for peer, presets in PEERS.items() for preset in presets):
        bound = jlrp.explainer(model.graph, composite(preset)).bind(model.params)
        ours, theirs = (
            (lambda bound=bound: bound(images).relevance),
            torch_call(peer, preset, graph, params, images),
        )
        row = {"network": network, "batch": batch, "peer": peer, "preset": preset}
        row["difference"] = (
            None if peer in NOT_COMPARED else difference(peer, preset, ours(), theirs())
        )
        row["ours_ms"], row["theirs_ms"] = paired(ours, theirs, batch)
        row["ratio"] = row["theirs_ms"] / row["ours_ms"]
        del ours, theirs, bound
        for side, name, code in (("ours_bytes", "ours", CHILD), ("theirs_bytes", peer, PEER_CHILD)):
            key = f"{name}, {preset}"
            filled = code.format(network=network, peer=peer, preset=preset, batch=batch)
            memory[key] = memory.get(key) or peak_of(filled)
            row[side] = memory[key]
        rows.append(row)
        print(line(row), flush=True)
    return rows


def forward(model: ir.Model, images: np.ndarray) -> Callable[[], Any]:
    """Our forward pass."""
    placed = jax.device_put(model.params)
    return lambda: jlrp.forward(model.graph, placed, images)


def paired(ours: Callable[[], Any], theirs: Callable[[], Any], batch: int) -> tuple[float, float]:
    """Median milliseconds per image of two calls in turns."""
    taken = interleaved({"ours": ours, "theirs": theirs}, ROUNDS.get(batch, 3))
    return tuple(1e3 * statistics.median(times) / batch for times in taken.values())  # type: ignore[return-value]


def difference(peer: str, preset: str, ours: Any, theirs: torch.Tensor) -> float:
    """The largest difference of the maps, relative to an image's largest relevance.

    If it is too large, it ends the run.
    """
    a, b = np.asarray(ours), torch_peers.as_array(theirs)
    found = float((np.abs(a - b).max((1, 2, 3)) / np.abs(b).max((1, 2, 3))).max())
    if not found <= TOLERANCE:
        raise SystemExit(
            f"{peer} and ours disagree under {preset} by {found:.1e} of the largest: nothing is "
            "timed."
        )
    return found


def line(row: dict[str, Any]) -> str:
    """A row as text."""
    agree = "another rule" if row["difference"] is None else f"maps within {row['difference']:.0e}"
    return (
        f"  {row['peer']:<10} {row['preset']:<22} {row['theirs_ms']:7.1f} ms, ours "
        f"{row['ours_ms']:6.1f}: "
        f"{row['ratio']:5.2f} times as fast, {row['ours_bytes'] / row['theirs_bytes']:.2f} of the "
        "memory "
        f"({row['ours_bytes'] / 2**30:.2f} of {row['theirs_bytes'] / 2**30:.2f} GiB), {agree}"
    )


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


if __name__ == "__main__":
    main()
