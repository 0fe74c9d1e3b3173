"""One network in every framework has one relevance; what functions may contain."""

import functools

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import ir
import jlrp
from tests.tracing import networks

NEAR = 1e-10


@pytest.fixture(autouse=True)
def _float64(x64):
    pass


@functools.cache
def weights():
    return networks.weights(np.random.default_rng(1))


@functools.cache
def images():
    return networks.pictures(np.random.default_rng(2), 5)


@functools.cache
def traced(framework):
    """The network of a framework: the function, its params and the model."""
    function, params = networks.WITH[framework](weights())
    example = networks.laid_out(framework, images())[:3]
    return function, params, jlrp.trace(function, params, example)


@functools.cache
def expected(name):
    """The output and the relevance of the network, by hand."""
    model = by_hand()
    made = jlrp.explainer(model, preset(name))(model.params, images())
    return np.asarray(made.output), np.asarray(made.relevance)


@functools.cache
def by_hand():
    """The network as a graph that was written down."""
    w = weights()
    nodes = [
        ir.Node("conv", ir.Conv((2, 2), "same"), ("image",), "conv"),
        ir.Node("norm", ir.BatchNorm(networks.EPSILON), ("conv",), "norm"),
        ir.Node("relu", ir.Relu(), ("norm",)),
        ir.Node("pool", ir.MaxPool(), ("relu",)),
        ir.Node("residual", ir.Conv((1, 1), "same"), ("pool",), "residual"),
        ir.Node("add", ir.Add(), ("residual", "pool")),
        ir.Node("relu2", ir.Relu(), ("add",)),
        ir.Node("mean", ir.GlobalAvgPool(), ("relu2",)),
        ir.Node("dense", ir.Dense(), ("mean",), "dense"),
        ir.Node("softmax", ir.Softmax(), ("dense",)),
    ]
    return ir.Model(ir.Graph(nodes, ["image"], ["softmax"]), w, ())


def preset(name):
    make = jlrp.PRESETS[name]
    return make(**networks.BOUNDS) if name == "epsilon_gamma_box" else make()


def near(found, right, within=NEAR):
    found, right = np.asarray(found), np.asarray(right)
    assert found.shape == right.shape
    assert abs(found - right).max() <= within * abs(right).max()


def by_time(name):
    """A preset; all but two are tested where there is time."""
    quick = name in ("epsilon_plus", "crawford2019_original")
    return pytest.param(name, marks=() if quick else pytest.mark.slow)


# --- one network, every framework


@pytest.mark.parametrize("name", [by_time(name) for name in jlrp.PRESETS])
@pytest.mark.parametrize("framework", networks.WITH)
def test_every_framework_has_the_same_relevance(framework, name):
    _, _, model = traced(framework)
    given = networks.laid_out(framework, images())
    made = jlrp.explainer(model, preset(name))(model.params, given)
    output, relevance = expected(name)
    near(made.output, output)
    near(networks.laid_back(framework, np.asarray(made.relevance)), relevance)


@pytest.mark.slow
@pytest.mark.parametrize("name", jlrp.PRESETS)
@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)  # Keras's own
def test_so_has_the_file_that_keras_saves(name, ending, tmp_path):
    model = of_keras(ending, tmp_path)
    params = jax.tree.map(lambda a: np.asarray(a, np.float64), model.params)
    made = jlrp.explainer(model, preset(name))(params, images())
    output, relevance = expected(name)
    near(made.output, output)
    near(made.relevance, relevance)


FILES = {}


def of_keras(ending, folder):
    if ending not in FILES:
        FILES[ending] = ir.load(networks.with_keras(weights(), folder / f"network.{ending}"))
    return FILES[ending]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("framework", networks.WITH)
def test_forward_at_any_batch_size(framework, count):
    function, params, model = traced(framework)
    given = networks.laid_out(framework, images())[:count]
    near(jlrp.forward(model.graph, model.params, given), function(params, given), 1e-12)


@pytest.mark.parametrize("framework", networks.WITH)
def test_layers_are_named_by_their_params(framework):
    _, _, model = traced(framework)
    names = [node.name for node in model.graph.nodes if node.params]
    assert [name.split("/")[-1] for name in names] == ["conv", "norm", "residual", "dense"]


@pytest.mark.parametrize("framework", networks.WITH)
def test_sources_are_lines_of_this_network(framework):
    _, _, model = traced(framework)
    assert set(model.sources) == {node.name for node in model.graph.nodes}
    assert all(line.startswith("networks.py:") for line in model.sources.values())


@pytest.mark.parametrize("framework", networks.WITH)
def test_shapes_alone_are_enough(framework):
    function, params, model = traced(framework)
    given = networks.laid_out(framework, images())
    structs = jax.eval_shape(lambda *a: a, params, given)
    abstract = jlrp.trace(function, *structs)
    assert abstract.graph == model.graph
    made = abstract.params_of(params)
    near(jlrp.forward(abstract.graph, made, given), function(params, given), 1e-12)


# --- the user's own params


@pytest.mark.slow
@pytest.mark.parametrize("framework", networks.WITH)
def test_gradients_with_respect_to_the_users_params(framework, rng):
    _, params, model = traced(framework)
    explain = jlrp.explainer(model, "epsilon_plus")
    given = networks.laid_out(framework, images())[:2]
    paths, structure = jax.tree_util.tree_flatten_with_path(params)
    leaves = [leaf for _, leaf in paths]
    floats = [
        index
        for index, (path, leaf) in enumerate(paths)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
        and "hidden" not in str(path)  # Haiku's, of training
    ]

    def value(changed):
        new = list(leaves)
        for index, leaf in zip(floats, changed, strict=True):
            new[index] = leaf
        made = model.params_of(jax.tree.unflatten(structure, new))
        return jnp.sum(jnp.sin(explain(made, given, target=1).relevance))

    start = [leaves[index] for index in floats]
    way = [jnp.asarray(rng.normal(size=leaf.shape)) for leaf in start]
    gradient = jax.jit(jax.grad(value))(start)
    along = sum(jnp.vdot(g, d) for g, d in zip(gradient, way, strict=True))
    step = 1e-7  # no relu changes its sign within
    there, back = (
        [leaf + sign * step * d for leaf, d in zip(start, way, strict=True)] for sign in (1, -1)
    )
    measured = (jax.jit(value)(there) - jax.jit(value)(back)) / (2 * step)
    assert abs(measured) > 1e-3
    np.testing.assert_allclose(along, measured, rtol=1e-6)
    assert all(np.any(g != 0) for g in gradient)


@pytest.mark.parametrize("framework", networks.WITH)
def test_params_of_under_jit(framework):
    _, params, model = traced(framework)
    compiled = jax.jit(model.params_of)(params)
    assert jax.tree.structure(compiled) == jax.tree.structure(model.params)
    jax.tree.map(lambda a, b: near(a, b, 1e-14), compiled, model.params_of(params))


def test_params_of_other_params(rng):
    function, params, model = traced("nnx")
    new = jax.tree.map(lambda a: a + 0.1 * rng.uniform(size=a.shape), params)
    near(jlrp.forward(model.graph, model.params_of(new), images()), function(new, images()), 1e-12)


def test_params_of_another_structure():
    _, params, model = traced("plain")
    with pytest.raises(TypeError, match="another structure"):
        model.params_of({"conv": params["conv"]})


# --- what functions may contain


def dense(layer, x):
    return x @ layer["w"] + layer["b"]


@pytest.fixture
def mlp(rng):
    """Params of three dense layers, 6 to 6, and a head."""
    layers = [
        {"w": jnp.asarray(rng.normal(size=(6, 6))), "b": jnp.asarray(rng.normal(size=6))}
        for _ in range(3)
    ]
    return {"layers": layers, "head": {"w": jnp.asarray(rng.normal(size=(6, 4)))}}


@pytest.fixture
def vectors(rng):
    return rng.normal(size=(5, 6))


def unrolled(params, x):
    """Three residual layers and a head, written out."""
    for layer in params["layers"]:
        x = x + jax.nn.relu(dense(layer, x))
    return x @ params["head"]["w"]


def same(function, params, plain, plain_params, given, name="epsilon_plus"):
    """Two functions have the same values and the same relevance."""
    one = jlrp.trace(function, params, given[:2])
    other = jlrp.trace(plain, plain_params, given[:2])
    assert [node.op for node in one.graph.nodes] == [node.op for node in other.graph.nodes]
    near(jlrp.forward(one.graph, one.params, given), plain(plain_params, given), 1e-12)
    found = jlrp.explainer(one, name)(one.params, given).relevance
    near(found, jlrp.explainer(other, name)(other.params, given).relevance)
    return one


def test_a_layer_that_is_called_twice_has_one_entry(mlp, vectors):
    def function(params, x):
        layer = params["layers"][0]
        return dense(layer, jax.nn.relu(dense(layer, x))) @ params["head"]["w"]

    model = jlrp.trace(function, mlp, vectors[:2])
    assert set(model.params) == {"layers/0", "head"}
    assert [n.params for n in model.graph.nodes if n.params] == ["layers/0", "layers/0", "head"]
    near(jlrp.forward(model.graph, model.params, vectors), function(mlp, vectors), 1e-12)


def test_several_inputs_and_outputs(rng):
    params = {key: jnp.asarray(rng.normal(size=(6, 4))) for key in "abcd"}
    left, right = rng.normal(size=(5, 6)), rng.normal(size=(5, 2, 3))

    def function(params, left, right):
        a = jax.nn.relu(left @ params["a"])
        b = right.reshape(right.shape[0], 6) @ params["b"]
        return {"both": jnp.concatenate([a, b[:, :2]], axis=1) @ params["c"], "first": a}

    model = jlrp.trace(function, params, left[:2], right[:2])
    assert model.graph.inputs == ("left", "right")
    both, first = jlrp.forward(model.graph, model.params, (left, right))
    near(both, function(params, left, right)["both"], 1e-12)
    near(first, function(params, left, right)["first"], 1e-12)
    result = jlrp.explainer(model, "epsilon_plus", output=model.graph.outputs[0])(
        model.params, (left, right)
    )
    assert [r.shape for r in result.relevance] == [(5, 6), (5, 2, 3)]
    alone = jlrp.explainer(model, "epsilon", output=model.graph.outputs[1])
    seen, unseen = alone(model.params, (left, right)).relevance
    assert np.any(seen != 0)
    assert not np.any(unseen)


def test_scan_over_layers_with_stacked_weights(mlp, vectors):
    def function(params, x):
        def step(x, layer):
            return x + jax.nn.relu(dense(layer, x)), None

        x, _ = jax.lax.scan(step, x, params["layers"])
        return x @ params["head"]["w"]

    stacked = jax.tree.map(lambda *a: jnp.stack(a), *mlp["layers"])
    params = {"layers": stacked, "head": mlp["head"]}
    model = same(function, params, unrolled, mlp, vectors)
    assert len(model.params) == 4


def test_scan_that_returns_all_steps(mlp, vectors):
    def function(params, x):
        def step(x, layer):
            x = jax.nn.relu(dense(layer, x))
            return x, x

        _, all_steps = jax.lax.scan(step, x, params["layers"])
        return all_steps.sum(0) @ params["head"]["w"]

    stacked = jax.tree.map(lambda *a: jnp.stack(a), *mlp["layers"])
    params = {"layers": stacked, "head": mlp["head"]}
    model = jlrp.trace(function, params, vectors[:2])
    near(jlrp.forward(model.graph, model.params, vectors), function(params, vectors), 1e-12)


def test_fori_loop(mlp, vectors):
    def function(params, x):
        x = jax.lax.fori_loop(0, 3, lambda i, x: x + jax.nn.relu(dense(params["layers"][0], x)), x)
        return x @ params["head"]["w"]

    thrice = {"layers": [mlp["layers"][0]] * 3, "head": mlp["head"]}
    same(function, mlp, unrolled, thrice, vectors)


@pytest.mark.parametrize(
    "wrap", [jax.checkpoint, jax.jit, jax.named_call], ids=lambda f: f.__name__
)
def test_wrapped_layers(wrap, mlp, vectors):
    block = wrap(lambda layer, x: x + jax.nn.relu(dense(layer, x)))

    def function(params, x):
        for layer in params["layers"]:
            x = block(layer, x)
        return x @ params["head"]["w"]

    same(function, mlp, unrolled, mlp, vectors)


@jax.custom_jvp
def clipped(x):
    return jnp.maximum(x, 0)


clipped.defjvp(lambda primals, tangents: (clipped(*primals), tangents[0]))


@jax.custom_vjp
def straight(x):
    return jnp.maximum(x, 0)


straight.defvjp(lambda x: (straight(x), None), lambda _, g: (g,))


@pytest.mark.parametrize("function", [clipped, straight, jax.nn.relu6, lambda x: jnp.maximum(x, 0)])
def test_functions_with_derivatives_of_their_own(function, mlp, vectors):
    def net(params, x):
        return function(dense(params["layers"][0], x)) @ params["head"]["w"]

    model = jlrp.trace(net, mlp, vectors[:2])
    assert [type(node.op) for node in model.graph.nodes] == [ir.Dense, ir.Relu, ir.Dense]
    near(jlrp.forward(model.graph, model.params, vectors), net(mlp, vectors), 1e-12)


@pytest.mark.parametrize("axes", [0, 1])
def test_functions_of_one_image(axes, mlp, vectors):
    def of_one(params, x):
        for layer in params["layers"]:
            x = x + jax.nn.relu(layer["w"].T @ x + layer["b"])
        return params["head"]["w"].T @ x

    def function(params, x):
        x = x if axes == 0 else x.T
        return jax.vmap(of_one, in_axes=(None, axes))(params, x)

    same(function, mlp, unrolled, mlp, vectors)


def test_a_cond_on_a_number(mlp, vectors):
    def function(params, x):
        for index, layer in enumerate(params["layers"]):
            x = jax.lax.cond(
                index < 3, lambda x, layer=layer: x + jax.nn.relu(dense(layer, x)), lambda x: x, x
            )
        return x @ params["head"]["w"]

    same(function, mlp, unrolled, mlp, vectors)


def test_explained_under_jit_and_vmap(mlp, vectors):
    model = jlrp.trace(unrolled, mlp, vectors[:2])
    explain = jlrp.explainer(model, "epsilon")

    def relevance(params, target):
        return explain(model.params_of(params), vectors, target=target).relevance

    targets = jnp.arange(4)
    swept = jax.jit(jax.vmap(relevance, (None, 0)))(mlp, targets)
    for target in targets:
        near(swept[target], relevance(mlp, target))


@pytest.mark.parametrize(
    "function", [lambda x, q: jnp.abs(x) ** q, lambda x, q: jnp.exp(x) ** (1 / q)]
)
def test_a_trained_exponent_is_no_slope(function, vectors):
    with pytest.raises(jlrp.TraceError, match="'pow' has no rule"):
        jlrp.trace(lambda p, x: function(x, p["q"]), {"q": jnp.asarray(3.0)}, vectors)


# --- training left on


class NormInNNX(nnx.Module):
    def __init__(self, rngs):
        self.norm = nnx.BatchNorm(6, rngs=rngs)
        self.head = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x):
        return self.head(self.norm(x))


class DropoutInNNX(nnx.Module):
    def __init__(self, rngs):
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.head = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x):
        return self.head(self.dropout(x))


def nnx_training(module):
    module.train()
    graph, state = nnx.split(module)
    return lambda state, x: nnx.merge(graph, state)(x), state


def linen_norm():
    net = linen.Sequential([linen.BatchNorm(use_running_average=False), linen.Dense(3)])
    params = net.init(jax.random.key(0), jnp.ones((2, 6)))
    return lambda p, x: net.apply(p, x, mutable=["batch_stats"])[0], params


def linen_dropout():
    net = linen.Sequential([linen.Dropout(0.5, deterministic=False), linen.Dense(3)])
    keys = {"dropout": jax.random.key(1)}
    params = net.init({"params": jax.random.key(0), **keys}, jnp.ones((2, 6)))
    return lambda p, x: net.apply(p, x, rngs=keys), params


def equinox_norm():
    norm, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(6, "batch", mode="batch")
    params, static = eqx.partition((norm, state), eqx.is_array)

    def function(params, x):
        norm, state = eqx.combine(params, static)
        return jax.vmap(lambda x: norm(x, state)[0], axis_name="batch")(x)

    return function, params


def equinox_dropout():
    dropout = eqx.nn.Dropout(0.5)

    def function(key, x):
        return jax.vmap(lambda x, k: dropout(x, key=k))(x, jax.random.split(key, x.shape[0]))

    return function, jax.random.key(0)


def haiku_norm():
    net = hk.transform_with_state(lambda x: hk.Linear(3)(hk.BatchNorm(True, True, 0.9)(x, True)))
    both = net.init(jax.random.key(0), jnp.ones((2, 6)))
    return lambda both, x: net.apply(*both, None, x)[0], both


def haiku_dropout():
    net = hk.transform(lambda x: hk.Linear(3)(hk.dropout(hk.next_rng_key(), 0.5, x)))
    params = net.init(jax.random.key(0), jnp.ones((2, 6)))
    return lambda p, x: net.apply(p, jax.random.key(1), x), params


TRAINING = {
    "nnx norm": lambda: nnx_training(NormInNNX(nnx.Rngs(0))),
    "nnx dropout": lambda: nnx_training(DropoutInNNX(nnx.Rngs(0))),
    "linen norm": linen_norm,
    "linen dropout": linen_dropout,
    "equinox norm": equinox_norm,
    "equinox dropout": equinox_dropout,
    "haiku norm": haiku_norm,
    "haiku dropout": haiku_dropout,
}


@pytest.mark.parametrize("name", TRAINING)
def test_training_left_on(name, vectors):
    with jax.numpy_dtype_promotion("standard"):
        function, params = TRAINING[name]()
        with pytest.raises(jlrp.TraceError) as caught:
            jlrp.trace(function, params, vectors.astype(np.float32))
    for advice in ("m.eval()", "use_running_average=True", "is_training=False", "inference_mode"):
        assert advice in str(caught.value)
