"""What ops say of shapes is what they compute, and what does not fit is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from tests.ops import NAMES, OTHERS, WEIGHTED, case


@pytest.mark.parametrize("name", [*NAMES, *OTHERS, *WEIGHTED])
def test_output_shape_is_the_shape_of_the_output(name, rng):
    op, params, inputs = case(name, rng)
    inputs = [np.asarray(x, "f") for x in inputs]
    params = jax.tree.map(np.float32, params)
    computed = jax.eval_shape(lambda *x: jlrp.apply(op, params, *x), *inputs)
    assert op.output_shape(params, *(x.shape for x in inputs)) == computed.shape
    open_batch = [(None, *x.shape[1:]) for x in inputs]
    assert op.output_shape(params, *open_batch) == (None, *computed.shape[1:])


@pytest.mark.parametrize("name", [*NAMES, *OTHERS, *WEIGHTED])
def test_the_weights_that_an_op_needs_are_those_without_which_it_has_no_shape(name, rng):
    op, params, inputs = case(name, rng)
    for role in params:
        rest = {other: array for other, array in params.items() if other != role}
        if role in op.needs:
            with pytest.raises(ir.ShapeError, match=f"needs the weight '{role}'"):
                op.output_shape(rest, *(x.shape for x in inputs))
        else:
            assert op.output_shape(rest, *(x.shape for x in inputs))
    assert set(op.needs) <= set(params)


def kernel(*shape, **others):
    return {"kernel": np.zeros(shape), **{role: np.zeros(s) for role, s in others.items()}}


@pytest.mark.parametrize(
    ("op", "params", "inputs", "message"),
    [
        (ir.Dense(), kernel(4, 2), [(None, 5)], r"takes 4 features .* \(N, 5\)"),
        (ir.Dense(), {}, [(None, 5)], "needs the weight 'kernel'"),
        (
            ir.Dense(),
            kernel(4, 2, bias=3),
            [(None, 4)],
            r"'bias' of shape \(2,\), but it has shape \(3,\)",
        ),
        (ir.Conv(), kernel(3, 3, 3, 4), [(None, 8, 8, 1)], "takes 3 channels"),
        (ir.Conv(), kernel(3, 3, 3, 4), [(None, 8, 3)], "4 dimensions"),
        (ir.Conv(), kernel(3, 3, 3, 4), [(None, 2, 8, 3)], "windows of 3 cells, more than the 2"),
        (ir.Conv(groups=2), kernel(3, 3, 3, 3), [(None, 8, 8, 6)], "2 groups do not divide"),
        (ir.DepthwiseConv(), kernel(3, 3, 3, 1), [(None, 8, 8, 4)], "takes 3 channels"),
        (
            ir.BatchNorm(),
            {"moving_mean": np.zeros(3), "moving_variance": np.zeros(4)},
            [(None, 3)],
            "moving_variance",
        ),
        (ir.PRelu(), {"alpha": np.zeros(3)}, [(None, 4)], "'alpha' of shape"),
        (
            ir.Add(),
            {},
            [(None, 3), (None, 4)],
            r"broadcast to one, but was given \(N, 3\), \(N, 4\)",
        ),
        (ir.Add(), {}, [(None, 3)], "two or more"),
        (ir.Multiply(), {}, [(None, 3), (None, 1, 3)], "broadcast to one"),
        (ir.Subtract(), {}, [(None, 3)] * 3, "takes two inputs, but was given 3"),
        (ir.Dot((1, 1)), {}, [(None, 3)] * 3, "takes two inputs, but was given 3"),
        (
            ir.Dot((1, 1)),
            {},
            [(None, 3), (None, 4)],
            r"along the axes \(1, 1\), whose lengths differ",
        ),
        (ir.Dot((0, 1)), {}, [(3, 3), (3, 3)], r"along the axes \(0, 1\), but was given"),
        (ir.Dot((1, 2)), {}, [(None, 3), (None, 3)], r"along the axes \(1, 2\), but was given"),
        (
            ir.LayerNorm((3,)),
            {},
            [(None, 3, 4)],
            r"along the axes \(3,\), but was given shape \(N, 3, 4\)",
        ),
        (
            ir.LayerNorm((-1, 1)),
            {"gamma": np.zeros((4, 3))},
            [(None, 3, 4)],
            r"'gamma' of shape \(3, 4\)",
        ),
        (ir.GroupNorm(4), {}, [(None, 3, 6)], "makes 4 groups"),
        (ir.GroupNorm(2), {"beta": np.zeros(2)}, [(None, 3, 6)], r"'beta' of shape \(6,\)"),
        (ir.Scale(1), {"scale": np.zeros(4)}, [(None, 3, 4)], r"'scale' of shape \(3,\)"),
        (ir.Standardize(), {"mean": np.zeros(4)}, [(None, 3, 4)], "needs the weight 'variance'"),
        (ir.Upsample((2, 2)), {}, [(None, 3, 4)], "takes images of 4 dimensions"),
        (ir.Resize((2, 2), "area"), {}, [(None, 3, 4, 1)], "by one of nearest, .* not by 'area'"),
        (ir.Repeat(2), {}, [(None, 3, 4)], "takes vectors of 2 dimensions"),
        (ir.Slice((3,)), {}, [(None, 3)], "index 3 of axis 1"),
        (ir.Slice(((2, 1, None),)), {}, [(None, 3)], "leaves nothing of axis 1"),
        (ir.Slice((0, 0)), {}, [(None, 3)], "slices 2 axes"),
        (ir.Concatenate(), {}, [(None, 3, 2), (None, 4, 2)], "the other axes differ"),
        (ir.Reshape((7,)), {}, [(None, 3, 2)], r"cannot bring shape \(N, 3, 2\) into \(N, 7\)"),
        (ir.Permute((1, 1)), {}, [(None, 3, 2)], "in the order"),
        (ir.Crop(((4, 4), (0, 0))), {}, [(None, 8, 8, 1)], "leaves nothing"),
        (ir.Relu(), {}, [(None, 3), (None, 3)], "takes one input"),
    ],
)
def test_what_does_not_fit(op, params, inputs, message):
    with pytest.raises(ir.ShapeError, match=message):
        op.output_shape(params, *inputs)


def test_a_length_that_is_unknown_may_be_any_other():
    assert ir.Add().output_shape({}, (None, None, 4), (None, 7, 1)) == (None, 7, 4)
    assert ir.Add().output_shape({}, (None, None, 4), (None, 1, 4)) == (None, None, 4)
    assert ir.Dot((2, 1)).output_shape({}, (None, 5, None), (None, 4, None)) == (None, 5, None)
    assert ir.Slice(((None, None, 2), 0)).output_shape({}, (None, None, None, 3)) == (None, None, 3)
    assert ir.Upsample().output_shape({}, (None, None, 4, 3)) == (None, None, 8, 3)


def test_relu_in_all_its_forms():
    x = jnp.array([-2.0, -0.5, 0.5, 2.0, 9.0])
    assert jlrp.apply(ir.Relu(), {}, x).tolist() == [0, 0, 0.5, 2, 9]
    assert jlrp.apply(ir.Relu(max_value=6.0), {}, x).tolist() == [0, 0, 0.5, 2, 6]
    assert jlrp.apply(ir.Relu(negative_slope=0.5), {}, x).tolist() == [-1, -0.25, 0.5, 2, 9]
    assert jlrp.apply(ir.Relu(negative_slope=0.5, threshold=1.0), {}, x).tolist() == [
        -1.5,
        -0.75,
        -0.25,
        2,
        9,
    ]


def test_average_pooling_does_not_count_padding():
    ones = jnp.ones((1, 3, 3, 1))
    np.testing.assert_allclose(
        jlrp.apply(ir.AvgPool((2, 2), (2, 2), "same"), {}, ones), 1, rtol=1e-6
    )


def test_an_op_that_nobody_registered_is_named():
    class Wavelet(ir.Op):
        def output_shape(self, params, *inputs):
            return inputs[0]

    graph = ir.Graph([ir.Node("w1", Wavelet(), ("x",))], ["x"], ["w1"])
    with pytest.raises(
        NotImplementedError,
        match=r"'w1': Wavelet has no computation: register one with @jlrp\.apply",
    ):
        jlrp.forward(graph, {}, np.ones((1, 2), "f"))
