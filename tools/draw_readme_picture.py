"""Draw the pictures of the documents: the demonstration's digits, and digits under the presets side by side.

.venv/bin/python tools/draw_readme_picture.py
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import ir
import jlrp
from jlrp import plot
from jlrp.cli.demo import picture
from jlrp.cli.methods import composite
from jlrp.datasets import Images, load_images

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
    model = ir.load(DATA / "digits_resnet.h5")
    photos = load_images(model, [DATA / "digits" / name for name in SHOWN])
    pictures = {
        "digits.png": picture(model, photos, [f"a {digits[name]['label']}" for name in SHOWN]),
        "presets.png": plot.png(under_presets(model, photos)),
    }
    for name, content in pictures.items():
        (DOCS / name).write_bytes(content)
        print(f"wrote {DOCS / name}")


def under_presets(model: ir.Model, photos: Images) -> Figure:
    """What speaks for the predicted class of each digit, under each preset; each map on its own scale."""
    images = photos.images
    chances = np.asarray(jlrp.forward(model.graph, model.params, images))
    maps = {
        name: jlrp.explainer(model.graph, composite(name, 0.0, 1.0))(model.params, images).relevance for name in PRESETS
    }
    labels = [f"seen as a {row.argmax()}\n{100 * row.max():.1f} %" for row in chances]
    return plot.comparison(list(photos.pixels), maps, labels)


if __name__ == "__main__":
    main()
