"""What a graph and its weights make certain: shapes, axes, layout, kinds of input, scales."""
