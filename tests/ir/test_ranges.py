"""Numbers in ops that no program can run with.

Refused where a model is read or saved, in whichever way it came.
"""

import numpy as np
import pytest

import ir

IMAGE = (None, 8, 8, 3)
KERNEL = {"kernel": np.ones((3, 3, 3, 4), np.float32)}
HUGE = 2**31

REFUSED = {
    "strides of 0": (ir.Conv(strides=(0, 1)), KERNEL),
    "strides below 0": (ir.Conv(strides=(1, -1)), KERNEL),
    "strides that nobody can count": (ir.Conv(strides=(2**62, 1)), KERNEL),
    "dilation of 0": (ir.Conv(dilation=(0, 1)), KERNEL),
    "padding below 0": (ir.Conv(padding=((-1, 0), (0, 0))), KERNEL),
    "much padding": (ir.Conv(padding=((10**5, 10**5), (10**5, 10**5))), KERNEL),
    "padding of three axes": (ir.Conv(padding=((0, 0), (0, 0), (0, 0))), KERNEL),
    "padding by an unknown name": (ir.Conv(padding="full"), KERNEL),
    "an unknown layout": (ir.Conv(data_format="channels_middle"), KERNEL),
    "groups of 0": (ir.Conv(groups=0), KERNEL),
    "groups below 0": (ir.Conv(groups=-1), KERNEL),
    "a window of nothing": (ir.Conv(), {"kernel": np.ones((0, 3, 3, 4), np.float32)}),
    "no channels": (ir.Conv(), {"kernel": np.ones((3, 3, 3, 0), np.float32)}),
    "depthwise dilation of 0": (ir.DepthwiseConv(dilation=(1, 0)), KERNEL),
    "transposed strides of 0": (
        ir.ConvTranspose(strides=(0, 1)),
        {"kernel": np.ones((3, 3, 4, 3), np.float32)},
    ),
    "large transposed strides": (
        ir.ConvTranspose(strides=(10**4, 10**4)),
        {"kernel": np.ones((3, 3, 4, 3), np.float32)},
    ),
    "no units": (ir.Dense(), {"kernel": np.ones((3, 0), np.float32)}),
    "pools of 0": (ir.MaxPool(pool_size=(0, 2)), {}),
    "pool strides of 0": (ir.AvgPool(strides=(2, 0)), {}),
    "pool padding below 0": (ir.MaxPool(padding=((-1, 0), (0, 0))), {}),
    "zeros below 0": (ir.ZeroPad(((-1, 0), (0, 0))), {}),
    "many zeros": (ir.ZeroPad(((HUGE, 0), (0, 0))), {}),
    "cropping below 0": (ir.Crop(((-1, 0), (0, 0))), {}),
    "no pixels": (ir.Resize((0, 4)), {}),
    "many pixels": (ir.Resize((10**5, 10**5)), {}),
    "a factor of 0": (ir.Upsample((0, 1)), {}),
    "large factors": (ir.Upsample((5000, 5000)), {}),
    "the mean of a batch": (
        ir.BatchNorm(axis=0),
        {r: np.ones(3) for r in ("moving_mean", "moving_variance")},
    ),
    "a sum over the batch": (ir.Softmax(axis=0), {}),
    "a sum over the batch from behind": (ir.Softmax(axis=-4), {}),
    "lengths below -1": (ir.Reshape((-2, 3)), {}),
    "two open lengths": (ir.Reshape((-1, -1)), {}),
    "a length of 0": (ir.Reshape((0, -1)), {}),
}


OF_A_SIZE = {"much padding", "large transposed strides", "large factors"}
"""What is too much of an image of this size, and may be fine where the size is open."""


@pytest.mark.parametrize("what", REFUSED)
def test_models_with_them_are_neither_read_nor_saved(tmp_path, what):
    op, weights = REFUSED[what]
    path = tmp_path / "m.safetensors"
    graph = ir.Graph([ir.Node("y", op, ("x",), "y" if weights else None)], ["x"], ["y"])
    for shape in (IMAGE, (None, None, None, 3)):
        if shape is not IMAGE and what in OF_A_SIZE:
            continue
        with pytest.raises(ValueError, match="'y'"):
            ir.save(ir.Model(graph, {"y": weights} if weights else {}, (shape,)), path)
    assert not list(tmp_path.iterdir())


def test_an_image_has_values_that_memory_holds():
    assert ir.ops.base.possible((None, 20_000, 20_000, 3))
    assert not ir.ops.base.possible((None, 30_000, 30_000, 3))
    assert not ir.ops.base.possible((None, 8, 0, 3))


def test_a_batch_is_not_joined_or_reduced():
    with pytest.raises(ir.ShapeError, match="the batch"):
        ir.Concatenate(axis=0).output_shape({}, IMAGE, IMAGE)
    with pytest.raises(ir.ShapeError, match="the batch"):
        ir.LayerNorm((0, 1)).output_shape({}, IMAGE)
