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
"""Layers that change images while a model is trained and hand them through afterwards."""


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
    """Layers that apply the one inside them, which is laid out in their place."""
    return []


def spectral_weights(spec: LayerSpec) -> list[Weight]:
    """The vector that training divides the kernel by.

    The kernel itself, which the layer inside has, is divided.
    """
    names = ("vector_u", "sn_u")
    return [Weight("vector_u", names, None, trainable=False, used=False)]


layer("SpectralNormalization", "Addons>SpectralNormalization", weights=spectral_weights)(wrapper)
