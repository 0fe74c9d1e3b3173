"""From a plan to an explanation: weights, the walk forward, the start and the walk back."""
