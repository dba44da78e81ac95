"""Known mistakes in the exercises of tutorial 4: CovLoss and its gradient."""

from collections.abc import Callable

import numpy as np

from ...losses import covariance
from . import Mistake


def over_pairs(z: np.ndarray, size: Callable = np.abs) -> float:
    """Eq. (6) of what is taken for centred, with `size` in the place of the absolute value."""
    p, q = np.tril_indices(z.shape[1], -1)
    return sum(np.sum(size(z[:, i].T @ z[:, j])) for i, j in zip(p, q, strict=True)) / z.shape[2] ** 2


def value_mistakes(o: np.ndarray) -> list[Mistake]:
    """Exercise 4.1."""
    B, M, K = o.shape
    z = o - o.mean(axis=0)
    right, both = covariance(o)[0], covariance(o, within=True)[0]
    own = both - right
    signed = over_pairs(z, np.asarray)
    return [
        (2 * right, "Twice too large: p = 2, q = 1 and p = 1, q = 2 are the same pair."),
        (both, "This counts each expert with itself as well; only different experts are meant, p > q."),
        (2 * right + own, "All of C: each pair of experts twice, and each expert with itself."),
        (right + own / 2, "Half of C has each pair once, and each expert with itself, too: only p > q is meant."),
        (right / B, "Too small by the number of rows: Eq. (6) adds up over the rows and does not divide by B."),
        (right / (B - 1), "Too small by B - 1, as np.cov divides: Eq. (6) adds up over the rows."),
        (right * K**2, "Too large by K^2: it is a mean over the entries of a block."),
        (right * K, "Too large by K: a block has K times K entries, and the mean is over all of them."),
        (right / (M * (M - 1) / 2), "A mean over the pairs of experts; Eq. (6) adds them up."),
        (over_pairs(o), "The outputs are not centred: each loses its mean over the rows first."),
        (over_pairs(o - o.mean()), "One mean is subtracted from everything; each output has one of its own."),
        (signed, "Covariances of both signs cancel: which step lets a negative one count as much?"),
        (abs(signed), "The absolute value is taken of the sum; Eq. (6) takes that of each entry."),
    ]


def gradient_mistakes(o: np.ndarray) -> list[Mistake]:
    """Exercise 4.2, where Z is centred and both experts of a pair are pulled on."""
    B, M, K = o.shape
    right, own = covariance(o)[1], covariance(o, within=True)[1] - covariance(o)[1]
    block, inside_out = np.kron(np.eye(M), np.ones((K, K))), np.kron(np.ones((K, K)), 1 - np.eye(M))
    own_variance = "This pulls on each expert's own variance as well: which blocks of Omega are 0?"
    return [
        (-right, "The sign is flipped: this is where CovLoss falls; its gradient points to where it grows."),
        (2 * right, "Twice too large: C holds each pair twice, so L has a 1/2, which cancels the 2 of step 2."),
        (right / 2, "Half of what it should be: Z is in C twice, in its rows and in its columns, and both pull."),
        (right / B, "Too small by B: Eq. (6) adds up over the rows, and nothing divides by their number."),
        (right * K**2, "Too large by K^2: the loss is a mean over the entries of a block."),
        (right / K**2, "Too small by K^2: the mean over the entries of a block divides once."),
        (right + own, own_variance),  # Omega is 2 there
        (right + own / 2, own_variance),  # Omega is 1 there
        (
            _gradient(o, 1 - block, slope=np.asarray),
            "This is the gradient of squares, C itself in the place of its signs. What is the slope of |c|?",
        ),
        (
            _gradient(o, 1 - np.eye(M * K)),
            "Only variances are left out. Outputs of one expert are no pair either: Omega is 0 on blocks.",
        ),
        (
            _gradient(o, inside_out),
            "Omega has its blocks inside out: the K columns of one expert stand side by side. Which factor is which?",
        ),
    ]


def _gradient(o, omega, slope=np.sign):
    """The gradient with another Omega, or of another function than |c|."""
    Z = (o - o.mean(axis=0)).reshape(len(o), -1)
    return (Z @ (omega * slope(Z.T @ Z))).reshape(o.shape) / o.shape[2] ** 2
