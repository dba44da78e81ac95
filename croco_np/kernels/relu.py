"""Bias and ReLU in one pass, and back."""

import numpy as np

from ..arguments import real, written
from .twin import kernel, prange

PARTS = 64  # stretches of rows summed apart; their number is fixed, so the order of adding does not depend on threads


@kernel
def bias_relu(z: np.ndarray, b: np.ndarray) -> np.ndarray:
    """max(z + b, 0) for z (B, N), b (N,), off at 0. z is handed over: the result may lie in its buffer."""
    z = z + b
    return np.where(z.real <= 0, 0, z)  # this way round a NaN stays a NaN


bias_relu.takes(z=written("B N"), b=real("N"))


@bias_relu.numba
def bias_relu(z: np.ndarray, b: np.ndarray) -> np.ndarray:
    n_rows, n = z.shape
    zero = z.dtype.type(0)
    for i in prange(n_rows):
        for j in range(n):
            v = z[i, j] + b[j]
            z[i, j] = zero if v <= zero else v
    return z


@kernel
def relu_backward(y: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From y = max(z + b, 0) and dy, both (B, N): dz = dy where y > 0, and db = its sum over rows (N,)."""
    dz = np.where(y > 0, dy, 0)
    return dz, dz.sum(axis=0)


relu_backward.takes(y=real("B N"), dy=real("B N"))


@relu_backward.numba
def relu_backward(y: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_rows, n = y.shape
    zero = dy.dtype.type(0)
    dz = np.empty_like(dy)
    sums = np.zeros((PARTS, n), dy.dtype)
    for part in prange(PARTS):
        for i in range(part * n_rows // PARTS, (part + 1) * n_rows // PARTS):
            for j in range(n):  # along the row, as memory lies
                d = dy[i, j] if y[i, j] > zero else zero
                dz[i, j] = d
                sums[part, j] += d
    db = np.zeros(n, dy.dtype)
    for part in range(PARTS):
        for j in range(n):
            db[j] += sums[part, j]
    return dz, db
