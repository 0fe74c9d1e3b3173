"""Draw the pictures of README and docs.

.venv/bin/python tools/draw_readme_picture.py
"""

import json
import subprocess
import sys
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
    """Write the pictures of the demonstration, the presets, the command and the script."""
    known = json.loads((DATA / "digits_resnet.json").read_text("utf-8"))["digits"]
    digits = {digit["file"]: digit for digit in known}
    model = ir.load(DATA / "digits_resnet.h5")
    photos = load_images(model, [DATA / "digits" / name for name in SHOWN])
    pictures = {
        "digits.png": picture(model, photos, [f"a {digits[name]['label']}" for name in SHOWN]),
        "presets.png": plot.png(under_presets(model, photos)),
        "heatmap.png": plot.png(heatmap(model)),
    }
    for name, content in pictures.items():
        (DOCS / name).write_bytes(content)
        print(f"wrote {DOCS / name}")
    compare(DOCS / "compare.png")


def under_presets(model: ir.Model, photos: Images) -> Figure:
    """The maps of each digit's predicted class under each preset, each on its own scale."""
    images = photos.images
    chances = np.asarray(jlrp.forward(model.graph, model.params, images))
    maps = {
        name: jlrp.explainer(model.graph, composite(name, 0.0, 1.0))(model.params, images).relevance
        for name in PRESETS
    }
    labels = [f"seen as a {row.argmax()}\n{100 * row.max():.1f} %" for row in chances]
    return plot.comparison(list(photos.pixels), maps, labels)


def heatmap(model: ir.Model) -> Figure:
    """The picture of README's script."""
    photos = load_images(model, DATA / "digits" / "digit_3_a.png")
    result = jlrp.explain(model, photos.images, "epsilon_plus_flat")
    return plot.heatmap(result, title="why a 3?", percentile=99.5)


def compare(path: Path) -> None:
    """Write the picture of README's command."""
    model, image = DATA / "digits_resnet.h5", DATA / "digits" / "digit_4_b_read_as_9.png"
    job = [sys.executable, "-m", "jlrp", "compare", str(model), str(image)]
    subprocess.run(
        [*job, "--targets", "9,4", "-o", str(path), "--force"], check=True, cwd=DOCS.parent
    )


if __name__ == "__main__":
    main()
