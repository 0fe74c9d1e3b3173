"""Draw the picture that the README opens with: some of the demonstration's digits.

.venv/bin/python tools/draw_readme_picture.py
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

import ir
import jlrp
from jlrp.cli.demo import explained

SHOWN = ("digit_2_a.png", "digit_3_a.png", "digit_6_a.png", "digit_4_b_read_as_9.png")


def main() -> None:
    """Write `docs/digits.png`."""
    data = Path(jlrp.__file__).parent / "data"
    digits = {digit["file"]: digit for digit in json.loads((data / "digits_resnet.json").read_text("utf-8"))["digits"]}
    pixels = np.stack([np.asarray(Image.open(data / "digits" / name))[..., None] for name in SHOWN])
    titles = [f"a {digits[name]['label']}" for name in SHOWN]
    target = Path(__file__).parent.parent / "docs" / "digits.png"
    target.write_bytes(explained(ir.load(data / "digits_resnet.h5"), pixels, titles))
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
