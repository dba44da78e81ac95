"""Wrong answers to tutorial 4, Disentangle experts with CovLoss."""

import numpy as np

from croco_np.losses import covariance


def pairs(o, centre=True, absolute=np.abs, own=False, both=False):
    z = o - o.mean(axis=0) if centre else o
    total = 0.0
    for p in range(o.shape[1]):
        for q in range(o.shape[1]):
            if p > q or (own and p == q) or (both and p < q):
                total += absolute(z[:, p].T @ z[:, q]).sum()
    return total / o.shape[2] ** 2


def gradient(o, centre=True, mask=None):
    n, m, k = o.shape
    o = o.reshape(n, m * k)
    z = o - o.mean(axis=0)
    mask = np.kron(1 - np.eye(m), np.ones((k, k))) if mask is None else mask(m, k)
    return ((z if centre else o) @ (mask * np.sign(z.T @ z))).reshape(n, m, k) / k**2


def gradient_of_squares(o):
    z = (o - o.mean(axis=0)).reshape(len(o), -1)
    omega = np.kron(1 - np.eye(o.shape[1]), np.ones(2 * o.shape[2:]))
    return (z @ (omega * (z.T @ z))).reshape(o.shape) / o.shape[2] ** 2


def one_side(o, side):
    """The gradient by loops over the pairs p > q that teach only p (side 0) or only q (side 1)."""
    z, do = o - o.mean(axis=0), np.zeros_like(o)
    for p in range(o.shape[1]):
        for q in range(p):
            signs = np.sign(z[:, p].T @ z[:, q])
            if side == 0:
                do[:, p] += z[:, q] @ signs.T
            else:
                do[:, q] += z[:, p] @ signs
    return do / o.shape[2] ** 2


def sampled(o, rows, scale=True, scale_gradient=True):
    value, some = covariance(o[rows])
    do = np.zeros_like(o)
    factor = len(o) / len(rows)
    do[rows] = factor * some if scale_gradient else some
    return factor * value if scale else value, do


WRONG = {
    "4.1": {
        "not centred": lambda o: pairs(o, centre=False),
        "signed": lambda o: pairs(o, absolute=np.asarray),
        "each pair twice": lambda o: pairs(o, both=True),
        "experts with themselves": lambda o: pairs(o, own=True),
        "divided by the rows": lambda o: pairs(o) / len(o),
        "np.cov": lambda o: pairs(o) / (len(o) - 1),
        "a mean over the pairs": lambda o: pairs(o) / (o.shape[1] * (o.shape[1] - 1) / 2),
        "K for K^2": lambda o: pairs(o) * o.shape[2],
        "all of C": lambda o: pairs(o, own=True, both=True),
        "half of C": lambda o: pairs(o, own=True, both=True) / 2,
        "one mean for everything": lambda o: pairs(o - o.mean(), centre=False),
        "4 K for K^2": lambda o: pairs(o) * o.shape[2] / 4,
        "2^K for K^2": lambda o: pairs(o) * o.shape[2] ** 2 / 2 ** o.shape[2],
        "K (M + 1) for K^2": lambda o: pairs(o) * o.shape[2] / (o.shape[1] + 1),
        "sum over the entries": lambda o: pairs(o) * o.shape[2] ** 2,
    },
    "4.2": {
        "squares": lambda o: gradient_of_squares(o),
        "twice": lambda o: 2 * gradient(o),
        "divided by the rows": lambda o: gradient(o) / len(o),
        "K^2 forgotten": lambda o: gradient(o) * o.shape[2] ** 2,
        "half": lambda o: gradient(o) / 2,
        "4 K for K^2": lambda o: gradient(o) * o.shape[2] / 4,
        "the sign flipped": lambda o: -gradient(o),
        "only p of a pair": lambda o: one_side(o, 0),
        "only q of a pair": lambda o: one_side(o, 1),
        "not centred": lambda o: gradient(o, centre=False),
        "mask inside out": lambda o: gradient(o, mask=lambda m, k: np.kron(np.ones((k, k)), 1 - np.eye(m))),
        "only the variances masked": lambda o: gradient(o, mask=lambda m, k: 1 - np.eye(m * k)),
        "no mask": lambda o: gradient(o, mask=lambda m, k: np.ones((m * k, m * k))),
        "flat": lambda o: gradient(o).reshape(len(o), -1),
    },
    "4.3": {"the same": 1e-4, "the wrong way": 1e-4 / 16, "by the root": 4e-4, "off by ten": 1.6e-2},
    "4.4": {
        "not scaled": lambda o, rows: sampled(o, rows, scale=False, scale_gradient=False),
        "gradient not scaled": lambda o, rows: sampled(o, rows, scale_gradient=False),
        "gradient of the sample only": lambda o, rows: (sampled(o, rows)[0], sampled(o, rows)[1][rows]),
        "scaled by B / K^2": lambda o, rows: tuple(x * len(rows) / o.shape[2] ** 2 for x in sampled(o, rows)),
        "rows ignored": lambda o, rows: covariance(o),
        "means of all rows": lambda o, rows: (
            len(o) / len(rows) * pairs((o - o.mean(axis=0))[rows], centre=False),
            sampled(o, rows)[1],
        ),
    },
}
