"""One Adam step on an array, in place (Kingma & Ba 2015, Algorithm 1).

    m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   w <- w - step m / (sqrt(v) / c + eps)

with step = lr / (1 - b1^t) and c = sqrt(1 - b2^t), the two bias corrections (`bias_correction`).
"""

import numpy as np

from ..arguments import NUMBER, ascending, ids, real, written
from .twin import kernel, prange

SCALARS = dict.fromkeys(("step", "c", "b1", "b2", "eps"), NUMBER)


def bias_correction(b: float, t: float | np.ndarray) -> float | np.ndarray:
    """1 - b^t, as -expm1(t log b): the difference itself loses what a power near 1 was rounded by, 1 / (1 - b) fold."""
    return -np.expm1(t * (np.log(b) if b else -np.inf))


@kernel
def adam_dense(
    w: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, step: float, c: float, b1: float, b2: float, eps: float
) -> None:
    """Update w (N, K), m, v from a gradient g of the same shape."""
    m *= b1
    m += (1 - b1) * g
    v *= b2
    v += (1 - b2) * g * g
    w -= step * m / (np.sqrt(v) / c + eps)


adam_dense.takes(w=written("N K"), g=real("N K"), m=written("N K"), v=written("N K"), **SCALARS)


@adam_dense.numba
def adam_dense(
    w: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, step: float, c: float, b1: float, b2: float, eps: float
) -> None:
    kind = w.dtype.type
    new1, new2 = kind(1 - b1), kind(1 - b2)  # not kind(1) - kind(b2): in float32 that is wrong in the fifth digit
    step, c, b1, b2, eps = kind(step), kind(c), kind(b1), kind(b2), kind(eps)
    for i in prange(w.shape[0]):
        for k in range(w.shape[1]):
            m[i, k] = b1 * m[i, k] + new1 * g[i, k]
            v[i, k] = b2 * v[i, k] + new2 * g[i, k] * g[i, k]
            w[i, k] -= step * m[i, k] / (np.sqrt(v[i, k]) / c + eps)


@kernel
def adam_rows(
    w: np.ndarray,
    rows: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: float,
    c: float,
    b1: float,
    b2: float,
    eps: float,
) -> None:
    """Update only rows (R,), unique and ascending, of w (V, K), m, v; g (R, K). All other rows stand still."""
    m[rows] = b1 * m[rows] + (1 - b1) * g
    v[rows] = b2 * v[rows] + (1 - b2) * g * g
    w[rows] -= step * m[rows] / (np.sqrt(v[rows]) / c + eps)


adam_rows.takes(
    w=written("V K"), rows=ids("R", "V", ascending), g=real("R K"), m=written("V K"), v=written("V K"), **SCALARS
)


@adam_rows.numba
def adam_rows(
    w: np.ndarray,
    rows: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: float,
    c: float,
    b1: float,
    b2: float,
    eps: float,
) -> None:
    kind = w.dtype.type
    new1, new2 = kind(1 - b1), kind(1 - b2)  # not kind(1) - kind(b2): in float32 that is wrong in the fifth digit
    step, c, b1, b2, eps = kind(step), kind(c), kind(b1), kind(b2), kind(eps)
    for r in prange(len(rows)):
        i = rows[r]
        for k in range(w.shape[1]):
            m[i, k] = b1 * m[i, k] + new1 * g[r, k]
            v[i, k] = b2 * v[i, k] + new2 * g[r, k] * g[r, k]
            w[i, k] -= step * m[i, k] / (np.sqrt(v[i, k]) / c + eps)
