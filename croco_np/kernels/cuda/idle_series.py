"""Deferred Adam updates in closed form. A thread owns one weight of one row, and sums its series."""

from math import sqrt

import numpy as np

from .. import idle_series
from ..idle_series import TERMS
from .launch import cuda, in_precision, launch, twin


@twin(idle_series.catch_up_rows)
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
    k = gaps.astype(float)
    fades = np.stack([b1**k, b2**k]).astype(w.dtype)  # float64 until here, once for each gap
    shape = (len(rows), w.shape[1])
    launch(_catch_up_rows, shape, w, rows, m, v, gap, coefficients.astype(w.dtype), fades, *in_precision(w, 1, eps))


@cuda.jit
def _catch_up_rows(w, rows, m, v, gap, coefficients, fades, one, eps):
    """Threads along a row have the same coefficients: they are read once for the whole warp, from the cache."""
    r = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    e = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if r < len(rows) and e < w.shape[1]:
        i, k = rows[r], gap[r]
        q = sqrt(v[i, e])
        y = one / (coefficients[k, 0] * q + eps)
        x, F = q * y, coefficients[k, TERMS]
        for n in range(TERMS - 1, 0, -1):
            F = F * x + coefficients[k, n]
        w[i, e] -= m[i, e] * (F * y)
        m[i, e] *= fades[0, k]
        v[i, e] *= fades[1, k]
