"""Why a 4 and not a 9: contrasts, several classes in one call, inner layers, and concepts.

    python examples/contrastive.py

Everything is for one shipped digit, a 4 that the model reads as a 9. The last line compares the
time of ten classes in one call with that of ten calls, for one image. With larger batches there is
less to gain.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import jax
import numpy as np
from PIL import Image

import ir
import jlrp

DATA = Path(jlrp.__file__).parent / "data"
MODEL = ir.load(DATA / "digits_resnet.h5")


def explainer(**options: object) -> jlrp.Bound:
    """Make the model's explainer with its weights on the device."""
    return jlrp.explainer(MODEL.graph, "epsilon_plus", **options).bind(MODEL.params)


def signs(relevance: np.ndarray) -> str:
    """The sums of positive and of negative relevance, as text."""
    return f"{np.maximum(relevance, 0).sum():8.2f}  {np.minimum(relevance, 0).sum():8.2f}"


def seconds(function: Callable[[], object], repeats: int = 9) -> float:
    """The median time of a call, without the first, which compiles."""
    times = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - begun)
    return median(times[1:])


def main() -> None:
    """Print figures, and one picture in letters."""
    image = (
        np.asarray(Image.open(DATA / "digits/digit_4_b_read_as_9.png"), np.float32)[None, ..., None]
        / 255
    )
    explain = explainer(record=("add_3",))

    print("why 4       R for 4  R against   (sums over pixels)")
    for contrast in (None, "others", "runner_up"):
        of = explainer(contrast=contrast) if contrast else explain
        print(f"{contrast or 'none':9} {signs(np.asarray(of(image, target=4).relevance))}")

    both = np.asarray(explain.per_class(image, classes=range(10)).relevance)[(4, 9), 0, :, :, 0]
    four, nine = both / np.abs(both).sum((1, 2), keepdims=True)
    strong = np.abs(four - nine) > 0.4 * np.abs(four - nine).max()
    letters = np.where(
        strong, np.where(four > nine, "4", "9"), np.where(image[0, :, :, 0] > 0.2, ".", " ")
    )
    print("\ninked pixels; 4: speak for 4 rather than 9, 9: the other way round")
    print("\n".join(filter(str.strip, ("".join(row).rstrip() for row in letters))))

    at_inner = np.asarray(explain(image, target=4).layers["add_3"])[0].sum((0, 1))
    top = np.argsort(-at_inner)[:5].tolist()
    parts = explain.conditional(
        image, [{}, {"add_3": top}, {"add_3": [c for c in range(128) if c not in top]}], 4
    )
    whole, of_top, of_rest = np.asarray(parts.relevance)
    print(
        f"\nof 4's relevance {of_top.sum() / whole.sum():.2f} passes through 5 of 128 channels of "
        f"add_3: {top}"
    )
    print(
        "with that of the others it is all, up to "
        f"{np.abs(whole - of_top - of_rest).max() / whole.max():.0e}"
    )

    inner = explainer(output="add_3")(image, target=top[0])
    print(
        f"channel {top[0]} in place of a class: R at the pixels "
        f"{signs(np.asarray(inner.relevance))}"
    )

    once, ten = (
        seconds(lambda: explain.per_class(image, range(10))),
        seconds(lambda: [explain(image, k) for k in range(10)]),
    )
    print(
        f"ten classes: one call {1000 * once:.1f} ms, ten calls {1000 * ten:.1f} ms, ratio "
        f"{once / ten:.2f}"
    )


if __name__ == "__main__":
    main()
