"""How each op computes: `apply` for any op, `affine` for those that are `W·x + b`; one family per file."""

from jlrp.ops import (  # noqa: F401  (they register their ops)
    activation,
    linear,
    merge,
    norm,
    pooling,
    rearrange,
    resize,
    scale,
)
from jlrp.ops.base import Affine, affine, apply, is_affine

__all__ = ["Affine", "affine", "apply", "is_affine"]
