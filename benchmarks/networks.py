"""The networks to measure: ResNet50 and VGG16 of `keras.applications`, with random weights."""

import os
import tempfile
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")


NETWORKS = {"resnet50": "ResNet50", "vgg16": "VGG16"}
"""Our names, and those in `keras.applications`."""


def file_of(name: str) -> Path:
    """The network's `.h5`, which Keras makes unless it is in the system's temporary folder."""
    folder = Path(tempfile.gettempdir()) / "jlrp-benchmarks"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.h5"
    if not path.exists():
        part = folder / f"{name}.part.h5"
        save(name, part)
        part.replace(path)
    return path


def save(name: str, path: Path, seed: int = 0, size: int = 224) -> None:
    """Save a network (1000 classes) as `.h5`, with random weights of a trained network's scales.

    Kernels keep the variance of their inputs. BatchNorm has means near 0, variances near 1, and
    small gammas at the end of each residual branch. So activations neither vanish nor explode.
    """
    built(name, seed, size).save(path)


def built(name: str, seed: int = 0, size: int = 224):
    """The Keras model that `save` saves."""
    import keras

    model = getattr(keras.applications, NETWORKS[name])(weights=None, input_shape=(size, size, 3))
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        values = [_random(rng, layer.name, weight.name, weight.shape) for weight in layer.weights]
        if values:
            layer.set_weights(values)
    return model


def _random(rng: np.random.Generator, layer: str, role: str, shape: tuple[int, ...]) -> np.ndarray:
    if role == "kernel":
        if layer == "block1_conv1":  # VGG16's first layer, which sees pixels of up to ±150
            return rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])) / 80, shape)
        return rng.normal(
            0, np.sqrt((1 if layer == "predictions" else 2) / np.prod(shape[:-1])), shape
        )
    if role == "gamma":
        return (
            rng.uniform(0.2, 0.4, shape)
            if layer.endswith("_3_bn")
            else rng.uniform(0.7, 1.3, shape)
        )
    if role == "moving_variance":
        # conv1 sees pixels of up to ±150, all other layers activations of about 1.
        return rng.uniform(0.7, 1.3, shape) * (6e3 if layer == "conv1_bn" else 1.0)
    return rng.normal(0, 0.1, shape)


def photographs(count: int, size: int = 224, seed: int = 0) -> np.ndarray:
    """Make smooth coloured images, like photographs: uint8, (count, size, size, 3).

    Most of their energy is at low frequencies.
    """
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :]) * size
    spectrum = rng.normal(size=(count, 3, size, size)) * (1 / np.maximum(frequency, 1))
    images = np.fft.ifft2(spectrum * np.exp(2j * np.pi * rng.random(spectrum.shape))).real
    images = images / images.std((1, 2, 3), keepdims=True) * 60 + 127
    return np.clip(images, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def caffe(images: np.ndarray) -> np.ndarray:
    """Preprocess as for Keras's ResNet50: RGB to BGR, minus the mean colour; float32."""
    return images[..., ::-1].astype(np.float32) - np.array([103.939, 116.779, 123.68], np.float32)


BLACK = caffe(np.zeros((1, 1, 1, 3), np.uint8)).ravel()
WHITE = caffe(np.full((1, 1, 1, 3), 255, np.uint8)).ravel()
"""The smallest and the largest input of each channel (3,)."""
