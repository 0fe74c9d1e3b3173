"""What a graph and its weights make certain: shapes, ranges, axes, layout, kinds of input, scales of pixels."""
