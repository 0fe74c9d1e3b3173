"""What ops say of shapes is what they compute, and what does not fit is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from tests.ops import NAMES, OTHERS, case


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
def test_output_shape_is_the_shape_of_the_output(name, rng):
    op, params, inputs = case(name, rng)
    inputs = [np.asarray(x, "f") for x in inputs]
    params = jax.tree.map(np.float32, params)
    computed = jax.eval_shape(lambda *x: jlrp.apply(op, params, *x), *inputs)
    assert op.output_shape(params, *(x.shape for x in inputs)) == computed.shape
    open_batch = [(None, *x.shape[1:]) for x in inputs]
    assert op.output_shape(params, *open_batch) == (None, *computed.shape[1:])


def kernel(*shape, **others):
    return {"kernel": np.zeros(shape), **{role: np.zeros(s) for role, s in others.items()}}


@pytest.mark.parametrize(
    ("op", "params", "inputs", "message"),
    [
        (ir.Dense(), kernel(4, 2), [(None, 5)], r"takes 4 features .* \(N, 5\)"),
        (ir.Dense(), {}, [(None, 5)], "needs the weight 'kernel'"),
        (ir.Dense(), kernel(4, 2, bias=3), [(None, 4)], r"'bias' of shape \(2,\), but it has shape \(3,\)"),
        (ir.Conv(), kernel(3, 3, 3, 4), [(None, 8, 8, 1)], "takes 3 channels"),
        (ir.Conv(), kernel(3, 3, 3, 4), [(None, 8, 3)], "4 dimensions"),
        (ir.Conv(), kernel(3, 3, 3, 4), [(None, 2, 8, 3)], "windows of 3 cells, more than the 2"),
        (ir.Conv(groups=2), kernel(3, 3, 3, 3), [(None, 8, 8, 6)], "2 groups do not divide"),
        (ir.DepthwiseConv(), kernel(3, 3, 3, 1), [(None, 8, 8, 4)], "takes 3 channels"),
        (ir.BatchNorm(), {"moving_mean": np.zeros(3), "moving_variance": np.zeros(4)}, [(None, 3)], "moving_variance"),
        (ir.PRelu(), {"alpha": np.zeros(3)}, [(None, 4)], "'alpha' of shape"),
        (ir.Add(), {}, [(None, 3), (None, 4)], "of one shape"),
        (ir.Add(), {}, [(None, 3)], "two or more"),
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


def test_relu_in_all_its_forms():
    x = jnp.array([-2.0, -0.5, 0.5, 2.0, 9.0])
    assert jlrp.apply(ir.Relu(), {}, x).tolist() == [0, 0, 0.5, 2, 9]
    assert jlrp.apply(ir.Relu(max_value=6.0), {}, x).tolist() == [0, 0, 0.5, 2, 6]
    assert jlrp.apply(ir.Relu(negative_slope=0.5), {}, x).tolist() == [-1, -0.25, 0.5, 2, 9]
    assert jlrp.apply(ir.Relu(negative_slope=0.5, threshold=1.0), {}, x).tolist() == [-1.5, -0.75, -0.25, 2, 9]


def test_average_pooling_does_not_count_padding():
    ones = jnp.ones((1, 3, 3, 1))
    np.testing.assert_allclose(jlrp.apply(ir.AvgPool((2, 2), (2, 2), "same"), {}, ones), 1, rtol=1e-6)


def test_an_op_that_nobody_registered_is_named():
    class Wavelet(ir.Op):
        def output_shape(self, params, *inputs):
            return inputs[0]

    graph = ir.Graph([ir.Node("w1", Wavelet(), ("x",))], ["x"], ["w1"])
    with pytest.raises(NotImplementedError, match=r"'w1': Wavelet has no computation: register one with @jlrp\.apply"):
        jlrp.forward(graph, {}, np.ones((1, 2), "f"))
