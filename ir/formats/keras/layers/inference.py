"""Layers that do nothing at inference."""

from ir.formats.keras.layers.registry import LayerCall, Part, Weight, layer
from ir.formats.keras.spec import LayerSpec

AUGMENTATION = (
    "AugMix",
    "CutMix",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHeight",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
)
"""Layers that change images only in training."""


@layer(
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "InputLayer",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "StochasticDepth",
    *AUGMENTATION,
)
def nothing(call: LayerCall) -> list[Part]:
    return []


@layer("Wrapper", "TimeDistributed")
def wrapper(call: LayerCall) -> list[Part]:
    """A layer that applies the layer inside it. The layer inside takes its place in the graph."""
    return []


def spectral_weights(spec: LayerSpec) -> list[Weight]:
    """The vector for training. The layer inside has the kernel, after division by its norm."""
    names = ("vector_u", "sn_u")
    return [Weight("vector_u", names, None, trainable=False, used=False)]


layer("SpectralNormalization", "Addons>SpectralNormalization", weights=spectral_weights)(wrapper)
