"""Rules against the oracle on explicit matrices, and what holds for all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import ir
import jlrp
from tests import oracle
from tests.ops import NAMES, affine_cases

RULES = {
    "zero": (jlrp.Zero(), oracle.zero),
    "epsilon": (jlrp.Epsilon(), oracle.epsilon),
    "epsilon 0.25": (jlrp.Epsilon(0.25), lambda *a: oracle.epsilon(*a, epsilon=0.25)),
    "z+": (jlrp.ZPlus(), oracle.z_plus),
    "alpha-beta": (jlrp.AlphaBeta(), oracle.alpha_beta),
    "alpha 3, beta 0.5": (jlrp.AlphaBeta(3.0, 0.5), lambda *a: oracle.alpha_beta(*a, alpha=3.0, beta=0.5)),
    "flat": (jlrp.Flat(), oracle.flat),
}


def called(op, params, inputs, nonnegative=False):
    inputs = tuple(jnp.asarray(x) for x in inputs)
    params = jax.tree.map(jnp.asarray, params)
    output = jlrp.apply(op, params, *inputs)
    return jlrp.LayerCall(op, params, inputs, output, (nonnegative,) * len(inputs))


def matrices_of(call):
    """The op on each image of the batch as (W, b, x), all inputs one after the other."""
    _, unravel = ravel_pytree(tuple(x[:1] for x in call.inputs))

    @jax.jit
    def as_matrix(v):
        def on_flat(v):
            return jlrp.apply(call.op, call.params, *unravel(v)).ravel()

        return jax.jacobian(on_flat)(v), on_flat(jnp.zeros_like(v))

    for image in range(len(call.output)):
        x = ravel_pytree(tuple(x[image : image + 1] for x in call.inputs))[0]
        W, b = as_matrix(x)
        yield np.asarray(W), np.asarray(b), np.asarray(x)


def assert_equal_oracle(rules, call, rng):
    """`rules`: name → (rule, its definition in the oracle)."""
    relevance = rng.normal(size=call.output.shape)
    ours = jax.jit(lambda r: {name: rule.relevance(call, r) for name, (rule, _) in rules.items()})(relevance)
    for image, matrix in enumerate(matrices_of(call)):
        for name, (_, expected) in rules.items():
            assert [share.shape for share in ours[name]] == [x.shape for x in call.inputs]
            share = np.concatenate([np.ravel(share[image]) for share in ours[name]])
            definition = expected(*matrix, relevance[image].ravel())
            # Quotients by sums near zero magnify rounding: 1e-10 of the largest share leaves room for that alone.
            assert np.abs(share - definition).max() <= 1e-10 * np.abs(definition).max(), name


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("case", NAMES)
def test_rules_equal_their_definitions(case, rng):
    assert_equal_oracle(RULES, called(*affine_cases(rng)[case]), rng)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("case", ["add", "average pooling", "global average pooling"])
def test_norm_is_epsilon_on_ops_without_weights(case, rng):
    rules = {"norm": (jlrp.Norm(0.1), lambda *a: oracle.epsilon(*a, epsilon=0.1))}
    assert_equal_oracle(rules, called(*affine_cases(rng)[case]), rng)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("case", ["dense", "dense without bias", "conv valid", "conv same, stride 2", "depthwise"])
def test_half_half_has_the_opposite_sign_on_convolutions(case, rng):
    call = called(*affine_cases(rng)[case])
    sign = -1 if isinstance(call.op, ir.Convolution) else 1
    assert_equal_oracle({"half": (jlrp.HalfHalf(), lambda *a: sign * oracle.half_half(*a))}, call, rng)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("rule", [jlrp.ZPlus(), jlrp.AlphaBeta(), jlrp.HalfHalf()], ids=str)
def test_knowing_that_inputs_are_not_negative_changes_nothing(rule, rng):
    op, params, (x,) = affine_cases(rng)["conv same, stride 2"]
    plain, informed = called(op, params, (abs(x),)), called(op, params, (abs(x),), nonnegative=True)
    relevance = rng.normal(size=plain.output.shape)
    np.testing.assert_allclose(
        rule.relevance(plain, relevance)[0], rule.relevance(informed, relevance)[0], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("rule", [jlrp.Epsilon(), jlrp.ZPlus(), jlrp.AlphaBeta(), jlrp.Norm()], ids=str)
def test_stabiliser_counts_zero_as_positive(rule):
    """A sum of exactly zero is stabilised to +ε: sign(0) = 0 would make NaN, −1 would turn signs around."""
    op = ir.Add()
    call = called(op, {}, (np.array([[0.0, 1.0]], "f"), np.array([[0.0, -1.0]], "f")))
    a, b = rule.relevance(call, jnp.ones((1, 2)))
    assert np.isfinite(a).all()
    assert np.isfinite(b).all()
    if isinstance(rule, jlrp.Epsilon | jlrp.Norm):
        np.testing.assert_allclose(a, [[0, 1e6]], rtol=1e-6)
        np.testing.assert_allclose(b, [[0, -1e6]], rtol=1e-6)


def test_zero_gives_nothing_where_the_sum_is_zero():
    call = called(ir.Add(), {}, (np.array([[1.0, 3.0]], "f"), np.array([[-1.0, 1.0]], "f")))
    a, b = jlrp.Zero().relevance(call, jnp.ones((1, 2)))
    assert a.tolist() == [[0, 0.75]]
    assert b.tolist() == [[0, 0.25]]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_winner_takes_all_and_the_first_of_equals_wins(data_format):
    x = np.array([[2, 2, 1], [0, 2, 2], [5, 5, 5]], "f").reshape(1, 3, 3, 1)
    x = x if data_format == "channels_last" else x.transpose(0, 3, 1, 2)
    call = called(ir.MaxPool((2, 2), (1, 1), data_format=data_format), {}, (x,))
    relevance = np.array([[1, 2], [4, 8]], "f").reshape(call.output.shape)
    (share,) = jlrp.Winner().relevance(call, relevance)
    assert share.reshape(3, 3).tolist() == [[1, 2, 0], [0, 0, 0], [4, 8, 0]]


def test_winner_never_chooses_padding():
    call = called(ir.MaxPool((2, 2), (2, 2), "same"), {}, (np.full((1, 3, 3, 1), -1, "f"),))
    (share,) = jlrp.Winner().relevance(call, jnp.ones(call.output.shape))
    assert share.reshape(3, 3).tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 1]]


def test_winner_of_global_max_pooling_is_the_first_of_equals():
    call = called(ir.GlobalMaxPool(), {}, (np.array([[[[1.0]], [[7.0]], [[7.0]]]], "f"),))
    (share,) = jlrp.Winner().relevance(call, jnp.ones(call.output.shape))
    assert share.ravel().tolist() == [0, 1, 0]


@pytest.mark.parametrize("kind", [ir.MaxPool, ir.AvgPool])
def test_uniform_pooling_shares_out_evenly(kind):
    call = called(kind((2, 2), (1, 1)), {}, (np.arange(9, dtype="f").reshape(1, 3, 3, 1),))
    (share,) = jlrp.UniformPooling().relevance(call, 4 * jnp.ones(call.output.shape))
    assert share.reshape(3, 3).tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


@pytest.mark.parametrize("keepdims", [False, True])
def test_uniform_pooling_of_whole_images(keepdims):
    call = called(ir.GlobalAvgPool(keepdims), {}, (np.arange(4, dtype="f").reshape(1, 2, 2, 1),))
    (share,) = jlrp.UniformPooling().relevance(call, 4 * jnp.ones(call.output.shape))
    assert share.ravel().tolist() == [1, 1, 1, 1]


def test_abs_split_shares_by_size_and_evenly_where_all_are_zero():
    call = called(ir.Add(), {}, (np.array([[1.0, 0.0]], "f"), np.array([[-3.0, 0.0]], "f")))
    a, b = jlrp.AbsSplit().relevance(call, jnp.ones((1, 2)))
    assert a.tolist() == [[0.25, 0.5]]
    assert b.tolist() == [[0.75, 0.5]]


@pytest.mark.parametrize(
    ("op", "shapes"),
    [
        (ir.Flatten(), [(2, 2, 3, 4)]),
        (ir.Flatten("channels_first"), [(2, 4, 2, 3)]),
        (ir.Permute((3, 1, 2)), [(2, 2, 3, 4)]),
        (ir.Reshape((4, -1)), [(2, 2, 3, 4)]),
        (ir.Concatenate(), [(2, 3, 4), (2, 3, 5)]),
    ],
    ids=str,
)
def test_transpose_brings_relevance_back_to_where_values_came_from(op, shapes, rng):
    call = called(op, {}, [rng.normal(size=s).astype("f") for s in shapes])
    for share, x in zip(jlrp.Transpose().relevance(call, call.output), call.inputs, strict=True):
        np.testing.assert_array_equal(share, x)


def test_relevance_in_padding_is_cropped():
    call = called(ir.ZeroPad(((1, 0), (0, 1))), {}, (np.ones((1, 2, 2, 1), "f"),))
    (share,) = jlrp.Transpose().relevance(call, jnp.arange(9.0).reshape(1, 3, 3, 1))
    assert share.reshape(2, 2).tolist() == [[3, 4], [6, 7]]


@pytest.mark.parametrize("case", NAMES)
def test_batch_equals_single_images_and_is_linear_in_relevance(case, rng):
    op, params, inputs = affine_cases(rng)[case]
    params, inputs = jax.tree.map(np.float32, params), [x.astype("f") for x in inputs]
    relevance = rng.normal(size=called(op, params, inputs).output.shape).astype("f")

    @jax.jit
    def shares(inputs, relevance):
        return [rule.relevance(called(op, params, inputs), relevance) for rule, _ in RULES.values()]

    batch, doubled = shares(inputs, relevance), shares(inputs, 2 * relevance)
    for image in range(2):
        single = shares([x[image : image + 1] for x in inputs], relevance[image : image + 1])
        for a, b, c in zip(*map(jax.tree.leaves, (batch, single, doubled)), strict=True):
            scale = float(np.abs(a).max())
            np.testing.assert_allclose(a[image : image + 1], b, atol=2e-5 * scale)  # float32, sums in another order
            np.testing.assert_allclose(c, 2 * a, atol=2e-6 * scale)


@pytest.mark.parametrize("rule", [jlrp.Epsilon(1e-9), jlrp.ZPlus(1e-9), jlrp.AlphaBeta(epsilon=1e-9), jlrp.Flat(1e-9)])
@pytest.mark.usefixtures("x64")
def test_conserves_relevance_without_bias(rule, rng):
    """With all contributions positive no denominator is empty, and without a bias nothing else takes a share."""
    params = {"kernel": abs(rng.normal(size=(3, 3, 2, 4))) * [1, 1, 1, -1]}
    params["kernel"][0, 0] *= -1  # both signs at every output
    call = called(ir.Conv(padding="valid"), params, (rng.uniform(1, 2, size=(2, 6, 6, 2)),))
    relevance = rng.normal(size=call.output.shape)
    (share,) = rule.relevance(call, relevance)
    np.testing.assert_allclose(share.sum((1, 2, 3)), relevance.sum((1, 2, 3)), rtol=1e-6)


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES.values()], ids=str)
def test_works_under_vmap_and_grad(rule, rng):
    op, params, (x,) = affine_cases(rng)["conv same, stride 2"]
    params, x = jax.tree.map(np.float32, params), x.astype("f")
    relevance = jnp.ones(called(op, params, (x,)).output.shape)

    def share(x):
        return rule.relevance(called(op, params, (x,)), relevance)[0]

    stacked = jnp.stack([x, 2 * x])
    np.testing.assert_allclose(jax.vmap(share)(stacked)[1], share(2 * x), rtol=1e-4, atol=1e-4)
    assert np.isfinite(jax.grad(lambda x: (share(x) ** 2).sum())(x)).all()


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES.values()], ids=str)
def test_survives_tree_map(rule):
    assert jax.tree.map(lambda number: number, rule) == rule
    assert type(jax.tree.map(lambda _: None, rule)) is type(rule)
