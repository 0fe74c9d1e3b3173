"""How each op computes: `apply` for any op, `affine` for those that are `W·x + b`; one family per file."""

from jlrp.ops import activation, linear, merge, pooling, rearrange  # noqa: F401  (they register their ops)
from jlrp.ops.base import Affine, affine, apply, is_affine

__all__ = ["Affine", "affine", "apply", "is_affine"]
