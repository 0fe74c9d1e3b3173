"""How large the graph of a model file may be, in any format."""

MAX_NODES = 10_000
"""Nodes of a graph. Models that call models can name far more nodes than the file has bytes."""

MAX_EDGES = 10 * MAX_NODES
"""Edges of all nodes together. The outputs of nested models count too."""
