"""A sigmoid of any height and slope, and back: the factor of a gate.

v = top sigmoid(slope u),   du = dv slope v (1 - v / top)         sigmoid' = sigmoid (1 - sigmoid)
"""

import numpy as np

from ..arguments import NUMBER, real
from .twin import kernel, prange


@kernel
def scaled_sigmoid(u: np.ndarray, slope: float, top: float) -> np.ndarray:
    """u (B, N) -> v (B, N), between 0 and top. The exponential is of a number <= 0, so it cannot overflow."""
    x = slope * u
    e = np.exp(np.where(x.real > 0, -x, x))
    return top * np.where(x.real > 0, 1, e) / (1 + e)


scaled_sigmoid.takes(u=real("B N"), slope=NUMBER, top=NUMBER)


@scaled_sigmoid.numba
def scaled_sigmoid(u: np.ndarray, slope: float, top: float) -> np.ndarray:
    kind = u.dtype.type
    slope, top, one = kind(slope), kind(top), kind(1)
    v = np.empty_like(u)
    for i in prange(u.shape[0]):
        for j in range(u.shape[1]):
            v[i, j] = top / (one + np.exp(-slope * u[i, j]))  # where exp overflows, v is 0, as it should be
    return v


@kernel
def scaled_sigmoid_backward(v: np.ndarray, dv: np.ndarray, slope: float, top: float) -> np.ndarray:
    """From the forward's v and dv, both (B, N): du (B, N)."""
    return dv * slope * v * (1 - v / top)


scaled_sigmoid_backward.takes(v=real("B N"), dv=real("B N"), slope=NUMBER, top=NUMBER)


@scaled_sigmoid_backward.numba
def scaled_sigmoid_backward(v: np.ndarray, dv: np.ndarray, slope: float, top: float) -> np.ndarray:
    kind = v.dtype.type
    slope, top, one = kind(slope), kind(top), kind(1)
    du = np.empty_like(v)
    for i in prange(v.shape[0]):
        for j in range(v.shape[1]):
            du[i, j] = dv[i, j] * slope * v[i, j] * (one - v[i, j] / top)
    return du
