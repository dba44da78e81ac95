"""Solutions of tutorial 3, Mix experts with a gate."""

import numpy as np

from . import Solution


def my_softmax_backward(g: np.ndarray, dg: np.ndarray) -> np.ndarray:
    """g, dg (B, M) -> da (B, M)."""
    mean = (g * dg).sum(axis=1, keepdims=True)  # of dg, weighted by the shares; (B, 1), so it lines up with the row
    da = g * (dg - mean)  # what a share is worth more than the average share, times the share
    return da


def my_mix_backward(g: np.ndarray, o: np.ndarray, h: np.ndarray, dh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """g, o (B, M, K), h, dh (B, K) -> do, da (B, M, K)."""
    do = g * dh[:, None]  # the axis of the experts is put in: all M see the same dh
    da = do * (o - h[:, None])  # each expert is compared with the mixture
    return do, da


def my_temperature_backward(a: np.ndarray, T: float, dg: np.ndarray) -> tuple[np.ndarray, float]:
    """a, dg (B, M), T a number -> da (B, M), dT a number."""
    e = np.exp((a - a.max(axis=1, keepdims=True)) / T)
    g = e / e.sum(axis=1, keepdims=True)  # softmax(b) with b = a / T
    db = g * (dg - (g * dg).sum(axis=1, keepdims=True))
    da = db / T
    dT = -(db * a).sum() / T**2  # every logit of every row was divided by the one T
    return da, dT


SOLUTIONS = {
    "3.1": Solution(
        my_softmax_backward,
        r"""
        A logit $a_n$ is in its own exponential and in the sum below all shares:
        $\partial g_m / \partial a_n = g_m (\delta_{mn} - g_n)$. The chain rule sums over all shares:

        $$ da_n = \sum_m dg_m \, g_m (\delta_{mn} - g_n) = g_n \, dg_n - g_n \sum_m g_m \, dg_m
           = g_n \Big( dg_n - \sum_m g_m \, dg_m \Big) $$

        The sum is one number for each row: in NumPy a sum over `axis=1` that keeps the axis.
        """,
        (
            "Do one row by hand, with shares (3/4, 1/4) and dg = (8, 16): the weighted mean of dg is 10, and da is "
            "(-3/2, 3/2). Which numbers have you multiplied?",
            "Take the mean first: products of shares and dg, added up over the experts. It is one number a row, and "
            "with the axis kept it has shape (B, 1). What of dg does it leave over, and what is that multiplied by?",
        ),
        "Put the cross-entropy's dg = -t / g into it, and everything cancels to da = g - t: the line with which the "
        "backward pass of most classifiers begins.",
    ),
    "3.2": Solution(
        my_mix_backward,
        r"""
        In each dimension $k$ for itself, $h = \sum_m g_m o_m$ with $g = \mathrm{softmax}(a)$. $h$ contains $o_m$ with
        the factor $g_m$, and $g_m$ with the factor $o_m$:

        $$ do_m = g_m \, dh, \qquad dg_m = o_m \, dh $$

        Through the softmax, $da_m = g_m (dg_m - \sum_n g_n \, dg_n)$, where the sum is
        $dh \sum_n g_n o_n = dh \, h$:

        $$ da_m = g_m \, dh \, (o_m - h) = do_m \, (o_m - h) $$
        """,
        (
            "The element-wise gate is a scalar gate for each of the K dimensions, so take the scalar formulas with "
            "K = 1: there is no sum over dimensions. dh and h lack the axis of the experts.",
            "Put an axis into dh and h, for the experts, and all shapes fit. da has do as a factor; the other factor "
            "is zero for an expert that says just what the mixture says.",
        ),
        "Both gradients carry the factor g_m: an expert whose share has gone to 0 learns nothing any more, and cannot "
        "win its share back either.",
    ),
    "3.3": Solution(
        my_temperature_backward,
        r"""
        Name the quotient, $b = a / T$ and $g = \mathrm{softmax}(b)$. Exercise 3.1 gives $db$ from $dg$. Then

        $$ \frac{\partial b_{im}}{\partial a_{im}} = \frac{1}{T}, \qquad
           \frac{\partial b_{im}}{\partial T} = -\frac{a_{im}}{T^2} $$

        Each logit has its own $b$; the one $T$ is in all of them, so it collects from all:

        $$ da = \frac{db}{T}, \qquad dT = -\frac{1}{T^2} \sum_{im} db_{im} \, a_{im} $$
        """,
        (
            "With b = a / T first compute g, then db from dg as in exercise 3.1. What remains is a quotient with two "
            "inputs: by how much does b_im move if a_im moves, and by how much if T moves?",
            "The two slopes are 1 / T and -a_im / T^2. An entry of a is in one b, and T is in every b: which of the "
            "two gradients is a sum, and over what?",
        ),
        "T dT and the sum of all a da add up to 0, always: to let a and T grow by the same factor changes no share. "
        "It is a test in one line.",
    ),
}
