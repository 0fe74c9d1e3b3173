"""What cannot be traced is an error that names it, the line of the user's code, and a way out."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import ir
import jlrp

X = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("f")
K = np.random.default_rng(1).normal(size=(8, 8)).astype("f")


def loops_over_images(p, x):
    return lax.scan(lambda carry, one: (carry, one @ p), jnp.zeros(()), x)[1]


def counts_images(p, x):
    return x / x.shape[0] * jnp.arange(x.shape[0])[:, None, None].astype(x.dtype)


def draws(p, x):
    return jnp.where(jax.random.bernoulli(jax.random.key(0), 0.5, x.shape), x @ p, 0)


UNTRACEABLE = {
    "a sort": (lambda p, x: jnp.sort(x @ p), "'sort' has no rule"),
    "a running sum": (lambda p, x: jnp.cumsum(x, -1), "'cumsum' has no rule"),
    "an index": (lambda p, x: jnp.argmax(x, -1), "'argmax' has no rule"),
    "the largest": (lambda p, x: lax.top_k(x, 3)[0], "'top_k' has no rule"),
    "a quotient": (lambda p, x: (x @ p) / (x + 3), "A quotient of two values"),
    "a choice": (lambda p, x: jnp.where(x > 0, x @ p, x), "A choice between values"),
    "a branch": (
        lambda p, x: lax.cond(p.sum() > 0, lambda x: x @ p, lambda x: x, x),
        "A branch of lax.cond or lax.switch is chosen by the params",
    ),
    "a loop without an end": (
        lambda p, x: lax.while_loop(lambda c: c[1] < 3, lambda c: (c[0] @ p, c[1] + 1), (x, 0))[0],
        "'while' has no rule .* lax.scan or lax.fori_loop",
    ),
    "indices of values": (
        lambda p, x: p[jnp.argmax(x, -1)],
        "'argmax' has no rule",
    ),
    "statistics of the batch": (
        lambda p, x: x - x.mean(0),
        r"'reduce_sum' mixes the images .* m\.eval\(\) .* use_running_average=True",
    ),
    "one number for all": (lambda p, x: x.mean(), "mixes the images of a batch"),
    "images that meet": (lambda p, x: jnp.einsum("nti,msi->nmts", x, x), "joins the batch"),
    "the batch last": (lambda p, x: jnp.moveaxis(x, 0, -1), "batch on axis 2"),
    "random numbers": (draws, r"draws random numbers for each image\. .* m\.eval\(\)"),
    "the number of an image": (counts_images, "numbers the images|computes with the number"),
    "a result without images": (lambda p, x: p, "does not depend on its inputs"),
}

WITHOUT_LINE = {"the batch last", "a result without images"}


@pytest.mark.parametrize("case", UNTRACEABLE)
def test_it_says_what_and_where(case):
    function, expected = UNTRACEABLE[case]
    with pytest.raises(jlrp.TraceError, match=f"(?s){expected}") as caught:
        jlrp.trace(function, jnp.asarray(K), jnp.asarray(X))
    text = str(caught.value)
    assert case in WITHOUT_LINE or "test_errors.py:" in text
    assert len(text) < 800
    assert "\n" not in text


def normalised_in_training(p, x):
    """Statistics of all tokens of all images."""
    y = x.reshape(-1, 8)
    return ((y - y.mean(0)) / jnp.sqrt(y.var(0) + 1e-5) @ p).reshape(x.shape)


def dropped(p, x):
    y = x.reshape(-1, 8)
    keep = jax.random.bernoulli(jax.random.key(0), 0.5, y.shape)
    return (jnp.where(keep, y, 0.0) @ p).reshape(x.shape)


def differences(p, x):
    return jnp.stack([x[i] @ p - x[0] for i in range(x.shape[0])])


@pytest.mark.parametrize("function", [normalised_in_training, dropped, differences])
@pytest.mark.parametrize("images", [X[:1], np.zeros_like(X), np.ones_like(X[:1])])
def test_what_one_image_alone_does_not_give(function, images):
    """It joins the batch with another axis, which is fine only if images do not meet there.

    Images that are alike would not show it.
    """
    with pytest.raises(jlrp.TraceError, match=r"(joins the batch|number of images).* m\.eval\(\)"):
        jlrp.trace(function, jnp.asarray(K), jnp.asarray(images))


def tokens_of_all_images(p, x):
    return (x.reshape(-1, 8) @ p).reshape(x.shape)


def image_after_image(p, x):
    return jnp.stack([x[i] @ p for i in range(x.shape[0])])


def mapped(p, x):
    return lax.map(lambda one: one @ p, x)


def windows(p, x):
    """Attention within windows, which are joined with the batch."""
    y = x.reshape(-1, 3, 2, 8).reshape(-1, 2, 8)
    scores = jax.nn.softmax(jnp.einsum("nic,njc->nij", y @ p, y))
    return jnp.einsum("nij,njc->nic", scores, y).reshape(x.shape)


@pytest.mark.parametrize(
    "function", [tokens_of_all_images, image_after_image, mapped, loops_over_images, windows]
)
@pytest.mark.parametrize("images", [1, 2])
def test_images_that_only_stand_beside_each_other(function, images):
    model = jlrp.trace(function, jnp.asarray(K), jnp.asarray(X[:images]))
    x = np.random.default_rng(2).normal(size=(5, 6, 8)).astype("f")
    made = jlrp.forward(model.graph, model.params, x)
    np.testing.assert_allclose(made, function(jnp.asarray(K), jnp.asarray(x)), rtol=1e-5, atol=1e-5)
    assert any(line.startswith("test_errors.py:") for line in model.sources.values())


def test_a_branch_of_python():
    with pytest.raises(jlrp.TraceError, match=r"asks whether a number is true.*jnp\.where"):
        jlrp.trace(lambda p, x: x if x.sum() > 0 else -x, {}, jnp.asarray(X))


def test_mistakes_of_the_function_itself_are_its_own():
    with pytest.raises(TypeError, match=r"incompatible shapes|dot_general"):
        jlrp.trace(lambda p, x: x @ p, jnp.ones((5, 5)), jnp.asarray(X))


@pytest.mark.parametrize("inputs", [(), ("image",), (3.0,), (np.float32(1),)])
def test_inputs_that_are_none(inputs):
    with pytest.raises(TypeError, match=r"give an array|trace takes a function|give a batch"):
        jlrp.trace(lambda p, *x: x[0], {}, *inputs)


def test_a_module_is_no_params():
    """Equinox keeps functions beside its arrays."""
    module = {"w": jnp.asarray(K), "activation": jax.nn.relu}
    with pytest.raises(
        TypeError, match=r"hold .* at activation, which is no array.*eqx\.partition"
    ):
        jlrp.trace(lambda p, x: p["activation"](x @ p["w"]), module, jnp.asarray(X))


@pytest.mark.parametrize("unroll", [-1, 2.5, True, "all"])
def test_steps_to_unroll_that_are_none(unroll):
    with pytest.raises(TypeError, match="unroll is a number of steps, 0 or more"):
        jlrp.trace(lambda p, x: x, {}, jnp.asarray(X), unroll=unroll)


def test_what_is_no_function():
    with pytest.raises(TypeError, match=r"takes a function first.*, not dict"):
        jlrp.trace({}, jnp.asarray(K), jnp.asarray(X))


def test_without_an_image_random_ones_are_compared():
    """Else a batch of none would agree with anything."""
    with pytest.raises(jlrp.TraceError, match="computes other values"):
        jlrp.trace(differs_when_jitted(), jnp.asarray(K), jnp.asarray(X[:0]))


def differs_when_jitted():
    """A function that is another one each time it is traced."""
    calls = iter(range(100))
    return lambda p, x: x @ p * (1.0 + next(calls))


def test_a_position_of_an_output_without_positions():
    model = jlrp.trace(lambda p, x: x.mean(1) @ p, jnp.asarray(K), jnp.asarray(X))
    with pytest.raises(ValueError, match="classes for each image alone: leave it out"):
        jlrp.explainer(model, position=0)(model.params, X)


def test_params_of_another_structure():
    model = jlrp.trace(lambda p, x: x @ p["k"], {"k": jnp.asarray(K)}, jnp.asarray(X))
    with pytest.raises(TypeError, match="another structure"):
        model.params_of({"kernel": K})


def test_less_precision_inside_is_said():
    def function(p, x):
        return (x.astype(jnp.bfloat16) @ p.astype(jnp.bfloat16)).astype(jnp.float32)

    with pytest.warns(UserWarning, match=r"computes in bfloat16\. The graph computes in the dtype"):
        model = jlrp.trace(function, jnp.asarray(K), jnp.asarray(X))
    made = jlrp.forward(model.graph, model.params, X)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, X @ K, rtol=1e-5, atol=1e-5)


def test_shapes_alone_make_a_graph_without_numbers():
    struct = jax.ShapeDtypeStruct
    model = jlrp.trace(lambda p, x: jax.nn.relu(x @ p), struct((8, 8), "f"), struct((2, 6, 8), "f"))
    assert [type(node.op) for node in model.graph.nodes] == [ir.Dense, ir.Relu]
    assert model.params_of(jnp.asarray(K))[model.graph.nodes[0].params]["kernel"].shape == (8, 8)


def test_a_marked_function_is_one_op():
    class Sort(ir.Op):
        keeps_shape = True

        def output_shape(self, params, *inputs):
            return inputs[0]

    @jlrp.apply.register
    def _(op: Sort, params, x):
        return jnp.sort(x) * params["scale"]

    op = Sort()
    sort = jlrp.traceable(op)(lambda params, x: jnp.sort(x) * params["scale"])
    params = {"k": jnp.asarray(K), "s": jnp.full((), 2.0)}

    def function(p, x):
        return sort({"scale": p["s"]}, x @ p["k"])

    model = jlrp.trace(function, params, jnp.asarray(X))
    assert [node.op for node in model.graph.nodes][1:] == [op]
    np.testing.assert_array_equal(sort({"scale": 2.0}, X), np.sort(X) * 2)
    explained = jlrp.explainer(model, "epsilon", decision="output")(
        model.params, X, np.ones_like(X)
    )
    assert np.isfinite(explained.relevance).all()


def test_a_function_without_a_name_is_no_file(tmp_path):
    model = jlrp.trace(lambda p, x: jnp.sin(x @ p), jnp.asarray(K), jnp.asarray(X))
    with pytest.raises(ValueError, match=r"layer 'elementwise' .*jlrp\.register_function"):
        ir.save(model, tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_no_warnings(recwarn):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jlrp.trace(lambda p, x: jnp.where(x > 0, x, -jnp.inf), {}, jnp.asarray(X))
