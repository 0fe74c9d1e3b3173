"""Where relevance went: for each layer what it received, passed on and kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import flax.struct
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from jlrp.rules import Rule
from jlrp.rules.base import Quotient, Relevances

COLUMNS = ("received", "passed", "bias", "stabiliser", "empty", "cropped", "rule")
"""Relevance is received.

It is passed on or kept: by bias, stabiliser, empty sums, padding, rule.
"""


@flax.struct.dataclass
class Ledger:
    """What each layer received, passed on and kept, for every image.

    `received = passed + bias + stabiliser + empty + cropped + rule`, where

    - `bias` is the bias's share of the denominators,
    - `stabiliser` is ε's share,
    - `empty` is the relevance of units whose denominator is exactly zero: they cannot pass it on,
    - `cropped` is what fell into zero padding,
    - `rule` is what the rule itself does not conserve (αβ with α − β ≠ 1, half-half, gradients of
      activations), what went into branches that are not followed, and what a condition takes away.

    `start` is `inputs` plus everything that was kept, up to rounding.

    Attributes:
        layers: The nodes with relevance, from the output to the inputs.
        rules: The name of each one's rule.
        entries: (layers, 7, N), the columns in the order of `COLUMNS`.
        start: (N,), what relevance started as.
        inputs: (N,), what reached the graph's inputs.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> params = {"fc": {"kernel": np.array([[2.0], [1.0]]), "bias": np.array([1.0])}}
        >>> ledger = jlrp.explainer(graph, "zero", ledger=True)(params, np.ones((1, 2))).ledger
        >>> print(ledger.table())
        layer   rule  received  passed  bias  stabiliser  empty  cropped  rule keeps
        fc      Zero         4       3     1           0      0        0           0
        start                        4
        inputs                       3
    """

    layers: tuple[str, ...] = flax.struct.field(pytree_node=False)
    rules: tuple[str, ...] = flax.struct.field(pytree_node=False)
    entries: Array
    start: Array
    inputs: Array

    def column(self, name: str) -> Array:
        """One column by its name in `COLUMNS`, (layers, N)."""
        return self.entries[..., COLUMNS.index(name), :]

    def table(self, image: int = 0) -> str:
        """The entries of one image as a table to print.

        Numbers below a millionth of the start are printed as 0.
        """
        entries, start = np.asarray(self.entries)[..., image], float(np.asarray(self.start)[image])
        noise = 1e-6 * max(abs(start), float(np.abs(entries).max(initial=0)))
        rows: list[tuple[str, ...]] = [("layer", "rule", *COLUMNS[:-1], "rule keeps")]
        for layer, rule, values in zip(self.layers, self.rules, entries, strict=True):
            rows.append((layer, rule, *(f"{0 if abs(v) < noise else v:.4g}" for v in values)))
        totals = {"start": start, "inputs": float(np.asarray(self.inputs)[image])}
        rows.extend((name, "", "", f"{total:.4g}", *[""] * 5) for name, total in totals.items())
        return _align(rows)


@dataclass
class Bookkeeper:
    """The ledger's entries so far, collected on the walk back.

    Attributes:
        layers: The names of the nodes.
        rules: The names of their rules.
        entries: For each node an array (7, N), in the order of `COLUMNS`.
    """

    layers: list[str]
    rules: list[str]
    entries: list[Array]

    def enter(
        self,
        node: ir.Node,
        rule: Rule,
        quotients: tuple[Quotient, ...],
        received: Array,
        followed: Sequence[Array],
    ) -> None:
        """Enter one layer.

        Args:
            node: The node.
            rule: Its rule.
            quotients: The quotients by which the rule shared out the relevance.
            received: The relevance that arrived.
            followed: The shares that go on.
        """
        total = totals(received)
        passed = sum((totals(share) for share in followed), jnp.zeros_like(total))
        kept = [
            sum((part(q) for q in quotients), jnp.zeros_like(total))
            for part in (_bias, _stabiliser, _empty)
        ]
        rest = total - passed - sum(kept)
        pads = node.op.pads and not quotients
        none = jnp.zeros_like(total)
        self.layers.append(node.name)
        self.rules.append(type(rule).__name__)
        self.entries.append(
            jnp.stack([total, passed, *kept, *((rest, none) if pads else (none, rest))])
        )

    def ledger(self, start: Array, inputs: Relevances) -> Ledger:
        """All entries as a `Ledger`, with the relevance at the output and at the inputs."""
        reached = sum(totals(share) for share in inputs)
        entries = (
            jnp.stack(self.entries)
            if self.entries
            else jnp.zeros((0, len(COLUMNS), start.shape[0]), start.dtype)
        )
        return Ledger(
            tuple(self.layers), tuple(self.rules), entries, totals(start), jnp.asarray(reached)
        )


def totals(relevance: Array) -> Array:
    """The sum over everything but the batch, (N,).

    Summing axis by axis keeps float32 rounding small.
    """
    while relevance.ndim > 1:
        relevance = relevance.sum(-1)
    return relevance


def _bias(quotient: Quotient) -> Array:
    """What the bias keeps."""
    if quotient.bias is None:
        return jnp.zeros(quotient.relevance.shape[0], quotient.relevance.dtype)
    return totals(quotient.s * quotient.bias)


def _stabiliser(quotient: Quotient) -> Array:
    """What the stabiliser keeps."""
    share = quotient.s * quotient.stabiliser
    return totals(jnp.where(quotient.z == 0, 0, share))


def _empty(quotient: Quotient) -> Array:
    """What units keep whose denominator is zero."""
    return totals(jnp.where(quotient.z == 0, quotient.relevance, 0))


def _align(rows: list[tuple[str, ...]]) -> str:
    """Rows as lines with aligned columns: two of text, then numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        words = [f"{row[0]:{widths[0]}}", f"{row[1]:{widths[1]}}"]
        words += [f"{word:>{width}}" for word, width in zip(row[2:], widths[2:], strict=True)]
        lines.append("  ".join(words).rstrip())
    return "\n".join(lines)
