"""What `jlrp.plot` offers."""

import types

import pytest

from jlrp import plot


@pytest.mark.parametrize("name", plot.__all__)
def test_every_public_name_has_a_runnable_example(name):
    value = getattr(plot, name)
    if isinstance(value, types.FunctionType | type):
        assert ">>>" in (value.__doc__ or "")


def test_the_public_names_are_sorted_and_there():
    assert set(plot.__all__) <= set(dir(plot))
    assert len(plot.__all__) == len(set(plot.__all__))


def test_a_figure_leaves_no_state_in_pyplot():
    import matplotlib.pyplot as plt

    plot.comparison([[[0]]], {"epsilon": [[[1.0]]]})
    plot.heatmap([[1.0]], axes=("row", "column"))
    plot.curves([[1.0, 2.0]], axes=("image", "step"))
    plot.bars([[1.0, 2.0]], axes=("image", "feature"))
    assert plt.get_fignums() == []
