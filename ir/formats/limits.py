"""How large the graph of a model file may be, whatever its format."""

MAX_NODES = 10_000
"""Of a graph. Models that call models can name far more than the file has bytes."""

MAX_EDGES = 10 * MAX_NODES
"""Of all nodes together; what comes out of nested models is counted as well."""
