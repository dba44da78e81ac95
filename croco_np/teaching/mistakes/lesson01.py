"""Known mistakes in the exercises of tutorial 1: a layer differentiated by hand."""

import numpy as np

from . import Mistake


def scale_mistakes(cache: tuple, dy: np.ndarray) -> dict[str, list[Mistake]]:
    """Exercise 1.1, by gradient."""
    a, x = cache
    return {
        "dx": [
            (dy, "by how much does y_ij move if x_ij moves by 1? Not by 1."),
            (a * np.ones_like(dy), "the slope of y is there, the upstream dy is not."),
            (x * dy, "it is x that moves here; what is it multiplied by in y?"),
        ],
        "da": [
            (x.sum(axis=0), "the slope of y is there, the upstream dy is not."),
            (dy.sum(axis=0), "this is dc. By how much does y_ij move if a_j moves by 1? Not by 1."),
            ((a * dy).sum(axis=0), "it is a that moves here; what is it multiplied by in y?"),
        ],
        "dc": [
            (np.full(len(a), len(dy)), "this counts the rows; where does the upstream dy come in?"),
            (a * dy.sum(axis=0), "c is added after a has multiplied: does a matter to it?"),
            ((x * dy).sum(axis=0), "this is da. By how much does y_ij move if c_j moves by 1?"),
        ],
    }


def tied_mistakes(cache: tuple, dy: np.ndarray) -> dict[str, list[Mistake]]:
    """Exercise 1.2, by gradient."""
    W, x = cache
    encoder, decoder = x.T @ dy @ W, dy.T @ x @ W
    return {
        "dx": [(x @ W @ W.T, "this is y again: it is dy that has to go through both matrices.")],
        "dW": [
            (encoder, "right for the first use of W, in x W. The second, in ... W^T, pulls on it as well."),
            (decoder, "right for the second use of W, in ... W^T. The first, in x W, pulls on it as well."),
            (2 * encoder, "the gradient of the first use twice; the second has one of its own, which differs."),
            (2 * decoder, "the gradient of the second use twice; the first has one of its own, which differs."),
            ((encoder + decoder) / 2, "both uses are there. A move of W moves both: is that a mean?"),
        ],
    }


def squared_relu_mistakes(cache: tuple, dy: np.ndarray) -> dict[str, list[Mistake]]:
    """Exercise 1.3, by gradient: a slope at z that is wrong spoils all three alike."""
    W, x, z = cache
    slopes = (
        (np.ones_like(z), "this is made of dy; the square and the ReLU are on the way from y to z."),
        (2 * z, "dz is not 0 where z < 0, yet y stays 0 there if z moves a little."),
        (z > 0, "dz has the slope of max(z, 0); y is its square."),
        (np.maximum(z, 0), "half of what it should be: what is the slope of a square?"),
        (np.maximum(z, 0) ** 2, "dz has y itself in the place of the slope of y."),
        (2 * np.maximum(z, 0) * (dy != 0) / np.where(dy, dy, 1), "the slope is there, the upstream dy is not."),
    )
    return {
        "dx": [((slope * dy) @ W.T, told) for slope, told in slopes],
        "dW": [(x.T @ (slope * dy), told) for slope, told in slopes],
        "db": [((slope * dy).sum(axis=0), told) for slope, told in slopes],
    }
