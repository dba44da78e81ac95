"""Checks of tutorial 4, Disentangle experts with CovLoss."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...losses import covariance
from ..compare import is_number, mistaken, same
from ..grading import exercise
from ..guard import parts
from ..mistakes.lesson04 import gradient_mistakes, over_pairs, value_mistakes
from ..said import form

SHAPES = ((7, 3, 4), (9, 2, 5), (6, 4, 3))  # (B, M, K): K^2 is neither 4 K, nor 2^K, nor K (M + 1) in all


def _draw(seed, *shape):
    """Non-negative outputs that depend on each other: covariances of both signs, and means other than 0."""
    rng = np.random.default_rng(seed)
    return np.abs(rng.standard_normal(shape) + rng.standard_normal((shape[0], 1, 1)) * rng.choice([-1, 1], shape[1:]))


@exercise("4.1", "write my_covariance(o) -> CovLoss, a number, for o (B, M, K)", wants="number")
def check_value(answer: Callable) -> str | None:
    for shape in SHAPES:
        o = _draw(41, *shape)
        value, right = answer(o.copy()), covariance(o)[0]
        if not is_number(value):
            return f"One number is wanted; this has shape {np.shape(value)}."
        if not same(value, right):
            told = mistaken(value, *value_mistakes(o))
            return told or "Not right. Go through the four rows of the blackboard, step by step."
    return None


@exercise("4.2", "write my_covariance_backward(o) -> do, both (B, M, K)", wants="array")
def check_gradient(answer: Callable) -> str | None:
    return next(filter(None, (_wrong_gradient(answer, _draw(42, *shape)) for shape in SHAPES)), None)


def _wrong_gradient(answer, o):
    """What is wrong with the answer at o; None if it is right."""
    do, right = np.asarray(answer(o.copy())), covariance(o)[1]
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
    told = mistaken(do, *gradient_mistakes(o))
    if told:
        return told
    if same(do, right * np.sum(do * right) / np.sum(right**2)):
        return "Right but for a factor: C holds each pair twice, and a block has K^2 entries."
    return "Columns add up to 0, so Z is right; look at Omega and the signs. Which expert owns column a of Z?"


@exercise("4.3", "set my_alpha to the weight to try first with B = 256")
def check_alpha(answer: Any) -> str | None:
    if not is_number(answer):
        return f"One number is wanted, and this is {form(answer)}."
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
        if same(value * len(rows), len(o) * over_pairs(z[rows])):
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
