"""Deferred Adam updates in closed form: the same as `idle.replay_rows` to rounding, 2 to 7 times as fast.

Skip it at a first reading. The sum of `idle`, with its a_j, d_j, q and F,

    F = sum_j a_j / (d_j q + eps),   j = 1 .. k

has a_j that fade like b1^j, while d_j hardly moves. So expand each 1 / (d_j q + eps) around the mean
D = sum a_j d_j / sum a_j. With y = 1 / (D q + eps), x = q y,

    F = y sum_n mu_n x^n,   mu_n = sum_j a_j (D - d_j)^n,   mu_1 = 0,   n = 0 .. N - 1

where D and mu_n depend on (tau, k) alone, not on the row. As x <= 1 / D, the terms left out are at most the share

    sum_j a_j |1 - d_j / D|^N max(1, D / d_j) / sum_j a_j

of F, whatever q and eps. `plan` and `series` keep it below the unit roundoff of the weights, or say that it is not: in
the first steps, where c_s moves fast, and where b2 is so small that d_j does. Rows are then replayed.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from ..arguments import DECAY, NUMBER, as_array, ascending, counts, double, ids, written
from .adam import bias_correction
from .twin import kernel, prange

TERMS = 12  # N at most: known to the compiler, which then unrolls the sum
SPARE_TERMS = 2  # beyond what late steps need: with b1 = 0.9, b2 = 0.999 good from step 170 on, not 731 (float32)
BLOCK = 256  # gaps whose coefficients are computed at a time: they stay in the cache
NO_CUT = 2**62


class Plan(NamedTuple):
    """What b1, b2 and the precision of the weights decide.

    tiny     unit roundoff
    cut      terms of F after which the rest is below it
    n_terms  N; 0 where every row is replayed
    """

    tiny: float
    cut: int
    n_terms: int


@cache
def plan(kind: np.dtype, b1: float, b2: float) -> Plan:
    """The `Plan` for weights of a dtype. Terms of F fade like (b1 / sqrt(b2))^j, but for what c_s gains: 1 / c_1."""
    tiny = float(np.finfo(kind).eps) / 2
    if b1 * b1 >= b2:  # they do not fade
        return Plan(tiny, NO_CUT, 0)
    if b1 == 0:  # there are none
        return Plan(tiny, 0, 0)
    cut = int(np.ceil(np.log(tiny * np.sqrt(1 - b2)) / np.log(b1 / np.sqrt(b2))))
    j = np.arange(1, cut + 1)[None]
    enough = (n for n in range(2, TERMS + 1) if _moments(b1**j, b2 ** (j / 2), n)[1] <= tiny)  # late: c_s = 1
    n_terms = next(enough, 0)
    return Plan(tiny, cut, min(n_terms + SPARE_TERMS, TERMS) if n_terms else 0)


def series(plan: Plan, gaps: np.ndarray, t: int, lr: float, b1: float, b2: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of gaps (T,) of k >= 1 steps that end with step t, and whether they are good.

    -> (T, 1 + TERMS): D, mu_0, mu_1, ..., with 0 from mu_N on; (T,) bool

    Raises IndexError for a gap that is not between 1 and t.
    """
    gaps = as_array("gaps", gaps)
    if gaps.ndim != 1 or gaps.dtype.kind not in "iu":
        raise TypeError(f"gaps: {gaps.dtype} of shape {gaps.shape}, want integers (T,)")
    if gaps.size and not (gaps.min() >= 1 and gaps.max() <= t):
        raise IndexError(f"gaps from {gaps.min()} to {gaps.max()}, want 1 to t = {t}")
    gaps = gaps.astype(np.int64)  # a narrow one has no place for t
    coefficients, good = np.zeros((len(gaps), 1 + TERMS)), np.zeros(len(gaps), bool)
    for start in range(0, len(gaps) if plan.n_terms else 0, BLOCK):
        at = slice(start, start + BLOCK)
        k = gaps[at, None]
        j = np.arange(1, min(k.max(), plan.cut) + 1)
        s = t - k + j
        a = np.where(j <= k, lr * b1**j / bias_correction(b1, s), 0)
        d = np.sqrt(b2**j / bias_correction(b2, s))
        coefficients[at, : 1 + plan.n_terms], left_out = _moments(a, d, plan.n_terms)
        good[at] = left_out <= plan.tiny
    return coefficients, good


def _moments(a, d, n_terms):
    """D, mu_0 .. mu_{N-1} (T, 1 + N) of a, d (T, J), and the largest share of F that what is left out can have (T,)."""
    total = a.sum(axis=1)
    D = (a * d).sum(axis=1) / total
    off = D[:, None] - d
    mu, product = [total, np.zeros_like(total)], a * off
    for _ in range(2, n_terms):
        product *= off
        mu.append(product.sum(axis=1))
    product = np.abs(product * off) * np.maximum(1, D[:, None] / d)
    return np.stack([D, *mu], axis=1), product.sum(axis=1) / (D**n_terms * total)


@kernel
def catch_up_rows(
    w: np.ndarray,
    rows: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    gap: np.ndarray,
    gaps: np.ndarray,
    coefficients: np.ndarray,
    b1: float,
    b2: float,
    eps: float,
) -> None:
    """Bring rows of w (V, K), m, v up to date by the series.

    rows (R,) int unique, ascending, gap (R,) int: k = gaps[gap], gaps (T,) int, coefficients (T, 1 + TERMS) of `series`
    """
    kind = w.dtype
    D, *mu = coefficients.astype(kind)[gap].T[:, :, None]  # (R, 1) each
    q = np.sqrt(v[rows])
    y = 1 / (D * q + eps)
    F = np.zeros_like(q)
    for mu_n in reversed(mu):
        F = F * (q * y) + mu_n
    w[rows] -= m[rows] * (F * y)
    m[rows] *= (b1 ** gaps.astype(float)).astype(kind)[gap, None]
    v[rows] *= (b2 ** gaps.astype(float)).astype(kind)[gap, None]


catch_up_rows.takes(
    w=written("V K"),
    rows=ids("R", "V", ascending),
    m=written("V K"),
    v=written("V K"),
    gap=ids("R", "T"),
    gaps=counts("T"),
    coefficients=double(f"T {1 + TERMS}"),
    b1=DECAY,
    b2=DECAY,
    eps=NUMBER,
)


@catch_up_rows.numba
def catch_up_rows(
    w: np.ndarray,
    rows: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    gap: np.ndarray,
    gaps: np.ndarray,
    coefficients: np.ndarray,
    b1: float,
    b2: float,
    eps: float,
) -> None:
    kind = w.dtype.type
    cast, one, eps = coefficients.astype(w.dtype), kind(1), kind(eps)
    for r in prange(len(rows)):
        i, k, c = rows[r], float(gaps[gap[r]]), cast[gap[r]]
        fade, shrink = kind(b1**k), kind(b2**k)
        for e in range(w.shape[1]):
            q = np.sqrt(v[i, e])
            y = one / (c[0] * q + eps)
            x, F = q * y, c[TERMS]
            for n in range(TERMS - 1, 0, -1):
                F = F * x + c[n]
            w[i, e] -= m[i, e] * (F * y)
            m[i, e] *= fade
            v[i, e] *= shrink
