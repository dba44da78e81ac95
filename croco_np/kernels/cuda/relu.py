"""Bias and ReLU in one pass, and back."""

import numpy as np

from .. import relu
from .launch import cuda, in_precision, launch, twin

ROWS = 64  # that one thread adds up; the sums of its column that all threads found are added up after it


@twin(relu.bias_relu)
def bias_relu(z: np.ndarray, b: np.ndarray) -> np.ndarray:
    launch(_bias_relu, z.shape, z, b, *in_precision(z, 0))
    return z


@cuda.jit
def _bias_relu(z, b, zero):
    """A thread owns one element."""
    i = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    j = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if i < z.shape[0] and j < z.shape[1]:
        v = z[i, j] + b[j]
        z[i, j] = zero if v <= zero else v


@twin(relu.relu_backward)
def relu_backward(y: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_rows, n = y.shape
    dz = np.empty_like(dy)
    sums = np.empty(((n_rows + ROWS - 1) // ROWS, n), dy.dtype, like=dy)
    launch(_relu_backward, sums.shape, y, dy, dz, sums, *in_precision(dy, 0))
    return dz, sums.sum(axis=0)


@cuda.jit
def _relu_backward(y, dy, dz, sums, zero):
    """A thread owns ROWS elements of one column, from top to bottom; the threads of a warp go down side by side."""
    part = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    j = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if part < sums.shape[0] and j < sums.shape[1]:
        total = zero
        for i in range(part * ROWS, min((part + 1) * ROWS, y.shape[0])):
            d = dy[i, j] if y[i, j] > zero else zero
            dz[i, j] = d
            total += d
        sums[part, j] = total
