"""Loops: unrolled step by step, or one node whose body is a graph. Both give the same relevance."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import ir
import jlrp

GENERATOR = np.random.default_rng(0)


pytestmark = pytest.mark.usefixtures("x64")


def drawn(*shape):
    return jnp.asarray(GENERATOR.normal(size=shape) * 0.5)


P = {
    "cell": {
        "w": GENERATOR.normal(size=(3, 16)) * 0.5,
        "u": GENERATOR.normal(size=(4, 16)) * 0.5,
        "b": GENERATOR.normal(size=16),
    },
    "head": GENERATOR.normal(size=(4, 2)),
    "layers": {
        "k": GENERATOR.normal(size=(5, 4, 4)) * 0.5,
        "b": GENERATOR.normal(size=(5, 4)),
        "s": GENERATOR.normal(size=(5, 4)) * 0.1,
    },
    "start": GENERATOR.normal(size=4),
}


def lstm_step(p, carry, x):
    h, s = carry
    i, f, g, o = jnp.split(x @ p["w"] + h @ p["u"] + p["b"], 4, -1)
    s = jax.nn.sigmoid(f) * s + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(s)
    return (h, s), h


def lstm(p, x, reverse=False):
    zeros = jnp.zeros((x.shape[0], 4))
    step = lambda c, x: lstm_step(p["cell"], c, x)  # noqa: E731
    return lax.scan(step, (zeros, zeros), jnp.moveaxis(x, 1, 0), reverse=reverse)


def last_state(p, x):
    return lstm(p, x)[0][0] @ p["head"]


def every_state(p, x):
    return jnp.moveaxis(lstm(p, x)[1], 0, 1) @ p["head"]


def backwards(p, x):
    return lstm(p, x, reverse=True)[0][0] @ p["head"]


def trained_start(p, x):
    start = jnp.broadcast_to(p["start"], (x.shape[0], 4))
    step = lambda h, x: (jnp.tanh(h @ p["cell"]["u"][:, :4] + x @ p["cell"]["w"][:, :4]), None)  # noqa: E731
    return lax.scan(step, start, jnp.moveaxis(x, 1, 0))[0] @ p["head"]


def given_start(p, x):
    """The loop starts with what a layer makes of the first cell, and reads that in each step."""
    first = x[:, 0] @ p["cell"]["w"][:, :4]

    def step(h, x):
        return jax.nn.relu(h @ p["cell"]["u"][:, :4] + x @ p["cell"]["w"][:, 4:8] + first), None

    return lax.scan(step, jax.nn.relu(first), jnp.moveaxis(x, 1, 0))[0] @ p["head"]


def stacked_layers(p, x):
    """A step for each layer, with weights of its own."""
    x = x[:, 0] @ p["cell"]["w"][:, :4]

    def step(x, q):
        return x + jax.nn.relu(x @ q["k"] + q["b"]) * (1 + q["s"]), None

    return lax.scan(step, x, p["layers"])[0] @ p["head"]


def nested(p, x):
    """A loop in a loop."""

    def outer(h, x):
        inner = lambda h, q: (jnp.tanh(h @ q), None)  # noqa: E731
        return lax.scan(inner, h + x @ p["cell"]["w"][:, :4], p["layers"]["k"])[0], None

    zeros = jnp.zeros((x.shape[0], 4))
    return lax.scan(outer, zeros, jnp.moveaxis(x, 1, 0))[0] @ p["head"]


NETWORKS = {
    f.__name__: f
    for f in (
        last_state,
        every_state,
        backwards,
        trained_start,
        given_start,
        stacked_layers,
        nested,
    )
}


FROM_ZERO = ("last_state", "every_state", "backwards", "nested")
"""The networks whose loop starts at 0, which the unrolled graph knows."""


@cache
def both(name):
    params = jax.tree.map(jnp.asarray, P)
    x = drawn(2, 6, 3)
    return [jlrp.trace(NETWORKS[name], params, x, unroll=n) for n in (64, 0)], params


@pytest.mark.parametrize("name", NETWORKS)
def test_a_loop_computes_what_its_steps_compute(name):
    (unrolled, looped), params = both(name)
    assert any(isinstance(node.op, ir.Scan) for node in looped.graph.nodes)
    assert not any(isinstance(node.op, ir.Scan) for node in unrolled.graph.nodes)
    for images in (1, 5):
        x = drawn(images, 6, 3)
        expected = NETWORKS[name](params, x)
        for model in (unrolled, looped):
            made = jlrp.forward(model.graph, model.params, x)
            np.testing.assert_allclose(made, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("preset", ["zero", "attnlrp", "excitation_backprop", "guided_backprop"])
@pytest.mark.parametrize("name", NETWORKS)
def test_relevance_goes_through_a_loop_as_through_its_steps(name, preset):
    """Where all steps are alike: ε would see a bias that joined the first product alone."""
    if preset == "excitation_backprop" and name in FROM_ZERO:
        pytest.skip("z⁺ sees the bias of a first step whose state is 0 in the product of its input")
    (unrolled, looped), _ = both(name)
    x = drawn(3, 6, 3)
    start = {"position": 2} if name == "every_state" else {}
    rules = preset if preset != "attnlrp" else jlrp.PRESETS["attnlrp"](epsilon=0.0)
    found, expected = (
        np.asarray(jlrp.explainer(model, rules, **start)(model.params, x).relevance)
        for model in (looped, unrolled)
    )
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_steps_behind_the_explained_one_get_nothing():
    (_, looped), _ = both("every_state")
    found = jlrp.explainer(looped, position=2)(looped.params, drawn(2, 6, 3)).relevance
    assert np.all(found[:, 3:] == 0)
    assert np.abs(found[:, :3]).max() > 0


def test_gradients_go_through_the_weights_of_a_loop():
    (_, looped), params = both("stacked_layers")
    x = drawn(2, 6, 3)
    explain = jlrp.explainer(looped, "epsilon")
    weight = drawn(2, 6, 3)

    def total(scale):
        changed = jax.tree.map(lambda w: w, params)
        changed["layers"]["k"] = params["layers"]["k"] * scale
        return (explain(looped.params_of(changed), x, target=0).relevance * weight).sum()

    slope = jax.grad(total)(1.0)
    step = 1e-6
    assert np.isclose(slope, (total(1 + step) - total(1 - step)) / (2 * step), rtol=1e-5)


def test_a_counter_keeps_a_loop_from_being_one():
    """What is carried and no image changes has no batch: such loops are unrolled."""

    def function(p, x):
        body = lambda i, h: jnp.tanh(h @ p[i])  # noqa: E731
        return lax.fori_loop(0, 3, body, x)

    model = jlrp.trace(function, drawn(3, 4, 4), drawn(2, 4), unroll=0)
    assert [type(node.op) for node in model.graph.nodes] == [ir.Dense, ir.Activation] * 3


def test_names_have_the_step_where_the_weights_are_stacked():
    (unrolled, looped), _ = both("stacked_layers")
    names = [node.name for node in unrolled.graph.nodes]
    assert {"layers/0", "layers/relu", "layers/4"} <= set(names)
    (loop,) = (node for node in looped.graph.nodes if isinstance(node.op, ir.Scan))
    assert loop.name == "layers"
    assert [node.name for node in loop.op.body.nodes][:2] == ["layers", "relu"]


def test_no_file_holds_a_loop(tmp_path):
    (_, looped), _ = both("last_state")
    with pytest.raises(ValueError, match=r"is a loop, which no file can hold yet: trace .* unroll"):
        ir.save(looped, tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [((), "takes 1 inputs"), (((None, 4, 3),), "goes over 6 steps"), (((None, 6, 2),), "features")],
)
def test_shapes_that_do_not_fit(inputs, problem):
    (_, looped), _ = both("last_state")
    (loop,) = (node for node in looped.graph.nodes if isinstance(node.op, ir.Scan))
    with pytest.raises(ir.ShapeError, match=problem):
        loop.op.output_shape(looped.params[loop.params], *inputs)


def test_a_long_sequence_is_compiled_as_one_step():
    params = jax.tree.map(jnp.asarray, P)
    model = jlrp.trace(last_state, params, drawn(1, 1000, 3))
    assert [type(node.op) for node in model.graph.nodes] == [ir.Scan, ir.Dense]
    text = jax.jit(lambda x: jlrp.explainer(model, "epsilon")(model.params, x).relevance)
    assert text.lower(drawn(1, 1000, 3)).as_text().count("\n") < 3000


@pytest.mark.slow
def test_a_table_of_rules_says_what_a_loop_does():
    (_, looped), _ = both("stacked_layers")
    table = jlrp.PRESETS["epsilon"]().as_table(looped.graph)
    (row,) = (line for line in table.splitlines() if line.startswith("layers"))
    assert "step by step: Epsilon(epsilon=1e-06), Pass(), Norm(epsilon=1e-06)" in row
