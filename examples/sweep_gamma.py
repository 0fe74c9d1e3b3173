"""Sweep γ: a rule's numbers are data, so one compiled call explains under many of them.

    python examples/sweep_gamma.py

First comes `jax.vmap` over γ. Then `jax.grad` differentiates a loss on the relevance map, the share
of `|R|` that lies on paper and not on ink. It does so with respect to γ, to the images and to the
weights. A finite difference in γ checks it.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import ir
import jlrp

DATA = Path(jlrp.__file__).parent / "data"
MODEL = ir.load(DATA / "digits_resnet.h5")


@jax.jit
def relevance(gamma: jax.Array, params: ir.Params, images: jax.Array) -> jax.Array:
    """Relevance with γ on the last stage; the composite is built here, around any γ."""
    rules = jlrp.PRESETS["epsilon_plus"]().with_rules(
        (
            jlrp.First(),
            jlrp.WSquare(),
        ),  # shares out by weights alone, so that paper (pixels of 0) takes part
        ("bn3*", jlrp.Gamma(gamma)),
    )
    return jlrp.explainer(MODEL.graph, rules)(params, images).relevance


def paper_share(
    gamma: jax.Array, params: ir.Params, images: jax.Array, ink: jax.Array
) -> jax.Array:
    """The share of `|R|` outside the ink, between 0 and 1."""
    size = jnp.abs(relevance(gamma, params, images))
    return jnp.sum(jnp.where(ink, 0, size)) / jnp.sum(size)


def main() -> None:
    """Print a row per γ, and the gradients at γ = 0.25."""
    pixels = np.stack(
        [np.asarray(Image.open(path)) for path in sorted((DATA / "digits").glob("digit_?_a.png"))]
    )
    images, ink = (
        jnp.asarray(pixels[..., None] / 255, jnp.float32),
        jnp.asarray(pixels[..., None] > 0),
    )
    params, gammas = jax.device_put(MODEL.params), jnp.array([0.0, 0.1, 0.25, 0.5, 1.0, 10.0])

    maps = jax.vmap(relevance, in_axes=(0, None, None))(gammas, params, images)
    print("gamma  negative  on paper   (shares of |R|)")
    for gamma, found in zip(gammas, maps, strict=True):
        size = jnp.abs(found)
        negative = jnp.sum(jnp.where(found < 0, size, 0)) / size.sum()
        print(
            f"{gamma:5.2f}  {negative:8.3f}  {jnp.sum(jnp.where(ink, 0, size)) / size.sum():8.3f}"
        )
    single = jnp.stack([relevance(gamma, params, images) for gamma in gammas])
    print(
        "the sweep and single calls differ by "
        f"{jnp.abs(maps - single).max() / jnp.abs(single).max():.1e} at most"
    )
    print(f"maps {maps.shape} from {relevance._cache_size()} compiled program for all single calls")

    gamma, step = jnp.float32(0.25), jnp.float32(0.01)
    share, gradients = jax.value_and_grad(paper_share, argnums=(0, 1, 2))(
        gamma, params, images, ink
    )
    of_gamma, of_params, of_images = gradients
    either = [paper_share(g, params, images, ink) for g in (gamma + step, gamma - step)]
    print(f"share on paper at gamma = {gamma:.2f}: {share:.4f}")
    print(
        f"its gradient, gamma:  {of_gamma:+.4f} (finite difference "
        f"{(either[0] - either[1]) / (2 * step):+.4f})"
    )
    print(f"              images: norm {jnp.linalg.norm(of_images):.4f}, shape {of_images.shape}")
    norms = {
        layer: jnp.sqrt(sum(jnp.sum(a**2) for a in weights.values()))
        for layer, weights in of_params.items()
    }
    largest = max(norms, key=lambda layer: float(norms[layer]))
    print(
        f"              params: norm {jnp.sqrt(sum(n**2 for n in norms.values())):.4f}, most of it "
        f"in {largest}"
    )


if __name__ == "__main__":
    main()
