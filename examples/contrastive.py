"""Why a 4 and not a 9: contrasts, several classes at once, starts at inner layers, and concepts.

    python examples/contrastive.py

All of it for one shipped digit, a 4 that the model reads as a 9. The last lines compare the time of ten classes in one
call with that of ten calls; they are measured where it runs.
"""

import time
from pathlib import Path
from statistics import median

import jax
import numpy as np
from PIL import Image

import ir
import jlrp

DATA = Path(jlrp.__file__).parent / "data"


def main() -> None:
    """Print figures and one picture in letters."""
    model = ir.load(DATA / "digits_resnet.h5")
    image = np.asarray(Image.open(DATA / "digits/digit_4_b_read_as_9.png"), np.float32)[None, ..., None] / 255
    explain = {c: jlrp.explainer(model.graph, "epsilon_plus", contrast=c) for c in (None, "others", "runner_up")}

    print("contrast   start at 4 and 9   sum of R for, against")
    for contrast, of in explain.items():
        result = of(model.params, image, target=4)
        other = {None: 0.0, "others": -result.output[0, 9] / 9, "runner_up": -result.output[0, 9]}[contrast]
        signs = [float(np.sum(np.where(keep, result.relevance, 0))) for keep in masks(result.relevance)]
        print(f"{contrast or 'none':9}  {result.output[0, 4]:7.2f}  {other:7.2f}   {signs[0]:9.2f}  {signs[1]:7.2f}")

    bound = explain[None].bind(model.params)
    both = bound.per_class(image, classes=(4, 9)).relevance[:, 0, :, :, 0]
    four, nine = both / np.abs(both).sum((1, 2), keepdims=True)
    print("\nstrokes that speak for 4 rather than 9 (4), for 9 rather than 4 (9), and other ink (.)")
    difference = np.asarray(four - nine)
    strong = np.abs(difference) > 0.4 * np.abs(difference).max()
    letters = np.where(strong, np.where(difference > 0, "4", "9"), np.where(image[0, :, :, 0] > 0.2, ".", " "))
    print("\n".join(filter(str.strip, ("".join(row).rstrip() for row in letters))))

    inner = jlrp.explainer(model.graph, "epsilon_plus", output="add_3", start="one")
    channels = np.asarray(
        jlrp.explainer(model.graph, "epsilon_plus", record=("add_3",))(model.params, image, target=4).layers["add_3"]
    )
    order = np.argsort(-channels.sum((0, 1, 2)))
    print(order[:3], inner(model.params, image, target=int(order[0])).relevance.sum())
    conditions = [{}, {"add_3": order[:5].tolist()}, {"add_3": order[5:].tolist()}]
    parts = bound.conditional(image, conditions, target=4).relevance
    print([float(p.sum()) for p in parts], float(np.abs(parts[0] - parts[1] - parts[2]).max()))

    images = np.repeat(image, 8, axis=0)

    def once():
        return bound.per_class(images, range(10)).relevance

    def ten():
        return [bound(images, target=c).relevance for c in range(10)]

    a, b = seconds(once), seconds(ten)
    print(a, b, b / a)


def seconds(function):
    jax.block_until_ready(function())
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - begun)
    return median(times)


def masks(relevance):
    return relevance > 0, relevance < 0


if __name__ == "__main__":
    main()
