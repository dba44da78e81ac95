"""Statistics of a few seeds: intervals, paired tests, Holm's correction, the smallest difference that could have shown.

Two systems with the same seed have seen the same rows in the same order, so differences are taken seed by seed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

LEVEL = 0.05  # of every test and interval
POWER = 0.8  # of `smallest_difference`


class Mean(NamedTuple):
    """Mean of n values, their standard deviation (n - 1), and half the 95 % interval of the mean by Student's t."""

    n: int
    mean: float
    deviation: float
    half: float


class Paired(NamedTuple):
    """A difference between two systems over the same seeds.

    difference   mean of a - b
    error        standard error of that mean
    half         half its 95 % interval
    t, p         of the two-sided paired t-test
    smallest     the difference that this many seeds would have shown, at 5 %, in four of five repetitions
    """

    n: int
    difference: float
    error: float
    half: float
    t: float
    p: float
    smallest: float


def mean(values: ArrayLike) -> Mean:
    """Mean, deviation and interval of some values; NaN where there are too few."""
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    if len(x) < 2:
        return Mean(len(x), float(x[0]) if len(x) else np.nan, np.nan, np.nan)
    deviation = float(x.std(ddof=1))
    half = float(stats.t.ppf(1 - LEVEL / 2, len(x) - 1)) * deviation / np.sqrt(len(x))
    return Mean(len(x), float(x.mean()), deviation, float(half))


def paired(a: ArrayLike, b: ArrayLike) -> Paired:
    """The difference a - b over pairs; pairs with an undefined value are left out.

    With fewer than two pairs, or with differences that are all alike, nothing can be tested: p is NaN.
    """
    d = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    d = d[np.isfinite(d)]
    of_mean = mean(d)
    if len(d) < 2 or of_mean.deviation <= 1e-12 * max(1.0, abs(of_mean.mean)):
        return Paired(len(d), of_mean.mean, np.nan, np.nan, np.nan, np.nan, np.nan)
    error = of_mean.deviation / np.sqrt(len(d))
    t, p = stats.ttest_1samp(d, 0.0)
    smallest = smallest_difference(of_mean.deviation, len(d))
    return Paired(len(d), of_mean.mean, float(error), of_mean.half, float(t), float(p), smallest)


def smallest_difference(deviation: float, n: int, level: float = LEVEL, power: float = POWER) -> float:
    """The true difference that a paired t-test over n seeds finds with the given power.

    deviation  standard deviation of the differences

    With d the difference in units of deviation / sqrt(n), t follows the noncentral t distribution with n - 1 degrees
    of freedom and noncentrality d; d is where P(t > critical value) reaches the power. The other side, significance in
    the wrong direction, adds nothing that counts.
    """
    return _noncentrality(n, level, power) * deviation / sqrt(n)


@cache
def _noncentrality(n, level, power):
    """d of `smallest_difference`: the same for all tests over as many seeds, and slow to find."""
    critical = stats.t.ppf(1 - level / 2, n - 1)

    def lacking(d):
        return stats.nct.sf(critical, n - 1, d) - power

    high = 4.0
    while lacking(high) < 0:
        high *= 2
    return float(optimize.brentq(lacking, 0.0, high))


def holm(p: ArrayLike) -> np.ndarray:
    """p-values of a family of tests, corrected by Holm's step-down procedure: (n,) float64.

    The i-th smallest of n is multiplied by n - i + 1, and none may be smaller than the one before it. Then "p < 0.05"
    of any test holds for the whole family. NaN, a test that could not be made, stays NaN and counts for nothing.
    """
    given = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(given))
    order = known[np.argsort(given[known], kind="stable")]
    corrected = np.full(len(given), np.nan)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(given[order] * np.arange(len(order), 0, -1)))
    return corrected


class Interval(NamedTuple):
    """A difference with its 95 % bootstrap interval, and the two-sided p-value of "no difference"."""

    difference: float
    low: float
    high: float
    p: float


def bootstrap_users(
    a: np.ndarray,
    b: np.ndarray,
    labels: np.ndarray,
    users: np.ndarray,
    rng: np.random.Generator,
    repeats: int = 1000,
) -> Interval:
    """AUC of scores a minus AUC of scores b on the same rows, with an interval over users.

    a, b    (N,) scores of two models
    labels  (N,) 0 or 1
    users   (N,) integers; rows of a user are drawn together, since they are not independent. Rows without a user (-1)
            are each drawn by themselves

    Users are drawn with replacement, `repeats` times, the same for both models. This says how much another sample of
    users could change the difference between these two trained models; it says nothing about other seeds.
    """
    groups = np.unique(users, return_inverse=True)[1]
    alone = np.flatnonzero(np.asarray(users) < 0)
    groups[alone] = groups.max(initial=-1) + 1 + np.arange(len(alone))
    groups = np.unique(groups, return_inverse=True)[1]
    n_groups = int(groups.max(initial=-1)) + 1
    measures = tuple(_weighted_auc(np.asarray(scores), np.asarray(labels)) for scores in (a, b))
    whole = np.ones(len(groups))
    difference = measures[0](whole) - measures[1](whole)
    drawn = np.empty(repeats)
    for i in range(repeats):
        weights = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)[groups].astype(np.float64)
        drawn[i] = measures[0](weights) - measures[1](weights)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):  # labels of one class have no AUC
        return Interval(np.nan, np.nan, np.nan, np.nan)
    low, high = np.quantile(drawn, (LEVEL / 2, 1 - LEVEL / 2))
    beyond = min((drawn <= 0).sum(), (drawn >= 0).sum())
    return Interval(float(difference), float(low), float(high), float(min(1.0, 2 * (beyond + 1) / (len(drawn) + 1))))


def _weighted_auc(scores: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], float]:
    """A function of the rows' weights: the AUC, ties counting half. The rows are sorted once."""
    order = np.argsort(scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=np.inf))  # last row of each run of ties
    clicked = labels[order] == 1

    def auc(weights):
        w = weights[order]
        positive = np.diff(np.cumsum(w * clicked)[ends], prepend=0.0)
        below = np.cumsum(w * ~clicked)[ends]
        negative = np.diff(below, prepend=0.0)
        pairs = positive.sum() * negative.sum()
        return float((positive * (below - negative / 2)).sum() / pairs) if pairs else np.nan

    return auc
