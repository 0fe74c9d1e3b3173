"""Where relevance went: the ledger of each layer.

    python examples/ledger.py

Not all relevance that starts as a logit arrives at the pixels. The ledger says for each layer what
it received, what it passed on, and what kept the rest: the bias, the stabiliser ε, sums that are
zero and cannot pass anything on, zero padding, or the rule itself. The script prints one digit's
table under `epsilon_plus`, and the totals of three presets.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import ir
import jlrp
from jlrp.propagation.ledger import COLUMNS

DATA = Path(jlrp.__file__).parent / "data"
KEPT = COLUMNS[2:]


def main() -> None:
    """Print a table of layers, and a table of presets."""
    model = ir.load(DATA / "digits_resnet.h5")
    image = np.asarray(Image.open(DATA / "digits/digit_3_a.png"), np.float32)[None, ..., None] / 255
    ledgers = {}
    for preset in ("epsilon_plus", "epsilon", "crawford2019"):
        ledgers[preset] = jlrp.explainer(model.graph, preset, ledger=True)(
            model.params, image
        ).ledger

    print(ledgers["epsilon_plus"].table())

    print(
        f"\n{'kept by, in all layers':22}"
        + "".join(f"{column:>12}" for column in ("start", *KEPT, "inputs", "error"))
    )
    for preset, ledger in ledgers.items():
        start, reached = float(ledger.start[0]), float(ledger.inputs[0])
        kept = [float(ledger.column(column)[:, 0].sum()) for column in KEPT]
        error = abs(start - sum(kept) - reached) / np.abs(ledger.entries).max()
        print(
            f"{preset:22}"
            + "".join(f"{value:12.4f}" for value in (start, *kept, reached))
            + f"{error:12.1e}"
        )

    plus = ledgers["epsilon_plus"]
    most = np.abs(plus.column("bias")[:, 0]).argmax()
    print(f"\nunder epsilon_plus the largest part kept by a bias is that of {plus.layers[most]}")


if __name__ == "__main__":
    main()
