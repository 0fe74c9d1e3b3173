"""One op of the graph to come, with the constants that are its weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import ir
from jlrp.tracing.values import Const


@dataclass(frozen=True, eq=False)
class Part:
    """An op with its weights by role."""

    op: ir.Op
    weights: Mapping[str, Const] = field(default_factory=dict)
