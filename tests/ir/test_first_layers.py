"""What first layers make of pixels: each op, against the same by hand, and the ends of the work."""

import numpy as np
import pytest

import ir
from ir.analysis import first_layers, samples
from ir.analysis.first_layers import FirstLayers, effects_of

RGB = (None, 8, 8, 3)
BATCHNORM = {"moving_mean": np.array([1.0, 2.0, 3.0]), "moving_variance": np.array([4.0, 4.0, 4.0])}


def effects(*layers, shape=RGB, layout="channels_last", black=0.0, white=1.0):
    """Of ops with their weights, one after the other."""
    nodes, params, before = [], {}, "x"
    for number, (op, weights) in enumerate(layers):
        nodes.append(ir.Node(f"{number}", op, (before,), f"{number}" if weights else None))
        params[f"{number}"] = weights
        before = f"{number}"
    return effects_of(ir.Graph(nodes, ["x"], [before]), params, "x", shape, layout, black, white)


def ends(*layers, **options):
    found = effects(*layers, **options).scaled
    return None if found is None else (found.low, found.high)


TWICE = (ir.Rescale(2.0), {})
SCALED = {
    "Rescale": ([(ir.Rescale(2.0, -1.0), {})], (-1.0, 1.0)),
    "Scale": ([(ir.Scale(), {"scale": np.array([1.0, 2.0, 3.0]), "offset": np.array([0.0, 1.0, 0.0])})], (0.0, 3.0)),
    "Standardize": ([(ir.Standardize(), {"mean": np.full(3, 0.5), "variance": np.full(3, 0.25)})], (-1.0, 1.0)),
    "a mean image": (
        [(ir.Standardize((1, 2, 3)), {"mean": np.ones((8, 8, 3)), "variance": np.ones((8, 8, 3))})], (-1.0, 0.0),
    ),
    "BatchNorm": ([(ir.BatchNorm(epsilon=0.0), BATCHNORM)], (-1.5, 0.0)),
    "Clip": ([TWICE, (ir.Clip(0.5, 1.5), {})], (0.5, 1.5)),
    "a channel": ([(ir.Slice(((None,) * 3, (None,) * 3, 1)), {}), TWICE], (0.0, 2.0)),
    "Permute": (
        [(ir.Permute((3, 1, 2)), {}), (ir.Scale(axis=1), {"scale": np.array([1.0, 2.0, 3.0])})], (0.0, 3.0),
    ),
    "Reshape": ([TWICE, (ir.Reshape((64, 3)), {})], (0.0, 2.0)),
    "movers": ([TWICE, (ir.ZeroPad(), {}), (ir.Crop(), {}), (ir.Resize((4, 4)), {}), (ir.AvgPool(), {})], (0.0, 2.0)),
    "an op of another kind after": ([TWICE, (ir.Softmax(), {}), (ir.Rescale(9.0), {})], (0.0, 2.0)),
    "an op of another kind before": ([(ir.Softmax(), {}), TWICE], None),
    "nothing that scales": ([(ir.ZeroPad(), {})], None),
    "a scale of about 1": ([(ir.Rescale(1.001), {})], None),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "expected"), SCALED.values(), ids=SCALED)
def test_scaled(layers, expected):
    found = ends(*layers)
    assert found == (None if expected is None else pytest.approx(expected))


def test_colours_that_are_taken_apart_and_put_together():
    """As `preprocess_input` does inside a model."""
    whole = (None, None, None)
    nodes = [ir.Node(f"s{i}", ir.Slice((whole, whole, i)), ("x",)) for i in range(3)]
    nodes += [ir.Node(f"r{i}", ir.Reshape((8, 8, 1)), (f"s{i}",)) for i in range(3)]
    nodes += [
        ir.Node("all", ir.Concatenate(), ("r2", "r1", "r0")),
        ir.Node("m", ir.Scale(), ("all",), "m"),
    ]
    params = {"m": {"offset": np.array([-1.0, -2.0, -3.0])}}
    found = effects_of(
        ir.Graph(nodes, ["x"], ["m"]), params, "x", RGB, "channels_last", 0.0, 1.0
    ).scaled
    assert (found.low, found.high) == (-3.0, 0.0)


def test_numbers_that_are_not_known():
    found = effects((ir.Standardize(), {}), (ir.Relu(), {})).scaled
    assert found.ops == ("Standardize",)
    assert np.isnan([found.low, found.high, found.misfit]).all()


def test_misfit_weighs_spread_and_centre():
    """Values near -1 have size 1, but they hardly differ."""
    far, near = (
        effects((ir.Rescale(1 / 127.5, -1.0), {}), white=white).scaled for white in (1.0, 255.0)
    )
    assert near.misfit < 1 < 10 < far.misfit
    assert near.spread == pytest.approx(1 / np.sqrt(3), rel=0.05)


# --- convolutions
# -------------------------------------------------------------------------------------------------


def normalised(conv, kernel, x_first=False, **batchnorm):
    """The effect of a convolution and a BatchNorm of mean 1 and variance 4."""
    units = kernel.shape[-1] * (kernel.shape[-2] if isinstance(conv, ir.DepthwiseConv) else 1)
    stats = {"moving_mean": np.ones(units), "moving_variance": np.full(units, 4.0)}
    shape = (None, 3, 8, 8) if x_first else RGB
    layout = "channels_first" if x_first else "channels_last"
    norm = ir.BatchNorm(epsilon=0.0, axis=1 if x_first else -1)
    return effects(
        (conv, {"kernel": kernel}), (norm, stats | batchnorm), shape=shape, layout=layout
    ).normalised


def test_a_convolution_of_constants_and_noise():
    """The spread of a mean over a window: the pixels share `ALIKE` of their variance."""
    sigma = np.linspace(0, 1, samples.SAMPLES).std()
    alike = samples.ALIKE
    mean = np.full((3, 3, 3, 2), 1 / 27)
    found = normalised(ir.Conv(), mean)
    assert found.spread == pytest.approx(sigma * np.sqrt(alike + (1 - alike) / 27) / 2, rel=1e-6)
    edge = mean * np.array([1, 0, -1]).reshape(3, 1, 1, 1)
    assert normalised(ir.Conv(), edge).spread == pytest.approx(
        sigma * np.sqrt((1 - alike) * 18) / 27 / 2, rel=1e-6
    )


@pytest.mark.parametrize("first", [False, True])
def test_groups_and_depthwise(first):
    """Of three channels each on its own, whatever the op is called."""
    data_format = "channels_first" if first else "channels_last"
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 3, 2))
    depthwise = normalised(ir.DepthwiseConv(data_format=data_format), kernel, first)
    grouped = normalised(
        ir.Conv(groups=3, data_format=data_format), kernel.reshape(3, 3, 1, 6), first
    )
    whole = np.zeros((3, 3, 3, 6))
    for channel in range(3):
        whole[:, :, channel, 2 * channel : 2 * channel + 2] = kernel[:, :, channel]
    full = normalised(ir.Conv(data_format=data_format), whole, first)
    assert depthwise.spread == pytest.approx(full.spread)
    assert depthwise.misfit == pytest.approx(grouped.misfit) == pytest.approx(full.misfit)


def test_the_scale_of_a_batchnorm_does_not_matter():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 2))
    assert normalised(ir.Conv(), kernel) == normalised(
        ir.Conv(), kernel, gamma=np.full(2, 9.0), beta=np.ones(2)
    )


CONV = (ir.Conv(), {"kernel": np.ones((3, 3, 3, 2))})


def test_a_convolution_alone_says_nothing():
    assert effects(CONV) == FirstLayers()
    assert effects(CONV, (ir.Rescale(2.0), {})) == FirstLayers()


@pytest.mark.parametrize(
    "layers",
    [
        [CONV, (ir.Softmax(), {})],
        [(ir.Conv(), {"kernel": np.ones((3, 3, 9, 2))})],
        [(ir.ConvTranspose(), {"kernel": np.ones((3, 3, 2, 3))})],
        [(ir.Conv(), {"kernel": np.ones((1, 1, 3, 3))})] * 2 + [CONV],
    ],
)
def test_paths_that_end_before_the_batchnorm(layers):
    """Another op between, weights that do not fit, an op that is not followed, too many
    convolutions."""
    norm = (ir.BatchNorm(), {"moving_mean": np.ones(2), "moving_variance": np.full(2, 4.0)})
    assert effects(CONV, norm).normalised is not None
    assert effects(*layers, norm) == FirstLayers()


# --- models of strangers
# ------------------------------------------------------------------------------------------


def test_huge_kernels_are_not_looked_at():
    """Of 10¹² numbers, in no memory."""
    kernel = np.broadcast_to(np.float32(1), (1000, 1000, 3, 333_333))
    stats = {
        role: np.broadcast_to(np.float32(1), 333_333) for role in ("moving_mean", "moving_variance")
    }
    layers = [(ir.Conv(padding="same"), {"kernel": kernel}), (ir.BatchNorm(), stats)]
    assert effects(*layers, shape=(None, 2000, 2000, 3)) == FirstLayers()


@pytest.mark.parametrize("channels", [-1, 2**40])
def test_impossible_channels(channels):
    assert effects((ir.Rescale(2.0), {}), shape=(None, 8, 8, channels)) == FirstLayers()


def test_samples_do_not_grow():
    """Values that are joined with themselves, sixty times: 2⁶⁰ channels."""
    nodes = [ir.Node("0", ir.Rescale(2.0), ("x",))]
    nodes += [ir.Node(f"{i + 1}", ir.Concatenate(), (f"{i}", f"{i}")) for i in range(60)]
    found = effects_of(ir.Graph(nodes, ["x"], ["60"]), {}, "x", RGB, "channels_last", 0.0, 1.0)
    assert found.scaled.high == 2.0


def test_outer_products_do_not_grow():
    layers = [(ir.Scale(axis), {"scale": np.full(3000, 2.0)}) for axis in (1, 2)]
    found = effects(*layers, shape=(None, 3000, 3000, 1)).scaled
    assert np.isnan(found.high)


def test_long_chains_are_left():
    layers = [(ir.Rescale(2.0), {})] * (first_layers.MAX_OPS + 5)
    assert effects(*layers) == FirstLayers()


@pytest.mark.parametrize(
    "op", [ir.AvgPool(strides=(0, 0)), ir.Slice((None, None)), ir.Conv(strides=(1,))]
)
def test_senseless_attributes(op):
    assert effects((op, {"kernel": np.ones((3, 3, 3, 2))}), (ir.Rescale(2.0), {})) == FirstLayers()


def test_weights_without_numbers():
    """Shapes alone, as while a program is traced."""

    class Shaped:
        shape = (3,)

    found = effects((ir.Scale(), {"scale": Shaped()}), (ir.Relu(), {})).scaled
    assert np.isnan(found.high)
