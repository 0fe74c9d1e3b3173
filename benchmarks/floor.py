"""The least work of a preset, counted from the graph, and how fast a machine can do it.

A product of a weight and a value counts as two operations. The work of a rule is counted in passes
over its layer. One pass has as many operations as the layer's forward pass. Inputs of both signs
need twice as many. Activations, quotients, pools and sums count nothing.
"""

import math
import statistics
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

import ir
import jlrp
from benchmarks.measure import seconds
from jlrp.fast.zeros import rectified


def forward_operations(graph: ir.Graph, params: ir.Params, image: ir.Shape) -> dict[str, int]:
    """Operations of each layer's forward pass on one image (H, W, C)."""
    shapes = graph.shapes(params, [(1, *image)])
    found = {}
    for node in graph.nodes:
        if isinstance(node.op, ir.Convolution | ir.Dense) and node.params is not None:
            kernel = params[node.params]["kernel"].shape
            outputs = math.prod(n or 1 for n in shapes[node.name])
            per_output = kernel[-2] * math.prod(kernel[:-2])
            found[node.name] = (
                2 * outputs * (math.prod(kernel[:-2]) if _depthwise(node.op) else per_output)
            )
    return found


def _depthwise(op: ir.Op) -> bool:
    return isinstance(op, ir.DepthwiseConv)


def passes(rule: jlrp.Rule, one_sign: bool, clipped: bool) -> int:
    """The least number of passes over a layer, for its output and a rule's relevance.

    Args:
        rule: The rule.
        one_sign: Whether its inputs are certainly at least 0.
        clipped: Whether no relevance arrives where its output is not positive.
    """
    parts = 1 if one_sign else 2
    if isinstance(rule, jlrp.ZPlus):
        return 1 + 2 * parts
    if isinstance(rule, jlrp.AlphaBeta):
        return 4 * parts
    if isinstance(rule, jlrp.Gamma):
        return 1 + parts + parts * (1 if clipped else 2)
    if isinstance(rule, jlrp.ZBox):
        return 3
    if isinstance(rule, jlrp.Flat):
        return 1
    return 2


def operations(
    graph: ir.Graph, params: Mapping[str, ir.Params], image: ir.Shape, composite: jlrp.Composite
) -> int:
    """The operations to explain one image, from the folded graph that the rules see."""
    folded = composite.rewrite(graph)
    rules, own = composite.assign(folded.graph), folded.params(params)
    clipped = rectified(folded.graph, rules)
    total = 0
    for name, count in forward_operations(folded.graph, own, image).items():
        one_sign = all(value in folded.graph.nonnegative for value in folded.graph[name].inputs)
        total += count * passes(rules[name], one_sign, name in clipped)
    return total


def product_rate(size: int = 3072, repeats: int = 9) -> float:
    """Operations per second of a large product of float32 matrices, the median of several."""
    rng = np.random.default_rng(0)
    a, b = (jnp.asarray(rng.normal(size=(size, size)), jnp.float32) for _ in range(2))
    multiply = jax.jit(lambda a, b: jnp.matmul(a, b, precision="highest"))
    jax.block_until_ready(multiply(a, b))
    return 2 * size**3 / statistics.median(seconds(lambda: multiply(a, b)) for _ in range(repeats))
