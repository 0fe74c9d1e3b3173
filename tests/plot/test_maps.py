"""Shapes, pooling of channels, and limits."""

import jax.numpy as jnp
import numpy as np
import pytest

from jlrp import plot


def test_channels_are_summed_along_the_axis_given():
    relevance = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_array_equal(plot.channel_sum(relevance), relevance.sum(-1))
    np.testing.assert_array_equal(plot.channel_sum(relevance, 0), relevance.sum(0))


def test_the_norm_of_the_channels_is_never_negative(rng):
    relevance = rng.normal(size=(4, 5, 3))
    np.testing.assert_allclose(
        plot.pooled(relevance, "norm"), np.linalg.norm(relevance, axis=-1), rtol=1e-14
    )


@pytest.mark.parametrize("array", [np.asarray, jnp.asarray])
@pytest.mark.parametrize(
    ("axes", "shape", "maps"),
    [
        (("row", "column"), (4, 5), (1, 4, 5)),
        (("row", "column", "channel"), (4, 5, 3), (1, 4, 5)),
        (("image", "row", "column"), (4, 5, 3), (4, 5, 3)),
        (("class", "image", "row", "column"), (2, 3, 4, 5), (6, 4, 5)),
        (None, (2, 4, 5, 3), (2, 4, 5)),
    ],
)
def test_shapes_of_numpy_and_jax_arrays(rng, array, axes, shape, maps):
    relevance = rng.normal(size=shape).astype(np.float32)
    found = plot.as_maps(array(relevance), axes=axes)
    assert found.shape == maps
    assert found.dtype == np.float64
    expected = (
        relevance.astype(np.float64).sum(-1) if axes is None or "channel" in axes else relevance
    )
    np.testing.assert_array_equal(found.reshape(np.shape(expected)), expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int8", "bool"])
def test_dtypes(dtype):
    assert plot.as_maps(jnp.ones((2, 3), dtype), axes=("row", "column")).tolist() == [
        [[1.0] * 3] * 2
    ]


def test_one_map_has_no_channels_and_its_norm_is_its_size():
    assert plot.as_maps([[1.0, -2.0]], "norm", ("row", "column")).tolist() == [[[1.0, 2.0]]]


@pytest.mark.parametrize(
    ("relevance", "words"),
    [
        (np.ones(3), r"An array of shape \(3,\) may be anything: name its axes"),
        (np.ones((2, 3)), r"An array of shape \(2, 3\) may be an image \(row, column\) or a table"),
        (1.0, r"An array of shape \(\) may be anything"),
        (np.ones((0, 4, 4, 1)), "no axis is empty"),
        ([[1.0, 2.0], [3.0]], "not rows of several lengths"),
        ([["a", "b"]], "holds <U1"),
        (np.ones((2, 2), complex), "holds complex128"),
        (np.ones((2, 2), object), "holds object"),
        (
            [[[[1.0], [np.nan]], [[np.inf], [0.0]]]],
            "Of the 4 values of relevance to draw, 2 are not finite.",
        ),
    ],
)
def test_what_cannot_be_drawn(relevance, words):
    with pytest.raises(ValueError, match=words) as caught:
        plot.as_maps(relevance)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_an_unknown_pooling():
    with pytest.raises(ValueError, match=r"^pooling is 'sum' or 'norm', not 'max'\.$"):
        plot.pooled(np.ones((2, 2, 2)), "max")


@pytest.mark.parametrize(
    ("values", "percentile", "expected"),
    [
        ([1.0, -4.0, 2.0], 100.0, 4.0),
        ([1.0, -4.0, 2.0], 50.0, 2.0),
        ([0.0, 0.0, 0.0, -4.0], 50.0, 4.0),
        ([0.0, 0.0], 100.0, 1.0),
        ([], 100.0, 1.0),
    ],
)
def test_limit(values, percentile, expected):
    assert plot.limit(values, percentile) == expected


def test_a_percentile_that_is_none():
    with pytest.raises(ValueError, match=r"^percentile is from 0 to 100, not 101\.$"):
        plot.limit([1.0], 101)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("all", [[9, 9, 9], [9, 9, 9]]),
        ("row", [[3, 3, 3], [9, 9, 9]]),
        ("column", [[7, 5, 9], [7, 5, 9]]),
        ("image", [[1, 2, 3], [7, 5, 9]]),
    ],
)
def test_limits_are_shared_as_asked_for(scaling, expected):
    table = [[[[1.0]], [[-2.0]], [[3.0]]], [[[-7.0]], [[5.0]], [[9.0]]]]
    assert plot.limits(table, scaling) == expected


def test_columns_of_one_group_share_a_limit():
    assert plot.limits([[[[1.0]], [[-2.0]], [[3.0]]]], "column", groups=["a", "a", "b"]) == [
        [2, 2, 3]
    ]


def test_a_shared_percentile_is_that_of_all_values_together(rng):
    first, second = rng.normal(size=(2, 8, 8))
    together = plot.limit(np.stack([first, 5 * second]), 90)
    assert plot.limits([[first, 5 * second]], "all", 90) == [[together, together]]


def test_an_unknown_scaling():
    with pytest.raises(
        ValueError, match=r"^scaling is one of 'all', 'row', 'column', 'image', not 'batch'\.$"
    ):
        plot.limits([[[[1.0]]]], "batch")
