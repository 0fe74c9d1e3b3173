"""Rules of products, normalisations, extremes and interpolation against the oracle, and what
follows for graphs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.propagation.trial import keepers
from tests import oracle
from tests.ops import OTHERS, WEIGHTED, case

pytestmark = pytest.mark.usefixtures("x64")


def called(op, params, inputs, gates=()):
    params, inputs = jax.tree.map(jnp.asarray, (params, tuple(inputs)))
    output = jlrp.apply(op, params, *inputs)
    return jlrp.LayerCall(op, params, inputs, output, (False,) * len(inputs), gates=gates)


def assert_shares(shares, expected):
    """1e-10 of the largest: quotients by sums near zero magnify rounding."""
    for share, definition in zip(shares, expected, strict=True):
        assert share.shape == definition.shape
        assert np.abs(share - definition).max() <= 1e-10 * max(np.abs(d).max() for d in expected)


@pytest.mark.parametrize(
    "gates", [(), (False,) * 3, (False, True, False), (False, True, True), (True,) * 3], ids=str
)
def test_signals_take_all(gates, rng):
    call = called(*case("multiply, broadcast", rng), gates)
    relevance = rng.normal(size=call.output.shape)
    expected = oracle.signal_takes_all(
        [x.shape for x in call.inputs], gates or (False,) * 3, relevance
    )
    shares = jlrp.SignalTakesAll().relevance(call, relevance)
    assert_shares(shares, expected)
    np.testing.assert_allclose(sum(map(jnp.sum, shares)), relevance.sum(), rtol=1e-12)


@pytest.mark.parametrize("name", ["multiply", "multiply, broadcast"])
def test_bilinear_of_products_of_values(name, rng):
    call = called(*case(name, rng))
    relevance = rng.normal(size=call.output.shape)
    whole = np.broadcast_arrays(*map(np.asarray, call.inputs))
    expected = oracle.shared_product(whole, relevance, 0.1)
    shares = jlrp.UniformMatMul(0.1).relevance(call, relevance)
    assert_shares(
        shares,
        [oracle.summed_to(x.shape, share) for x, share in zip(call.inputs, expected, strict=True)],
    )


@pytest.mark.parametrize("normalize", [False, True])
def test_bilinear_of_products_of_matrices(normalize, rng):
    a, b = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 3, 5))
    call = called(ir.Dot((2, 1), normalize), {}, (a, b))
    relevance = rng.normal(size=(2, 4, 5))
    shares = jlrp.UniformMatMul(0.1).relevance(call, relevance)
    if normalize:  # by lengths that are held constant
        a, b = (
            a / np.linalg.norm(a, axis=2, keepdims=True),
            b / np.linalg.norm(b, axis=1, keepdims=True),
        )
    for image in range(2):
        expected = oracle.matrix_product(a[image], b[image], relevance[image], 0.1)
        assert_shares([share[image] for share in shares], expected)


@pytest.mark.parametrize("equation", ["nik,nkj->nij", "nik,njk->nji", "nki,nkj->nij"])
@pytest.mark.parametrize(
    "rule", [jlrp.UniformMatMul(0.1), jlrp.OneFactor(0, 0.1), jlrp.OneFactor(1, 0.1)]
)
def test_products_of_matrices_by_letters(equation, rule, rng):
    """Halves to both factors, or all to one of them."""
    a, b, relevance = (
        rng.normal(size=(2, 4, 3)),
        rng.normal(size=(2, 3, 5)),
        rng.normal(size=(2, 4, 5)),
    )
    first, second, output = equation.replace("->", ",").split(",")
    turned = [
        letters != order
        for letters, order in zip((first, second, output), ("nik", "nkj", "nij"), strict=True)
    ]
    laid = [
        x.swapaxes(1, 2) if turn else x for x, turn in zip((a, b, relevance), turned, strict=True)
    ]
    call = called(ir.Einsum(equation), {}, tuple(laid[:2]))
    shares = rule.relevance(call, laid[2])
    for image in range(2):
        expected = oracle.matrix_product(a[image], b[image], relevance[image], 0.1)
        for position, (share, half) in enumerate(zip(shares, expected, strict=True)):
            if isinstance(rule, jlrp.OneFactor):
                half = 2 * half if position == rule.position else 0 * half
            found = np.asarray(share)[image]
            np.testing.assert_allclose(
                found.T if turned[position] else found, half, rtol=1e-10, atol=1e-12
            )


def test_one_factor_of_a_product_value_by_value(rng):
    a, b = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 1, 3))
    relevance = rng.normal(size=(2, 4, 3))
    none, all_of_it = jlrp.OneFactor(1).relevance(called(ir.Multiply(), {}, (a, b)), relevance)
    assert not none.any()
    np.testing.assert_allclose(all_of_it, relevance.sum(1, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize("position", [0, 1])
def test_one_factor_of_vectors_with_their_lengths_held(position, rng):
    a, b = rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    call = called(ir.Dot((1, 1), normalize=True), {}, (a, b))
    shares = jlrp.OneFactor(position, 0.0).relevance(call, np.ones((2, 1)))
    np.testing.assert_allclose(shares[position].sum(1), 1, rtol=1e-10)
    assert not shares[1 - position].any()


def groups_of(op, shape):
    """For each group of values that an op takes the mean of, their indices in one image, flattened."""
    index = np.arange(np.prod(shape)).reshape(shape)
    if isinstance(op, ir.GroupNorm):
        channels = np.moveaxis(index, op.axis if op.axis < 0 else op.axis - 1, 0)
        groups = len(channels) if op.groups == -1 else op.groups
        return [part.ravel() for part in np.split(channels, groups)]
    axes = sorted(a % (len(shape) + 1) - 1 for a in op.axes)
    others = [a for a in range(len(shape)) if a not in axes]
    kept = int(np.prod([shape[a] for a in others]))
    return list(np.transpose(index, others + axes).reshape(kept, -1))


def frozen(op, params, x):
    """One image's `W` and `b` with the divisor held constant, from the definition."""
    v = x.ravel()
    groups = groups_of(op, x.shape)
    mean = isinstance(op, ir.GroupNorm) or (isinstance(op, ir.LayerNorm) and not op.rms)
    W = oracle.centred(groups, v.size) if mean else np.eye(v.size)
    divisor = np.empty_like(v)
    for group in groups:
        y = (W @ v)[group]
        divisor[group] = (
            np.linalg.norm(y)
            if isinstance(op, ir.UnitNorm)
            else np.sqrt((y**2).mean() + op.epsilon)
        )
    weights = {}
    for role in ("gamma", "beta"):
        axes = (op.axis,) if isinstance(op, ir.GroupNorm) else op.axes
        inside = {a % (x.ndim + 1) - 1 for a in axes}
        shape = [n if axis in inside else 1 for axis, n in enumerate(x.shape)]
        default = np.full(shape, float(role == "gamma"))
        weights[role] = np.broadcast_to(
            np.reshape(params.get(role, default), shape), x.shape
        ).ravel()
    return weights["gamma"][:, None] * W / divisor[:, None], weights["beta"]


@pytest.mark.parametrize("name", [*(n for n in WEIGHTED if "norm" in n), "unit norm"])
def test_frozen_norm_is_epsilon_with_the_divisor_held(name, rng):
    op, params, (x,) = case(name, rng)
    call = called(op, params, (x,))
    relevance = rng.normal(size=x.shape)
    (share,) = jlrp.DetachedNorm(0.1).relevance(call, relevance)
    (alone,) = jlrp.WithoutBias(jlrp.DetachedNorm(0.1)).relevance(call, relevance)
    for image in range(2):
        W, b = frozen(op, params, x[image])
        np.testing.assert_allclose(
            call.output[image].ravel(), W @ x[image].ravel() + b, rtol=1e-10, atol=1e-12
        )
        for ours, bias in ((share, b), (alone, np.zeros_like(b))):
            expected = oracle.epsilon(
                W, bias, x[image].ravel(), relevance[image].ravel(), epsilon=0.1
            )
            assert_shares([ours[image].ravel()], [expected])


@pytest.mark.parametrize("kind", [ir.Maximum, ir.Minimum])
@pytest.mark.parametrize("shapes", [[(2, 3, 4)] * 2, [(2, 3, 4), (2, 1, 4), (2, 3, 1)]], ids=str)
def test_winner_of_several_and_the_first_among_equals(kind, shapes, rng):
    call = called(kind(), {}, [rng.integers(-1, 2, size=shape).astype(float) for shape in shapes])
    relevance = rng.normal(size=call.output.shape)
    whole = np.broadcast_arrays(*map(np.asarray, call.inputs))
    expected = oracle.extreme(whole, max if kind is ir.Maximum else min, relevance)
    assert_shares(
        jlrp.WinnerTakesAll().relevance(call, relevance),
        [oracle.summed_to(x.shape, share) for x, share in zip(call.inputs, expected, strict=True)],
    )


@pytest.mark.parametrize("name", [n for n in OTHERS if n.startswith(("upsample", "resize"))])
def test_interpolation_passes_by_its_weights_and_conserves(name, rng):
    op, params, (x,) = case(name, rng)
    call = called(op, params, (x,))
    relevance = rng.normal(size=call.output.shape)
    (share,) = jlrp.Transpose().relevance(call, relevance)
    # ⟨W·x, R⟩ = ⟨x, Wᵀ·R⟩, and each output pixel's weights sum to 1
    np.testing.assert_allclose((call.output * relevance).sum(), (x * share).sum(), rtol=1e-10)
    np.testing.assert_allclose(
        share.reshape(2, -1).sum(1), relevance.reshape(2, -1).sum(1), rtol=1e-10
    )


def block(rng, bias=0.0):
    """SE block, swish, LayerNorm, a layer's scale, a residual sum, upsampling, maximum.

    (graph, params, images).
    """
    nodes = [
        ir.Node("rescaled", ir.Rescale(2.0), ("image",)),
        ir.Node("stem", ir.Conv((1, 1), "same"), ("rescaled",), "stem"),
        ir.Node("swish", ir.Activation("silu"), ("stem",)),
        ir.Node("squeeze", ir.GlobalAvgPool(keepdims=True), ("swish",)),
        ir.Node("excite", ir.Conv(), ("squeeze",), "excite"),
        ir.Node("gate", ir.Activation("sigmoid"), ("excite",)),
        ir.Node("se", ir.Multiply(), ("swish", "gate")),
        ir.Node("norm", ir.LayerNorm(), ("se",), "norm"),
        ir.Node("mlp", ir.Dense(), ("norm",), "mlp"),
        ir.Node("gelu", ir.Activation("gelu"), ("mlp",)),
        ir.Node("scale", ir.Scale(), ("gelu",), "scale"),
        ir.Node("sum", ir.Add(), ("scale", "swish")),
        ir.Node("down", ir.MaxPool(), ("sum",)),
        ir.Node("up", ir.Upsample(interpolation="bilinear"), ("down",)),
        ir.Node("larger", ir.Maximum(), ("up", "sum")),
        ir.Node("mean", ir.Average(), ("larger", "squeeze")),
        ir.Node("gap", ir.GlobalAvgPool(), ("mean",)),
        ir.Node("cosine", ir.Dot((1, 1)), ("gap", "gap")),
        ir.Node("fc", ir.Dense(), ("gap",), "fc"),
        ir.Node("out", ir.Subtract(), ("fc", "cosine")),
    ]
    shapes = {"stem": (3, 3, 2, 4), "excite": (1, 1, 4, 4), "mlp": (4, 4), "fc": (4, 3)}
    params = {name: {"kernel": rng.normal(size=shape)} for name, shape in shapes.items()}
    params |= {
        "norm": {"gamma": rng.uniform(0.5, 2, size=4)},
        "scale": {"scale": rng.uniform(0.5, 2, size=4)},
    }
    if bias:
        for name, shape in shapes.items():
            params[name]["bias"] = bias * rng.normal(size=shape[-1])
        params["norm"]["beta"] = bias * rng.normal(size=4)
    return ir.Graph(nodes, ["image"], ["out"]), params, rng.normal(size=(3, 4, 4, 2))


NORMS = jlrp.PRESETS["epsilon"]().with_rules(
    (ir.Normalization, jlrp.DetachedNorm()), (ir.Multiply, jlrp.UniformMatMul())
)
COMPOSITES = {
    **{
        name: make(-4.0, 4.0) if name == "epsilon_gamma_box" else make()
        for name, make in jlrp.PRESETS.items()
    },
    "norms and products share": NORMS,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPOSITES)
def test_relevance_is_accounted_for(name, rng):
    """What starts is what reaches the image and what somebody kept.

    Without biases the bias keeps nothing.
    """
    for bias in (0.0, 0.5):
        graph, params, images = block(rng, bias)
        ledger = jlrp.explainer(graph, COMPOSITES[name], ledger=True)(params, images).ledger
        entries = np.asarray(ledger.entries)
        scale = np.abs(entries).max()
        np.testing.assert_allclose(entries[:, 0], entries[:, 1:].sum(1), atol=1e-9 * scale)
        np.testing.assert_allclose(
            ledger.start, ledger.inputs + entries[:, 2:].sum((0, 1)), atol=1e-9 * scale
        )
        kept = np.abs(ledger.column("bias")).max()
        assert (
            kept == 0
            if bias == 0 or "gradient" in name or name in ("deconvnet", "guided_backprop")
            else kept > 0
        )


@pytest.mark.slow
def test_the_zero_preset_conserves_where_nothing_has_a_bias(rng):
    graph, params, images = block(rng)
    ledger = jlrp.explainer(graph, "zero", ledger=True)(params, images).ledger
    np.testing.assert_allclose(ledger.start, ledger.inputs, rtol=1e-9)


@pytest.mark.parametrize("name", COMPOSITES)
def test_the_keepers_of_every_layer_can_be_found(name, rng):
    graph, params, images = block(rng, 0.5)
    found = keepers(ir.Model(graph, params, (images.shape,)), COMPOSITES[name])
    assert found["se"] in ("", "stabiliser, empty", "stabiliser", "rule")
    if name == "norms and products share":
        assert found["norm"].startswith("bias, stabiliser")


def test_rule_names_say_which_input_is_the_signal(rng):
    graph, _, _ = block(rng)
    names = jlrp.PRESETS["epsilon_plus"]().rule_names(graph)
    assert names["se"] == "SignalTakesAll(): swish"
    assert names["norm"] == names["scale"] == names["rescaled"] == names["swish"] == "Pass()"
    assert names["larger"] == "WinnerTakesAll()"
    assert names["up"] == "Transpose()"
    assert names["mean"] == names["out"] == names["sum"] == "Norm(epsilon=1e-06)"
    assert names["cosine"] == "UniformMatMul(epsilon=1e-06)"
    wrapped = jlrp.PRESETS["crawford2019"]().without_bias().rule_names(graph)
    assert wrapped["se"] == "WithoutBias(rule=SignalTakesAll()): swish"
    assert wrapped["out"] == "WithoutBias(rule=AbsSplit())"


@pytest.mark.slow
def test_gates_get_nothing_and_the_excitation_with_them(rng):
    graph, params, images = block(rng)
    layers = jlrp.explainer(graph, "epsilon_plus", record=True)(params, images).layers
    assert not np.any(layers["gate"])
    assert not np.any(layers["excite"])
    np.testing.assert_array_equal(layers["norm"].sum(-1), layers["se"].sum(-1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "baseline", [jlrp.gradient, jlrp.gradient_times_input, jlrp.integrated_gradients]
)
def test_baselines_are_finite(baseline, rng):
    graph, params, images = block(rng, 0.5)
    assert np.isfinite(baseline(graph)(params, images).relevance).all()
    assert np.isfinite(baseline(graph)(params, 0 * images).relevance).all()
