"""Every rule a second time, on an explicit matrix, one output at a time, in NumPy float64.

`W` is (outputs, inputs), `b` (outputs,), `x` (inputs,), `R` (outputs,). Slow and obvious; imports nothing of ours.
"""

import numpy as np


def stab(z, epsilon):
    return z + epsilon if z >= 0 else z - epsilon


def shares(contributions, bias, relevance, epsilon):
    """What one output gives to each input: its relevance in proportion to the contributions."""
    z = contributions.sum() + bias
    if z == 0 and epsilon == 0:
        return np.zeros_like(contributions)
    return contributions * relevance / stab(z, epsilon)


def per_output(rule, W, b, x, R):
    return sum(rule(W[j], b[j], x, R[j]) for j in range(len(R)))


def epsilon(W, b, x, R, epsilon=1e-6):
    return per_output(lambda w, b, x, r: shares(w * x, b, r, epsilon), W, b, x, R)


def zero(W, b, x, R):
    return epsilon(W, b, x, R, epsilon=0)


def alpha_beta(W, b, x, R, alpha=2.0, beta=1.0, epsilon=1e-6):
    def rule(w, b, x, r):
        z = w * x
        positive = shares(np.where(z > 0, z, 0), max(b, 0), r, epsilon)
        # stab of a sum that is not positive: sg(0) = +1, so an empty sum is stabilised upwards
        negative = shares(np.where(z < 0, z, 0), min(b, 0), r, epsilon)
        return alpha * positive - beta * negative

    return per_output(rule, W, b, x, R)


def z_plus(W, b, x, R, epsilon=1e-6):
    return alpha_beta(W, b, x, R, alpha=1.0, beta=0.0, epsilon=epsilon)


def flat(W, b, x, R, epsilon=1e-6):
    return per_output(lambda w, b, x, r: shares((w != 0).astype(float), 0.0, r, epsilon), W, b, x, R)


def half_half(W, b, x, R):
    return alpha_beta(W, b, x, R, alpha=0.5, beta=0.5, epsilon=0)


def winner(windows, x, R):
    """`windows[j]` are the input indices of output j, in row-major order, padding left out."""
    result = np.zeros_like(x)
    for cells, r in zip(windows, R, strict=True):
        result[cells[int(np.argmax(x[cells]))]] += r
    return result
