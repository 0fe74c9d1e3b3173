"""Bounds of the image, carried forward through what a model does to it before its first
convolution."""

import numpy as np
import pytest

import ir
import jlrp

pytestmark = pytest.mark.usefixtures("x64")


def conv_after(before, params, rng, channels=3, **attributes):
    """A graph of ops in a row, then a convolution; (graph, params)."""
    nodes, last = [], "image"
    for index, op in enumerate(before):
        name = f"{type(op).__name__}{index}"
        nodes.append(ir.Node(name, op, (last,), name if name in params else None))
        last = name
    nodes.append(ir.Node("conv", ir.Conv((2, 2), "same", **attributes), (last,), "conv"))
    weights = {"kernel": rng.normal(size=(3, 3, channels, 4)), "bias": rng.normal(size=4)}
    return ir.Graph(nodes, ["image"], ["conv"]), params | {"conv": weights}


def box(graph, low, high, record=()):
    return jlrp.explainer(graph, jlrp.PRESETS["epsilon_gamma_box"](low, high), record=record)


def start(graph, params, images):
    return np.random.default_rng(1).normal(size=jlrp.forward(graph, params, images).shape)


def assert_same_as_on_the_preprocessed(
    before, params, images, low, high, mapped, rng, **attributes
):
    """The convolution gives its input what it gives the preprocessed image, with `mapped` bounds of
    that."""
    graph, params = conv_after(before, params, rng, **attributes)
    bare = ir.Graph([ir.Node("conv", graph["conv"].op, ("image",), "conv")], ["image"], ["conv"])
    (reads,) = graph["conv"].inputs
    preprocessed = jlrp.forward(graph, params, images, record=(reads,))[1][reads]
    target = start(graph, params, images)
    given = box(graph, low, high, (reads,))(params, images, target).layers[reads]
    expected = box(bare, *mapped)({"conv": params["conv"]}, preprocessed, target).relevance
    assert np.abs(given - expected).max() <= 1e-12 * np.abs(expected).max()


MEAN, VARIANCE = np.array([0.4, 0.5, 0.6]), np.array([0.04, 0.09, 0.25])


def test_rescaled_and_standardized(rng):
    before = [ir.Rescale(1 / 255), ir.Standardize()]
    params = {"Standardize1": {"mean": MEAN, "variance": VARIANCE}}
    images = rng.uniform(0, 255, size=(2, 7, 6, 3))
    mapped = (0 - MEAN) / np.sqrt(VARIANCE), (1 - MEAN) / np.sqrt(VARIANCE)
    assert_same_as_on_the_preprocessed(before, params, images, 0.0, 255.0, mapped, rng)


def test_turned_around_and_swapped(rng):
    """A negative scale makes the upper bound the lower one.

    Reversed channels carry theirs along.
    """
    before = [
        ir.Slice(((None, None, None), (None, None, None), (None, None, -1))),
        ir.Scale(),
        ir.Clip(-0.5, 9.0),
    ]
    params = {
        "Scale1": {"scale": np.array([-1.0, 2.0, -3.0]), "offset": np.array([0.25, 0.0, 0.5])}
    }
    images = rng.uniform(0, 1, size=(2, 7, 6, 3))
    low, high = np.array([0.0, 0.25, 0.5]), np.array([1.0, 0.75, 2.0])
    mapped = np.array([0.25 - 2, 0.5, -2.5]), np.array([0.25 - 0.5, 1.5, 0.5])
    assert_same_as_on_the_preprocessed(
        before, params, images, low, high, tuple(np.maximum(m, -0.5) for m in mapped), rng
    )


def test_bounds_of_an_image_s_size_and_channels_first(rng):
    before = [ir.Scale(1), ir.Resize((5, 4), data_format="channels_first")]
    params = {"Scale0": {"scale": np.array([2.0, 3.0, 4.0])}}
    images = rng.uniform(0, 1, size=(2, 3, 7, 6))
    channels = np.array([0.5, 1.0, 2.0])
    factors = np.array([2.0, 3.0, 4.0])
    for high in (channels, np.broadcast_to(channels[:, None, None], (3, 7, 6)).copy()):
        mapped = 0.0, channels * factors
        assert_same_as_on_the_preprocessed(
            before, params, images, 0.0, high, mapped, rng, data_format="channels_first"
        )


def test_padding_is_zero_between_its_bounds_too(rng):
    """Padding that two convolutions read is not folded.

    It gets what the same padding inside them gets.
    """
    kernels = {name: {"kernel": rng.normal(size=(3, 3, 3, 4))} for name in "ab"}
    images = rng.uniform(-1, 1, size=(2, 6, 5, 3))
    pads = ((1, 0), (2, 1))

    def summed(nodes, padding, reads):
        convs = [ir.Node(name, ir.Conv(padding=padding), (reads,), name) for name in "ab"]
        return ir.Graph([*nodes, *convs, ir.Node("sum", ir.Add(), ("a", "b"))], ["image"], ["sum"])

    scaled = ir.Node("scaled", ir.Rescale(2.0), ("image",))
    apart = summed([scaled, ir.Node("pad", ir.ZeroPad(pads), ("scaled",))], "valid", "pad")
    inside = summed([scaled], pads, "scaled")
    target = start(inside, kernels, images)
    a, b = (box(graph, 0.5, 1.5)(kernels, images, target).relevance for graph in (apart, inside))
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * np.abs(b).max())


def test_nothing_between_changes_nothing(rng):
    graph, params = conv_after([], {}, rng)
    images = rng.uniform(-1, 1, size=(2, 6, 5, 3))
    target = start(graph, params, images)
    layer = jlrp.Composite([(ir.Conv, jlrp.ZBox(-1.0, 1.0))])
    image = jlrp.Composite([(ir.Conv, jlrp.ZBox(-1.0, 1.0, of="image"))])
    results = [
        jlrp.explainer(graph, rules)(params, images, target).relevance for rules in (layer, image)
    ]
    np.testing.assert_array_equal(*results)


def test_layer_bounds_are_those_of_the_layer(rng):
    graph, params = conv_after([ir.Rescale(2.0)], {}, rng)
    images = rng.uniform(-1, 1, size=(2, 6, 5, 3))
    target = start(graph, params, images)
    results = []
    for rule in (jlrp.ZBox(-2.0, 2.0), jlrp.ZBox(-1.0, 1.0, of="image")):
        rules = jlrp.PRESETS["epsilon"]().with_rules((ir.Conv, rule))
        results.append(jlrp.explainer(graph, rules)(params, images, target).relevance)
    np.testing.assert_allclose(*results, rtol=1e-12, atol=1e-14)


@pytest.mark.slow
def test_bound_weights_and_per_class_and_several_inputs(rng):
    nodes = [
        ir.Node("left", ir.Rescale(0.5), ("a",)),
        ir.Node("right", ir.Rescale(0.25, 1.0), ("b",)),
        ir.Node("both", ir.Concatenate(), ("left", "right")),
        ir.Node("conv", ir.Conv(), ("both",), "conv"),
        ir.Node("gap", ir.GlobalAvgPool(), ("conv",)),
    ]
    graph = ir.Graph(nodes, ["a", "b"], ["gap"])
    params = {"conv": {"kernel": rng.normal(size=(2, 2, 4, 3))}}
    images = tuple(rng.uniform(0, 1, size=(2, 2, 5, 5, 2)))
    explain = box(graph, 0.0, 1.0)
    alone = [explain(params, images, target=t).relevance for t in (0, 2)]
    for result in (
        explain.per_class(params, images, (0, 2)),
        explain.bind(params).per_class(images, (0, 2)),
    ):
        for ours, theirs in zip(result.relevance, zip(*alone, strict=True), strict=True):
            np.testing.assert_allclose(ours, np.stack(theirs), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("between", "name"),
    [
        ([ir.Node("between", ir.Activation("silu"), ("image",))], r"'between' \(Activation\)"),
        ([ir.Node("between", ir.Relu(threshold=-1.0), ("image",))], r"'between' \(Relu\)"),
        ([ir.Node("between", ir.Resize((4, 4), "bicubic"), ("image",))], r"'between' \(Resize\)"),
        ([ir.Node("between", ir.Multiply(), ("image", "image"))], r"'between' \(Multiply\)"),
        (
            [
                ir.Node("norm", ir.LayerNorm(), ("image",)),
                ir.Node("between", ir.Rescale(2.0), ("norm",)),
            ],
            r"'norm' \(LayerNorm\)",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_carried_is_named(between, name, rng):
    nodes = [
        *between,
        ir.Node("conv", ir.Conv(), ("between",), "conv"),
        ir.Node("relu", ir.Relu(), ("conv",)),
    ]
    nodes.append(ir.Node("gap", ir.GlobalAvgPool(), ("relu",)))
    graph = ir.Graph(nodes, ["image"], ["gap"])
    params = {"conv": {"kernel": rng.normal(size=(2, 2, 3, 2))}}
    with pytest.raises(
        ValueError,
        match=f"cannot be carried to layer 'conv': before it comes {name}, which is not mon",
    ):
        box(graph, 0.0, 1.0)(params, rng.normal(size=(1, 5, 5, 3)))


def test_monotone_functions():
    rises = [
        ir.Relu(6.0),
        ir.Relu(negative_slope=0.1),
        ir.Elu(),
        ir.Activation("tanh"),
        ir.HardSigmoid(),
        ir.AvgPool(),
    ]
    turns = [
        ir.Relu(negative_slope=-0.1),
        ir.Elu(-1.0),
        ir.Activation("gelu"),
        ir.HardShrink(-1.0),
        ir.Dense(),
    ]
    assert [op.monotone for op in rises] == [True] * len(rises)
    assert [op.monotone for op in turns] == [False] * len(turns)
