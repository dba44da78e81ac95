"""Bias and ReLU in one pass, and back."""

import numpy as np

from ..backend import kernel, prange

BLOCK = 64  # columns a thread owns when it sums over rows: wide enough for vector loads, narrow enough to share out


@kernel
def bias_relu(z, b):
    """max(z + b, 0) for z (B, N), b (N,), off at 0. z is handed over: the result may lie in its buffer."""
    z = z + b
    return np.where(z.real <= 0, 0, z)  # this way round a NaN stays a NaN


@bias_relu.numba
def bias_relu(z, b):
    n_rows, n = z.shape
    zero = z.dtype.type(0)
    for i in prange(n_rows):
        for j in range(n):
            v = z[i, j] + b[j]
            z[i, j] = zero if v <= zero else v
    return z


@kernel
def relu_backward(y, dy):
    """From y = max(z + b, 0) and dy, both (B, N): dz = dy where y > 0, and db = its sum over rows (N,)."""
    dz = np.where(y > 0, dy, 0)
    return dz, dz.sum(axis=0)


@relu_backward.numba
def relu_backward(y, dy):
    n_rows, n = y.shape
    zero = dy.dtype.type(0)
    dz = np.empty_like(dy)
    db = np.zeros(n, dy.dtype)
    for block in prange((n + BLOCK - 1) // BLOCK):
        for i in range(n_rows):
            for j in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
                dz[i, j] = dy[i, j] if y[i, j] > zero else zero
                db[j] += dz[i, j]
    return dz, db
