"""Wrong answers to tutorial 1, Differentiate one layer by hand."""

import numpy as np

from croco_np.teaching.solutions.lesson01 import scale_backward, tied_backward


def scaled(change):
    """The right (dx, da, dc) changed by change(a, x, dy, dx, da, dc)."""
    return lambda cache, dy: change(*cache, dy, *scale_backward(cache, dy))


def tied_with(change):
    """The right dx, and dW = change(W, x, dy)."""
    return lambda cache, dy: (tied_backward(cache, dy)[0], change(*cache, dy))


def through(slope, below=lambda dz, W, x: (dz @ W.T, x.T @ dz, dz.sum(axis=0))):
    """The backward of y = phi(x W + b), with slope(z) for the derivative of phi, and below for the linear layer."""

    def backward(cache, dy):
        W, x, z = cache
        return below(slope(z) * dy, W, x)

    return backward


def slope_of_square(z):
    return 2 * np.maximum(z, 0)


WRONG = {
    "1.1": {
        "dx without a": scaled(lambda a, x, dy, dx, da, dc: (dy, da, dc)),
        "dx without dy": scaled(lambda a, x, dy, dx, da, dc: (a * np.ones_like(dy), da, dc)),
        "dx summed over the rows": scaled(lambda a, x, dy, dx, da, dc: (dx.sum(axis=0), da, dc)),
        "no sum over the rows": scaled(lambda a, x, dy, dx, da, dc: (dx, x * dy, dy)),
        "a mean over the rows": scaled(lambda a, x, dy, dx, da, dc: (dx, da / len(dy), dc / len(dy))),
        "da without dy": scaled(lambda a, x, dy, dx, da, dc: (dx, x.sum(axis=0), dc)),
        "da without x": scaled(lambda a, x, dy, dx, da, dc: (dx, dc, dc)),
        "dc counts the rows": scaled(lambda a, x, dy, dx, da, dc: (dx, da, np.full_like(dc, len(dy)))),
        "dc with the factor a": scaled(lambda a, x, dy, dx, da, dc: (dx, da, a * dc)),
        "da one number": scaled(lambda a, x, dy, dx, da, dc: (dx, da.sum(), dc)),
        "keepdims": scaled(lambda a, x, dy, dx, da, dc: (dx, da[None], dc[None])),
        "da and dc changed": scaled(lambda a, x, dy, dx, da, dc: (dx, dc, da)),
        "a list": lambda cache, dy: list(scale_backward(cache, dy)),
        "one array for three": lambda cache, dy: scale_backward(cache, dy)[0],
    },
    "1.2": {
        "one road only": tied_with(lambda W, x, dy: x.T @ dy @ W),
        "the other road only": tied_with(lambda W, x, dy: dy.T @ x @ W),
        "one road twice": tied_with(lambda W, x, dy: 2 * x.T @ dy @ W),
        "a mean of both roads": tied_with(lambda W, x, dy: (x.T @ dy + dy.T @ x) @ W / 2),
        "two roads apart": tied_with(lambda W, x, dy: (x.T @ dy @ W, dy.T @ x @ W)),
        "dx of one matrix": lambda cache, dy: (dy @ cache[0], tied_backward(cache, dy)[1]),
    },
    "1.3": {
        "no mask": through(lambda z: 2 * z),
        "the slope of ReLU": through(lambda z: z > 0),
        "no factor 2": through(lambda z: np.maximum(z, 0)),
        "the value for the slope": through(lambda z: np.maximum(z, 0) ** 2),
        "dx without W": through(slope_of_square, lambda dz, W, x: (dz, x.T @ dz, dz.sum(axis=0))),
        "made of dy": lambda cache, dy: (dy @ cache[0].T, cache[1].T @ dy, dy.sum(axis=0)),
        "db a mean": through(slope_of_square, lambda dz, W, x: (dz @ W.T, x.T @ dz, dz.mean(axis=0))),
        "dW the other way": through(slope_of_square, lambda dz, W, x: (dz @ W.T, dz.T @ x, dz.sum(axis=0))),
    },
    "1.4": {"the step of float64": 1e-5, "the root, as for one-sided differences": 3.5e-4, "far": 0.1, "no step": 0},
}
