"""Every rule a second time, on an explicit matrix, one output at a time, in NumPy float64.

`W` is (outputs, inputs), `b` (outputs,), `x` (inputs,), `R` (outputs,). Slow and obvious; imports
nothing of ours.
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
    return per_output(
        lambda w, b, x, r: shares((w != 0).astype(float), 0.0, r, epsilon), W, b, x, R
    )


def half_half(W, b, x, R):
    return alpha_beta(W, b, x, R, alpha=0.5, beta=0.5, epsilon=0)


def gamma_plain(W, b, x, R, gamma=0.25, epsilon=1e-6):
    def rule(w, b, x, r):
        return shares((w + gamma * np.where(w > 0, w, 0)) * x, b + gamma * max(b, 0), r, epsilon)

    return per_output(rule, W, b, x, R)


def gamma(W, b, x, R, gamma=0.25, epsilon=1e-6):
    def rule(w, b, x, r):
        contributions = w * x
        sign = np.sign(
            contributions.sum() + b
        )  # contributions of the output's own sign are favoured
        if sign == 0:
            return np.zeros_like(x)
        favoured = np.where(sign * contributions > 0, 1 + gamma, 1)
        return shares(favoured * contributions, b * (1 + gamma if sign * b > 0 else 1), r, epsilon)

    return per_output(rule, W, b, x, R)


def w_square(W, b, x, R, bias="dropped", epsilon=1e-6):
    def rule(w, b, x, r):
        return shares(w**2, b**2 if bias == "squared" else 0.0, r, epsilon)

    return per_output(rule, W, b, x, R)


def z_box(W, b, x, R, low, high, epsilon=1e-6):
    """`low` and `high` are numbers or of the shape of `x`.

    Cells of padding are not in `x` and so count 0.
    """

    def rule(w, b, x, r):
        return shares(
            w * x - np.where(w > 0, w, 0) * low - np.where(w < 0, w, 0) * high, 0.0, r, epsilon
        )

    return per_output(rule, W, b, x, R)


def without_bias(rule, W, b, x, R):
    return rule(W, np.zeros_like(b), x, R)


def softmax_taylor(x, R):
    """Of a softmax of a vector: the Taylor expansion at `x`, whose constant term nobody gets."""
    s = np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    result = np.zeros_like(x)
    for j in range(len(x)):
        if s[j] > 0:
            slopes = s[j] * ((np.arange(len(x)) == j) - s)
            result += np.where(np.isneginf(x), 0, slopes * np.nan_to_num(x, neginf=0)) * R[j] / s[j]
    return result


def abs_split(xs, R):
    """Of a sum of several arrays, cell by cell."""
    result = [np.zeros_like(x) for x in xs]
    for cell in np.ndindex(R.shape):
        sizes = [abs(x[cell]) for x in xs]
        for share, size in zip(result, sizes, strict=True):
            share[cell] = R[cell] * (size / sum(sizes) if sum(sizes) > 0 else 1 / len(xs))
    return result


def windows(shape, window, strides, same):
    """For each output of a pooling of an image (H, W, C).

    The indices of its cells, row by row, padding left out.
    """
    index = np.arange(np.prod(shape)).reshape(shape)

    def starts(n, k, s):
        if not same:
            return range(0, n - k + 1, s)
        count = -(-n // s)
        before = max((count - 1) * s + k - n, 0) // 2
        return range(-before, count * s - before, s)

    rows, columns = (starts(*axis) for axis in zip(shape, window, strides, strict=False))
    return [
        index[max(r, 0) : r + window[0], max(c, 0) : c + window[1], channel].ravel()
        for r in rows
        for c in columns
        for channel in range(shape[2])
    ]


def uniform(windows, size, x, R):
    """`size` cells in each window, those of padding counted."""
    result = np.zeros_like(x)
    for cells, r in zip(windows, R, strict=True):
        result[cells] += r / size
    return result


def winner(windows, x, R):
    """`windows[j]` are the input indices of output j, in row-major order, padding left out."""
    result = np.zeros_like(x)
    for cells, r in zip(windows, R, strict=True):
        result[cells[int(np.argmax(x[cells]))]] += r
    return result


def summed_to(shape, relevance):
    """Relevance of a whole array for an input of another shape that was broadcast to it.

    Added up, cell by cell.
    """
    result = np.zeros(shape)
    for cell in np.ndindex(relevance.shape):
        result[tuple(i if n > 1 else 0 for i, n in zip(cell, shape, strict=True))] += relevance[
            cell
        ]
    return result


def signal_takes_all(shapes, gates, R):
    """Of a product.

    Equal parts of each cell to the inputs that are no gates, to all where there are only gates.
    """
    signals = [i for i, gate in enumerate(gates) if not gate] or range(len(shapes))
    return [
        summed_to(shape, R / len(signals)) if i in signals else np.zeros(shape)
        for i, shape in enumerate(shapes)
    ]


def shared_product(xs, R, epsilon):
    """Of a product of whole arrays.

    Of each cell an equal part to every factor, `z` of `stab(z)` of it in all.
    """
    result = [np.zeros_like(R) for _ in xs]
    for cell in np.ndindex(R.shape):
        z = np.prod([x[cell] for x in xs])
        for share in result:
            share[cell] = z * R[cell] / stab(z, epsilon) / len(xs)
    return result


def matrix_product(a, b, R, epsilon):
    """Of `z = a·b`, one entry of `z` at a time.

    Half of each contribution `a_ik·b_kj` to either factor.
    """
    of_a, of_b = np.zeros_like(a), np.zeros_like(b)
    for i, j in np.ndindex(R.shape):
        half = shares(a[i] * b[:, j], 0.0, R[i, j], epsilon) / 2
        of_a[i] += half
        of_b[:, j] += half
    return of_a, of_b


def centred(groups, size):
    """The matrix that subtracts from each value the mean of its group.

    `groups` are arrays of indices.
    """
    W = np.eye(size)
    for group in groups:
        W[np.ix_(group, group)] -= 1 / len(group)
    return W


def extreme(xs, best, R):
    """Of the largest (`best` is `max`) or smallest of whole arrays.

    All to the first that is it, cell by cell.
    """
    result = [np.zeros_like(R) for _ in xs]
    for cell in np.ndindex(R.shape):
        values = [x[cell] for x in xs]
        result[values.index(best(values))][cell] = R[cell]
    return result
