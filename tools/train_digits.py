"""Train the demonstration model on scikit-learn's handwritten digits and write all that `jlrp/data` holds.

    pip install -e ".[cli,test]"
    python tools/train_digits.py            # a few minutes on two cores; --output DIR writes elsewhere

The model is a small bottleneck ResNet in the layer style of Keras's first ResNet50 (`res2a_branch2a`, `bn2a_branch2a`,
…). Seeds are fixed, but another version of JAX or another processor rounds differently and ends at slightly other
weights. Written are

- `digits_resnet.h5`, the model as Keras saves it, without the optimizer's state;
- `digits_resnet.json`, what was trained on what, and how well it does;
- `digits/*.png`, held-out images: for each class one that is read correctly, and some that are misread.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import sklearn
from keras import layers
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

Array = np.ndarray

SEED = 0
HELD_OUT = 0.2
SIZE = 32
SCALE = 3
CLASSES = 10
EPOCHS = 40
BATCH = 64
SHIFT = 3
MISREAD = 2

OUTPUT = Path(__file__).parents[1] / "jlrp" / "data"


# --- images -----------------------------------------------------------------------------------------------------


def digits() -> tuple[Array, Array]:
    """All 1797 digits as uint8 images (N, 32, 32, 1), ink 255 on background 0, and their labels."""
    data = load_digits()
    return enlarged(data.images.astype(np.int64)), data.target


def enlarged(images: Array) -> Array:
    """8×8 images of 0…16 as 24×24 in the middle of 32×32, cubic (Catmull–Rom), 16 as 255.

    In whole numbers from start to end, so that every machine gets the same pixels.
    """
    weights = _cubic_weights()
    fine = np.einsum("ai,nij,bj->nab", weights, images, weights)
    whole = 16 * 27 * 27
    return ((fine * 255 + whole // 2) // whole).clip(0, 255).astype(np.uint8)[..., None]


def _cubic_weights() -> Array:
    """Of each of 32 fine cells on the 8 coarse ones, in 27ths; a third to either side of a cell's middle, or on it."""
    taps = {-1: (-1, 9, 21, -2, 0)[::-1], 0: (0, 0, 27, 0, 0), 1: (0, -2, 21, 9, -1)}
    return taps


def split(labels: Array) -> tuple[Array, Array]:
    """The indices of the training and the held-out images: 20 % held out, each class in proportion."""
    train, held_out = train_test_split(np.arange(len(labels)), test_size=HELD_OUT, stratify=labels, random_state=SEED)
    return np.sort(train), np.sort(held_out)
