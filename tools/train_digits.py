"""Train the demonstration model on scikit-learn's handwritten digits, for `jlrp/data`.

    pip install -e ".[cli,test]"
    python tools/train_digits.py   # minutes on two cores; --output DIR writes elsewhere

The model is a small bottleneck ResNet in the style of Keras's first ResNet50 (`res2a_branch2a`,
`bn2a_branch2a`, …). It has max pooling in place of strides, so that relevance maps show strokes and
not the grid of a stride. Seeds are fixed, but another version of JAX or another processor rounds
differently and ends at slightly other weights.

The script writes `digits_resnet.h5`, the model as Keras saves it, without the optimizer's state;
`digits_resnet.json`, which says what was trained on what, and how good it is; and `digits/*.png`,
held-out images. For each class there is a typical digit that is read correctly (`digit_3_a.png`).
Some digits are misread (`digit_9_b_read_as_3.png`).
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
import sklearn
from keras import layers
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

Array = np.ndarray

OUTPUT = Path(__file__).parents[1] / "jlrp" / "data"
CLASSES = [str(digit) for digit in range(10)]
SIZE, ENLARGED = 32, 3
FAINT = 16  # of 255: what is fainter counts as paper, so that no stray pixel is lit beside a stroke
SEED = 0
HELD_OUT = 0.2
EPOCHS, BATCH, RATE, DECAY = 20, 64, 0.1, 5e-4
SHIFT = 3
MISREAD = 2


# --- images
# -----------------------------------------------------------------------------------------------------


def digits() -> tuple[Array, Array]:
    """Load all 1797 digits as uint8 images (N, 32, 32, 1), ink 255 on paper 0, with labels."""
    data = load_digits()
    return enlarged(data.images.astype(np.int64)), data.target


def enlarged(images: Array) -> Array:
    """Enlarge 8×8 images of 0…16 to 24×24 in the middle of 32×32, with 16 as 255.

    The interpolation is cubic (Catmull–Rom). It uses whole numbers, so every machine gets the same
    pixels.
    """
    weights, whole = _cubic_weights(), 16 * 27 * 27
    fine = np.einsum("ai,nij,bj->nab", weights, images, weights)
    pixels = ((fine * 255 + whole // 2) // whole).clip(0, 255)
    return np.where(pixels < FAINT, 0, pixels).astype(np.uint8)[..., None]


def _cubic_weights() -> Array:
    """The weights of 8 coarse cells in 32 fine cells, in 27ths; paper lies around the 8."""
    taps = np.array(
        [(-1, 9, 21, -2, 0), (0, 0, 27, 0, 0), (0, -2, 21, 9, -1)]
    )  # left, middle, right third of a cell
    weights, around = np.zeros((SIZE, 8 + 2 * 4), np.int64), 4
    for fine in range(SIZE):
        coarse, third = divmod(fine - (SIZE - 8 * ENLARGED) // 2, ENLARGED)
        weights[fine, around + coarse - 2 : around + coarse + 3] = taps[third]
    return weights[:, around:-around]


def split(labels: Array) -> tuple[Array, Array]:
    """The indices of the training images and of the held-out images, each class in proportion."""
    train, held_out = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT, stratify=labels, random_state=SEED
    )
    return np.sort(train), np.sort(held_out)


def model_input(images: Array) -> Array:
    """What the model takes: x/255 in float32."""
    return images.astype(np.float32) / 255


class Shifted(keras.utils.PyDataset):
    """Training batches in a new order every epoch, each image shifted by up to `SHIFT` pixels."""

    def __init__(self, inputs: Array, labels: Array) -> None:
        super().__init__()
        self.inputs = np.pad(inputs, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
        self.labels = labels
        self.random = np.random.default_rng(SEED)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.labels) // BATCH

    def on_epoch_end(self) -> None:
        self.order = self.random.permutation(len(self.labels))
        self.corners = self.random.integers(0, 2 * SHIFT + 1, (len(self.labels), 2))

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        chosen = self.order[index * BATCH : (index + 1) * BATCH]
        corners = zip(chosen, *self.corners[chosen].T, strict=True)
        shifted = [self.inputs[i, top : top + SIZE, left : left + SIZE] for i, top, left in corners]
        return np.stack(shifted), self.labels[chosen]


# --- model
# ------------------------------------------------------------------------------------------------------


def build() -> keras.Model:
    """Build a stem, two stages of a projection and an identity block, a mean, and a softmax."""
    image = keras.Input((SIZE, SIZE, 1), name="input_1")
    x = layers.ZeroPadding2D(1, name="conv1_pad")(image)
    x = _conv_and_norm(x, "conv1", "bn_conv1", 16, 3)
    x = layers.Activation("relu", name="activation_1")(x)
    x = layers.MaxPooling2D(2, name="max_pooling2d_1")(x)
    x = bottleneck(x, 1, "2a", 16, projection=True)
    x = bottleneck(x, 2, "2b", 16)
    x = layers.MaxPooling2D(2, name="max_pooling2d_2")(x)
    x = bottleneck(x, 3, "3a", 32, projection=True)
    x = bottleneck(x, 4, "3b", 32)
    x = layers.GlobalAveragePooling2D(name="global_average_pooling2d_1")(x)
    x = layers.Dense(len(CLASSES), activation="softmax", name="dense_1")(x)
    return keras.Model(image, x, name="digits_resnet")


def bottleneck(
    x: keras.KerasTensor, number: int, name: str, width: int, projection: bool = False
) -> keras.KerasTensor:
    """Add the `number`-th residual block: 1×1, 3×3, and 1×1 to four times the width.

    The branch of convolutions comes first in the sum.
    """
    first = 3 * number - 1
    branch = _conv_and_norm(x, f"res{name}_branch2a", f"bn{name}_branch2a", width, 1)
    branch = layers.Activation("relu", name=f"activation_{first}")(branch)
    branch = _conv_and_norm(
        branch, f"res{name}_branch2b", f"bn{name}_branch2b", width, 3, padding="same"
    )
    branch = layers.Activation("relu", name=f"activation_{first + 1}")(branch)
    branch = _conv_and_norm(branch, f"res{name}_branch2c", f"bn{name}_branch2c", 4 * width, 1)
    if projection:
        x = _conv_and_norm(x, f"res{name}_branch1", f"bn{name}_branch1", 4 * width, 1)
    x = layers.Add(name=f"add_{number}")([branch, x])
    return layers.Activation("relu", name=f"activation_{first + 2}")(x)


def _conv_and_norm(
    x: keras.KerasTensor, conv: str, norm: str, channels: int, window: int, padding: str = "valid"
) -> keras.KerasTensor:
    x = layers.Conv2D(channels, window, padding=padding, name=conv)(x)
    return layers.BatchNormalization(momentum=0.9, name=norm)(x)


def trained(inputs: Array, labels: Array) -> keras.Model:
    """Train the model: SGD with momentum, a rate along half a cosine, mild weight decay."""
    keras.utils.set_random_seed(SEED)
    model, batches = build(), Shifted(inputs, labels)
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(batches))
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=DECAY)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(batches, epochs=EPOCHS, verbose=2)
    return model


# --- what is written
# --------------------------------------------------------------------------------------------


def chosen_digits(
    images: Array, labels: Array, predicted: Array, held_out: Array
) -> dict[str, int]:
    """Choose the held-out digits to ship: their file names and indices.

    For each class it is the correctly read digit nearest to the class's mean. Up to `MISREAD`
    misread digits follow.
    """
    chosen: dict[str, int] = {}
    for label in range(len(CLASSES)):
        right = held_out[(labels[held_out] == label) & (predicted[held_out] == label)]
        distances = ((images[right] - images[right].mean(axis=0)) ** 2).sum(axis=(1, 2, 3))
        chosen[f"digit_{label}_a.png"] = int(right[distances.argmin()])
    misread = held_out[predicted[held_out] != labels[held_out]][:MISREAD]
    letters = {label: iter("bcdefgh") for label in range(len(CLASSES))}
    for index in misread:
        label = int(labels[index])
        chosen[f"digit_{label}_{next(letters[label])}_read_as_{predicted[index]}.png"] = int(index)
    return chosen


def description(
    labels: Array, predicted: Array, train: Array, held_out: Array, chosen: dict[str, int]
) -> dict:
    """The content of `digits_resnet.json`."""
    right = predicted == labels
    return {
        "data": "scikit-learn load_digits (UCI optical recognition of handwritten digits, test set), 1797 images",
        "images": "8x8 enlarged to 24x24 (cubic) in the middle of 32x32, ink 255 on paper 0, below 16 set to 0",
        "preprocess": "unit",
        "preprocess_formula": "x / 255",
        "input_shape": [SIZE, SIZE, 1],
        "classes": CLASSES,
        "split": {
            "method": "sklearn.model_selection.train_test_split, stratified by class",
            "random_state": SEED,
            "held_out_fraction": HELD_OUT,
            "train": len(train),
            "held_out": len(held_out),
        },
        "training": {
            "seed": SEED,
            "epochs": EPOCHS,
            "batch": BATCH,
            "augmentation": f"shifts up to {SHIFT} pixels",
        },
        "accuracy": {
            "train": float(right[train].mean()),
            "held_out": float(right[held_out].mean()),
        },
        "digits": [
            {
                "file": name,
                "index": index,
                "label": int(labels[index]),
                "predicted": int(predicted[index]),
            }
            for name, index in chosen.items()
        ],
        "versions": {
            package.__name__: package.__version__ for package in (keras, jax, np, sklearn)
        },
    }


def write_digits(folder: Path, images: Array, chosen: dict[str, int]) -> None:
    """Write the chosen images as grey PNG files, in place of those that exist."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("digit_*.png"):
        old.unlink()
    for name, index in chosen.items():
        Image.fromarray(images[index, :, :, 0]).save(folder / name, optimize=True)


def confusion(labels: Array, predicted: Array) -> Array:
    """How often each class (row) is read as each class (column)."""
    table = np.zeros((len(CLASSES), len(CLASSES)), int)
    np.add.at(table, (labels, predicted), 1)
    return table


def main() -> None:
    """Train, report, write."""
    parser = argparse.ArgumentParser(description="Train the demonstration model.")
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, help="folder to write to (default: jlrp/data)"
    )
    output: Path = parser.parse_args().output
    images, labels = digits()
    train, held_out = split(labels)
    before = time.perf_counter()
    model = trained(model_input(images[train]), labels[train])
    print(f"trained {model.count_params()} parameters in {time.perf_counter() - before:.0f} s")
    predicted = model.predict(model_input(images), verbose=0).argmax(axis=1)
    chosen = chosen_digits(images.astype(int), labels, predicted, held_out)
    facts = description(labels, predicted, train, held_out, chosen)
    print(
        f"accuracy: {facts['accuracy']['train']:.4f} training, {facts['accuracy']['held_out']:.4f} "
        "held out"
    )
    print("held out, true class (row) read as (column):")
    print(confusion(labels[held_out], predicted[held_out]))
    write_digits(output / "digits", images, chosen)
    model.save(output / "digits_resnet.h5", include_optimizer=False)
    (output / "digits_resnet.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
