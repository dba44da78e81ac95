"""Differentiate one layer by hand."""

import numpy as np

from . import Answer


def scale(cache, dy):
    a, x = cache
    return a * dy, (x * dy).sum(axis=0), dy.sum(axis=0)


def scale_forgets_the_factor(cache, dy):
    return dy, *scale(cache, dy)[1:]


def scale_keeps_the_rows(cache, dy):
    a, x = cache
    return a * dy, x * dy, dy


def scale_averages(cache, dy):
    dx, da, dc = scale(cache, dy)
    return dx, da / len(dy), dc / len(dy)


def scale_returns_dx_alone(cache, dy):
    return scale(cache, dy)[0]


def tied(cache, dy):
    W, x = cache
    return dy @ W @ W.T, x.T @ dy @ W + dy.T @ x @ W


def tied_first_use_only(cache, dy):
    W, x = cache
    return dy @ W @ W.T, x.T @ dy @ W


def tied_doubled(cache, dy):
    W, x = cache
    return dy @ W @ W.T, 2 * x.T @ dy @ W


def tied_not_summed(cache, dy):
    W, x = cache
    return dy @ W @ W.T, (x.T @ dy @ W, dy.T @ x @ W)


def through(slope):
    """The backward of y = phi(x W + b), with slope(z) for the derivative of phi."""

    def backward(cache, dy):
        W, x, z = cache
        dz = slope(z) * dy
        return dz @ W.T, x.T @ dz, dz.sum(axis=0)

    return backward


ANSWERS = {
    "1.1": Answer(
        scale,
        {
            "dx without a": scale_forgets_the_factor,
            "no sum over the rows": scale_keeps_the_rows,
            "a mean over the rows": scale_averages,
            "one array for three": scale_returns_dx_alone,
        },
    ),
    "1.2": Answer(
        tied,
        {"one road only": tied_first_use_only, "one road twice": tied_doubled, "two roads apart": tied_not_summed},
    ),
    "1.3": Answer(
        through(lambda z: 2 * np.maximum(z, 0)),
        {
            "no mask": through(lambda z: 2 * z),
            "the slope of ReLU": through(lambda z: z > 0),
            "no factor 2": through(lambda z: np.maximum(z, 0)),
        },
    ),
    "1.4": Answer(7e-3, {"the step of float64": 1e-5, "the root, as for one-sided differences": 3.5e-4, "far": 0.1}),
}
