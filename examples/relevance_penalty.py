"""Train for the right reason: a penalty on relevance in the wrong place.

    python examples/relevance_penalty.py

A new last layer learns to tell odd digits from even ones. The digits are faint and shifted. In
training every odd one carries a bright square in the corner, so reading the square alone is enough,
and wrong. The weights are trained twice from one start, with and without a penalty on the share of
`|R|` in that corner. Then both are tested on digits that carry the square the other way round.
Relevance is a differentiable function of the weights: `jax.grad` is all it takes. The idea is that
of Ross et al., "Right for the Right Reasons", IJCAI 2017, which penalises gradients.
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
EXPLAIN = jlrp.explainer(MODEL.graph, "epsilon_plus")
CORNER = (slice(None), slice(0, 5), slice(0, 5))
INK, STEPS, BATCH, RATE, PENALTY = 0.4, 40, 20, 1e-3, 5.0


def batch(random: np.random.Generator, square_on: int) -> tuple[np.ndarray, np.ndarray]:
    """Make faint, shifted digits with their parity; parity `square_on` carries the square."""
    digits = random.permutation(np.arange(BATCH) % 10)
    images = (
        np.stack([np.asarray(Image.open(DATA / f"digits/digit_{digit}_a.png")) for digit in digits])
        / 255
    )
    images = INK * np.stack([np.roll(image, random.integers(-2, 3, 2), (0, 1)) for image in images])
    images[CORNER] = (digits % 2 == square_on)[:, None, None]
    return images[..., None].astype(np.float32), digits % 2


def figures(params: ir.Params, images: jax.Array, labels: jax.Array) -> dict[str, jax.Array]:
    """The cross-entropy, the corner's share of `|R|`, and the share of images read correctly."""
    result = EXPLAIN(params, images, target=labels)
    size, chances = jnp.abs(result.relevance), jax.nn.log_softmax(result.output)
    return {
        "loss": -jnp.mean(jnp.take_along_axis(chances, labels[:, None], 1)),
        "corner": size[CORNER].sum() / size.sum(),
        "right": jnp.mean(jnp.argmax(chances, 1) == labels),
    }


def objective(
    params: ir.Params, penalty: jax.Array, images: jax.Array, labels: jax.Array
) -> jax.Array:
    """The cross-entropy plus the penalty times the corner's share."""
    found = figures(params, images, labels)
    return found["loss"] + penalty * found["corner"]


@jax.jit
def adam(state, count: jax.Array, penalty: jax.Array, images: jax.Array, labels: jax.Array):
    """Make one step of Adam on (params, mean, variance).

    BatchNorm keeps its statistics: only kernels and biases are trained.
    """
    gradients = jax.grad(objective)(state[0], penalty, images, labels)

    def update(path, w, m, v, g):
        if path[-1].key not in ("kernel", "bias"):
            return w, m, v
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
        return w - RATE * (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.99**count)) + 1e-8), m, v

    updated = jax.tree_util.tree_map_with_path(update, *state, gradients)
    return jax.tree.transpose(jax.tree.structure(gradients), jax.tree.structure((0, 0, 0)), updated)


def trained(penalty: float) -> ir.Params:
    """Train the shipped weights with a new last layer for `STEPS` steps."""
    random = np.random.default_rng(0)
    head = {
        "kernel": random.normal(0, 0.1, (128, 2)).astype(np.float32),
        "bias": np.zeros(2, np.float32),
    }
    params = jax.tree.map(jnp.asarray, {**MODEL.params, "dense_1": head})
    nothing = jax.tree.map(jnp.zeros_like, params)
    state = params, nothing, nothing
    for count in range(1, STEPS + 1):
        state = adam(state, jnp.float32(count), jnp.float32(penalty), *batch(random, square_on=1))
    return state[0]


def main() -> None:
    """Print the results of both trainings."""
    print("penalty  square on    loss  corner's share of |R|  read correctly")
    for penalty in (0.0, PENALTY):
        params = trained(penalty)
        for name, parity in (("odd", 1), ("even", 0)):
            found = jax.jit(figures)(params, *batch(np.random.default_rng(1), parity))
            numbers = f"{found['loss']:6.3f}  {found['corner']:21.3f}  {found['right']:14.2f}"
            print(f"{penalty:7.1f}  {name:9}  {numbers}")


if __name__ == "__main__":
    main()
