"""Swap rules: presets, your own rules in front of them, and how far the maps differ.

    python examples/swap_rules.py

The script prints which layer gets which rule under four composites. Then it prints the cosine
similarity of their maps of the shipped digits: 1 means the same map up to a factor, 0 no likeness.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import ir
import jlrp

DATA = Path(jlrp.__file__).parent / "data"


def composites() -> dict[str, jlrp.Composite]:
    """Two presets, and two with rules in front of one; the first entry that fits a layer wins."""
    plus, convolution = jlrp.PRESETS["epsilon_plus"](), jlrp.Kind(ir.Convolution)
    return {
        "plus": plus,
        "epsilon": jlrp.PRESETS["epsilon"](),
        "mixed": plus.with_rules(
            (jlrp.First(), jlrp.WSquare()),  # pixels
            (
                convolution & jlrp.Depth(stop=7),
                jlrp.Gamma(0.5),
            ),  # fewer than 7 layers with weights before it
            (
                "bn3?_branch2b",
                jlrp.AlphaBeta(2.0, 1.0),
            ),  # by name; a folded BatchNorm keeps its name
        ),
        "flat": plus.with_rules(
            (convolution & ~jlrp.Named("bn3*"), jlrp.Flat())
        ),  # all but the last stage
    }


def main() -> None:
    """Print the table of rules and the table of similarities."""
    images = np.stack(
        [
            np.asarray(Image.open(path), np.float32)
            for path in sorted((DATA / "digits").glob("*.png"))
        ]
    )
    images = images[..., None] / 255
    model, rules = ir.load(DATA / "digits_resnet.h5"), composites()

    names = {name: composite.rule_names(model.graph) for name, composite in rules.items()}
    print(f"{'layer':26}" + "".join(f"{name:13}" for name in rules))
    for node in model.graph.nodes:
        row = [names[name][node.name] for name in rules]
        if isinstance(node.op, ir.BatchNorm | ir.Dense):
            print(f"{node.name:26}" + "".join(f"{rule.partition('(')[0]:13}" for rule in row))

    maps = {}
    for name, composite in rules.items():
        relevance = np.asarray(
            jlrp.explainer(model.graph, composite)(model.params, images).relevance
        )
        flat = relevance.reshape(len(images), -1)
        maps[name] = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    print(f"\n{'cosine similarity':26}" + "".join(f"{name:13}" for name in maps))
    for name, one in maps.items():
        print(
            f"{name:26}"
            + "".join(f"{(one * other).sum(1).mean():<13.3f}" for other in maps.values())
        )


if __name__ == "__main__":
    main()
