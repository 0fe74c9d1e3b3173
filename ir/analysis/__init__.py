"""What a graph makes certain before there are numbers: shapes, ranges, and why."""
