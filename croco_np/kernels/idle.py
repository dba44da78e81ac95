"""Deferred Adam updates: the steps that a row of a table has missed, applied at once before the row is read again.

Under Adam a row changes even in steps whose batch does not use it. Its gradient is then g = 0, and a step of
`adam_dense` leaves of it, with c_s = sqrt(1 - b2^s),

    m <- b1 m,   v <- b2 v,   w <- w - lr / (1 - b1^s) m / (sqrt(v) / c_s + eps)

A table has many rows and a batch uses few, so these steps are not taken one by one. After step tau has used a row, with
m, v and q = sqrt(v) as it left them, the k steps s = tau + 1 .. tau + k without the row add up to

    w <- w - m F,   m <- b1^k m,   v <- b2^k v,       F = sum_j a_j / (d_j q + eps),   j = 1 .. k
                                                      a_j = lr b1^j / (1 - b1^s),      d_j = b2^(j/2) / c_s

for before step s = tau + j the moments are b1^(j-1) m and b2^(j-1) v, and the step multiplies each once more. Of a row
that no batch has used yet, m = 0 and nothing changes. Terms of F fade about like (b1 / sqrt(b2))^j: the sum may stop
after `cut` terms, when what is left is below the rounding of the weights (`idle_series.plan`).

`replay_rows` adds up F term by term and defines the result. `idle_series.catch_up_rows` has it in closed form.
"""

import numpy as np

from ..arguments import DECAY, NUMBER, SIZE, ascending, ids, written
from .adam import bias_correction
from .twin import kernel, prange


@kernel
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
    """Bring rows of w (V, K), m, v up to date step by step: the definition, but that terms after `cut` are left out.

    rows (R,) int unique, ascending, gaps (R,) int: the k < t steps of each row that end with step t
    """
    kind, k = w.dtype.type, gaps.astype(np.int64)[:, None]  # a narrow integer has no place for t
    q, F = np.sqrt(v[rows]), np.zeros_like(m[rows])
    for j in range(1, min(int(gaps.max()) if len(gaps) else 0, cut) + 1):
        s = np.maximum(t - k + j, 1).astype(float)
        a = np.where(j <= k, lr * b1**j / bias_correction(b1, s), 0).astype(kind)
        d = np.sqrt(b2**j / bias_correction(b2, s)).astype(kind)
        F += a / (d * q + kind(eps))
    w[rows] -= m[rows] * F
    m[rows] *= (b1 ** k.astype(float)).astype(kind)
    v[rows] *= (b2 ** k.astype(float)).astype(kind)


replay_rows.takes(
    w=written("V K"),
    rows=ids("R", "V", ascending),
    m=written("V K"),
    v=written("V K"),
    gaps=ids("R", "t"),
    t=SIZE,
    cut=SIZE,
    lr=NUMBER,
    b1=DECAY,
    b2=DECAY,
    eps=NUMBER,
)


@replay_rows.numba
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
    kind = w.dtype.type
    small = kind(eps)
    log1, log2 = np.log(b1) if b1 > 0 else -np.inf, np.log(b2) if b2 > 0 else -np.inf  # see `bias_correction`
    for r in prange(len(rows)):
        i, k = rows[r], gaps[r]
        q, F = np.sqrt(v[i]), np.zeros_like(v[i])
        fade, shrink = 1.0, 1.0
        for j in range(1, min(k, cut) + 1 if m[i].any() else 1):  # nothing to add up for a row never used: m = 0
            fade, shrink = fade * b1, shrink * b2
            s = float(t - k + j)
            a, d = kind(lr * fade / -np.expm1(s * log1)), kind(np.sqrt(shrink / -np.expm1(s * log2)))
            for e in range(w.shape[1]):
                F[e] += a / (d * q[e] + small)
        fade, shrink = kind(b1 ** float(k)), kind(b2 ** float(k))
        for e in range(w.shape[1]):
            w[i, e] -= m[i, e] * F[e]
            m[i, e] *= fade
            v[i, e] *= shrink
