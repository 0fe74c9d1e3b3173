"""Rules against the oracle on explicit matrices, and what holds for all of them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import ir
import jlrp
from tests import oracle
from tests.ops import NAMES, affine_cases

QUICK = {"xla_backend_optimization_level": 0}
"""Compiler options for programs that run once: they compile in a fifth of the time."""

RULES = {
    "zero": (jlrp.Zero(), oracle.zero),
    "epsilon": (jlrp.Epsilon(), oracle.epsilon),
    "epsilon 0.25": (jlrp.Epsilon(0.25), partial(oracle.epsilon, epsilon=0.25)),
    "without bias": (
        jlrp.WithoutBias(jlrp.Epsilon()),
        partial(oracle.without_bias, oracle.epsilon),
    ),
    "z+": (jlrp.ZPlus(), oracle.z_plus),
    "z+ without bias": (
        jlrp.WithoutBias(jlrp.ZPlus()),
        partial(oracle.without_bias, oracle.z_plus),
    ),
    "alpha-beta": (jlrp.AlphaBeta(), oracle.alpha_beta),
    "alpha 3, beta 0.5": (
        jlrp.AlphaBeta(3.0, 0.5),
        partial(oracle.alpha_beta, alpha=3.0, beta=0.5),
    ),
    "gamma": (jlrp.Gamma(), oracle.gamma),
    "gamma 2": (jlrp.Gamma(2.0, 0.25), partial(oracle.gamma, gamma=2.0, epsilon=0.25)),
    "gamma without bias": (
        jlrp.WithoutBias(jlrp.Gamma()),
        partial(oracle.without_bias, oracle.gamma),
    ),
    "plain gamma": (jlrp.GammaPlain(), oracle.gamma_plain),
    "plain gamma 2": (
        jlrp.GammaPlain(2.0, 0.25),
        partial(oracle.gamma_plain, gamma=2.0, epsilon=0.25),
    ),
    "flat": (jlrp.Flat(), oracle.flat),
    "w squared": (jlrp.WSquare(), oracle.w_square),
    "w squared, bias squared": (
        jlrp.WSquare(bias="squared"),
        partial(oracle.w_square, bias="squared"),
    ),
    "box": (jlrp.ZBox(-4.0, 3.5), partial(oracle.z_box, low=-4.0, high=3.5)),
}


def boxes(call, rng):
    """The box rule with bounds per channel and of an image's size, which depend on the op's input."""
    x = call.inputs[0]
    axis = getattr(call.op, "axis", -1)
    axis = 1 if getattr(call.op, "data_format", "") == "channels_first" else axis
    per_channel = tuple(
        n if position == axis % x.ndim else 1 for position, n in enumerate(x.shape)
    )[1:]
    rules = {}
    for name, shape in (("per channel", per_channel), ("full size", x.shape[1:])):
        low, high = rng.uniform(-5, -3, shape), rng.uniform(3, 5, shape)
        flat = [
            np.tile(np.broadcast_to(v, x.shape[1:]).ravel(), len(call.inputs)) for v in (low, high)
        ]
        given = (low.ravel(), high.ravel()) if name == "per channel" else (low, high)
        rules[name] = (jlrp.ZBox(*given), partial(oracle.z_box, low=flat[0], high=flat[1]))
    return rules


def called(op, params, inputs, nonnegative=False):
    inputs = tuple(jnp.asarray(x) for x in inputs)
    params = jax.tree.map(jnp.asarray, params)
    output = jlrp.apply(op, params, *inputs)
    return jlrp.LayerCall(op, params, inputs, output, (nonnegative,) * len(inputs))


def matrices_of(call):
    """The op on each image of the batch as (W, b, x), all inputs one after the other."""
    _, unravel = ravel_pytree(tuple(x[:1] for x in call.inputs))

    @partial(jax.jit, compiler_options=QUICK)
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

    @partial(jax.jit, compiler_options=QUICK)
    def shares(r):
        return {name: rule.relevance(call, r) for name, (rule, _) in rules.items()}

    ours = shares(relevance)
    for image, matrix in enumerate(matrices_of(call)):
        for name, (_, expected) in rules.items():
            assert [share.shape for share in ours[name]] == [x.shape for x in call.inputs]
            share = np.concatenate([np.ravel(share[image]) for share in ours[name]])
            definition = expected(*matrix, relevance[image].ravel())
            # Quotients by sums near zero magnify rounding: 1e-10 of the largest share leaves room
            # for that alone.
            assert np.abs(share - definition).max() <= 1e-10 * np.abs(definition).max(), name


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("case", NAMES)
def test_rules_equal_their_definitions(case, rng):
    call = called(*affine_cases(rng)[case])
    alike = (
        len({x.shape for x in call.inputs}) == 1
    )  # bounds of an image's size fit inputs that are not broadcast
    assert_equal_oracle(RULES | (boxes(call, rng) if alike else {}), call, rng)


SUMS = ["add", "add, broadcast", "average, broadcast", "subtract"]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("case", [*SUMS, "average pooling", "global average pooling"])
def test_norm_is_epsilon_on_ops_without_weights(case, rng):
    rules = {"norm": (jlrp.Norm(0.1), lambda *a: oracle.epsilon(*a, epsilon=0.1))}
    assert_equal_oracle(rules, called(*affine_cases(rng)[case]), rng)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "case", ["dense", "dense without bias", "conv valid", "conv same, stride 2", "depthwise"]
)
def test_half_half_has_the_opposite_sign_on_convolutions(case, rng):
    call = called(*affine_cases(rng)[case])
    sign = -1 if isinstance(call.op, ir.Convolution) else 1
    assert_equal_oracle(
        {"half": (jlrp.HalfHalf(), lambda *a: sign * oracle.half_half(*a))}, call, rng
    )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "rule", [jlrp.ZPlus(), jlrp.AlphaBeta(), jlrp.HalfHalf(), jlrp.Gamma()], ids=str
)
def test_knowing_that_inputs_are_not_negative_changes_nothing(rule, rng):
    op, params, (x,) = affine_cases(rng)["conv same, stride 2"]
    plain, informed = called(op, params, (abs(x),)), called(op, params, (abs(x),), nonnegative=True)
    relevance = rng.normal(size=plain.output.shape)
    np.testing.assert_allclose(
        rule.relevance(plain, relevance)[0],
        rule.relevance(informed, relevance)[0],
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    "rule", [jlrp.Epsilon(), jlrp.ZPlus(), jlrp.AlphaBeta(), jlrp.Norm()], ids=str
)
def test_stabiliser_counts_zero_as_positive(rule):
    """A sum of exactly zero is stabilised to +ε.

    Sign(0) = 0 would make NaN, −1 would turn signs around.
    """
    op = ir.Add()
    call = called(op, {}, (np.array([[0.0, 1.0]], "f"), np.array([[0.0, -1.0]], "f")))
    a, b = rule.relevance(call, jnp.ones((1, 2)))
    assert np.isfinite(a).all()
    assert np.isfinite(b).all()
    if isinstance(rule, jlrp.Epsilon | jlrp.Norm):
        np.testing.assert_allclose(a, [[0, 1e6]], rtol=1e-6)
        np.testing.assert_allclose(b, [[0, -1e6]], rtol=1e-6)


def test_box_bounds_of_an_image_s_size_and_cells_of_padding_by_hand():
    """A 1×2 image, `same` padding, the kernel (1, −1).

    The last output sees one cell, and padding that counts 0.
    """
    params = {"kernel": np.array([1.0, -1.0], "f").reshape(1, 2, 1, 1)}
    call = called(ir.Conv((1, 1), "same"), params, (np.array([3.0, 2.0], "f").reshape(1, 1, 2, 1),))
    low, high = (np.array(v, "f").reshape(1, 2, 1) for v in ([1.0, 0.0], [5.0, 4.0]))
    relevance = jnp.array([1.0, 1.0]).reshape(1, 1, 2, 1)
    (share,) = jlrp.ZBox(low, high, 0.0).relevance(call, relevance)
    # first output: (3 − 1) and (−2 + 4) of 4; second: (2 − 0) of 2, nothing for padding
    np.testing.assert_allclose(share.ravel(), [0.5, 1.5], rtol=1e-6)


def test_box_bounds_that_do_not_fit():
    call = called(ir.Dense(), {"kernel": np.ones((3, 2), "f")}, (np.ones((1, 3), "f"),))
    with pytest.raises(
        ValueError, match=r"the input's shape \(3,\), but was given one of shape \(4,\)"
    ):
        jlrp.ZBox(np.zeros(4), 1.0).relevance(call, call.output)


def test_zero_gives_nothing_where_the_sum_is_zero():
    call = called(ir.Add(), {}, (np.array([[1.0, 3.0]], "f"), np.array([[-1.0, 1.0]], "f")))
    a, b = jlrp.Zero().relevance(call, jnp.ones((1, 2)))
    assert a.tolist() == [[0, 0.75]]
    assert b.tolist() == [[0, 0.25]]


POOLS = [
    ((3, 2), (2, 1), "same"),
    ((3, 2), (2, 1), "valid"),
    ((2, 2), (1, 1), "same"),
    ((2, 3), (3, 3), "same"),
    ((2, 3), (3, 3), "valid"),
]


def pooled(rule, op, x, rng):
    """A rule's relevance of images (N, H, W, C) for random relevance (N, h, w, C), whatever the
    op's data format."""
    first = op.data_format == "channels_first"
    call = called(op, {}, (x.transpose(0, 3, 1, 2) if first else x,))
    relevance = rng.normal(size=call.output.shape)
    (share,) = rule.relevance(call, relevance)
    return [
        np.asarray(v).transpose(0, 2, 3, 1) if first else np.asarray(v) for v in (share, relevance)
    ]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("window", "strides", "padding"), POOLS)
def test_pooling_rules_equal_loops_over_windows(window, strides, padding, data_format, rng):
    x = rng.integers(-2, 3, size=(2, 5, 7, 3)).astype(float)  # with ties
    windows = oracle.windows(x.shape[1:], window, strides, padding == "same")
    winner, average = (
        kind(window, strides, padding, data_format) for kind in (ir.MaxPool, ir.AvgPool)
    )
    for op, rule, definition in (
        (winner, jlrp.WinnerTakesAll(), oracle.winner),
        (
            winner,
            jlrp.UniformPooling(),
            lambda windows, x, r: oracle.uniform(windows, np.prod(window), x, r),
        ),
        (
            average,
            jlrp.UniformPooling(),
            lambda windows, x, r: oracle.uniform(windows, np.prod(window), x, r),
        ),
    ):
        shares, relevance = pooled(rule, op, x, rng)
        for share, image, r in zip(shares, x, relevance, strict=True):
            np.testing.assert_allclose(
                share.ravel(), definition(windows, image.ravel(), r.ravel()), atol=1e-12
            )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("case", SUMS)
def test_abs_split_of_sums_of_all_kinds(case, rng):
    """Sizes are what counts, so the broadcast sum is a sum of whole arrays.

    What was broadcast gets the sum.
    """
    call = called(*affine_cases(rng)[case])
    relevance = rng.normal(size=call.output.shape)
    whole = [np.broadcast_to(x, relevance.shape) for x in map(np.asarray, call.inputs)]
    shares = jlrp.AbsSplit().relevance(call, relevance)
    for share, expected in zip(shares, oracle.abs_split(whole, relevance), strict=True):
        np.testing.assert_allclose(share, oracle.summed_to(share.shape, expected), atol=1e-12)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("terms", [2, 3])
def test_abs_split_equals_a_loop_over_cells(terms, rng):
    inputs = [rng.integers(-2, 3, size=(2, 3, 4, 2)).astype(float) for _ in range(terms)]
    call = called(ir.Add(), {}, inputs)
    relevance = rng.normal(size=call.output.shape)
    for share, expected in zip(
        jlrp.AbsSplit().relevance(call, relevance), oracle.abs_split(inputs, relevance), strict=True
    ):
        np.testing.assert_allclose(share, expected, atol=1e-12)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_winner_takes_all_and_the_first_of_equals_wins(data_format):
    x = np.array([[2, 2, 1], [0, 2, 2], [5, 5, 5]], "f").reshape(1, 3, 3, 1)
    x = x if data_format == "channels_last" else x.transpose(0, 3, 1, 2)
    call = called(ir.MaxPool((2, 2), (1, 1), data_format=data_format), {}, (x,))
    relevance = np.array([[1, 2], [4, 8]], "f").reshape(call.output.shape)
    (share,) = jlrp.WinnerTakesAll().relevance(call, relevance)
    assert share.reshape(3, 3).tolist() == [[1, 2, 0], [0, 0, 0], [4, 8, 0]]


def test_winner_never_chooses_padding():
    call = called(ir.MaxPool((2, 2), (2, 2), "same"), {}, (np.full((1, 3, 3, 1), -1, "f"),))
    (share,) = jlrp.WinnerTakesAll().relevance(call, jnp.ones(call.output.shape))
    assert share.reshape(3, 3).tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 1]]


def test_winner_of_global_max_pooling_is_the_first_of_equals():
    call = called(ir.GlobalMaxPool(), {}, (np.array([[[[1.0]], [[7.0]], [[7.0]]]], "f"),))
    (share,) = jlrp.WinnerTakesAll().relevance(call, jnp.ones(call.output.shape))
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
