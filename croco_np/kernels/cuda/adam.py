"""One Adam step. A thread owns one weight and its two moments: it reads four numbers and writes three."""

from math import sqrt

import numpy as np

from .. import adam
from .launch import cuda, in_precision, launch, twin


def _numbers(w, step, c, b1, b2, eps):
    """All factors of the formula, in the precision of w; 1 - b is taken before it is rounded, see `kernels.adam`."""
    return in_precision(w, step, c, b1, b2, 1 - b1, 1 - b2, eps)


@twin(adam.adam_dense)
def adam_dense(
    w: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, step: float, c: float, b1: float, b2: float, eps: float
) -> None:
    arrays = (a.reshape(-1) for a in (w, g, m, v))
    launch(_adam_dense, (w.size,), *arrays, *_numbers(w, step, c, b1, b2, eps))


@cuda.jit
def _adam_dense(w, g, m, v, step, c, b1, b2, new1, new2, eps):
    i = cuda.grid(1)
    if i < len(w):
        m_i = b1 * m[i] + new1 * g[i]
        v_i = b2 * v[i] + new2 * g[i] * g[i]
        m[i], v[i] = m_i, v_i
        w[i] -= step * m_i / (sqrt(v_i) / c + eps)


@twin(adam.adam_rows)
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
    launch(_adam_rows, g.shape, w, rows, g, m, v, *_numbers(w, step, c, b1, b2, eps))


@cuda.jit
def _adam_rows(w, rows, g, m, v, step, c, b1, b2, new1, new2, eps):
    """Rows are far apart in memory, the columns of a row side by side."""
    r = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    k = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if r < g.shape[0] and k < g.shape[1]:
        i = rows[r]
        m_i = b1 * m[i, k] + new1 * g[r, k]
        v_i = b2 * v[i, k] + new2 * g[r, k] * g[r, k]
        m[i, k], v[i, k] = m_i, v_i
        w[i, k] -= step * m_i / (sqrt(v_i) / c + eps)
