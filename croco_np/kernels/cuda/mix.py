"""Mixtures of experts, forward and backward, each in one pass over the experts' outputs.

A thread owns one dimension k of one row b, and walks over the M experts: with all of them at hand it needs no other
thread for the softmax. Along k the threads of a warp lie as memory does.
"""

from math import exp

import numpy as np

from .. import mix
from .launch import LANES, THREADS, cuda, in_precision, launch, twin


@twin(mix.mix_elements)
def mix_elements(a: np.ndarray, o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    g, h = np.empty_like(a), np.empty((o.shape[0], o.shape[2]), o.dtype, like=o)
    launch(_mix_elements, h.shape, a, o, g, h, *in_precision(o, 0))
    return g, h


@cuda.jit
def _mix_elements(a, o, g, h, zero):
    """Exponentials are taken twice, for a GPU has more arithmetic to spare than memory traffic."""
    b = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    k = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if b < h.shape[0] and k < h.shape[1]:
        top, total, mixture = a[b, 0, k], zero, zero
        for m in range(1, a.shape[1]):
            top = max(top, a[b, m, k])
        for m in range(a.shape[1]):
            total += exp(a[b, m, k] - top)
        for m in range(a.shape[1]):
            share = exp(a[b, m, k] - top) / total
            g[b, m, k] = share
            mixture += share * o[b, m, k]
        h[b, k] = mixture


@twin(mix.mix_elements_backward)
def mix_elements_backward(g: np.ndarray, o: np.ndarray, h: np.ndarray, dh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    do, da = np.empty_like(o), np.empty_like(o)
    launch(_mix_elements_backward, h.shape, g, o, h, dh, do, da)
    return do, da


@cuda.jit
def _mix_elements_backward(g, o, h, dh, do, da):
    b = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    k = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if b < h.shape[0] and k < h.shape[1]:
        for m in range(o.shape[1]):
            d = g[b, m, k] * dh[b, k]
            do[b, m, k] = d
            da[b, m, k] = d * (o[b, m, k] - h[b, k])


@twin(mix.mix_scalars)
def mix_scalars(a: np.ndarray, o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    g, h = np.empty_like(a), np.empty((o.shape[0], o.shape[2]), o.dtype, like=o)
    launch(_mix_scalars, (h.shape[0], max(h.shape[1], 1)), a, o, g, h, *in_precision(o, 0))
    return g, h


@cuda.jit
def _mix_scalars(a, o, g, h, zero):
    """All threads of a row compute the same M shares, from logits that are read once for the warp; the first keeps
    them.
    """
    b = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    k = cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    if b < h.shape[0]:
        top, total, mixture = a[b, 0], zero, zero
        for m in range(1, a.shape[1]):
            top = max(top, a[b, m])
        for m in range(a.shape[1]):
            total += exp(a[b, m] - top)
        for m in range(a.shape[1]):
            share = exp(a[b, m] - top) / total
            if k == 0:
                g[b, m] = share
            if k < h.shape[1]:
                mixture += share * o[b, m, k]
        if k < h.shape[1]:
            h[b, k] = mixture


@twin(mix.mix_scalars_backward)
def mix_scalars_backward(g: np.ndarray, o: np.ndarray, h: np.ndarray, dh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    do, da = np.empty_like(o), np.empty_like(g)
    arguments = g, o, h, dh, do, da, *in_precision(o, 0)
    launch(_mix_scalars_backward, (g.size, LANES), *arguments, shared_bytes=THREADS * o.itemsize)
    return do, da


@cuda.jit
def _mix_scalars_backward(g, o, h, dh, do, da, zero):
    """A warp owns expert m of row b. Its lanes take every 32nd dimension each; the first adds up what all found."""
    found = cuda.shared.array(0, o.dtype)  # seen by all threads of the block; `launch` says how long it is
    lane, first = cuda.threadIdx.x, cuda.threadIdx.y * LANES
    pair = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
    b, m = pair // g.shape[1], pair % g.shape[1]
    total = zero
    if b < g.shape[0]:
        for k in range(lane, o.shape[2], LANES):
            d = g[b, m] * dh[b, k]
            do[b, m, k] = d
            total += d * (o[b, m, k] - h[b, k])
    found[first + lane] = total
    cuda.syncthreads()
    if b < g.shape[0] and lane == 0:
        for other in range(1, LANES):
            total += found[first + other]
        da[b, m] = total
