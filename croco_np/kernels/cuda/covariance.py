"""Signs of the covariances between experts, and the sum of their absolute values."""

import numpy as np

from .. import covariance
from .launch import cuda, in_precision, launch, twin

ROWS = 8  # that one thread adds up: the matrix is small, and few threads would leave most of the GPU idle


@twin(covariance.cross_signs)
def cross_signs(C: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
    n, width = C.shape[0] * C.shape[1], C.shape[1]
    signs = np.empty(C.shape, C.dtype, like=C)
    sums = np.empty(((n + ROWS - 1) // ROWS, n), C.dtype, like=C)
    matrices = (a.reshape(n, n) for a in (C, signs))
    launch(_cross_signs, sums.shape, *matrices, sums, width, *in_precision(C, own, 0, 1))
    return signs, sums.sum()


@cuda.jit
def _cross_signs(C, signs, sums, width, own, zero, one):
    """A thread owns ROWS elements of one column; the threads of a warp go down side by side."""
    part = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    j = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if part < sums.shape[0] and j < sums.shape[1]:
        total, block = zero, j // width * width  # where the block of an expert with itself begins
        for i in range(part * ROWS, min((part + 1) * ROWS, C.shape[0])):
            c = C[i, j]
            sign = one if c > zero else -one if c < zero else c  # c is 0 there, or NaN
            if block <= i < block + width:
                sign *= own
            signs[i, j] = sign
            total += sign * c
        sums[part, j] = total
