"""The networks of `keras.applications`, built by Keras with weights at random, and what is checked
of each."""

import importlib
import operator
import os
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

import ir
import jlrp
from tests.keras_models import drawn_by_numpy

os.environ.setdefault("KERAS_BACKEND", "jax")

QUICK = {"xla_backend_optimization_level": 0}
"""Compiler options for programs that run once: they compile in a fraction of the time."""

TOLERANCE = 1e-4
"""Of outputs in float32: rounding over up to 1,000 layers, in two different orders."""

ROUNDING = 1e-9
"""Of sums of relevance in float64."""

CLASSES = 10
SMALLEST = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
"""The smallest image that a network takes, where that is not 32 pixels."""

FAMILIES = {
    "VGG": ("VGG16", "VGG19"),
    "ResNet": ("ResNet50", "ResNet101", "ResNet152"),
    "ResNetV2": ("ResNet50V2", "ResNet101V2", "ResNet152V2"),
    "Inception": ("InceptionV3",),
    "InceptionResNet": ("InceptionResNetV2",),
    "Xception": ("Xception",),
    "MobileNet": ("MobileNet",),
    "MobileNetV2": ("MobileNetV2",),
    "MobileNetV3": ("MobileNetV3Small", "MobileNetV3Large"),
    "DenseNet": ("DenseNet121", "DenseNet169", "DenseNet201"),
    "NASNet": ("NASNetMobile", "NASNetLarge"),
    "EfficientNet": tuple(f"EfficientNetB{size}" for size in range(8)),
    "EfficientNetV2": tuple(
        f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")
    ),
    "ConvNeXt": tuple(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
}
"""Every builder that Keras ships, the smallest of each family first."""

SHORTER = {
    "DenseNet121": ("densenet.DenseNet", {"blocks": (2, 2, 2, 2)}),
    "NASNetMobile": (
        "nasnet.NASNet",
        {"penultimate_filters": 1056, "num_blocks": 1, "stem_block_filters": 32},
    ),
    "EfficientNetB0": (
        "efficientnet.EfficientNet",
        {"width_coefficient": 1.0, "depth_coefficient": 0.5, "default_size": 224},
    ),
    "EfficientNetV2B0": (
        "efficientnet_v2.EfficientNetV2",
        {
            "width_coefficient": 1.0,
            "depth_coefficient": 0.5,
            "default_size": 224,
            "name": "efficientnetv2-b0",
        },
    ),
    "ConvNeXtTiny": (
        "convnext.ConvNeXt",
        {"depths": (1, 1, 1, 1), "projection_dims": (96, 192, 384, 768)},
    ),
}
"""What builds a network with every kind of block once or twice in each stage, where Keras can."""

HALVING = "EfficientNet"
"""Networks whose gates and swishes each halve what they are given.

Without BatchNorms that know it, nothing is left.
"""

FORMATS = ("keras", "h5", "weights.h5")


def built(name: str, seed: int = 0, shorter: bool = False):
    """The Keras model with weights at random, or a shorter one (`SHORTER`).

    Kernels keep the variance of what they are given (He et al. 2015); gammas and variances are
    about 1, means and a layer scale small, so that activations neither die nor blow up.
    """
    import keras

    builder, options = SHORTER[name] if shorter else (name, {})
    build = operator.attrgetter(builder)(
        importlib.import_module("keras.src.applications") if shorter else keras.applications
    )
    size = SMALLEST.get(name, 32)
    with drawn_by_numpy():
        model = build(
            weights=None,
            input_shape=(size, size, 3),
            classes=CLASSES,
            classifier_activation=None,
            **options,
        )
    rng = np.random.default_rng(seed)
    for layer in _leaves(model):
        if layer.weights and type(layer).__name__ != "Normalization":
            layer.set_weights([_random(rng, weight) for weight in layer.weights])
    if name.startswith(HALVING):
        calibrate(model, images_for(model, count=32))
    return model


def calibrate(model, images) -> None:
    """Give every BatchNorm the mean and variance of its input for some images, as training does."""
    for layer in _leaves(model):
        layer.momentum = 0.0  # of a BatchNorm: what it sees next is all that it keeps
    trained, fixed = (
        [v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables)
    )
    call = jax.jit(
        lambda t, f, x: model.stateless_call(t, f, x, training=True)[1], compiler_options=QUICK
    )
    for variable, value in zip(
        model.non_trainable_variables, call(trained, fixed, images), strict=True
    ):
        variable.assign(value)


def _leaves(model):
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def _random(rng, weight):
    role, shape = weight.path.rsplit("/")[-1], weight.shape
    if role in ("kernel", "depthwise_kernel", "pointwise_kernel"):
        fan_in = np.prod(shape[:-2]) if "depthwise" in weight.path else np.prod(shape[:-1])
        return rng.normal(0, np.sqrt(2 / fan_in), shape)
    if role == "gamma":
        return (
            rng.uniform(0.2, 0.4, shape)
            if "layer_scale" in weight.path
            else rng.uniform(0.7, 1.3, shape)
        )
    if role == "moving_variance":
        return rng.uniform(0.7, 1.3, shape)
    return rng.normal(0, 0.1, shape)


def computed(model, images):
    """What Keras computes, compiled in a hurry."""
    trained, fixed = (
        [v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables)
    )
    call = jax.jit(
        lambda t, f, x: model.stateless_call(t, f, x, training=False)[0], compiler_options=QUICK
    )
    return np.asarray(call(trained, fixed, images))


def images_for(model, count=2, seed=1):
    """Noise of the range that a network takes.

    0 to 255 where it scales its images itself, else −1 to 1.
    """
    scales = any(type(layer).__name__ in ("Rescaling", "Normalization") for layer in model.layers)
    low, high = (0, 255) if scales else (-1, 1)
    return (
        np.random.default_rng(seed)
        .uniform(low, high, (count, *model.input_shape[1:]))
        .astype(np.float32)
    )


@dataclass(frozen=True)
class Report:
    """What was found of one network.

    error: of its outputs against Keras's in the worst format; seconds: to load it, in each format;
    relevance: what arrives at the pixels under `epsilon_plus`, as a part of what started, with the
    network's biases taken off; unexplained: what is missing of the start that neither pixels, nor
    empty sums, nor the stabiliser have, as a part of the relevance that moved.
    """

    name: str
    parameters: int
    ops: tuple[str, ...]
    error: float
    seconds: dict[str, float]
    relevance: float
    unexplained: float


def saved(model, folder: Path, name: str) -> dict[str, Path]:
    """The model in all formats of Keras 3."""
    paths = {form: folder / f"{name}.{form}" for form in FORMATS}
    model.save(paths["keras"])
    model.save(paths["h5"])
    model.save_weights(paths["weights.h5"])
    (folder / f"{name}.json").write_text(model.to_json())
    return paths


def loaded(path: Path, form: str) -> tuple[ir.Model, float]:
    """A saved model, and the seconds that loading took."""
    architecture = (
        path.with_name(path.name.removesuffix(form) + "json") if form == "weights.h5" else None
    )
    before = time.perf_counter()
    model = ir.load(path, architecture=architecture)
    return model, time.perf_counter() - before


def error(found, expected) -> float:
    """The largest difference, as a part of the largest value."""
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


def in_float64(params, biased: bool = True):
    """The weights in float64, or with every bias, shift and mean zero."""
    shifts = () if biased else ("bias", "beta", "moving_mean")
    return {
        layer: {
            role: np.asarray(a, np.float64) * (role not in shifts) for role, a in arrays.items()
        }
        for layer, arrays in params.items()
    }


def explained(model: ir.Model, images):
    """Relevance in float64, with the ledger: of the network as it is, and of it without biases."""
    explain = jlrp.explainer(model.graph, "epsilon_plus", ledger=True)
    call = jax.jit(lambda p, x: explain(p, x), compiler_options=QUICK)
    with jax.enable_x64(True):
        images = images.astype(np.float64)
        return [
            jax.device_get(call(in_float64(model.params, biased), images))
            for biased in (True, False)
        ]


def conservation(ledger: jlrp.Ledger) -> tuple[float, float]:
    """The relevance of the pixels as a part of the start, and what is unaccounted for (see
    `Report`)."""
    lost = (
        ledger.start
        - ledger.inputs
        - ledger.column("empty").sum(0)
        - ledger.column("stabiliser").sum(0)
    )
    moved = np.abs(ledger.column("received")).max(0)
    return float((ledger.inputs / ledger.start)[0]), float(np.abs(lost / moved).max())


def checked(name: str, folder: Path, quick: bool = False) -> Report:
    """Build a network, save and load it in all formats, and compare and explain it.

    A quick check explains a shorter network, where there is one (`SHORTER`): compiling takes a time
    in proportion to the layers.

    Raises `AssertionError` where an output is not Keras's, or relevance is not finite, zero, or not
    conserved.
    """
    theirs = built(name)
    images = images_for(theirs)
    expected = computed(theirs, images)
    paths, errors, seconds = saved(theirs, folder, name), {}, {}
    ours: ir.Model | None = None
    for form, path in paths.items():
        model, seconds[form] = loaded(path, form)
        if ours is None:
            ours = model
            call = jax.jit(
                lambda p, x, graph=model.graph: jlrp.forward(graph, p, x), compiler_options=QUICK
            )
        assert model.graph == ours.graph, f"{name}: {form} holds another graph"
        errors[form] = error(call(model.params, images), expected)
        path.unlink()
    assert ours is not None
    assert max(errors.values()) <= TOLERANCE, f"{name}: {errors}"
    short = ours
    if quick and name in SHORTER:
        built(name, shorter=True).save(paths["keras"])
        short, _ = loaded(paths["keras"], "keras")
        assert {type(node.op) for node in short.graph.nodes} == {
            type(node.op) for node in ours.graph.nodes
        }, f"{name}: the shorter network lacks a kind of layer"
    biased, unbiased = explained(short, images)
    for result in (biased, unbiased):
        assert np.isfinite(result.relevance).all(), f"{name}: relevance is not finite"
        assert np.abs(result.relevance).max() > 0, f"{name}: relevance is zero"
    arrived, unexplained = conservation(unbiased.ledger)
    assert unexplained <= ROUNDING, f"{name}: {unexplained} of the relevance is unaccounted for"
    ops = tuple(sorted({type(node.op).__name__ for node in ours.graph.nodes}))
    return Report(
        name, ours.parameter_count, ops, max(errors.values()), seconds, arrived, unexplained
    )
