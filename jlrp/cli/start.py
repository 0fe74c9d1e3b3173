"""Where relevance starts, as the command line says it: from which value, and in which region of an output."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jlrp.cli.files import require_file
from jlrp.cli.images import FORMATS, silence
from jlrp.cli.outputs import Output
from jlrp.cli.program import InputError, shown
from jlrp.propagation.start import EVERYWHERE, as_region


def region_of(text: str | None, output: Output) -> Any:
    """What `--region` means: `all`, a box such as 10,20,60,80, or an image file whose bright pixels are the mask.

    Raises `InputError` where it is none of these or does not fit the output.
    """
    if text is None:
        return None
    if not output.positions:
        raise InputError(
            f'--region is for outputs with positions, such as a segmentation; the output "{output.name}" has one score '
            "per class."
        )
    if text == EVERYWHERE:
        return EVERYWHERE
    box = re.fullmatch(r"\s*\d{1,9}(\s*,\s*\d{1,9})+\s*", text)
    region = tuple(int(number) for number in text.split(",")) if box else _mask(Path(text), output.positions)
    try:
        as_region(region, (1, *output.shape), output.axis + 1)
    except ValueError as error:
        raise InputError(f"--region {text}: {error}") from None
    return region


def _mask(path: Path, positions: tuple[int, ...]) -> Any:
    """The pixels of an image file that are brighter than half, at the size of the output."""
    if len(positions) != 2:
        raise InputError(f"--region is a box or all for an output with {len(positions)} axes of positions.")
    require_file(path, "--region")
    try:
        with Image.open(path, formats=FORMATS) as file, silence():
            grey = file.convert("L").resize(positions[::-1], Image.Resampling.NEAREST)
    except Exception as error:  # pillow's decoders raise whatever a broken file leads them into
        detail = error.strerror if isinstance(error, OSError) and error.strerror else "it is no image of a known format"
        raise InputError(f"--region {shown(path)} cannot be read: {detail}.") from None
    mask = np.asarray(grey) > 127
    if not mask.any():
        raise InputError(f"--region {shown(path)} is dark everywhere: its bright pixels are the region.")
    return mask
