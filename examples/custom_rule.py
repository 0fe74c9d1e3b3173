"""Your own rules and ops, in a few lines each and without a change to the library.

    python examples/custom_rule.py

The rule is LRP-ε whose ε is relative to the layer's values, ε = factor · √mean(z²), as in G.
Montavon's LRP tutorial (git.tu-berlin.de/gmontavon/lrp-tutorial). There the mean is over a whole
batch, here over each image. `docs/extending.md` shows a shorter way to write the same rule.

The op `Scale` is affine, so every rule for affine ops fits it. The op `Square` is not, and comes
with its rule.
"""

from dataclasses import dataclass
from pathlib import Path

import flax.struct
import jax.numpy as jnp
import numpy as np
from PIL import Image

import ir
import jlrp

DATA = Path(jlrp.__file__).parent / "data"


@flax.struct.dataclass
class RelativeEpsilon(jlrp.Rule):
    """`R_in = x · Wᵀ( R / stab(z) )` with `ε = factor · √mean(z²)`."""

    factor: float = 0.25

    def relevance(self, call, relevance):
        z = call.output
        epsilon = self.factor * jnp.sqrt(
            jnp.mean(z**2, axis=tuple(range(1, z.ndim)), keepdims=True)
        )
        s = jlrp.Quotient(relevance, z, call.affine.bias, epsilon).s
        back = call.affine.transpose(call.affine.weights, call.inputs, s)
        return tuple(x * c for x, c in zip(call.inputs, back, strict=True))


@dataclass(frozen=True)
class Scale(ir.Op):
    """`factor · x`."""

    factor: float = 1.0

    def output_shape(self, params, *inputs):
        return inputs[0]


@jlrp.affine.register
def _(op: Scale, params, x):
    return jlrp.Affine(jnp.asarray(op.factor, x.dtype), None, lambda w, x: w * x)


@dataclass(frozen=True)
class Square(ir.Op):
    """`x²`."""

    def output_shape(self, params, *inputs):
        return inputs[0]

    def bounds(self, *inputs):
        return 0.0, float("inf")


@jlrp.apply.register
def _(op: Square, params, x):
    return x**2


@flax.struct.dataclass
class ToTheSource(jlrp.Rule):
    """Each output has one input, and that input gets everything."""

    def relevance(self, call, relevance):
        return (relevance,)

    def fits(self, op):
        return isinstance(op, Square)


def main() -> None:
    """Print how the maps depend on the factor, and relevance through the two ops."""
    model = ir.load(DATA / "digits_resnet.h5")
    image = np.asarray(Image.open(DATA / "digits/digit_3_a.png"), np.float32)[None, ..., None] / 255
    smooth = np.asarray(jlrp.explainer(model.graph, "epsilon_plus")(model.params, image).relevance)
    print("factor  sum of R / logit  cosine similarity to epsilon_plus")
    for factor in (0.0, 0.1, 0.25, 1.0):
        rules = jlrp.PRESETS["epsilon"]().with_rules(
            (jlrp.Kind(ir.Convolution), RelativeEpsilon(factor))
        )
        result = jlrp.explainer(model.graph, rules)(model.params, image)
        cosine = np.vdot(result.relevance, smooth) / (
            np.linalg.norm(result.relevance) * np.linalg.norm(smooth)
        )
        print(f"{factor:6.2f}  {result.relevance.sum() / result.output.max():16.3f}  {cosine:9.3f}")

    nodes = [
        ir.Node("fc", ir.Dense(), ("x",), "fc"),
        ir.Node("square", Square(), ("fc",)),
        ir.Node("half", Scale(0.5), ("square",)),
        ir.Node("out", ir.Dense(), ("half",), "out"),
    ]
    params = {
        "fc": {"kernel": np.array([[1.0, 2.0], [3.0, -1.0]])},
        "out": {"kernel": np.array([[1.0], [2.0]])},
    }
    graph = ir.Graph(nodes, ["x"], ["out"])
    rules = jlrp.PRESETS["zero"]().with_rules((Square, ToTheSource()), (Scale, jlrp.Zero()))
    print(f"\n{rules.as_table(graph)}")
    result = jlrp.explainer(graph, rules, record=("half", "square", "fc"))(params, np.ones((1, 2)))
    for name, relevance in (*result.layers.items(), ("x", result.relevance)):
        print(
            f"R at {name:7} {np.round(np.asarray(relevance[0]), 4).tolist()}, sum "
            f"{relevance.sum():.4f}"
        )
    print(f"output {result.output[0, 0]:.4f}")


if __name__ == "__main__":
    main()
