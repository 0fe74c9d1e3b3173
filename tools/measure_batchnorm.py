"""Measure which rule suits a BatchNorm that cannot be folded, for the tables of `docs/rules.md`.

    make batchnorm                                                # half an hour on one core
    KERAS_BACKEND=jax python -m tools.measure_batchnorm --table   # the tables of the last run

The script trains three kinds of network, each with three seeds, so that their BatchNorms have the
statistics of real data:

- `resnetv2`: BatchNorm between a residual sum and a ReLU, on handwritten digits;
- `conv_relu_bn`: BatchNorm between a ReLU and a padded convolution, on handwritten digits;
- `resnet1d`: the first in one dimension, on sequences of four letters. It decides whether there is
  a donor site in the middle.

Each candidate replaces a preset's rule for BatchNorm. Two figures judge it:

- *growth*: `Σ|R| / |logit|` of one image. It is large for a rule that explodes.
- *deletion*: the most relevant positions are replaced first, in 20 steps, by zero or by those of a
  blurred copy. The figure is the area under the curve of the target's probability, divided by the
  probability for the whole image. 0 is the best; a random order is worse.

Intervals hold 95 % of 2000 bootstrap samples. Each sample draws seeds first, then images of each
seed. A difference to another rule pairs the same images. For sequences the figure *peak* is the
distance in letters from the site to the largest `|R|`.
"""

import argparse
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import flax.struct
import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

import ir
import jlrp
from benchmarks.results import keep, kept
from jlrp.rules.base import LayerCall, Relevances

Array = np.ndarray

SEEDS = (0, 1, 2)
IMAGES, STEPS, SAMPLES = 150, 20, 2000
LENGTH, SITE = 161, 80
BASELINES = ("zero", "blur")
REFERENCES = ("Pass", "Epsilon(1e-6)")
BAR = r"\|"
"""A bar inside a table cell."""

BLUR = {2: 3.0, 1: 8.0}
"""The standard deviation of the blur in positions, for images and for sequences."""


@flax.struct.dataclass
class AbsoluteShare(jlrp.Rule):
    """`R_in = R·|g·x| / (|g·x| + |h|)`, and 0 where both are 0 (Hui and Binder, 2019)."""

    def relevance(self, call: LayerCall, relevance: jax.Array) -> Relevances:
        (x,), layer = call.inputs, call.affine
        size = jnp.abs(layer.weights * x)
        total = size if layer.bias is None else size + jnp.abs(layer.bias)
        return (relevance * jnp.where(total == 0, 0, size / jnp.where(total == 0, 1, total)),)


RULES: dict[str, jlrp.Rule] = {
    "Pass": jlrp.Pass(),
    "Epsilon(1e-6)": jlrp.Epsilon(),
    "Epsilon(0.1)": jlrp.Epsilon(0.1),
    "|z| share": AbsoluteShare(),
    "ZPlus": jlrp.ZPlus(),
    "Gamma(0.25)": jlrp.Gamma(0.25),
    "AlphaBeta(2, 1)": jlrp.AlphaBeta(2.0, 1.0),
}
"""The candidates.

`Epsilon(1e-6)` is the affine rule of LRP-ε; under the preset `zero` its ε is 0.
"""

PRESETS: dict[str, Callable[[], jlrp.Composite]] = {
    "zero": jlrp.PRESETS["zero"],
    "epsilon": jlrp.PRESETS["epsilon"],
    "epsilon_plus": jlrp.PRESETS["epsilon_plus"],
    "epsilon_plus_flat": jlrp.PRESETS["epsilon_plus_flat"],
    "epsilon_alpha2_beta1": jlrp.PRESETS["epsilon_alpha2_beta1"],
    "epsilon_gamma_box": lambda: jlrp.PRESETS["epsilon_gamma_box"](0.0, 1.0),
    "excitation_backprop": jlrp.PRESETS["excitation_backprop"],
}


def candidate(preset: str, rule: str) -> jlrp.Composite:
    """A preset with a candidate's rule for BatchNorm."""
    chosen = jlrp.Zero() if (preset, rule) == ("zero", "Epsilon(1e-6)") else RULES[rule]
    return PRESETS[preset]().with_rules((ir.BatchNorm, chosen))


# --- data
# -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """Inputs and labels to train with, and others to measure with."""

    train: tuple[Array, Array]
    test: tuple[Array, Array]


def digits(seed: int) -> Data:
    """Load scikit-learn's digits as 16×16 images within 0 … 1; a third is held out."""
    bunch = load_digits()
    images = np.kron(bunch.images / 16, np.ones((1, 2, 2))).astype(np.float32)[..., None]
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = images[order], bunch.target[order]
    return Data((images[600:], labels[600:]), (images[:600], labels[:600]))


DONOR = np.array(  # how often A, C, G, T stand at the positions −3 … +5 of a donor site, roughly as in man
    [
        (0.33, 0.37, 0.18, 0.12),
        (0.60, 0.13, 0.13, 0.14),
        (0.08, 0.04, 0.81, 0.07),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
        (0.49, 0.03, 0.45, 0.03),
        (0.71, 0.07, 0.12, 0.10),
        (0.06, 0.05, 0.84, 0.05),
        (0.15, 0.19, 0.20, 0.46),
    ]
)


def sequences(seed: int) -> Data:
    """Make sequences with a donor site in the middle (1), or only a GT there (0).

    Half of all sequences have a whole site elsewhere too, so only the middle decides.
    """
    rng = np.random.default_rng(seed)
    count = 5000
    letters = rng.integers(0, 4, (count, LENGTH))
    labels = rng.integers(0, 2, count)
    letters[:, SITE], letters[:, SITE + 1] = 2, 3
    for row, label in zip(letters, labels, strict=True):
        if label:
            _plant(row, SITE, rng)
        if rng.random() < 0.5:
            _plant(
                row, int(rng.choice([*range(20, SITE - 12), *range(SITE + 12, LENGTH - 20)])), rng
            )
    inputs = np.eye(4, dtype=np.float32)[letters]
    return Data((inputs[1000:], labels[1000:]), (inputs[:1000], labels[:1000]))


def _plant(row: Array, site: int, rng: np.random.Generator) -> None:
    for offset, chances in enumerate(DONOR, start=-3):
        row[site + offset] = rng.choice(4, p=chances)


# --- networks
# ---------------------------------------------------------------------------------------------------


def _norm(x: Any) -> Any:
    return layers.BatchNormalization(momentum=0.9)(x)


def _norm_relu(x: Any) -> Any:
    return layers.ReLU()(_norm(x))


def resnetv2() -> keras.Model:
    """Build a ResNet of pre-activation blocks: BatchNorm and ReLU stand before each convolution."""
    image = keras.Input((16, 16, 1))
    x = layers.Conv2D(16, 3, padding="same")(image)
    for width, stride in ((16, 1), (32, 2), (32, 1), (64, 2)):
        before = _norm_relu(x)
        branch = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(before)
        branch = layers.Conv2D(width, 3, padding="same")(_norm_relu(branch))
        shortcut = x if x.shape[-1] == width else layers.Conv2D(width, 1, strides=stride)(before)
        x = layers.Add()([shortcut, branch])
    x = layers.GlobalAveragePooling2D()(_norm_relu(x))
    return keras.Model(image, layers.Dense(10, activation="softmax")(x))


def conv_relu_bn() -> keras.Model:
    """Build convolutions, each followed by ReLU and BatchNorm; the next convolution is padded."""
    image = x = keras.Input((16, 16, 1))
    for width, pool in ((16, False), (16, True), (32, False), (32, True), (64, False)):
        x = _norm(layers.Conv2D(width, 3, padding="same", activation="relu")(x))
        x = layers.MaxPooling2D()(x) if pool else x
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(10, activation="softmax")(x))


def resnet1d() -> keras.Model:
    """Build pre-activation blocks over a sequence, as for splice sites, and classify its middle."""
    sequence = keras.Input((LENGTH, 4))
    x = layers.Conv1D(16, 1)(sequence)
    skip = layers.Conv1D(16, 1)(x)
    for window, dilation in ((9, 1), (9, 1), (9, 2), (9, 2)):
        branch = x
        for _ in range(2):
            branch = layers.Conv1D(16, window, dilation_rate=dilation, padding="same")(
                _norm_relu(branch)
            )
        x = layers.Add()([x, branch])
    x = layers.Add()([skip, layers.Conv1D(16, 1)(x)])
    x = layers.Cropping1D(SITE)(x)
    return keras.Model(sequence, layers.Dense(2, activation="softmax")(layers.Flatten()(x)))


@dataclass(frozen=True)
class Study:
    """A network, what it learns from, and for how long."""

    build: Callable[[], keras.Model]
    data: Callable[[int], Data]
    epochs: int


STUDIES = {
    "resnetv2": Study(resnetv2, digits, 12),
    "conv_relu_bn": Study(conv_relu_bn, digits, 12),
    "resnet1d": Study(resnet1d, sequences, 8),
}


def trained(name: str, seed: int, folder: Path) -> ir.Model:
    """Train the network with a seed and read it back with `ir.load`, unless the file exists."""
    study, path = STUDIES[name], folder / f"{name}_{seed}.keras"
    if not path.exists():
        keras.utils.set_random_seed(seed)
        model = study.build()
        inputs, labels = study.data(seed).train
        steps = study.epochs * (len(inputs) // 64)
        model.compile(
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
            loss="sparse_categorical_crossentropy",
        )
        model.fit(inputs, labels, batch_size=64, epochs=study.epochs, verbose=0)
        model.save(path)
    return ir.load(path)


# --- figures of one image
# ---------------------------------------------------------------------------------------


def blurred(inputs: Array) -> Array:
    """Blur each channel with a Gaussian along all positions; the edge repeats outside."""
    deviation = BLUR[inputs.ndim - 2]
    reach = int(3 * deviation)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    for axis in range(1, inputs.ndim - 1):
        pairs = [(reach, reach) if a == axis else (0, 0) for a in range(inputs.ndim)]
        padded = np.pad(inputs, pairs, mode="edge")
        inputs = np.apply_along_axis(
            lambda v: np.convolve(v, kernel / kernel.sum(), "valid"), axis, padded
        )
    return inputs.astype(np.float32)


def deletion(
    probabilities: Callable[[Array], Array], inputs: Array, baseline: Array, scores: Array
) -> Array:
    """The area under each image's deletion curve, divided by the probability at its start."""
    count, positions = scores.shape
    rank = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    curve = []
    for step in range(STEPS + 1):
        gone = (rank < round(step / STEPS * positions)).reshape(count, *inputs.shape[1:-1], 1)
        curve.append(probabilities(np.where(gone, baseline, inputs)))
    heights = np.stack(curve) / curve[0]
    return (heights[:-1] + heights[1:]).mean(axis=0) / 2


def measured(name: str, model: ir.Model, data: Data) -> Iterator[dict[str, Any]]:
    """The figures of every rightly classified image, for each preset and candidate."""
    inputs, labels = data.test
    right = np.flatnonzero(
        np.asarray(jlrp.forward(model.graph, model.params, inputs)).argmax(1) == labels
    )
    if name == "resnet1d":
        right = right[labels[right] == 1]
    images, targets = inputs[right[:IMAGES]], labels[right[:IMAGES]]
    rows = np.arange(len(images))
    bound = jax.device_put(model.params)

    def probabilities(x: Array) -> Array:
        return np.asarray(jlrp.forward(model.graph, bound, x), np.float64)[rows, targets]

    baselines = dict(zip(BASELINES, (np.zeros_like(images), blurred(images)), strict=True))
    shuffled = np.random.default_rng(0).random((len(images), images[0, ..., 0].size))
    chance = {kind: deletion(probabilities, images, b, shuffled) for kind, b in baselines.items()}
    yield {"preset": "", "rule": "random order", **chance}
    for preset in PRESETS:
        for rule in RULES:
            result = jlrp.explainer(model.graph, candidate(preset, rule))(
                model.params, images, target=targets
            )
            relevance = np.asarray(result.relevance, np.float64)
            logit = np.abs(np.asarray(result.output)[rows, targets])
            scores = relevance.sum(-1).reshape(len(images), -1)
            figures = {"growth": np.abs(relevance).reshape(len(images), -1).sum(1) / logit}
            figures |= {
                kind: deletion(probabilities, images, b, scores) for kind, b in baselines.items()
            }
            if name == "resnet1d":
                figures["peak"] = np.abs(scores).argmax(1) - SITE
            yield {"preset": preset, "rule": rule, **figures}


# --- all images and seeds
# ---------------------------------------------------------------------------------------


def interval(per_seed: list[Array], label: str) -> list[float]:
    """The mean, and its 2.5th and 97.5th percentile over bootstrap samples of seeds and images."""
    rng = np.random.default_rng(zlib.crc32(label.encode()))
    means = np.empty((len(per_seed), SAMPLES))
    for seed, values in enumerate(per_seed):
        means[seed] = values[rng.integers(0, len(values), (SAMPLES, len(values)))].mean(1)
    drawn = means[
        rng.integers(0, len(per_seed), (SAMPLES, len(per_seed))), np.arange(SAMPLES)[:, None]
    ].mean(1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return [
        round(float(v), 5) for v in (np.mean([values.mean() for values in per_seed]), low, high)
    ]


def summary(name: str, seeds: list[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Make one row per preset and candidate from the figures of each seed's images."""
    by_rule = {
        (same[0]["preset"], same[0]["rule"]): list(same) for same in zip(*seeds, strict=True)
    }
    for (preset, rule), same in by_rule.items():
        row: dict[str, Any] = {"network": name, "preset": preset, "rule": rule}
        for kind in BASELINES:
            row[kind] = interval([figures[kind] for figures in same], f"{name}{preset}{rule}{kind}")
            for other in REFERENCES if preset else ():
                pairs = zip(same, by_rule[preset, other], strict=True)
                row[f"{kind} less {other}"] = interval(
                    [a[kind] - b[kind] for a, b in pairs], f"{name}{preset}{kind}"
                )
        if preset:
            growth = np.concatenate([figures["growth"] for figures in same])
            row["growth"] = {
                "median": float(f"{np.median(growth):.4g}"),
                "most": float(f"{growth.max():.4g}"),
            }
        if "peak" in same[0]:
            peaks = np.concatenate([figures["peak"] for figures in same])
            row["peak"] = {
                "median distance": float(np.median(np.abs(peaks))),
                "within 10": round(float((np.abs(peaks) <= 10).mean()), 4),
            }
        yield row


def chosen(rows: list[dict[str, Any]], **wanted: str) -> list[dict[str, Any]]:
    """The rows with these entries."""
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def verdicts(rows: list[dict[str, Any]]) -> str:
    """Count how often each candidate is surely better or worse, as a table."""
    lines = [
        "| rule | better, worse than Pass | better, worse than Epsilon(1e-6) | deletion, mean | "
        "peak within 10 |",
        "| --- | --- | --- | --- | --- |",
    ]
    for rule in RULES:
        own = [row for row in chosen(rows, rule=rule) if row["preset"]]
        cells = []
        for other in REFERENCES:
            ends = [row[f"{kind} less {other}"] for row in own for kind in BASELINES]
            better, worse = sum(high < 0 for _, _, high in ends), sum(low > 0 for _, low, _ in ends)
            cells.append(f"{better}, {worse} of {len(ends)}" if rule != other else "")
        cells.append(f"{np.mean([row[kind][0] for row in own for kind in BASELINES]):.3f}")
        cells.append(f"{np.mean([row['peak']['within 10'] for row in own if 'peak' in row]):.0%}")
        lines.append(f"| {rule.replace('|', BAR)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def table(rows: list[dict[str, Any]], preset: str) -> str:
    """Make the Markdown table of one preset: growth (median, largest) and deletion."""
    lines = [
        f"| {preset} | " + " | ".join(f"{name}: growth | zero | blur" for name in STUDIES) + " |",
        "| --- |" + " --- |" * (3 * len(STUDIES)),
    ]
    for rule in RULES:
        cells = []
        for network in STUDIES:
            (row,) = chosen(rows, network=network, preset=preset, rule=rule)
            cells.append(f"{row['growth']['median']:.2g}, {row['growth']['most']:.2g}")
            cells += [
                f"{row[kind][0]:.3f} ({row[kind][1]:.3f}–{row[kind][2]:.3f})" for kind in BASELINES
            ]
        lines.append(f"| {rule.replace('|', BAR)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Train, measure, keep the figures, print the tables."""
    parser = argparse.ArgumentParser(
        description="Measure rules for a BatchNorm that cannot be folded."
    )
    parser.add_argument(
        "--models", type=Path, help="folder that keeps the trained networks (default: none)"
    )
    parser.add_argument(
        "--table", action="store_true", help="print the tables of the kept figures, measure nothing"
    )
    options = parser.parse_args()
    if not options.table:
        with tempfile.TemporaryDirectory() as scratch:
            folder: Path = options.models or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            measure(folder)
    document = kept("batchnorm")
    if document is None:
        parser.error("nothing is kept yet: run without --table first")
    print(
        "\n\n".join(
            [verdicts(document["rows"]), *(table(document["rows"], preset) for preset in PRESETS)]
        )
    )


def measure(folder: Path) -> None:
    """Train and measure all networks and write `benchmarks/results/batchnorm.json`."""
    rows, accuracies = [], {}
    for name, study in STUDIES.items():
        seeds = []
        for seed in SEEDS:
            model, data = trained(name, seed, folder), study.data(seed)
            predicted = np.asarray(jlrp.forward(model.graph, model.params, data.test[0])).argmax(1)
            accuracies[f"{name}, seed {seed}"] = float((predicted == data.test[1]).mean())
            print(
                f"{name}, seed {seed}: {accuracies[f'{name}, seed {seed}']:.3f} held out",
                flush=True,
            )
            seeds.append(list(measured(name, model, data)))
        rows += summary(name, seeds)
    keep("batchnorm", rows, accuracies=accuracies, images_per_seed=IMAGES, steps=STEPS)


if __name__ == "__main__":
    main()
