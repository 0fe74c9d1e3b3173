"""Convolutions backwards by phases, and max pooling by comparisons, against what JAX derives."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.fast.convolution import reformulated
from jlrp.fast.pooling import largest, to_winners

QUICK = {"xla_backend_optimization_level": 0}

CONVOLUTIONS = [
    ir.Conv(strides, padding, dilation, data_format=layout)
    for strides, padding, dilation, layout in [
        *product(
            [(1, 1), (2, 2), (3, 2), (4, 1)],
            ["valid", "same", ((1, 2), (0, 3))],
            [(1, 1)],
            ["channels_last"],
        ),
        ((1, 1), "same", (2, 3), "channels_last"),
        ((2, 2), "same", (2, 1), "channels_last"),
        ((2, 3), "same", (1, 1), "channels_first"),
        ((1, 1), ((2, 0), (0, 2)), (1, 1), "channels_first"),
        ((2, 1), ((5, 5), (4, 0)), (1, 1), "channels_last"),  # windows that see padding alone
    ]
]
WINDOWS = [(1, 1), (2, 2), (3, 2), (7, 5)]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("op", CONVOLUTIONS, ids=str)
def test_convolutions_forwards_and_backwards(op, window, rng):
    x = rng.normal(size=(2, 3, 13, 12) if op.data_format == "channels_first" else (2, 13, 12, 3))
    kernel = rng.normal(size=(*window, 3, 4))
    plain = jlrp.affine(op, {"kernel": kernel}, x)
    fast = reformulated(op, plain)
    z = plain.linear(kernel, x)

    def back(layer):
        return jax.jit(lambda z: layer.transpose(kernel, (x,), z)[0], compiler_options=QUICK)(z)

    np.testing.assert_allclose(fast.linear(kernel, x), z, atol=1e-12)
    np.testing.assert_allclose(back(fast), back(plain), atol=1e-11)


POOLS = [
    ir.MaxPool((2, 2), (2, 2)),
    ir.MaxPool((3, 3), (2, 2)),
    ir.MaxPool((3, 2), (1, 2), "same"),
    ir.MaxPool((2, 3), (3, 2), "same"),
    ir.MaxPool((2, 2), (3, 3)),  # cells that no window sees
    ir.MaxPool((3, 3), (2, 2), "same", data_format="channels_first"),
]


@pytest.mark.parametrize("op", POOLS, ids=str)
def test_max_pooling_forwards_and_backwards(op, rng):
    shape = (2, 3, 9, 10) if op.data_format == "channels_first" else (2, 9, 10, 3)
    x = jnp.asarray(rng.integers(-3, 3, shape), "float32")  # many ties: the first of equals wins
    z, vjp = jax.vjp(lambda x: jlrp.apply(op, {}, x), x)
    relevance = jnp.asarray(rng.normal(size=z.shape), "float32")
    np.testing.assert_array_equal(largest(op, x), z)
    np.testing.assert_allclose(
        to_winners(op, x, z, relevance), vjp(relevance)[0], rtol=1e-6, atol=1e-6
    )


def test_pooling_over_a_line(rng):
    op, x = ir.MaxPool((3,), (2,), "same"), jnp.asarray(rng.normal(size=(2, 11, 4)))
    z, vjp = jax.vjp(lambda x: jlrp.apply(op, {}, x), x)
    np.testing.assert_array_equal(largest(op, x), z)
    np.testing.assert_allclose(to_winners(op, x, z, z), vjp(z)[0], rtol=1e-6)
