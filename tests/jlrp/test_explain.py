"""What `explain` takes and gives.

Targets, starts, recorded layers, several inputs and outputs, compilation.
"""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.propagation import programs
from tests.networks import preset, residual, two_inputs


@pytest.fixture(scope="module")
def network():
    return residual(np.random.default_rng(1))


def test_result_has_the_contract_s_shapes(network):
    graph, params, images = network
    result = jlrp.explainer(graph, "epsilon_plus_flat")(params, images)
    assert result.relevance.shape == images.shape
    assert result.output.shape == (4, 5)
    assert result.target.shape == (4,)
    assert result.layers == {}
    np.testing.assert_array_equal(result.target, result.output.argmax(1))
    np.testing.assert_allclose(
        jax.nn.softmax(result.output), jlrp.forward(graph, params, images), atol=1e-6
    )


@pytest.mark.parametrize("name", jlrp.PRESETS)
def test_batch_equals_single_images(network, name):
    graph, params, images = network
    explain = jlrp.explainer(graph, preset(name))
    batch = explain(params, images).relevance
    for index in range(len(images)):
        single = explain(params, images[index : index + 1]).relevance[0]
        # float32: XLA may sum in another order for another batch size
        assert np.abs(batch[index] - single).max() <= 2e-5 * np.abs(single).max()


def test_targets_may_be_one_class_one_per_image_or_the_start_itself(network):
    graph, params, images = network
    explain = jlrp.explainer(graph)
    one = explain(params, images, target=3)
    assert one.target.tolist() == [3, 3, 3, 3]
    each = explain(params, images, target=[3, 3, 0, 1])
    np.testing.assert_allclose(each.relevance[:2], one.relevance[:2], rtol=1e-6)
    start = np.zeros((4, 5), "f")
    start[:, 3] = one.output[:, 3]
    given = explain(params, images, target=start)
    np.testing.assert_allclose(given.relevance, one.relevance, rtol=1e-6)
    np.testing.assert_array_equal(given.target, start.argmax(1))


def test_start_one_is_the_logit_start_divided_by_the_logit(network):
    graph, params, images = network
    logit = jlrp.explainer(graph)(params, images)
    one = jlrp.explainer(graph, start="one")(params, images)
    value = logit.output.max(1)[:, None, None, None]
    np.testing.assert_allclose(one.relevance * value, logit.relevance, rtol=1e-3, atol=1e-5)


def test_ties_go_to_the_lowest_class():
    graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    assert jlrp.explainer(graph)(
        {"fc": {"kernel": np.ones((2, 3), "f")}}, np.ones((1, 2), "f")
    ).target.tolist() == [0]


def test_a_single_output_has_target_0():
    nodes = [
        ir.Node("fc", ir.Dense(), ("x",), "fc"),
        ir.Node("p", ir.Activation("sigmoid"), ("fc",)),
    ]
    graph = ir.Graph(nodes, ["x"], ["p"])
    result = jlrp.explainer(graph)({"fc": {"kernel": np.ones((2, 1), "f")}}, np.zeros((3, 2), "f"))
    assert result.target.tolist() == [0, 0, 0]
    np.testing.assert_allclose(result.output, 0)
    np.testing.assert_allclose(result.prediction, 0.5)


def test_recorded_layers_and_their_aliases(network):
    graph, params, images = network
    result = jlrp.explainer(graph, record=("bn_conv1", "predictions", "drop", "image"))(
        params, images
    )
    assert set(result.layers) == {"bn_conv1", "predictions", "drop", "image"}
    np.testing.assert_array_equal(result.layers["image"], result.relevance)
    np.testing.assert_allclose(result.layers["predictions"].sum(1), result.output.max(1), rtol=1e-6)
    everything = jlrp.explainer(graph, record=True)(params, images).layers
    assert {"bn_conv1", "predictions", "drop", "image", "add"} <= set(everything)
    assert "conv1" not in everything  # merged into bn_conv1


def test_recording_a_merged_layer_names_the_one_to_use(network):
    graph, _, _ = network
    with pytest.raises(ValueError, match=r"'conv1' is merged into 'bn_conv1'.*record that"):
        jlrp.explainer(graph, record=("conv1",))
    with pytest.raises(ValueError, match="'conv1_pad' is merged into 'bn_conv1'"):
        jlrp.explainer(graph, record=("conv1_pad",))
    with pytest.raises(ValueError, match="no layer 'conv9' to record: it has 'image'"):
        jlrp.explainer(graph, record=("conv9",))
    assert "conv1" in jlrp.explainer(graph, "crawford2019", record=True)(*network[1:]).layers


def test_several_inputs_and_outputs():
    graph, params, images = two_inputs(np.random.default_rng(2))
    first = jlrp.explainer(graph)(params, images)
    second = jlrp.explainer(graph, output="other")(params, images)
    assert [r.shape for r in first.relevance] == [x.shape for x in images]
    assert first.output.shape == (2, 3)
    assert second.output.shape == (2, 4)
    assert np.abs(second.relevance[1]).max() == 0  # the second input does not lead to this output
    outputs = jlrp.forward(graph, params, images)
    np.testing.assert_allclose(outputs[1], second.output, rtol=1e-6)


def test_compiled_once_per_shape(network):
    graph, params, images = network
    programs.explain.clear_cache()
    for epsilon in (0.1, 0.2):
        rules = jlrp.PRESETS["epsilon"]().with_rules((ir.Dense, jlrp.Epsilon(epsilon)))
        explain = jlrp.explainer(graph, rules)
        explain(params, images, target=1)
        explain(jax.tree.map(lambda array: array + 1, params), images, target=2)
        explain(params, images, target=np.array([1, 2, 3, 4]))
    assert programs.explain.cache_size() == 1
    explain(params, images[:2], target=1)
    assert programs.explain.cache_size() == 2


def test_numbers_of_rules_are_used_not_baked_in(network):
    graph, params, images = network
    small, large = (
        jlrp.explainer(graph, jlrp.PRESETS["epsilon"]().with_rules((ir.Dense, jlrp.Epsilon(e))))(
            params, images
        ).relevance
        for e in (1e-6, 10.0)
    )
    assert np.abs(small).sum() > 1.5 * np.abs(large).sum()


def test_works_under_jit_vmap_and_grad(network):
    graph, params, images = network
    explain = jlrp.explainer(graph, "epsilon_plus")
    expected = explain(params, images).relevance
    np.testing.assert_allclose(
        jax.jit(lambda p, x: explain(p, x).relevance)(params, images), expected, atol=1e-5
    )
    each = jax.vmap(lambda x: explain(params, x[None]).relevance[0])(images)
    np.testing.assert_allclose(each, expected, atol=1e-5)
    targets = jax.vmap(lambda t: explain(params, images, target=t).relevance)(jnp.arange(5))
    np.testing.assert_allclose(targets[2], explain(params, images, target=2).relevance, atol=1e-5)
    gradient = jax.grad(lambda p: (explain(p, images).relevance ** 2).sum())(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_a_rule_s_number_may_be_swept(network):
    graph, params, images = network

    def relevance(epsilon):
        rules = jlrp.PRESETS["epsilon"]().with_rules((ir.Dense, jlrp.Epsilon(epsilon)))
        return jlrp.explainer(graph, rules)(params, images).relevance

    swept = jax.vmap(relevance)(jnp.array([1e-6, 0.5]))
    np.testing.assert_allclose(swept[1], relevance(0.5), atol=1e-5)


def test_per_class_equals_one_call_per_class(network):
    graph, params, images = network
    explain = jlrp.explainer(graph, record=("add",))
    result = explain.per_class(params, images, classes=(3, 1))
    assert result.relevance.shape == (2, *images.shape)
    assert result.target.tolist() == [[3] * 4, [1] * 4]
    for index, target in enumerate((3, 1)):
        one = explain(params, images, target=target)
        np.testing.assert_allclose(result.relevance[index], one.relevance, atol=1e-5)
        np.testing.assert_allclose(result.layers["add"][index], one.layers["add"], atol=1e-5)


@pytest.mark.parametrize(
    "name",
    ["epsilon_plus_flat", "epsilon_alpha2_beta1", "epsilon_gamma_box", "crawford2019_original"],
)
def test_bound_equals_unbound(network, name):
    graph, params, images = network
    explain = jlrp.explainer(graph, preset(name))
    bound = explain.bind(params)
    for target in (None, 2):
        expected = explain(params, images, target).relevance
        # folded once in one program, or each time in another: XLA may fuse and round differently
        assert (
            np.abs(bound(images, target).relevance - expected).max()
            <= 1e-6 * np.abs(expected).max()
        )


def test_runs_in_the_dtype_of_the_params(network, x64):
    graph, params, images = network
    explain = jlrp.explainer(graph)
    pixels = (images * 255).astype(np.uint8)
    assert explain(params, pixels).relevance.dtype == np.float32
    assert explain(jax.tree.map(np.float64, params), pixels).relevance.dtype == np.float64
    assert (
        explain(
            jax.tree.map(lambda a: jnp.asarray(a, jnp.bfloat16), params), pixels
        ).relevance.dtype
        == jnp.bfloat16
    )


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (5, "no class 5: the output has the classes 0 to 4"),
        (-1, "no class -1"),
        ([0, 1, 2, 9], "no class 9"),
        ([0, 1], "one per image: 4 images, but 2 targets"),
        (0.5, "class index"),
        ("cat", "is a label, but the explainer has none"),
        (np.zeros((4, 6), "f"), r"output's shape \(4, 5\), but \(4, 6\)"),
    ],
)
def test_bad_targets(network, target, message):
    graph, params, images = network
    with pytest.raises(ValueError, match=message):
        jlrp.explainer(graph)(params, images, target=target)


def test_an_image_as_output_needs_a_start():
    graph = ir.Graph([ir.Node("conv", ir.Conv(), ("x",), "conv")], ["x"], ["conv"])
    params, images = {"conv": {"kernel": np.ones((1, 1, 1, 1), "f")}}, np.ones((1, 2, 2, 1), "f")
    with pytest.raises(
        ValueError, match="give the class to explain as target, or the start relevance"
    ):
        jlrp.explainer(graph)(params, images)
    given = jlrp.explainer(graph)(params, images, target=np.ones((1, 2, 2, 1), "f"))
    np.testing.assert_allclose(given.relevance, 1, rtol=1e-5)


def test_bad_arguments(network):
    graph, params, images = network
    with pytest.raises(ValueError, match=r"no preset 'epsilon_pluss'.*Did you mean 'epsilon_plus'"):
        jlrp.explainer(graph, "epsilon_pluss")
    with pytest.raises(TypeError, match=r"a preset's name or a jlrp\.Composite, not int"):
        jlrp.explainer(graph, 3)
    with pytest.raises(ValueError, match="no start 'two'"):
        jlrp.explainer(graph, start="two")
    with pytest.raises(ValueError, match="no layer 'nose'"):
        jlrp.explainer(graph, output="nose")
    with pytest.raises(ValueError, match=r"the inputs 'image', but 2 were given"):
        jlrp.explainer(graph)(params, (images, images))
    with pytest.raises(ir.ShapeError, match=r"'bn_conv1' .*3 channels"):
        jlrp.explainer(graph)(params, images[..., :2])
    with pytest.raises(ir.ShapeError, match=r"'bn_conv1' .*of 4 dimensions"):
        jlrp.explainer(graph)(params, images[0])
    with pytest.raises(ValueError, match=r"a sequence of class indices"):
        jlrp.explainer(graph).per_class(params, images, classes=3)


def test_rules_of_one_shape_have_programs_of_their_own(network):
    """Rules with as many fields look alike to some versions of jaxlib.

    The plan must keep their programs apart.
    """
    _, params, images = network

    def scaled(factor):
        @flax.struct.dataclass
        class Scaled(jlrp.Rule):
            epsilon: float = 1e-6

            def relevance(self, call, relevance):
                return tuple(
                    factor * share
                    for share in jlrp.Epsilon(self.epsilon).relevance(call, relevance)
                )

        return jlrp.Composite([(ir.Dense, Scaled())])

    dense = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    weights, x = {"fc": params["predictions"]}, images[:, 0, :8, 0]
    expected = jlrp.explainer(dense, scaled(1))(weights, x).relevance
    for factor in range(2, 40):
        ours = jlrp.explainer(dense, scaled(factor))(weights, x).relevance
        np.testing.assert_allclose(ours, factor * expected, rtol=1e-5)
