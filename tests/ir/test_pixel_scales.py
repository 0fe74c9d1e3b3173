"""On which scale models take their pixels, computed from the numbers of their first layers.

A frozen table.

The layers are those that published models have, with their numbers. A row that fails is a model
that would be given pixels on another scale than it was trained on.
"""

import os
from math import sqrt

import numpy as np
import pytest

import ir
from ir.preprocessing import preprocessing_of

os.environ.setdefault("KERAS_BACKEND", "jax")

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # of Keras itself

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CAFFE = np.array([103.939, 116.779, 123.68])
BGR = (ir.Slice(((None, None, None), (None, None, None), (None, None, -1))), {})
SIZE = 32


def rescale(scale, offset=0.0):
    return ir.Rescale(scale, offset), {}


def times(scale, axis=-1):
    return ir.Scale(axis), {"scale": np.asarray(scale)}


def plus(offset, axis=-1):
    return ir.Scale(axis), {"offset": np.asarray(offset)}


def standardize(mean, variance, axes=(-1,)):
    return ir.Standardize(axes), {"mean": np.asarray(mean), "variance": np.asarray(variance)}


def batchnorm(mean, variance, axis=-1, **weights):
    return ir.BatchNorm(axis=axis), {
        "moving_mean": np.asarray(mean),
        "moving_variance": np.asarray(variance),
        **weights,
    }


def zeros_around(cells=3, data_format="channels_last"):
    return ir.ZeroPad(((cells, cells), (cells, cells)), data_format), {}


def photographs():
    datasets = pytest.importorskip("sklearn.datasets")
    return [image[::2, ::2].astype(np.float64) for image in datasets.load_sample_images().images]


def digits():
    datasets = pytest.importorskip("sklearn.datasets")
    return [image[..., None] * (255 / 16) for image in datasets.load_digits().images[:200]]


def convolved(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape[:2], (0, 1))
    return np.einsum("yxcij,ijco->yxo", windows[::2, ::2], kernel).reshape(-1, kernel.shape[-1])


def trained(images, scale, offset=0.0, window=3, relu=False, edges=False):
    """A convolution and a BatchNorm with the statistics of its results for `scale · images +
    offset`."""

    def layers():
        pixels = [scale * image + offset for image in images()]
        shape = (window, window, pixels[0].shape[-1], 16)
        kernel = np.random.default_rng(0).normal(size=shape) * sqrt(2 / np.prod(shape[:3]))
        if edges:
            kernel -= kernel.mean((0, 1), keepdims=True)
        results = np.concatenate([convolved(image, kernel) for image in pixels])
        if relu:
            results = np.maximum(results, 0)
        found = [
            (ir.Conv(), {"kernel": kernel}),
            (ir.Relu(), {}),
            batchnorm(results.mean(0), results.var(0)),
        ]
        return found if relu else [found[0], found[2]]

    return layers


def trained_dense(scale):
    """The same for pixels in a row and a dense layer."""

    def layers():
        rows = np.stack([scale * image.ravel() for image in digits()])
        kernel = np.random.default_rng(0).normal(size=(rows.shape[1], 32)) / 8
        results = rows @ kernel
        return [
            (ir.Flatten(), {}),
            (ir.Dense(), {"kernel": kernel}),
            batchnorm(results.mean(0), results.var(0)),
        ]

    return layers


RGB, GREY, FIRST = (None, SIZE, SIZE, 3), (None, SIZE, SIZE, 1), (None, 3, SIZE, SIZE)
ANY = (None, None, None, 3)

TABLE = {
    # keras.applications, with their own scaling
    "EfficientNetB0, ImageNet": (
        [rescale(1 / 255), standardize(MEAN, DEVIATION), times(1 / np.sqrt(DEVIATION)), zeros_around(1)],
        ANY, "none", None,
    ),
    "EfficientNetB0, not trained": ([rescale(1 / 255), standardize([0, 0, 0], [1, 1, 1])], ANY, "none", None),
    "EfficientNetV2B0": ([rescale(1 / 255), standardize(MEAN, DEVIATION**2)], RGB, "none", None),
    "EfficientNetV2S": ([rescale(1 / 128, -1.0)], RGB, "none", None),
    "MobileNetV3": ([rescale(1 / 127.5, -1.0)], RGB, "none", None),
    "ConvNeXt": ([standardize(255 * MEAN, (255 * DEVIATION) ** 2)], RGB, "none", None),
    "RegNet": ([rescale(1 / 255)], RGB, "none", None),
    "ResNetRS": ([rescale(1 / 255), standardize(MEAN, DEVIATION**2)], RGB, "none", None),
    # other published models
    "ResNet of MXNet, bn_data": (
        [batchnorm([123.68, 116.78, 103.94], [3390.0, 3245.0, 3330.0], beta=np.zeros(3)), zeros_around()],
        RGB, "none", None,
    ),
    "InsightFace": ([rescale(1.0, -127.5), rescale(0.0078125)], RGB, "none", None),
    "DAVE-2, a Lambda of x/127.5 - 1": ([rescale(1 / 127.5), rescale(1.0, -1.0)], (None, 66, 200, 3), "none", None),
    "Udacity's driving networks, x/255 - 0.5": (
        [rescale(1 / 255, -0.5), (ir.Crop(((70, 25), (0, 0))), {})], (None, 160, 320, 3), "none", None,
    ),
    "VGG16 with its means inside": ([BGR, plus(-CAFFE)], RGB, "none", None),
    "VGGFace with its means inside": ([BGR, plus([-93.594, -104.7624, -129.1863])], RGB, "none", None),
    "AlexNet with its means inside": ([plus([-104.00699, -116.66877, -122.67891])], RGB, "none", None),
    "DenseNet of Caffe, scaled by 0.017": ([BGR, plus(-CAFFE), rescale(0.017)], RGB, "none", None),
    "CLIP": (
        [
            rescale(1 / 255),
            standardize([0.48145466, 0.4578275, 0.40821073], np.square([0.26862954, 0.26130258, 0.27577711])),
        ],
        RGB, "none", None,
    ),
    "TensorFlow Hub's Inception, for 0…1": ([rescale(2.0, -1.0)], RGB, "unit", None),
    "TensorFlow Hub's ResNet, for 0…1": ([rescale(255.0), plus(-CAFFE[::-1])], RGB, "unit", None),
    "torchvision's Normalize": ([standardize(MEAN, DEVIATION**2)], RGB, "unit", None),
    "torchvision's Normalize, as a product and a sum": (
        [times(1 / DEVIATION), plus(-MEAN / DEVIATION)], RGB, "unit", None,
    ),
    "CIFAR-10's Normalize": (
        [standardize([0.4914, 0.4822, 0.4465], np.square([0.2023, 0.1994, 0.201]))], RGB, "unit", None,
    ),
    "MNIST's Normalize": ([standardize(0.1307, 0.3081**2, axes=())], GREY, "unit", None),
    "CIFAR-10's mean image, for 0…1": (
        [standardize(np.full((32, 32, 3), 0.473), np.ones((32, 32, 3)), axes=(1, 2, 3))], RGB, "unit", None,
    ),
    # what users build
    "Rescaling(1/255), grey": ([rescale(1 / 255)], GREY, "none", None),
    "Rescaling(1/127.5, -1), any size": ([rescale(1 / 127.5, -1.0)], ANY, "none", None),
    "Rescaling of 2 channels": ([rescale(1 / 255)], (None, SIZE, SIZE, 2), "none", None),
    "Rescaling of 4 channels": ([times([1 / 255] * 4)], (None, SIZE, SIZE, 4), "none", None),
    "Resizing, Rescaling": ([(ir.Resize((8, 8)), {}), rescale(1 / 255)], ANY, "none", None),
    "CenterCrop, Rescaling": ([(ir.Crop(((4, 4), (4, 4))), {}), rescale(1 / 255)], RGB, "none", None),
    "ZeroPadding, Rescaling": ([zeros_around(), rescale(1 / 127.5, -1.0)], RGB, "none", None),
    "a clip, Rescaling": ([(ir.Clip(0.0, 255.0), {}), rescale(1 / 255)], RGB, "none", None),
    "Permute, Rescaling": ([(ir.Permute((3, 1, 2)), {}), times([1 / 255] * 3, axis=1)], RGB, "none", None),
    "Normalization adapted to 0…255": (
        [standardize([125.3, 123.0, 113.9], np.square([63.0, 62.1, 66.7]))], RGB, "none", None,
    ),
    "Normalization adapted to 0…1": (
        [standardize([0.4377, 0.4438, 0.4728], np.square([0.198, 0.201, 0.197]))], RGB, "unit", None,
    ),
    "BatchNormalization of 0…255": ([batchnorm([124.0, 117.0, 104.0], [3400.0, 3200.0, 3300.0])], RGB, "none", None),
    "BatchNormalization of 0…1": ([batchnorm([0.48, 0.45, 0.41], [0.05, 0.05, 0.05])], RGB, "unit", None),
    "BatchNormalization of grey digits, 0…255": ([batchnorm([33.3], [6170.0])], GREY, "none", None),
    "Rescaling(1/255), BatchNormalization": (
        [rescale(1 / 255), batchnorm([0.48, 0.45, 0.41], [0.05, 0.05, 0.05])], RGB, "none", None,
    ),
    "Rescaling, channels first": (
        [times([1 / 255] * 3, axis=1), zeros_around(1, "channels_first")], FIRST, "none", None,
    ),
    "BatchNormalization of 0…255, channels first": (
        [batchnorm([124.0, 117.0, 104.0], [3400.0, 3200.0, 3300.0], axis=1), zeros_around(1, "channels_first")],
        FIRST, "none", None,
    ),
    "Normalization adapted to 0…1, channels first": (
        [standardize(MEAN, DEVIATION**2, axes=(1,)), zeros_around(1, "channels_first")], FIRST, "unit", None,
    ),
    # a convolution and its BatchNorm
    "trained on photographs, 0…1": (trained(photographs, 1 / 255), RGB, "unit", None),
    "trained on photographs, 0…255": (trained(photographs, 1.0), RGB, "none", None),
    "trained on photographs, 0…1, 7×7": (trained(photographs, 1 / 255, window=7), RGB, "unit", None),
    "trained on photographs, 0…255, 7×7": (trained(photographs, 1.0, window=7), RGB, "none", None),
    "trained on photographs, 0…1, edges": (trained(photographs, 1 / 255, edges=True), RGB, "unit", None),
    "trained on photographs, 0…255, edges": (trained(photographs, 1.0, edges=True), RGB, "none", None),
    "trained on photographs, 0…1, ReLU between": (trained(photographs, 1 / 255, relu=True), RGB, "unit", None),
    "trained on photographs, 0…255, ReLU between": (trained(photographs, 1.0, relu=True), RGB, "none", None),
    "trained on photographs, −1…1": (trained(photographs, 1 / 127.5, -1.0), RGB, "unit", "tf"),
    "trained on digits, 0…1": (trained(digits, 1 / 255), GREY, "unit", None),
    "trained on digits, 0…255": (trained(digits, 1.0), GREY, "none", None),
    "dense, trained on digits, 0…1": (trained_dense(1 / 255), (None, 8, 8, 1), "unit", None),
    "dense, trained on digits, 0…255": (trained_dense(1.0), (None, 8, 8, 1), "none", None),
    # not sure
    "MNIST, nothing that tells": ([(ir.Conv(), {"kernel": np.ones((3, 3, 1, 8))})], (None, 28, 28, 1), "unit", "none"),
    "a scale between both": ([rescale(0.2)], RGB, "none", "unit"),
    "16 bits": ([rescale(1 / 65535)], GREY, "none", "unit"),
    "12 bits": ([rescale(1 / 4095)], GREY, "none", "unit"),
    "numbers that are not finite": ([standardize([np.nan] * 3, [1.0] * 3)], RGB, "none", "unit"),
    "a BatchNormalization that was never trained": ([batchnorm([0.0] * 3, [1.0] * 3)], RGB, "unit", "none"),
    "a convolution whose BatchNorm was never trained": (
        [(ir.Conv(), {"kernel": np.ones((3, 3, 3, 8))}), batchnorm([0.0] * 8, [1.0] * 8)], RGB, "unit", "none",
    ),
    # no images
    "EEGNet": ([(ir.Conv(), {"kernel": np.ones((1, 16, 1, 4))})], (None, 8, 64, 1), "none", None),
    "an electrocardiogram": (
        [(ir.Conv((1,), dilation=(1,)), {"kernel": np.ones((7, 12, 4))})], (None, 1000, 12), "none", None,
    ),
    "a table": ([(ir.Dense(), {"kernel": np.ones((13, 8))})], (None, 13), "none", None),
    "a volume": (
        [(ir.Conv((1, 1, 1), dilation=(1, 1, 1)), {"kernel": np.ones((3, 3, 3, 1, 4))})],
        (None, 16, 16, 16, 1), "none", None,
    ),
    # grey images without an axis for channels, or signals
    "28×28, flattened": ([(ir.Flatten(), {})], (None, 28, 28), "none", "unit"),
    "28×28, scaled and flattened": ([rescale(1 / 255), (ir.Flatten(), {})], (None, 28, 28), "none", None),
}  # fmt: skip


def model_of(layers, shape):
    """A model of these layers, one after the other, and a ReLU."""
    nodes, params, before = [], {}, "image"
    for number, (op, weights) in enumerate([*layers, (ir.Relu(), {})]):
        name = f"layer_{number}"
        nodes.append(ir.Node(name, op, (before,), name if weights else None))
        params |= {name: weights} if weights else {}
        before = name
    return ir.Model(ir.Graph(nodes, ["image"], [before]), params, (shape,))


@pytest.mark.parametrize(("layers", "shape", "name", "instead"), TABLE.values(), ids=TABLE)
def test_the_table(layers, shape, name, instead):
    found = model_of(layers() if callable(layers) else layers, shape).preprocess
    assert (found.name, found.instead) == (name, instead), found.reason
    assert found.sure == (instead is None)


def test_reasons_name_numbers():
    def reason(*layers):
        return model_of(layers, RGB).preprocess.reason

    assert reason(rescale(1 / 127.5, -1.0)) == "its first layers bring 0…255 to −1.0…1.0 (Rescale)"
    assert reason(rescale(2.0, -1.0)) == "its first layers bring 0…1 to −1.0…1.0 (Rescale)"
    assert reason(BGR, plus(-CAFFE)) == "its first layers bring 0…255 to −124…151 (Scale)"
    assert reason(rescale(0.2)) == (
        "its first layers bring 0…255 to 0.0…51.0 and 0…1 to 0.0…0.2 (Rescale), and either may be right"
    )
    network = trained(digits, 1 / 255)()
    found = model_of(network, GREY).preprocess.reason
    assert found.startswith("its first BatchNorm fits 0…1 (standard deviation ")
    assert "--" not in found


def test_numbers_go_before_names_and_names_before_statistics():
    conv, norm = trained(photographs, 1.0)()
    name = "conv2_block1_1_conv"
    nodes = [ir.Node(name, conv[0], ("image",), "conv"), ir.Node("norm", norm[0], (name,), "norm")]
    params = {"conv": conv[1], "norm": norm[1]}
    found = preprocessing_of(ir.Graph(nodes, ["image"], ["norm"]), [RGB], None, params)
    assert (found.name, found.reason) == ("caffe", "layer names as in Keras's ResNet")
    scaled = [
        ir.Node("scaled", ir.Rescale(2.0, -1.0), ("image",)),
        ir.Node(name, conv[0], ("scaled",), "conv"),
    ]
    assert (
        preprocessing_of(
            ir.Graph([*scaled, nodes[1]], ["image"], ["norm"]), [RGB], None, params
        ).name
        == "unit"
    )


# --- the same through files that Keras saved
# ----------------------------------------------------------------------

FILES = {
    "Rescaling": (lambda L: [L.Rescaling(1 / 255)], None, "none"),
    "Rescaling, for 0…1": (lambda L: [L.Rescaling(2.0, -1.0)], None, "unit"),
    "Resizing, Rescaling": (lambda L: [L.Resizing(16, 16), L.Rescaling(1 / 127.5, -1)], None, "none"),
    "RandomFlip, CenterCrop, Rescaling": (
        lambda L: [L.RandomFlip(), L.CenterCrop(24, 24), L.Rescaling(1 / 255)], None, "none",
    ),
    "Normalization, 0…1": (lambda L: [L.Normalization(mean=MEAN, variance=DEVIATION**2)], None, "unit"),
    "Normalization, 0…255": (
        lambda L: [L.Normalization(mean=255 * MEAN, variance=(255 * DEVIATION) ** 2)], None, "none",
    ),
    "BatchNormalization, 0…255": (
        lambda L: [L.BatchNormalization(scale=False, epsilon=2e-5)],
        [[0.0] * 3, [124.0, 117.0, 104.0], [3400.0, 3200.0, 3300.0]],
        "none",
    ),
    "BatchNormalization, 0…1": (
        lambda L: [L.BatchNormalization()], [[1.0] * 3, [0.0] * 3, [0.48, 0.45, 0.41], [0.05] * 3], "unit",
    ),
}  # fmt: skip


def saved(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return ir.load(tmp_path / "model.keras").preprocess


@pytest.mark.parametrize(("layers", "weights", "name"), FILES.values(), ids=FILES)
def test_files_of_keras(layers, weights, name, tmp_path):
    keras = pytest.importorskip("keras")
    first = layers(keras.layers)
    if weights is not None:
        first[-1].build((None, SIZE, SIZE, 3))
        first[-1].set_weights([np.asarray(each, np.float32) for each in weights])
    L = keras.layers
    rest = [L.Conv2D(4, 3, activation="relu"), L.GlobalAveragePooling2D(), L.Dense(2)]
    found = saved(keras.Sequential([L.Input((SIZE, SIZE, 3)), *first, *rest]), tmp_path)
    assert (found.name, found.sure) == (name, True), found.reason


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: x / 127.5 - 1.0, "none"),
        (lambda x: x[..., ::-1] - np.asarray(CAFFE, np.float32), "none"),
        (lambda x: (x - 0.5) * 2.0, "unit"),
    ],
)
def test_arithmetic_in_files_of_keras(function, name, tmp_path):
    keras = pytest.importorskip("keras")
    image = keras.layers.Input((SIZE, SIZE, 3))
    found = saved(keras.Model(image, keras.layers.Conv2D(4, 3)(function(image))), tmp_path)
    assert (found.name, found.sure) == (name, True), found.reason
