"""The methods that relevance propagation is compared with, each against its definition written out."""

import itertools
from functools import partial

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.baselines import (
    Baseline,
    deconvnet,
    grad_cam,
    gradient,
    gradient_times_input,
    guided_backprop,
    integrated_gradients,
    occlusion,
    smoothgrad,
)
from jlrp.baselines.base import Method, _attribute
from jlrp.baselines.layout import like_image
from jlrp.propagation.start import Start
from jlrp.rules.gradient import DeconvNet, Gradient, GuidedBackprop
from tests.jlrp.test_zennit import error
from tests.networks import conv, residual, two_inputs

WINDOW = {"window": (3, 4), "strides": (2, 3)}  # neither divides the 8 × 8 pixels
METHODS = {
    "gradient": gradient,
    "gradient_times_input": gradient_times_input,
    "smoothgrad": lambda graph, **options: smoothgrad(graph, samples=3, key=fast_key(), **options),
    "integrated_gradients": lambda graph, **options: integrated_gradients(
        graph, steps=3, **options
    ),
    "occlusion": lambda graph, **options: occlusion(graph, **WINDOW, **options),
    "grad_cam": grad_cam,
}


def fast_key(seed=0):
    """A key of a generator that compiles in less time than the default one."""
    return jax.random.key(seed, impl="unsafe_rbg")


@pytest.fixture(scope="module")
def network():
    return residual(np.random.default_rng(1))


@pytest.fixture
def exact(network, x64):
    """The network in float64, its graph before the softmax, and the classes explained."""
    graph, params, images = network
    params, images = jax.tree.map(np.float64, params), np.float64(images)
    logits = ir.passes.strip_softmax(graph).graph
    return logits, params, images, np.asarray(jlrp.forward(logits, params, images)).argmax(1)


@pytest.fixture(scope="module", params=("resnet_mini", "vgg_mini"))
def golden(request):
    from tests.conftest import DATA

    path = DATA / "zennit" / request.param
    return ir.load(f"{path}.h5"), np.load(f"{path}.images.npy"), dict(np.load(f"{path}.golden.npz"))


def chain(rng, activation):
    """Dense layers with an activation after each but the last."""
    nodes = [
        ir.Node("a", ir.Dense(), ("x",), "a"),
        ir.Node("a/out", activation, ("a",)),
        ir.Node("b", ir.Dense(), ("a/out",), "b"),
        ir.Node("b/out", activation, ("b",)),
        ir.Node("fc", ir.Dense(), ("b/out",), "fc"),
    ]
    params = {"a": conv(rng, 6, 9), "b": conv(rng, 9, 7), "fc": conv(rng, 7, 3)}
    return ir.Graph(nodes, ["x"], ["fc"]), jax.tree.map(np.float64, params), rng.normal(size=(4, 6))


def small(rng, data_format="channels_last"):
    """A convolution, tanh, global pooling and a dense layer.

    Images (2, 6, 8, 2) or (2, 2, 6, 8).
    """
    nodes = [
        ir.Node("conv", ir.Conv((1, 1), "same", data_format=data_format), ("image",), "conv"),
        ir.Node("act", ir.Activation("tanh"), ("conv",)),
        ir.Node("gap", ir.GlobalAvgPool(data_format=data_format), ("act",)),
        ir.Node("fc", ir.Dense(), ("gap",), "fc"),
    ]
    params = {"conv": conv(rng, 3, 3, 2, 4), "fc": conv(rng, 4, 3)}
    images = rng.normal(size=(2, 6, 8, 2)).astype("f")
    images = images if data_format == "channels_last" else np.moveaxis(images, 3, 1)
    return ir.Graph(nodes, ["image"], ["fc"]), params, images


def explained(explain, *args, **options):
    """The explanation in NumPy arrays, so that what is done to it here compiles nothing."""
    return jax.tree.map(np.asarray, explain(*args, **options))


def assert_close(ours, expected, tolerance):
    """The largest difference, over the largest value."""
    ours, expected = np.asarray(ours), np.asarray(expected)
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= tolerance * np.abs(expected).max()


# Tolerances as in test_zennit: float64 leaves 1e-15 here, float32 3e-7.
@pytest.mark.usefixtures("x64")
def test_agrees_with_zennit_in_float64(golden):
    assert_agrees(golden, np.float64, 1e-9)


def test_agrees_with_zennit_in_float32(golden):
    assert_agrees(golden, np.float32, 2e-4)


def assert_agrees(golden, dtype, tolerance):
    model, images, expected = golden
    methods = {
        "gradient": gradient(model.graph),
        "gradient_times_input": gradient_times_input(model.graph),
    }
    params = jax.tree.map(lambda array: array.astype(dtype), model.params)
    results = jax.jit(lambda *args: {name: explain(*args) for name, explain in methods.items()})(
        params, images
    )
    for name, result in results.items():
        assert result.relevance.dtype == dtype
        assert error(result.relevance, expected[f"relevance/{name}/one_hot"]) < tolerance
        np.testing.assert_array_equal(result.target, expected["target"])


def test_gradient_is_that_of_the_forward_pass(exact):
    graph, params, images, target = exact

    @jax.jit
    @jax.grad
    def expected(images):
        return jlrp.forward(graph, params, images)[np.arange(4), target].sum()

    slopes = np.asarray(expected(images))
    assert_close(gradient(graph)(params, images).relevance, slopes, 1e-12)
    assert_close(gradient_times_input(graph)(params, images).relevance, images * slopes, 1e-12)


def test_rule_gradient_on_every_layer_is_the_gradient(exact):
    graph, params, images, _ = exact
    rules = jlrp.Composite([(ir.Op, Gradient())])
    ours = jlrp.explainer(graph, rules, start="one")(params, images)
    assert_close(ours.relevance, gradient(graph)(params, images).relevance, 1e-12)


def test_smoothgrad_is_the_mean_over_noisy_images(exact):
    graph, params, images, target = exact
    slopes, expected = gradient(graph), np.zeros_like(images)
    width = np.ptp(images, (1, 2, 3), keepdims=True)
    for sample in jax.random.split(fast_key(7), 3):
        draws = np.asarray(jax.random.normal(sample, images.shape[1:], images.dtype))
        expected += np.asarray(slopes(params, images + 0.2 * width * draws, target).relevance) / 3

    def smooth(noise, key):
        explain = smoothgrad(graph, samples=3, noise=noise, key=fast_key(key))
        return np.asarray(explain(params, images, target).relevance)

    assert_close(smooth(0.2, 7), expected, 1e-12)
    assert_close(smooth(0, 7), slopes(params, images, target).relevance, 1e-12)
    assert np.abs(smooth(0.2, 8) - expected).max() > 0.01 * np.abs(expected).max()


def test_smoothgrad_takes_a_number_as_key(rng):
    graph, params, images = chain(rng, ir.Activation("tanh"))
    seven = smoothgrad(graph, samples=2, key=7)(params, images).relevance
    np.testing.assert_array_equal(
        seven, smoothgrad(graph, samples=2, key=jax.random.key(7))(params, images).relevance
    )


@pytest.mark.parametrize("baseline", [0.5, np.linspace(-1, 1, 6)], ids=["scalar", "full size"])
def test_integrated_gradients_are_complete(rng, x64, baseline):
    """The relevances sum up to f(x) − f(baseline).

    For a smooth f the midpoint rule's error falls with 1/steps².
    """
    graph, params, images = chain(rng, ir.Activation("tanh"))
    rest = jlrp.forward(graph, params, np.broadcast_to(baseline, images.shape))
    difference = np.asarray(jlrp.forward(graph, params, images))[:, 1] - np.asarray(rest)[:, 1]

    def gap(steps):
        result = explained(
            integrated_gradients(graph, steps=steps, baseline=baseline), params, images, target=1
        )
        return np.abs(result.relevance.sum(1) - difference).max()

    assert gap(32) < 1e-3 * np.abs(difference).max()
    assert gap(64) == pytest.approx(gap(32) / 4, rel=0.05)


def test_integrated_gradients_of_a_network_with_kinks_are_complete(exact):
    """With ReLUs and max pooling the error falls with 1/steps.

    1000 steps leave less than 0.1 % of the difference.
    """
    graph, params, images, target = exact
    baseline = np.array([0.1, -0.2, 0.3])
    result = explained(integrated_gradients(graph, steps=1000, baseline=baseline), params, images)
    rest = np.asarray(jlrp.forward(graph, params, np.broadcast_to(baseline, images.shape)))
    assert_close(
        result.relevance.sum((1, 2, 3)), (result.output - rest)[np.arange(4), target], 1e-3
    )


def test_without_biases_integrated_gradients_are_gradient_times_input(rng, x64):
    """From a baseline of 0 the gradient of such a network is the same all along the way."""
    graph, params, images = chain(rng, ir.Relu())
    params = {name: {"kernel": layer["kernel"]} for name, layer in params.items()}
    ours = explained(integrated_gradients(graph, steps=3), params, images)
    assert_close(ours.relevance, gradient_times_input(graph)(params, images).relevance, 1e-12)
    assert_close(ours.relevance.sum(1), ours.output.max(1), 1e-12)


def test_numbers_per_channel_follow_the_layout(rng):
    for layout, shape in (("channels_first", (2, 1, 1)), ("channels_last", (2,))):
        graph, _, images = small(rng, layout)
        ours = like_image(graph, "image", jnp.array([0.5, -0.5]), images, "baseline")
        np.testing.assert_array_equal(
            ours, np.broadcast_to(np.reshape([0.5, -0.5], shape), images.shape)
        )


def occluded(score, images, window, strides, value):
    """The definition as a loop over every window and every pixel in it; images (N, H, W, C)."""
    height, width = images.shape[1:3]
    total, count = np.zeros((*images.shape[:3], 1)), np.zeros((height, width, 1))
    tops = [*range(0, height - window[0], strides[0]), height - window[0]]
    lefts = [*range(0, width - window[1], strides[1]), width - window[1]]
    for top, left in itertools.product(tops, lefts):
        covered = images.copy()
        covered[:, top : top + window[0], left : left + window[1]] = value
        fall = score(images) - score(covered)
        for row, column in itertools.product(
            range(top, top + window[0]), range(left, left + window[1])
        ):
            total[:, row, column] += fall[:, None]
            count[row, column] += 1
    assert count.min() > 0
    return np.broadcast_to(total / count, images.shape)


@pytest.mark.parametrize(
    ("window", "strides"), [((3, 4), (2, 3)), ((8, 2), (4, 2)), ((1, 3), (1, 1))]
)
def test_occlusion_is_the_mean_fall_over_the_windows_of_a_pixel(exact, window, strides):
    graph, params, images, target = exact
    value = np.array([0.3, -0.1, 0.2])

    def score(images):
        return np.asarray(jlrp.forward(graph, params, images))[np.arange(4), target]

    ours = occlusion(graph, window=window, strides=strides, value=value)(params, images)
    assert_close(ours.relevance, occluded(score, images, window, strides, value), 1e-12)


@pytest.mark.parametrize("method", ["occlusion", "grad_cam"])
def test_channels_first_is_channels_last_with_other_axes(method):
    first, last = (
        small(np.random.default_rng(3), layout) for layout in ("channels_first", "channels_last")
    )
    ours, expected = (
        METHODS[method](graph)(params, images) for graph, params, images in (first, last)
    )
    assert ours.relevance.shape == first[2].shape
    assert_close(np.moveaxis(np.asarray(ours.relevance), 1, 3), expected.relevance, 1e-5)
    assert_close(ours.output, expected.output, 1e-5)


def enlarged(small, height, width):
    """Bilinear interpolation of (h, w) between the centres of its cells, constant beyond the
    outermost."""
    large = np.zeros((height, width))
    for row, column in itertools.product(range(height), range(width)):
        y = np.clip((row + 0.5) * small.shape[0] / height - 0.5, 0, small.shape[0] - 1)
        x = np.clip((column + 0.5) * small.shape[1] / width - 0.5, 0, small.shape[1] - 1)
        top, left = int(y), int(x)
        below, right = min(top + 1, small.shape[0] - 1), min(left + 1, small.shape[1] - 1)
        upper = (left + 1 - x) * small[top, left] + (x - left) * small[top, right]
        lower = (left + 1 - x) * small[below, left] + (x - left) * small[below, right]
        large[row, column] = (top + 1 - y) * upper + (y - top) * lower
    return large


def class_activation_map(layer, slopes, height, width):
    """The definition as a loop, for one image.

    `layer` and the logit's `slopes` at it are (h, w, channels).
    """
    total = np.zeros(layer.shape[:2])
    for channel in range(layer.shape[2]):
        total += slopes[..., channel].mean() * layer[..., channel]
    return enlarged(np.maximum(total, 0), height, width)


def assert_is_map_of(ours, layers, slopes):
    """`ours` (N, 8, 8, 3) holds the class activation map of each image in all its channels.

    None is empty.
    """
    for image, layer, slope in zip(ours, layers, slopes, strict=True):
        expected = class_activation_map(layer, slope, 8, 8)[..., None]
        assert_close(image, np.broadcast_to(expected, (8, 8, 3)), 1e-12)
    assert np.abs(ours).max() > 0


def test_grad_cam_reads_the_last_layer_that_has_space(exact):
    """Behind the last activation come the mean and a dense layer.

    Its slopes are `kernel / pixels` in closed form.
    """
    graph, params, images, target = exact
    layers = np.asarray(jlrp.forward(graph, params, images, record=("relu2",))[1]["relu2"])
    slopes = params["predictions"]["kernel"].T[target][:, None, None] / (
        layers.shape[1] * layers.shape[2]
    )
    assert_is_map_of(explained(grad_cam(graph), params, images).relevance, layers, slopes)


@pytest.mark.parametrize("layer", ["drop", "bn2", "conv1"])
def test_grad_cam_of_an_inner_layer(exact, layer):
    """The slopes at a layer, with two branches behind it (`drop`) and with one leading past it
    (`bn2`)."""
    graph, params, images, target = exact
    name = graph.values[layer]
    values = jlrp.forward(graph, params, images, record=True)[1]
    start = next(i for i, node in enumerate(graph.nodes) if node.name == name) + 1

    @jax.jit
    @jax.grad
    def slopes(value):
        known = values | {name: value}
        for node in graph.nodes[start:]:
            known[node.name] = jlrp.apply(
                node.op, params.get(node.params, {}), *(known[i] for i in node.inputs)
            )
        return known[graph.outputs[0]][np.arange(4), target].sum()

    ours = explained(grad_cam(graph, layer=layer), params, images).relevance
    assert_is_map_of(ours, np.asarray(values[name]), np.asarray(slopes(values[name])))


def test_grad_cam_skips_a_layer_of_one_pixel(rng):
    nodes = [
        ir.Node("act", ir.Relu(), ("x",)),
        ir.Node("mean", ir.AvgPool((4, 4), (4, 4)), ("act",)),
        ir.Node("flat", ir.Flatten(), ("mean",)),
        ir.Node("fc", ir.Dense(), ("flat",), "fc"),
    ]
    graph, params = ir.Graph(nodes, ["x"], ["fc"]), {"fc": conv(rng, 2, 3)}
    images = rng.normal(size=(1, 4, 4, 2)).astype("f")
    default, act = grad_cam(graph), grad_cam(graph, layer="act")
    np.testing.assert_array_equal(
        default(params, images, 1).relevance, act(params, images, 1).relevance
    )


VARIANTS = {
    "deconvnet": (deconvnet, lambda where, z, R: where(R > 0, R, 0)),
    "guided_backprop": (guided_backprop, lambda where, z, R: where((z > 0) & (R > 0), R, 0)),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_relu_variants_on_a_chain(rng, x64, variant):
    make, relu = VARIANTS[variant]
    graph, params, images = chain(rng, ir.Relu())
    result = explained(
        jlrp.explainer(graph, make(), start="one", record=("a", "b")), params, images
    )
    for index, image in enumerate(images):
        a = image @ params["a"]["kernel"] + params["a"]["bias"]
        b = np.maximum(a, 0) @ params["b"]["kernel"] + params["b"]["bias"]
        at_b = relu(np.where, b, params["fc"]["kernel"][:, result.target[index]])
        at_a = relu(np.where, a, params["b"]["kernel"] @ at_b)
        assert_close(result.layers["b"][index], at_b, 1e-12)
        assert_close(result.layers["a"][index], at_a, 1e-12)
        assert_close(result.relevance[index], params["a"]["kernel"] @ at_a, 1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
def test_relu_variants_leave_other_layers_their_gradient(exact, variant):
    """On convolutions, BatchNorm, pooling and a residual sum.

    The gradient through a ReLU of another derivative.
    """
    graph, params, images, target = exact
    make, backward = VARIANTS[variant]
    relu = jax.custom_vjp(lambda z: jnp.maximum(z, 0))
    relu.defvjp(lambda z: (jnp.maximum(z, 0), z), lambda z, R: (backward(jnp.where, z, R),))

    @jax.jit
    @jax.grad
    def expected(images):
        known = {"image": images}
        for node in graph.nodes:
            inputs, weights = [known[i] for i in node.inputs], params.get(node.params, {})
            is_relu = isinstance(node.op, ir.Relu)
            known[node.name] = relu(*inputs) if is_relu else jlrp.apply(node.op, weights, *inputs)
        return known[graph.outputs[0]][np.arange(4), target].sum()

    ours = jlrp.explainer(graph, make(), start="one")(params, images).relevance
    assert_close(ours, expected(images), 1e-12)


def test_relu_variants_leave_other_activations_their_gradient(rng):
    graph, params, images = chain(rng, ir.Activation("tanh"))
    expected = gradient(graph)(params, images).relevance
    for make, _ in VARIANTS.values():
        assert_close(
            jlrp.explainer(graph, make(), start="one")(params, images).relevance, expected, 1e-6
        )


def test_rules_fit_activations():
    dense = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    for rule in (DeconvNet(), GuidedBackprop()):
        assert rule.fits(ir.Relu())
        with pytest.raises(
            jlrp.CompositeError, match=f"{type(rule).__name__} is not defined for Dense"
        ):
            jlrp.Composite([(ir.Op, rule)]).assign(dense)
    assert all(Gradient().fits(op) for op in (ir.Relu(), ir.Conv(), ir.Add(), ir.Flatten()))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_contract(rng, method):
    """Shapes and dtypes; each image for itself; a class, one per image, or a start as target.

    Jit, vmap and grad.
    """
    graph, params, images = small(rng)
    explain = METHODS[method](graph)
    result = explained(explain, params, images)
    assert isinstance(result, jlrp.Explanation)
    assert (result.relevance.shape, result.relevance.dtype) == (images.shape, np.float32)
    assert (result.output.shape, result.layers) == ((2, 3), {})
    np.testing.assert_array_equal(result.target, result.output.argmax(1))

    for index, relevance in enumerate(result.relevance):
        single = explain(params, images[[index]]).relevance[0]
        assert_close(
            single, relevance, 2e-5
        )  # float32: XLA may sum in another order for another batch size

    one = explained(explain, params, images, target=2)
    each = explained(explain, params, images, target=[2, 0])
    assert (one.target.tolist(), each.target.tolist()) == ([2, 2], [2, 0])
    assert_close(each.relevance[0], one.relevance[0], 1e-6)
    assert np.abs(each.relevance[1] - one.relevance[1]).max() > 1e-3
    start = np.zeros((2, 3), "f")
    start[:, 2] = 2.0
    given = explained(explain, params, images, target=start)
    assert_close(given.relevance, 2 * one.relevance, 1e-6)
    np.testing.assert_array_equal(given.target, one.target)

    @jax.jit
    @partial(jax.grad, has_aux=True)
    def slopes(params):
        each = jax.vmap(lambda image: explain(params, image[None]).relevance[0])(images)
        return (each**2).sum(), each

    by_weight, each = slopes(params)
    assert_close(each, result.relevance, 2e-5)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(by_weight))
    assert np.abs(by_weight["conv"]["kernel"]).max() > 0


def test_images_are_cast_to_the_dtype_of_the_params(rng):
    graph, params, images = small(rng)
    pixels = (images * 40).astype(np.uint8)
    ours = gradient_times_input(graph)(params, pixels).relevance
    np.testing.assert_array_equal(
        ours, gradient_times_input(graph)(params, pixels.astype("f")).relevance
    )


@pytest.mark.parametrize(
    "method", [name for name in METHODS if name not in ("occlusion", "grad_cam")]
)
def test_several_inputs_and_outputs(method):
    graph, params, images = two_inputs(np.random.default_rng(2))
    first = METHODS[method](graph)(params, images)
    assert [r.shape for r in first.relevance] == [x.shape for x in images]
    assert first.output.shape == (2, 3)
    other = explained(METHODS[method](graph, output="other"), params, images)
    assert other.output.shape == (2, 4)
    assert np.abs(other.relevance[0]).max() > 0
    assert np.abs(other.relevance[1]).max() == 0  # the second input does not lead to this output


def test_several_inputs_have_baselines_of_their_own():
    graph, params, images = two_inputs(np.random.default_rng(2))
    baselines = (1.0, np.full(4, 2.0))
    result = explained(integrated_gradients(graph, baseline=baselines), params, images, target=0)
    rest = np.asarray(jlrp.forward(graph, params, (np.full((2, 6), 1.0), np.full((2, 4), 2.0)))[0])
    assert_close(sum(r.sum(1) for r in result.relevance), (result.output - rest)[:, 0], 1e-4)


def test_occlusion_covers_one_input_at_a_time(rng):
    nodes = [
        ir.Node("add", ir.Add(), ("left", "right")),
        ir.Node("mean", ir.GlobalAvgPool(), ("add",)),
    ]
    graph = ir.Graph(
        [*nodes, ir.Node("fc", ir.Dense(), ("mean",), "fc")], ["left", "right"], ["fc"]
    )
    images = tuple(rng.normal(size=(2, 4, 4, 1)).astype("f") for _ in range(2))
    explain = occlusion(graph, window=(2, 2), strides=(2, 2), value=(1.0, 0.0))
    left, right = explain({"fc": {"kernel": np.ones((1, 1), "f")}}, images).relevance
    for ours, image, value in ((left, images[0], 1.0), (right, images[1], 0.0)):
        expected = occluded(lambda x: x.mean((1, 2, 3)), image, (2, 2), (2, 2), value)
        assert_close(ours, expected, 1e-5)


def test_an_output_with_space_is_explained_by_channel_or_start(rng):
    graph, params, images = small(rng, "channels_first")
    part, weights = gradient(graph, output="act"), {"conv": params["conv"]}
    channel = part(weights, images, target=1)
    start = np.zeros((2, 4, 6, 8), "f")
    start[:, 1] = 1
    assert_close(channel.relevance, part(weights, images, target=start).relevance, 1e-6)
    with pytest.raises(
        ValueError, match="give the class to explain as target, or the start relevance"
    ):
        part(weights, images)
    with pytest.raises(ValueError, match="no class 4"):
        part(weights, images, target=4)


SWEPT = {
    "smoothgrad": lambda graph, number: smoothgrad(graph, samples=2, noise=number, key=fast_key()),
    "integrated_gradients": lambda graph, number: integrated_gradients(
        graph, steps=2, baseline=number
    ),
    "occlusion": lambda graph, number: occlusion(graph, **WINDOW, value=number),
}


@pytest.mark.parametrize("method", SWEPT)
def test_numbers_compile_nothing_anew_and_may_be_swept(rng, method):
    graph, params, images = small(rng)
    _attribute.clear_cache()
    numbers = (0.1, 1, 2.5)
    each = [
        np.asarray(SWEPT[method](graph, number)(params, images, target=1).relevance)
        for number in numbers
    ]
    SWEPT[method](graph, 0.5)(jax.tree.map(lambda array: array + 1, params), images, target=[1, 2])
    assert _attribute._cache_size() == 1
    assert np.abs(each[0] - each[2]).max() > 1e-4
    swept = jax.vmap(
        lambda number: SWEPT[method](graph, number)(params, images, target=1).relevance
    )
    assert_close(swept(np.array(numbers, "f")), np.stack(each), 1e-5)


def test_methods_with_the_same_fields_have_programs_of_their_own():
    """jaxlib 0.10 takes their pytrees for equal, and then about one pair in a hundred for the same
    program."""

    def constant(number):
        @flax.struct.dataclass
        class Constant(Method):
            def relevance(self, question):
                return tuple(jnp.full_like(x, number) for x in question.images)

        return Constant()

    graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    params, images = {"fc": {"kernel": np.ones((1, 1), "f")}}, np.ones((1, 1), "f")
    methods = [constant(number) for number in range(25)]
    assert [float(Baseline(graph, m)(params, images).relevance[0, 0]) for m in methods] == list(
        range(25)
    )


def test_memory_does_not_grow_with_steps_or_windows(rng):
    graph, params, images = small(rng)

    def temporary(explain):
        key = explain.graph, None, Start("plus"), type(explain.method)
        return (
            _attribute.lower(key, explain.method, params, (images,), None)
            .compile()
            .memory_analysis()
            .temp_size_in_bytes
        )

    few = (
        temporary(integrated_gradients(graph, steps=2)),
        temporary(occlusion(graph, window=(2, 2), strides=(2, 2))),
    )
    many = (
        temporary(integrated_gradients(graph, steps=40)),
        temporary(occlusion(graph, window=(2, 2), strides=(1, 1))),
    )
    assert all(b < 1.2 * a + 4096 for a, b in zip(few, many, strict=True))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (5, "no class 5: the output has the classes 0 to 4"),
        (-1, "no class -1"),
        ([0, 1], "one per image: 4 images, but 2 targets"),
        (0.5, "class index"),
        (np.zeros((4, 6), "f"), r"output's shape \(4, 5\), but \(4, 6\)"),
    ],
)
def test_bad_targets(network, target, message):
    graph, params, images = network
    with pytest.raises(ValueError, match=message):
        gradient(graph)(params, images, target=target)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda g: gradient(g, output="nowhere"), "no layer 'nowhere'"),
        (lambda g: smoothgrad(g, samples=0), "samples of at least 1, not 0"),
        (lambda g: smoothgrad(g, noise=-0.1), "noise of at least 0, not -0.1"),
        (lambda g: integrated_gradients(g, steps=0), "steps of at least 1, not 0"),
        (
            lambda g: integrated_gradients(g, baseline="black"),
            "baseline must be a number or an array.*not 'black'",
        ),
        (
            lambda g: occlusion(g, strides=(9, 4)),
            r"Strides of \(9, 4\) do not fit a window of \(8, 8\)",
        ),
        (lambda g: occlusion(g, strides=(0, 4)), r"Strides of \(0, 4\)"),
        (lambda g: occlusion(g, window=(8,)), r"window of \(8,\)"),
        (lambda g: grad_cam(g, layer="conv9"), "no layer 'conv9' for Grad-CAM: it has 'conv1_pad'"),
        (lambda g: grad_cam(g, layer="image"), "no layer 'image' for Grad-CAM"),
    ],
)
def test_bad_options(network, make, message):
    with pytest.raises(ValueError, match=message):
        make(network[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda g: integrated_gradients(g, baseline=np.zeros(4)),
            r"baseline .* image \(8, 8, 3\) of 'image'.*\(4,\)",
        ),
        (lambda g: occlusion(g, value=np.zeros((2, 2))), r"value .*shape \(2, 2\)"),
        (
            lambda g: occlusion(g, window=(9, 8)),
            r"window of \(9, 8\) does not fit the spatial axes \(8, 8\)",
        ),
        (lambda g: occlusion(g, window=(4,), strides=(4,)), r"window of \(4,\) does not fit"),
        (lambda g: grad_cam(g, layer="gap"), r"but 'gap' has the shape \(4, 8\)"),
    ],
)
def test_options_that_do_not_fit_the_images(network, make, message):
    graph, params, images = network
    with pytest.raises(ValueError, match=message):
        make(graph)(params, images)


def test_inputs_that_do_not_fit_a_method():
    graph, params, images = two_inputs(np.random.default_rng(2))
    with pytest.raises(
        ValueError, match="explains one image, but the graph has the inputs 'left', 'right'"
    ):
        grad_cam(graph)
    with pytest.raises(ValueError, match=r"does not fit the spatial axes \(\) of the input 'left'"):
        occlusion(graph)(params, images)
    with pytest.raises(
        ValueError, match="one baseline for all inputs, or one for each of 'left', 'right', not 3"
    ):
        integrated_gradients(graph, baseline=(0.0, 1.0, 2.0))
    with pytest.raises(ValueError, match="'left', 'right', but 1 were given"):
        gradient(graph)(params, images[0])
    flat = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    with pytest.raises(
        ValueError,
        match="needs a layer whose output has more than one pixel, but this graph has none",
    ):
        grad_cam(flat)({"fc": {"kernel": np.ones((2, 1), "f")}}, np.ones((1, 2), "f"))
