"""From a plan to an explanation: weights, the walk forward, the start, the walk back, and what comes of it."""
