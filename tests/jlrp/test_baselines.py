"""The methods that relevance propagation is compared with, each against its definition written out."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.baselines import (
    deconvnet,
    grad_cam,
    gradient,
    gradient_times_input,
    guided_backprop,
    integrated_gradients,
    occlusion,
    smoothgrad,
)
from jlrp.baselines.base import _attribute
from jlrp.rules.backprop import DeconvNet, Gradient, GuidedBackprop
from tests.jlrp.test_zennit import error
from tests.networks import conv, residual, two_inputs

WINDOW = {"window": (3, 4), "strides": (2, 3)}  # neither divides the 8 × 8 pixels
METHODS = {
    "gradient": gradient,
    "gradient_times_input": gradient_times_input,
    "smoothgrad": lambda graph, **options: smoothgrad(graph, samples=3, **options),
    "integrated_gradients": lambda graph, **options: integrated_gradients(graph, steps=3, **options),
    "occlusion": lambda graph, **options: occlusion(graph, **WINDOW, **options),
    "grad_cam": grad_cam,
}
GOLDENS = ("gradient", "gradient_times_input")


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


def channels_first(rng):
    """A convolution, an activation, global pooling and a dense layer on images (N, C, H, W)."""
    nodes = [
        ir.Node("conv", ir.Conv((1, 1), "same", data_format="channels_first"), ("image",), "conv"),
        ir.Node("act", ir.Activation("tanh"), ("conv",)),
        ir.Node("gap", ir.GlobalAvgPool(data_format="channels_first"), ("act",)),
        ir.Node("fc", ir.Dense(), ("gap",), "fc"),
    ]
    params = {"conv": conv(rng, 3, 3, 2, 4), "fc": conv(rng, 4, 3)}
    return ir.Graph(nodes, ["image"], ["fc"]), params, rng.normal(size=(2, 2, 6, 8)).astype("f")


def channels_last_twin(graph, params, images):
    """The same network and images, channels last."""
    ops = {
        "conv": ir.Conv((1, 1), "same"),
        "act": ir.Activation("tanh"),
        "gap": ir.GlobalAvgPool(),
        "fc": ir.Dense(),
    }
    nodes = [ir.Node(node.name, ops[node.name], node.inputs, node.params) for node in graph.nodes]
    return ir.Graph(nodes, graph.inputs, graph.outputs), params, images.transpose(0, 2, 3, 1)


def assert_close(ours, expected, tolerance):
    """The largest difference, over the largest value."""
    assert np.shape(ours) == np.shape(expected)
    assert np.abs(np.asarray(ours) - expected).max() <= tolerance * np.abs(expected).max()


# Tolerances as in test_zennit: float64 leaves 1e-15 here, float32 3e-7.
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("method", GOLDENS)
def test_agrees_with_zennit_in_float64(golden, method):
    assert_agrees(golden, method, np.float64, 1e-9)


@pytest.mark.parametrize("method", GOLDENS)
def test_agrees_with_zennit_in_float32(golden, method):
    assert_agrees(golden, method, np.float32, 2e-4)


def assert_agrees(golden, method, dtype, tolerance):
    model, images, expected = golden
    result = METHODS[method](model.graph)(jax.tree.map(lambda array: array.astype(dtype), model.params), images)
    assert result.relevance.dtype == dtype
    assert error(result.relevance, expected[f"relevance/{method}/one_hot"]) < tolerance
    np.testing.assert_array_equal(result.target, expected["target"])


def test_gradient_is_that_of_the_forward_pass(exact):
    graph, params, images, target = exact

    def logits(images):
        return jlrp.forward(graph, params, images)[np.arange(4), target].sum()

    expected = jax.grad(logits)(images)
    assert_close(gradient(graph)(params, images).relevance, expected, 1e-12)
    assert_close(gradient_times_input(graph)(params, images).relevance, images * expected, 1e-12)


@pytest.mark.usefixtures("x64")
def test_rule_gradient_on_every_layer_is_the_gradient(network):
    graph, params, images = network
    params = jax.tree.map(np.float64, params)
    rules = jlrp.Composite([(ir.Op, Gradient())])
    ours = jlrp.explainer(graph, rules, start="one")(params, images)
    assert_close(ours.relevance, gradient(graph)(params, images).relevance, 1e-12)


def test_smoothgrad_without_noise_is_the_gradient(exact):
    graph, params, images, _ = exact
    ours = smoothgrad(graph, noise=0, samples=5)(params, images).relevance
    assert_close(ours, gradient(graph)(params, images).relevance, 1e-12)


def test_smoothgrad_is_the_mean_over_noisy_images(exact):
    graph, params, images, target = exact
    key, expected = jax.random.key(7), np.zeros_like(images)
    for sample in jax.random.split(key, 4):
        draws = np.asarray(jax.random.normal(jax.random.fold_in(sample, 0), images.shape[1:], images.dtype))
        for index, image in enumerate(images):
            noisy = image + 0.2 * (image.max() - image.min()) * draws
            expected[index] += gradient(graph)(params, noisy[None], int(target[index])).relevance[0] / 4
    for given in (7, key):
        assert_close(smoothgrad(graph, samples=4, noise=0.2, key=given)(params, images).relevance, expected, 1e-12)
    other = smoothgrad(graph, samples=4, noise=0.2, key=8)(params, images).relevance
    assert np.abs(other - expected).max() > 0.01 * np.abs(expected).max()


@pytest.mark.parametrize("baseline", [0.0, 0.5, np.linspace(-1, 1, 6)], ids=["0", "0.5", "full size"])
def test_integrated_gradients_are_complete(rng, x64, baseline):
    """The relevances sum up to f(x) − f(baseline); for a smooth f the midpoint rule's error falls with 1/steps²."""
    graph, params, images = chain(rng, ir.Activation("tanh"))
    outputs = jlrp.forward(graph, params, images)
    rest = jlrp.forward(graph, params, np.broadcast_to(baseline, images.shape))
    difference = np.asarray(outputs - rest)[:, 1]

    def gap(steps):
        result = integrated_gradients(graph, steps=steps, baseline=baseline)(params, images, target=1)
        return np.abs(result.relevance.sum(1) - difference).max()

    assert gap(32) < 1e-3 * np.abs(difference).max()
    assert gap(64) == pytest.approx(gap(32) / 4, rel=0.05)


def test_integrated_gradients_of_a_network_with_kinks_are_complete(exact):
    """With ReLUs and max pooling the error falls with 1/steps: 0.1 % of the difference is what 2000 steps leave."""
    graph, params, images, target = exact
    baseline = np.array([0.1, -0.2, 0.3])
    result = integrated_gradients(graph, steps=2000, baseline=baseline)(params, images)
    difference = result.output - jlrp.forward(graph, params, np.broadcast_to(baseline, images.shape))
    assert_close(result.relevance.sum((1, 2, 3)), np.asarray(difference)[np.arange(4), target], 1e-3)


def test_without_biases_integrated_gradients_are_gradient_times_input(rng, x64):
    """From a baseline of 0 the gradient of such a network is the same all along the way."""
    graph, params, images = chain(rng, ir.Relu())
    params = {name: {"kernel": layer["kernel"]} for name, layer in params.items()}
    ours = integrated_gradients(graph, steps=3)(params, images)
    assert_close(ours.relevance, gradient_times_input(graph)(params, images).relevance, 1e-12)
    assert_close(ours.relevance.sum(1), ours.output.max(1), 1e-12)


def test_integrated_gradients_take_a_number_per_channel(rng):
    graph, params, images = channels_first(rng)
    numbers = np.array([0.5, -0.5], "f")
    each = integrated_gradients(graph, baseline=numbers)(params, images).relevance
    full = integrated_gradients(graph, baseline=np.broadcast_to(numbers[:, None, None], (2, 6, 8)))(params, images)
    np.testing.assert_array_equal(each, full.relevance)


def occluded(score, images, window, strides, value):
    """The definition as a loop: every window, every pixel in it; images (N, H, W, C) or (H, W, C) of a single one."""
    height, width = images.shape[1:3]
    total, count = np.zeros((*images.shape[:3], 1)), np.zeros((height, width, 1))
    tops = [*range(0, height - window[0], strides[0]), height - window[0]]
    lefts = [*range(0, width - window[1], strides[1]), width - window[1]]
    for top, left in itertools.product(tops, lefts):
        covered = images.copy()
        covered[:, top : top + window[0], left : left + window[1]] = value
        fall = score(images) - score(covered)
        for row, column in itertools.product(range(top, top + window[0]), range(left, left + window[1])):
            total[:, row, column] += fall[:, None]
            count[row, column] += 1
    assert count.min() > 0
    return np.broadcast_to(total / count, images.shape)


@pytest.mark.parametrize(
    ("window", "strides"), [((3, 4), (2, 3)), ((8, 8), (4, 4)), ((2, 2), (2, 2)), ((1, 3), (1, 1))]
)
def test_occlusion_is_the_mean_fall_over_the_windows_of_a_pixel(exact, window, strides):
    graph, params, images, target = exact
    value = np.array([0.3, -0.1, 0.2])

    def score(images):
        return np.asarray(jlrp.forward(graph, params, images))[np.arange(4), target]

    ours = occlusion(graph, window=window, strides=strides, value=value)(params, images)
    assert_close(ours.relevance, occluded(score, images, window, strides, value), 1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_channels_first_is_channels_last_with_other_axes(rng, method):
    case = channels_first(rng)
    graph, params, images = channels_last_twin(*case)
    expected = METHODS[method](graph)(params, images)
    ours = METHODS[method](case[0])(case[1], case[2])
    if method == "smoothgrad":  # draws its noise in the image's own layout
        assert ours.relevance.shape == case[2].shape
    else:
        assert_close(ours.relevance.transpose(0, 2, 3, 1), expected.relevance, 1e-5)
    assert_close(ours.output, expected.output, 1e-5)


def enlarged(small, height, width):
    """Bilinear interpolation of (h, w) between the centres of its cells, constant beyond the outermost."""
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
    """The definition as a loop, for one image: `layer` and the logit's `slopes` at it are (h, w, channels)."""
    total = np.zeros(layer.shape[:2])
    for channel in range(layer.shape[2]):
        total += slopes[..., channel].mean() * layer[..., channel]
    return enlarged(np.maximum(total, 0), height, width)


def test_grad_cam_reads_the_last_layer_that_has_space(exact):
    """Behind the last activation come the mean and a dense layer: its slopes are `kernel / pixels` in closed form."""
    graph, params, images, target = exact
    layers = jlrp.forward(graph, params, images, record=("relu2",))[1]["relu2"]
    ours = grad_cam(graph)(params, images).relevance
    pixels = layers.shape[1] * layers.shape[2]
    for index, layer in enumerate(np.asarray(layers)):
        slopes = np.broadcast_to(params["predictions"]["kernel"][:, target[index]] / pixels, layer.shape)
        expected = class_activation_map(layer, slopes, 8, 8)[..., None]
        assert expected.max() > 0
        assert_close(ours[index], np.broadcast_to(expected, (8, 8, 3)), 1e-12)


@pytest.mark.parametrize("layer", ["drop", "bn2", "conv1"])
def test_grad_cam_of_an_inner_layer(exact, layer):
    """Slopes by finite differences at the layer, past which a branch leads (`drop`) or the residual sum does (`bn2`)."""
    graph, params, images, target = exact
    name = graph.values[layer]
    values = jlrp.forward(graph, params, images, record=True)[1]
    start = next(i for i, node in enumerate(graph.nodes) if node.name == name) + 1

    def logits(value):
        known = values | {name: value}
        for node in graph.nodes[start:]:
            weights = params.get(node.params, {})
            known[node.name] = jlrp.apply(node.op, weights, *(known[i] for i in node.inputs))
        return known[graph.outputs[0]][np.arange(4), target].sum()

    slopes = np.asarray(jax.grad(logits)(values[name]))
    ours = grad_cam(graph, layer=layer)(params, images).relevance
    for index in range(4):
        expected = class_activation_map(np.asarray(values[name][index]), slopes[index], 8, 8)[..., None]
        assert_close(ours[index], np.broadcast_to(expected, (8, 8, 3)), 1e-12)


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
    np.testing.assert_array_equal(default(params, images, 1).relevance, act(params, images, 1).relevance)


VARIANTS = {
    "deconvnet": (deconvnet, lambda z, r: np.maximum(r, 0)),
    "guided_backprop": (guided_backprop, lambda z, r: (z > 0) * np.maximum(r, 0)),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_relu_variants_on_a_chain(rng, x64, variant):
    make, relu = VARIANTS[variant]
    graph, params, images = chain(rng, ir.Relu())
    result = jlrp.explainer(graph, make(), start="one", record=("a", "b"))(params, images)
    for index, image in enumerate(images):
        a = image @ params["a"]["kernel"] + params["a"]["bias"]
        b = np.maximum(a, 0) @ params["b"]["kernel"] + params["b"]["bias"]
        at_b = relu(b, params["fc"]["kernel"][:, result.target[index]])
        at_a = relu(a, params["b"]["kernel"] @ at_b)
        assert_close(result.layers["b"][index], at_b, 1e-12)
        assert_close(result.layers["a"][index], at_a, 1e-12)
        assert_close(result.relevance[index], params["a"]["kernel"] @ at_a, 1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
def test_relu_variants_leave_other_layers_their_gradient(exact, variant):
    """On a network with convolutions, BatchNorm, pooling and a residual sum: as a ReLU whose derivative is replaced."""
    graph, params, images, target = exact
    relu = jax.custom_vjp(lambda z: jnp.maximum(z, 0))
    rule = {"deconvnet": lambda z, r: jnp.maximum(r, 0), "guided_backprop": lambda z, r: jnp.where(z > 0, r, 0).clip(0)}
    relu.defvjp(lambda z: (jnp.maximum(z, 0), z), lambda z, r: (rule[variant](z, r),))

    def logits(images):
        known = {"image": images}
        for node in graph.nodes:
            inputs, weights = [known[i] for i in node.inputs], params.get(node.params, {})
            is_relu = isinstance(node.op, ir.Relu)
            known[node.name] = relu(*inputs) if is_relu else jlrp.apply(node.op, weights, *inputs)
        return known[graph.outputs[0]][np.arange(4), target].sum()

    ours = jlrp.explainer(graph, VARIANTS[variant][0](), start="one")(params, images).relevance
    assert_close(ours, jax.grad(logits)(images), 1e-12)


def test_relu_variants_leave_other_activations_their_gradient(rng):
    graph, params, images = chain(rng, ir.Activation("tanh"))
    expected = gradient(graph)(params, images).relevance
    for make, _ in VARIANTS.values():
        assert_close(jlrp.explainer(graph, make(), start="one")(params, images).relevance, expected, 1e-6)


def test_rules_fit_activations():
    for rule in (DeconvNet(), GuidedBackprop()):
        assert rule.fits(ir.Relu())
        assert not rule.fits(ir.Conv())
        with pytest.raises(jlrp.CompositeError, match=f"{type(rule).__name__} is not defined for Dense"):
            jlrp.Composite([(ir.Op, rule)]).assign(ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"]))
    assert all(Gradient().fits(op) for op in (ir.Relu(), ir.Conv(), ir.Add(), ir.Flatten()))


@pytest.mark.parametrize("method", METHODS)
def test_result_has_the_contract_s_shapes(network, method):
    graph, params, images = network
    result = METHODS[method](graph)(params, (images * 40).astype(np.uint8))
    assert isinstance(result, jlrp.Explanation)
    assert result.relevance.shape == images.shape
    assert result.relevance.dtype == np.float32
    assert result.output.shape == (4, 5)
    np.testing.assert_array_equal(result.target, result.output.argmax(1))
    assert result.layers == {}


@pytest.mark.parametrize("method", METHODS)
def test_batch_equals_single_images(network, method):
    graph, params, images = network
    explain = METHODS[method](graph)
    batch = explain(params, images).relevance
    for index in range(len(images)):
        single = explain(params, images[index : index + 1]).relevance[0]
        # float32: XLA may sum in another order for another batch size
        assert np.abs(batch[index] - single).max() <= 2e-5 * np.abs(single).max()


@pytest.mark.parametrize("method", METHODS)
def test_targets_may_be_one_class_one_per_image_or_the_start_itself(network, method):
    graph, params, images = network
    explain = METHODS[method](graph)
    one = explain(params, images, target=3)
    assert one.target.tolist() == [3, 3, 3, 3]
    each = explain(params, images, target=[3, 3, 0, 1])
    assert each.target.tolist() == [3, 3, 0, 1]
    assert_close(each.relevance[:2], one.relevance[:2], 1e-6)
    assert np.abs(each.relevance[2:] - one.relevance[2:]).max() > 1e-3
    start = np.zeros((4, 5), "f")
    start[:, 3] = 2.0
    given = explain(params, images, target=start)
    assert_close(given.relevance, 2 * one.relevance, 1e-6)
    np.testing.assert_array_equal(given.target, start.argmax(1))


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("occlusion", "grad_cam")])
def test_several_inputs_and_outputs(method):
    graph, params, images = two_inputs(np.random.default_rng(2))
    first = METHODS[method](graph)(params, images)
    assert [r.shape for r in first.relevance] == [x.shape for x in images]
    assert first.output.shape == (2, 3)
    other = METHODS[method](graph, output="other")(params, images)
    assert other.output.shape == (2, 4)
    assert np.abs(other.relevance[0]).max() > 0
    assert np.abs(other.relevance[1]).max() == 0  # the second input does not lead to this output


def test_several_inputs_have_baselines_of_their_own():
    graph, params, images = two_inputs(np.random.default_rng(2))
    one = integrated_gradients(graph, baseline=(1.0, np.full(4, 2.0)))(params, images, target=0)
    difference = one.output - jlrp.forward(graph, params, (np.ones((2, 6)), np.full((2, 4), 2.0)))[0]
    np.testing.assert_allclose(sum(r.sum(1) for r in one.relevance), difference[:, 0], rtol=1e-4, atol=1e-5)


def test_occlusion_covers_one_input_at_a_time(rng):
    nodes = [ir.Node("add", ir.Add(), ("left", "right")), ir.Node("mean", ir.GlobalAvgPool(), ("add",))]
    graph = ir.Graph([*nodes, ir.Node("fc", ir.Dense(), ("mean",), "fc")], ["left", "right"], ["fc"])
    images = tuple(rng.normal(size=(2, 4, 4, 1)).astype("f") for _ in range(2))
    explain = occlusion(graph, window=(2, 2), strides=(2, 2), value=(1.0, 0.0))
    left, right = explain({"fc": {"kernel": np.ones((1, 1), "f")}}, images).relevance
    for ours, image, value in ((left, images[0], 1.0), (right, images[1], 0.0)):
        expected = occluded(lambda x: x.mean((1, 2, 3)), image, (2, 2), (2, 2), value)
        assert_close(ours, expected, 1e-5)


def test_an_output_with_space_is_explained_by_channel_or_start(rng):
    graph, params, images = channels_first(rng)
    part = gradient(ir.Graph(graph.nodes[:2], ["image"], ["act"]))
    weights = {"conv": params["conv"]}
    channel = part(weights, images, target=1)
    start = np.zeros((2, 4, 6, 8), "f")
    start[:, 1] = 1
    assert_close(channel.relevance, part(weights, images, target=start).relevance, 1e-6)
    with pytest.raises(ValueError, match="give the start relevance in that shape"):
        part(weights, images)


def test_numbers_compile_nothing_anew(network):
    graph, params, images = network
    makers = (
        lambda number: smoothgrad(graph, samples=2, noise=number, key=int(10 * number)),
        lambda number: integrated_gradients(graph, steps=2, baseline=number),
        lambda number: occlusion(graph, **WINDOW, value=number),
    )
    for make in makers:
        _attribute.clear_cache()
        results = [make(number)(params, images, target=1).relevance for number in (0.1, 1, 2.5)]
        make(0.5)(jax.tree.map(lambda array: array + 1, params), images, target=[1, 2, 3, 4])
        assert _attribute._cache_size() == 1
        assert np.abs(results[0] - results[2]).max() > 1e-4  # used, not baked in
        make(0.5)(params, images[:2], target=1)
        assert _attribute._cache_size() == 2


@pytest.mark.parametrize("method", METHODS)
def test_works_under_jit_vmap_and_grad(network, method):
    graph, params, images = network
    explain = METHODS[method](graph)
    expected = explain(params, images).relevance
    assert_close(jax.jit(lambda p, x: explain(p, x).relevance)(params, images), expected, 1e-5)
    each = jax.vmap(lambda x: explain(params, x[None]).relevance[0])(images)
    assert_close(each, expected, 1e-5)
    slopes = jax.grad(lambda p: (explain(p, images).relevance ** 2).sum())(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    assert np.abs(slopes["conv1"]["kernel"]).max() > 0


def test_noise_and_baseline_may_be_swept(network):
    graph, params, images = network
    numbers = jnp.array([0.1, 0.4])
    for make in (
        lambda n: smoothgrad(graph, samples=2, noise=n),
        lambda n: integrated_gradients(graph, steps=2, baseline=n),
    ):
        swept = jax.vmap(lambda n, make=make: make(n)(params, images).relevance)(numbers)
        assert_close(swept[1], make(0.4)(params, images).relevance, 1e-5)


def test_memory_does_not_grow_with_samples_steps_or_windows(network):
    graph, params, images = network

    def temporary(explain):
        args = explain.graph, explain.method, params, (images,), None
        return _attribute.lower(*args).compile().memory_analysis().temp_size_in_bytes

    for few, many in (
        (smoothgrad(graph, samples=2), smoothgrad(graph, samples=40)),
        (integrated_gradients(graph, steps=2), integrated_gradients(graph, steps=40)),
        (occlusion(graph, window=(4, 4), strides=(4, 4)), occlusion(graph, window=(4, 4), strides=(1, 1))),
    ):
        assert temporary(many) < 1.3 * temporary(few) + 4096


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
        (lambda g: smoothgrad(g, samples=0), "one sample or more, not of 0"),
        (lambda g: smoothgrad(g, noise=-0.1), "at least 0, not -0.1"),
        (lambda g: integrated_gradients(g, steps=0), "one step or more, not 0"),
        (lambda g: integrated_gradients(g, baseline="black"), "baseline is a number or an array.*not 'black'"),
        (lambda g: occlusion(g, strides=(9, 4)), r"Strides of \(9, 4\) do not fit a window of \(8, 8\)"),
        (lambda g: occlusion(g, strides=(0, 4)), r"Strides of \(0, 4\)"),
        (lambda g: occlusion(g, window=(8,)), r"window of \(8,\)"),
        (lambda g: grad_cam(g, layer="conv9"), "no layer 'conv9' for Grad-CAM to read: it has 'conv1_pad'"),
        (lambda g: grad_cam(g, layer="image"), "no layer 'image' for Grad-CAM to read"),
    ],
)
def test_bad_options(network, make, message):
    with pytest.raises(ValueError, match=message):
        make(network[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda g: integrated_gradients(g, baseline=np.zeros(4)), r"baseline .* image \(8, 8, 3\) of 'image'.*\(4,\)"),
        (lambda g: occlusion(g, value=np.zeros((2, 2))), r"value .*shape \(2, 2\)"),
        (lambda g: occlusion(g, window=(9, 8)), r"window of \(9, 8\) does not fit the spatial axes \(8, 8\)"),
        (lambda g: occlusion(g, window=(4,), strides=(4,)), r"window of \(4,\) does not fit"),
        (lambda g: grad_cam(g, layer="gap"), r"that of 'gap' has the shape \(4, 8\)"),
    ],
)
def test_options_that_do_not_fit_the_images(network, make, message):
    graph, params, images = network
    with pytest.raises(ValueError, match=message):
        make(graph)(params, images)


def test_inputs_that_do_not_fit_a_method():
    graph, params, images = two_inputs(np.random.default_rng(2))
    with pytest.raises(ValueError, match="explains one image, but the graph has the inputs 'left', 'right'"):
        grad_cam(graph)
    with pytest.raises(ValueError, match=r"does not fit the spatial axes \(\) of the input 'left'"):
        occlusion(graph)(params, images)
    with pytest.raises(ValueError, match="one baseline for all inputs, or one for each of 'left', 'right': 3 were"):
        integrated_gradients(graph, baseline=(0.0, 1.0, 2.0))
    with pytest.raises(ValueError, match="'left', 'right', but 1 were given"):
        gradient(graph)(params, images[0])
    flat = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    with pytest.raises(ValueError, match="needs a layer with spatial axes, and the graph has none"):
        grad_cam(flat)({"fc": {"kernel": np.ones((2, 1), "f")}}, np.ones((1, 2), "f"))
