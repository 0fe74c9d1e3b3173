"""Draw the pictures of the documents: the demonstration's digits, and digits under the presets side by side.

.venv/bin/python tools/draw_readme_picture.py
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import ir
import jlrp
from jlrp import plot
from jlrp.cli.demo import explained
from jlrp.cli.presets import composite

DATA = Path(jlrp.__file__).parent / "data"
DOCS = Path(__file__).parent.parent / "docs"
SHOWN = ("digit_2_a.png", "digit_3_a.png", "digit_6_a.png", "digit_4_b_read_as_9.png")
PRESETS = (
    "epsilon",
    "epsilon_plus",
    "epsilon_plus_flat",
    "epsilon_alpha2_beta1_flat",
    "epsilon_gamma_box",
    "excitation_backprop",
)


def main() -> None:
    """Write `docs/digits.png` and `docs/presets.png`."""
    digits = {digit["file"]: digit for digit in json.loads((DATA / "digits_resnet.json").read_text("utf-8"))["digits"]}
    pixels = np.stack([np.asarray(Image.open(DATA / "digits" / name))[..., None] for name in SHOWN])
    model = ir.load(DATA / "digits_resnet.h5")
    pictures = {
        "digits.png": explained(model, pixels, [f"a {digits[name]['label']}" for name in SHOWN]),
        "presets.png": plot.png(under_presets(model, pixels)),
    }
    for name, content in pictures.items():
        (DOCS / name).write_bytes(content)
        print(f"wrote {DOCS / name}")


def under_presets(model: ir.Model, pixels: Any) -> Figure:
    """What speaks for the predicted class of each digit, under each preset; each map on its own scale."""
    images = model.preprocess(pixels)
    chances = np.asarray(jlrp.forward(model.graph, model.params, images))
    maps = {
        name: jlrp.explainer(model.graph, composite(name, 0.0, 1.0))(model.params, images).relevance for name in PRESETS
    }
    labels = [f"seen as a {row.argmax()}\n{100 * row.max():.1f} %" for row in chances]
    return plot.comparison(list(pixels), maps, labels)


if __name__ == "__main__":
    main()
