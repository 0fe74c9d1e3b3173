"""Pictures and relevance as text: PNG in a data URI, 16-bit numbers in base64."""

from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STEPS = 32767
"""The largest 16-bit number: values are multiples of a `STEPS`-th of the largest absolute value."""


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """A picture, (height, width, 1 or 3), as a data URI.

    Example:
        >>> png_uri(np.zeros((1, 1, 3), np.uint8))[:26]
        'data:image/png;base64,iVBO'
    """
    buffer = BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, format="PNG")
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"


def quantised(values: NDArray[np.floating[Any]]) -> tuple[str, float]:
    """Values as 16-bit integers in base64, and their scale.

    The error of a value is at most half the scale, a 65534th of the largest absolute value.

    Args:
        values: A map of any shape.

    Returns:
        The integers, little-endian, row by row; and the number to multiply them with.

    Example:
        >>> text, scale = quantised(np.array([[0.0, -1.0], [0.5, 1.0]]))
        >>> import base64
        >>> (np.frombuffer(base64.b64decode(text), "<i2") * scale).round(4).tolist()
        [0.0, -1.0, 0.5, 1.0]
    """
    largest = float(np.abs(values).max(initial=0))
    scale = largest / STEPS or 1.0
    return b64encode(
        np.rint(np.asarray(values, np.float64) / scale).astype("<i2").tobytes()
    ).decode(), scale
