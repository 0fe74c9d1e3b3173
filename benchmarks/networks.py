"""The networks that are measured: Keras's own ResNet50 with weights at random, saved by Keras."""

import os
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")


def save_resnet50(path: Path, seed: int = 0, size: int = 224) -> None:
    """Save `keras.applications.ResNet50` (1000 classes) as `.h5`, weights at random with the scales of a trained one.

    Kernels keep the variance of what they are given; BatchNorm has means near 0, variances near 1, and small gammas
    at the end of each residual branch, so that activations neither die nor blow up over 50 layers.
    """
    model = resnet50(seed, size)
    model.save(path)


def resnet50(seed: int = 0, size: int = 224):
    """The Keras model that `save_resnet50` saves."""
    import keras

    model = keras.applications.ResNet50(weights=None, input_shape=(size, size, 3))
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        values = [_random(rng, layer.name, weight.name, weight.shape) for weight in layer.weights]
        if values:
            layer.set_weights(values)
    return model


def _random(rng: np.random.Generator, layer: str, role: str, shape: tuple[int, ...]) -> np.ndarray:
    if role == "kernel":
        return rng.normal(0, np.sqrt((1 if layer == "predictions" else 2) / np.prod(shape[:-1])), shape)
    if role == "gamma":
        return rng.uniform(0.2, 0.4, shape) if layer.endswith("_3_bn") else rng.uniform(0.7, 1.3, shape)
    if role == "moving_variance":
        # conv1 sees pixels of up to ±150, all other layers activations of about 1.
        return rng.uniform(0.7, 1.3, shape) * (6e3 if layer == "conv1_bn" else 1.0)
    return rng.normal(0, 0.1, shape)


def photographs(count: int, size: int = 224, seed: int = 0) -> np.ndarray:
    """Smooth coloured images as photographs are (most energy at low frequencies): uint8, (count, size, size, 3)."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :]) * size
    spectrum = rng.normal(size=(count, 3, size, size)) * (1 / np.maximum(frequency, 1))
    images = np.fft.ifft2(spectrum * np.exp(2j * np.pi * rng.random(spectrum.shape))).real
    images = images / images.std((1, 2, 3), keepdims=True) * 60 + 127
    return np.clip(images, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def caffe(images: np.ndarray) -> np.ndarray:
    """Preprocessing of Keras's ResNet50: RGB to BGR, minus the mean colour; float32."""
    return images[..., ::-1].astype(np.float32) - np.array([103.939, 116.779, 123.68], np.float32)
