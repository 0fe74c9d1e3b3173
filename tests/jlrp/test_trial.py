"""What each layer's rule can keep.

Found by trial, and never less than what the ledger of an image shows.
"""

import flax.struct
import numpy as np
import pytest

import ir
import jlrp
from jlrp.propagation.trial import KEEPERS, keepers

WITH_BIAS = {
    "kernel": np.array([[1.0, -1.0], [2.0, 1.0]], np.float32),
    "bias": np.array([1.0, -1.0], np.float32),
}
ZERO_BIAS = {**WITH_BIAS, "bias": np.zeros(2, np.float32)}
NO_BIAS = {"kernel": WITH_BIAS["kernel"]}


@flax.struct.dataclass
class Wasteful(jlrp.Rule):
    """Half of the relevance, in equal parts; no quotients."""

    def relevance(self, call, relevance):
        return tuple(0.5 * relevance / len(call.inputs) for _ in call.inputs)


def of_dense(rule, weights):
    graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    return keepers(ir.Model(graph, {"fc": weights}, ((None, 2),)), jlrp.Composite([(ir.Op, rule)]))[
        "fc"
    ]


def of_image(op, rule, channels_first=False):
    nodes = [ir.Node("layer", op, ("x",)), ir.Node("end", ir.GlobalAvgPool(), ("layer",))]
    shape = (None, 3, 5, 5) if channels_first else (None, 5, 5, 3)
    rules = jlrp.Composite([("layer", rule), (ir.Op, jlrp.Norm())])
    return keepers(ir.Model(ir.Graph(nodes, ["x"], ["end"]), {}, (shape,)), rules)["layer"]


@pytest.mark.parametrize(
    ("rule", "weights", "kept"),
    [
        (jlrp.Epsilon(), WITH_BIAS, "bias, stabiliser"),
        (jlrp.Epsilon(), ZERO_BIAS, "stabiliser, empty"),
        (jlrp.Epsilon(), NO_BIAS, "stabiliser, empty"),
        (jlrp.Epsilon(0.0), WITH_BIAS, "bias"),
        (jlrp.Zero(), NO_BIAS, "empty"),
        (jlrp.WithoutBias(jlrp.Zero()), WITH_BIAS, "empty"),
        (jlrp.Flat(), WITH_BIAS, "stabiliser"),
        (jlrp.WSquare(), WITH_BIAS, "stabiliser"),
        (jlrp.WSquare(bias="squared"), WITH_BIAS, "bias, stabiliser"),
        (jlrp.ZPlus(), WITH_BIAS, "bias, stabiliser, empty"),
        (jlrp.AlphaBeta(2.0, 1.0, 0.0), NO_BIAS, "empty"),
        (jlrp.AlphaBeta(2.0, 0.5, 0.0), NO_BIAS, "empty, rule"),
        (jlrp.HalfHalf(), WITH_BIAS, "bias, empty, rule"),
    ],
)
def test_dense_layers(rule, weights, kept):
    assert of_dense(rule, weights) == kept


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(
    ("op", "rule", "kept"),
    [
        (ir.Relu, jlrp.Pass(), ""),
        (ir.ZeroPad, jlrp.Transpose(), "cropped"),
        (ir.MaxPool, jlrp.WinnerTakesAll(), ""),
        (ir.AvgPool, jlrp.Norm(0.0), "empty"),
        (ir.AvgPool, jlrp.Norm(), "stabiliser, empty"),
        (ir.AvgPool, jlrp.UniformPooling(), "cropped"),
        (ir.Relu, Wasteful(), "rule"),
    ],
)
def test_layers_without_weights(op, rule, kept, first):
    layout = "channels_first" if first else "channels_last"
    options = {
        ir.Relu: {},
        ir.ZeroPad: {"data_format": layout},
        ir.MaxPool: {
            "pool_size": (2, 2),
            "strides": (2, 2),
            "padding": "same",
            "data_format": layout,
        },
        ir.AvgPool: {
            "pool_size": (2, 2),
            "strides": (2, 2),
            "padding": "same",
            "data_format": layout,
        },
    }
    assert of_image(op(**options[op]), rule, first) == kept


def test_branches_that_are_not_followed_count_as_kept_by_the_rule():
    nodes = [ir.Node("a", ir.Relu(), ("x",)), ir.Node("b", ir.Add(), ("a", "x"))]
    model = ir.Model(ir.Graph(nodes, ["x"], ["b"]), {}, ((None, 4),))
    rules = jlrp.Composite(
        [(ir.Relu, jlrp.Pass()), (ir.Add, jlrp.AbsSplit())],
        followed=lambda g: frozenset({("a", 0)}),
    )
    assert keepers(model, rules) == {"a": "", "b": "rule"}


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["epsilon_plus", "epsilon_gamma_box", "crawford2019_original"])
def test_what_the_ledger_of_noise_shows_is_among_what_can_be_kept(data, preset, rng):
    model = ir.load(
        data / "keras/keras2.2.4_theano_channels_first/mini_resnet_theano_channels_first.full.h5"
    )
    rules = jlrp.PRESETS[preset](*(-4.0, 4.0) if "box" in preset else ())
    images = rng.normal(size=(4, *model.input_shapes[0][1:]))
    found = keepers(model, rules)
    ledger = jlrp.explainer(model.graph, rules, ledger=True)(model.params, images).ledger
    entries = np.asarray(ledger.entries)
    for layer, row in zip(ledger.layers, entries, strict=True):
        for who, amount in zip(KEEPERS, row[2:], strict=True):
            if np.abs(amount).max() > 1e-4 * np.abs(entries).max():
                assert who in found[layer].split(", "), (layer, who)
