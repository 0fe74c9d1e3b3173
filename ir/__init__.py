"""The model graph (layers and edges) and everything that reads a model file."""

from ir import passes
from ir.analysis.reasons import why_nonnegative
from ir.errors import LoadError
from ir.formats.loading import load
from ir.formats.native.model import save
from ir.graph import Graph, GraphError, Node, Params, pruned
from ir.model import Model
from ir.ops import *  # noqa: F403
from ir.ops import __all__ as _ops
from ir.preprocessing import Preprocessing

__distribution__ = "jlrp"

__all__ = [
    *_ops,
    "Graph",
    "GraphError",
    "LoadError",
    "Model",
    "Node",
    "Params",
    "Preprocessing",
    "load",
    "passes",
    "pruned",
    "save",
    "why_nonnegative",
]
