"""How each op computes: `apply` for any op, `affine` for those that are `W·x + b`."""

from jlrp.ops import (  # noqa: F401  (they register their ops)
    activation,
    fill,
    linear,
    merge,
    norm,
    pooling,
    rearrange,
    resize,
    scale,
    scan,
    softmax,
)
from jlrp.ops.activation import register_function
from jlrp.ops.base import Affine, affine, apply, is_affine

__all__ = ["Affine", "affine", "apply", "is_affine", "register_function"]
