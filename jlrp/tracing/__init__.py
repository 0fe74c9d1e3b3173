"""A second way to a graph: any function of JAX."""

from jlrp.tracing.errors import TraceError
from jlrp.tracing.marking import traceable
from jlrp.tracing.tracer import TracedModel, trace

__all__ = ["TraceError", "TracedModel", "trace", "traceable"]
