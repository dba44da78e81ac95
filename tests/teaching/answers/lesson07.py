"""Answers to tutorial 7."""

import numpy as np

from . import Answer


def right_abundance(X):
    U, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    return (U @ Vt - sigma.sum() / sigma[0] * np.outer(U[:, 0], Vt[0])) / sigma[0]


def numerator_only(X):
    U, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    return U @ Vt / sigma[0]


def largest_below_only(X):
    U, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    return right_abundance(X) - np.outer(U[:, 0], Vt[0]) / sigma[0]


def _centred(x, y):
    a, b = x - x.mean(), y - y.mean()
    return a, b, np.linalg.norm(a), np.linalg.norm(b)


def right_correlation(x, y):
    a, b, na, nb = _centred(x, y)
    return (b / nb - (a @ b) / (na * nb) * a / na) / na


def no_projection(x, y):
    _, b, na, nb = _centred(x, y)
    return b / nb / na


def not_centred(x, y):
    nx, ny = np.linalg.norm(x), np.linalg.norm(y)
    return (y / ny - (x @ y) / (nx * ny) * x / nx) / nx


ANSWERS = {
    "7.1": Answer(
        right_abundance,
        {
            "the largest taken for a constant": numerator_only,
            "the largest forgotten in the sum": largest_below_only,
            "sign": lambda X: -right_abundance(X),
            "transposed": lambda X: right_abundance(X).T,
        },
    ),
    "7.2": Answer(
        lambda M, q: 1 - 2 * (1 - q) ** M + (1 - 2 * q) ** M,
        {
            "twice taken away": lambda M, q: 1 - 2 * (1 - q) ** M,
            "large and small taken for independent": lambda M, q: (1 - (1 - q) ** M) ** 2,
            "quartiles": lambda M, q: 1 - 2 * 0.75**M + 0.5**M,
        },
    ),
    "7.3": Answer(
        right_correlation,
        {
            "no projection": no_projection,
            "not centred": not_centred,
            "with respect to y": lambda x, y: right_correlation(y, x),
            "sign": lambda x, y: -right_correlation(x, y),
        },
    ),
}
