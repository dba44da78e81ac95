"""Deferred Adam updates, step by step. A thread owns one weight of one row, and adds up its F.

With s = tau + j the step that term j belongs to, tau = t - k, both factors of a term are a product of one that depends
on j and one that depends on s:

    a_j = b1^j  lr / (1 - b1^s),      d_j = b2^(j/2)  1 / sqrt(1 - b2^s)

All are computed once, in float64 as in the definition, for j and s from 0 to t, and rounded to the precision of the
weights; the threads only multiply. Were each thread to compute its own, nearly all the time would go into exponentials
in float64. Each product is rounded once more than in the definition, so F is a rounding or two away.
"""

from math import sqrt

import numpy as np

from .. import idle
from ..adam import bias_correction
from .launch import cuda, in_precision, launch, twin


@twin(idle.replay_rows)
def replay_rows(
    w: np.ndarray,
    rows: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    gaps: np.ndarray,
    t: int,
    cut: int,
    lr: float,
    b1: float,
    b2: float,
    eps: float,
) -> None:
    if not len(rows):  # late in training that is the rule, see `idle_series`, and t is large
        return
    j = np.arange(t + 1, dtype=float, like=w)
    s = np.maximum(j, 1)  # no term belongs to step 0
    step, c = lr / bias_correction(b1, s), np.sqrt(bias_correction(b2, s))
    factors = np.stack([b1**j, step, np.sqrt(b2**j), 1 / c, b2**j]).astype(w.dtype)
    launch(_replay_rows, (len(rows), w.shape[1]), w, rows, m, v, gaps, t, cut, factors, *in_precision(w, eps, 0))


@cuda.jit
def _replay_rows(w, rows, m, v, gaps, t, cut, factors, eps, zero):
    """Threads along a row have the same j and s: a factor is read once for the whole warp, from the cache."""
    r = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    e = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if r < len(rows) and e < w.shape[1]:
        i, k = rows[r], int(gaps[r])
        q, F = sqrt(v[i, e]), zero
        for j in range(1, min(k, cut) + 1 if m[i, e] != 0 else 1):  # nothing to add up where m = 0
            s = t - k + j
            a, d = factors[0, j] * factors[1, s], factors[2, j] * factors[3, s]
            F += a / (d * q + eps)
        w[i, e] -= m[i, e] * F
        m[i, e] *= factors[0, k]
        v[i, e] *= factors[4, k]
