"""A sigmoid of any height and slope, and back. A thread owns one element."""

from math import exp

import numpy as np

from .. import sigmoid
from .launch import cuda, in_precision, launch, twin


@twin(sigmoid.scaled_sigmoid)
def scaled_sigmoid(u: np.ndarray, slope: float, top: float) -> np.ndarray:
    v = np.empty_like(u)
    launch(_scaled_sigmoid, u.shape, u, v, *in_precision(u, slope, top, 1))
    return v


@cuda.jit
def _scaled_sigmoid(u, v, slope, top, one):
    i = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    j = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if i < u.shape[0] and j < u.shape[1]:
        v[i, j] = top / (one + exp(-slope * u[i, j]))  # where exp overflows, v is 0, as it should be


@twin(sigmoid.scaled_sigmoid_backward)
def scaled_sigmoid_backward(v: np.ndarray, dv: np.ndarray, slope: float, top: float) -> np.ndarray:
    du = np.empty_like(v)
    launch(_scaled_sigmoid_backward, v.shape, v, dv, du, *in_precision(v, slope, top, 1))
    return du


@cuda.jit
def _scaled_sigmoid_backward(v, dv, du, slope, top, one):
    i = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    j = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if i < v.shape[0] and j < v.shape[1]:
        du[i, j] = dv[i, j] * slope * v[i, j] * (one - v[i, j] / top)
