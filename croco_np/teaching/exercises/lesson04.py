"""Checks of tutorial 4, Disentangle experts with CovLoss."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...losses import covariance
from ..compare import is_number, mistaken, same
from ..grading import exercise
from ..guard import parts

SHAPES = ((7, 3, 4), (9, 2, 5), (6, 4, 3))  # (B, M, K): K^2 is neither 4 K, nor 2^K, nor K (M + 1) in all


def _draw(seed, *shape):
    """Non-negative outputs that depend on each other: covariances of both signs, and means other than 0."""
    rng = np.random.default_rng(seed)
    return np.abs(rng.standard_normal(shape) + rng.standard_normal((shape[0], 1, 1)) * rng.choice([-1, 1], shape[1:]))


@exercise("4.1", "write my_covariance(o) -> CovLoss, a number, for o (B, M, K)")
def check_value(answer: Callable) -> str | None:
    for shape in SHAPES:
        o = _draw(41, *shape)
        value, right = answer(o.copy()), covariance(o)[0]
        if not is_number(value):
            return f"One number is wanted; this has shape {np.shape(value)}."
        if same(value, 2 * right):
            return "Twice too large: p = 2, q = 1 and p = 1, q = 2 are the same pair."
        if same(value, covariance(o, within=True)[0]):
            return "This counts each expert with itself as well; only different experts are meant, p > q."
        if same(value * len(o), right):
            return "Too small by the number of rows: Eq. (6) adds up over the rows and does not divide by B."
        if same(value, right * shape[2] ** 2):
            return "Too large by K^2: it is a mean over the entries of a block."
        if not same(value, right):
            return _known_value(o, value) or "Not right. Go through the four rows of the blackboard, step by step."
    return None


def _over_pairs(z, size=np.abs):
    """Eq. (6) of what is taken for centred, with `size` in the place of the absolute value."""
    p, q = np.tril_indices(z.shape[1], -1)
    return sum(np.sum(size(z[:, i].T @ z[:, j])) for i, j in zip(p, q, strict=True)) / z.shape[2] ** 2


def _known_value(o, value):
    """What to say of a wrong value whose mistake is known."""
    z = o - o.mean(axis=0)
    right, own = covariance(o)[0], covariance(o, within=True)[0] - covariance(o)[0]
    n_pairs = o.shape[1] * (o.shape[1] - 1) / 2
    return mistaken(
        value,
        (right / (len(o) - 1), "Too small by B - 1, as np.cov divides: Eq. (6) adds up over the rows."),
        (right * o.shape[2], "Too large by K: a block has K times K entries, and the mean is over all of them."),
        (right / n_pairs, "A mean over the pairs of experts; Eq. (6) adds them up."),
        (2 * right + own, "All of C: each pair of experts twice, and each expert with itself."),
        (
            right + own / 2,
            "Half of C has each pair once, and each expert with itself, too: only p > q is meant.",
        ),
        (_over_pairs(o), "The outputs are not centred: each loses its mean over the rows first."),
        (
            _over_pairs(z, np.asarray),
            "Covariances of both signs cancel: which step lets a negative one count as much?",
        ),
        (abs(_over_pairs(z, np.asarray)), "The absolute value is taken of the sum; Eq. (6) takes that of each entry."),
        (
            _over_pairs(o - o.mean()),
            "One mean is subtracted from everything; each output has one of its own.",
        ),
    )


@exercise("4.2", "write my_covariance_backward(o) -> do, both (B, M, K)")
def check_gradient(answer: Callable) -> str | None:
    return next(filter(None, (_wrong_gradient(answer, _draw(42, *shape)) for shape in SHAPES)), None)


def _wrong_gradient(answer, o):
    """What is wrong with the answer at o; None if it is right."""
    do, right = np.asarray(answer(o.copy())), covariance(o)[1]
    M, K = o.shape[1:]
    if do.shape != o.shape:
        return f"do has shape {do.shape}; it must have that of o, {o.shape}."
    if same(do, right):
        return None
    if same(do - do.mean(axis=0), right):
        return "Z has to be centred where it is multiplied, not only in C: the columns of do must add up to 0."
    if not same(do.sum(axis=0), 0):
        return "The gradient of each output must add up to 0 over the rows, because Z does. Is it Z that is multiplied?"
    if not do[:, 0].any() or not do[:, -1].any():
        return "A pair pulls on both of its experts; here one of them gets nothing."
    if same(do, -right):
        return "The sign is flipped: this is where CovLoss falls; its gradient points to where it grows."
    told = mistaken(
        do,
        (
            2 * right,
            "Twice too large: C holds each pair twice, so L has a 1/2, which cancels the 2 of step 2.",
        ),
        (right / 2, "Half of what it should be: Z is in C twice, in its rows and in its columns, and both pull."),
        (right / len(o), "Too small by B: Eq. (6) adds up over the rows, and nothing divides by their number."),
        (right * o.shape[2] ** 2, "Too large by K^2: the loss is a mean over the entries of a block."),
        (right / o.shape[2] ** 2, "Too small by K^2: the mean over the entries of a block divides once."),
    )
    if told:
        return told
    if same(do, right * np.sum(do * right) / np.sum(right**2)):
        return "Right but for a factor: C holds each pair twice, and a block has K^2 entries."
    if same(do, _gradient(o, 1 - np.kron(np.eye(M), np.ones((K, K))), slope=np.asarray)):
        return "This is the gradient of squares, C itself in the place of its signs. What is the slope of |c|?"
    own = covariance(o, within=True)[1] - right
    if same(do, right + own) or same(do, right + own / 2):  # Omega = 2 or 1 on the diagonal
        return "This pulls on each expert's own variance as well: which blocks of Omega are 0?"
    if same(do, _gradient(o, 1 - np.eye(o[0].size))):
        return "Only variances are left out. Outputs of one expert are no pair either: Omega is 0 on blocks."
    if same(do, _gradient(o, np.kron(np.ones((K, K)), 1 - np.eye(M)))):
        return "Omega has its blocks inside out: the K columns of one expert stand side by side. Which factor is which?"
    return "Columns add up to 0, so Z is right; look at Omega and the signs. Which expert owns column a of Z?"


def _gradient(o, omega, slope=np.sign):
    """The gradient with another Omega, or of another function than |c|."""
    Z = (o - o.mean(axis=0)).reshape(len(o), -1)
    return (Z @ (omega * slope(Z.T @ Z))).reshape(o.shape) / o.shape[2] ** 2


@exercise("4.3", "set my_alpha to the weight to try first with B = 256")
def check_alpha(answer: Any) -> str | None:
    if not is_number(answer):
        return "One number is wanted."
    if same(answer, 1e-4, atol=0):
        return "The same alpha weighs a loss that is now a sum over fewer rows."
    if same(answer, 1e-4 / 16, atol=0):
        return "The other way round: with fewer rows, is the sum larger or smaller?"
    if same(answer, 4e-4, atol=0) or same(answer, 1e-4 / 4, atol=0):
        return "This goes by the root of the number of rows, as noise does. A sum over rows goes by their number."
    if not same(answer, 1.6e-3, rtol=1e-5):
        return "alpha times B should stay what it was: how many times fewer rows are there?"
    return None


@exercise("4.4", "write my_sampled(o, rows) -> value, do (B, M, K)")
def check_sampled(answer: Callable) -> str | None:
    for shape, sampled in (((10, 3, 2), [1, 4, 5, 9]), ((11, 2, 3), [0, 3, 4, 7, 8])):
        o, rows = _draw(44, *shape), np.array(sampled)
        value, do = parts(answer(o.copy(), rows.copy()), "value", "do")
        right, right_do = covariance(o, rows=rows)
        if not is_number(value):
            return f"value is one number; this has shape {np.shape(value)}."
        if same(value, covariance(o)[0]):
            return "The value is that of all rows."
        if same(value * len(o), right * len(rows)):
            return "The value is a sum over n rows: scale it, so that it stands for all B."
        z = o - o.mean(axis=0)
        if same(value * len(rows), len(o) * _over_pairs(z[rows])):
            return "The means are those of all rows; the sampled loss sees its own rows only, and their means."
        if same(value * len(o) ** 2, right * len(rows) ** 2):
            return "The value is scaled the wrong way round: do n rows say more than B, or less?"
        if not same(value, right):
            return "The value is not right. The means are those of the sampled rows, and the scale is B / n."
        if np.shape(do) != o.shape:
            return f"The value is right; do has shape {np.shape(do)}, and must have that of o, {o.shape}."
        if same(np.asarray(do) * len(o), right_do * len(rows)):
            return "The value is right. If it is scaled, what about its gradient?"
        if not same(do, right_do):
            return "The value is right, do is not: rows outside the sample have no influence, so their gradient is 0."
    return None
