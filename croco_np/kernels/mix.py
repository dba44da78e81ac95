"""Mixtures of experts: softmax over the experts and weighted sum in one pass, and back.

    g_m = softmax(a)_m,   h = sum_m g_m o_m
    do_m = g_m dh                            an expert is taught in proportion to its share
    da_m = g_m <dh, o_m - h>                 descent takes share where this is > 0: o_m raises L more than h

Derivation: h is linear in the shares, so dg_m = <dh, o_m>. The softmax takes dg to da_m = g_m (dg_m - sum_n g_n dg_n),
and sum_n g_n dg_n = <dh, sum_n g_n o_n> = <dh, h>: the forward pass has it already, so the two backwards are fused.

`mix_elements` has a softmax for each of the K dimensions (a, g are (B, M, K), and <,> is a product in one dimension),
`mix_scalars` one for the whole expert (a, g are (B, M)). A function with the decorator `.numba` is the twin of the one
above it; see `croco_np.kernels.twin`.
"""

import numpy as np

from ..arguments import expect, real
from .twin import kernel, prange


def softmax(a: np.ndarray) -> np.ndarray:
    """Softmax over axis 1, the experts. Shifted by the (real) maximum, so that no exponential overflows."""
    e = np.exp(a - a.real.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(g: np.ndarray, dg: np.ndarray) -> np.ndarray:
    """From g = softmax(a) and dg: da = g (dg - sum_n g_n dg_n), sums over axis 1."""
    expect("dg", dg, *g.shape)
    return g * (dg - (g * dg).sum(axis=1, keepdims=True))


@kernel
def mix_elements(a: np.ndarray, o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gate logits a and expert outputs o, both (B, M, K) -> shares g (B, M, K), mixture h (B, K)."""
    g = softmax(a)
    return g, (g * o).sum(axis=1)


mix_elements.takes(a=real("B M+ K"), o=real("B M+ K"))


@mix_elements.numba
def mix_elements(a: np.ndarray, o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_rows, n_experts, width = o.shape
    g = np.empty_like(a)
    h = np.empty((n_rows, width), o.dtype)
    for i in prange(n_rows):
        top, total = np.empty(width, a.dtype), np.empty(width, a.dtype)
        for k in range(width):
            top[k] = a[i, 0, k]
            total[k] = 0
            h[i, k] = 0
        for m in range(1, n_experts):
            for k in range(width):
                top[k] = max(top[k], a[i, m, k])
        for m in range(n_experts):
            for k in range(width):
                g[i, m, k] = np.exp(a[i, m, k] - top[k])
                total[k] += g[i, m, k]
        for m in range(n_experts):
            for k in range(width):
                g[i, m, k] /= total[k]
                h[i, k] += g[i, m, k] * o[i, m, k]
    return g, h


@kernel
def mix_elements_backward(g: np.ndarray, o: np.ndarray, h: np.ndarray, dh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From the forward's g, o, h and dh (B, K): do and da, both (B, M, K)."""
    do = g * dh[:, None]
    return do, do * (o - h[:, None])


mix_elements_backward.takes(g=real("B M K"), o=real("B M K"), h=real("B K"), dh=real("B K"))


@mix_elements_backward.numba
def mix_elements_backward(g: np.ndarray, o: np.ndarray, h: np.ndarray, dh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_rows, n_experts, width = o.shape
    do, da = np.empty_like(o), np.empty_like(o)
    for i in prange(n_rows):
        for m in range(n_experts):
            for k in range(width):
                do[i, m, k] = g[i, m, k] * dh[i, k]
                da[i, m, k] = do[i, m, k] * (o[i, m, k] - h[i, k])
    return do, da


@kernel
def mix_scalars(a: np.ndarray, o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gate logits a (B, M), expert outputs o (B, M, K) -> shares g (B, M), mixture h (B, K)."""
    g = softmax(a)
    return g, (g[:, :, None] * o).sum(axis=1)


mix_scalars.takes(a=real("B M+"), o=real("B M+ K"))


@mix_scalars.numba
def mix_scalars(a: np.ndarray, o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_rows, n_experts, width = o.shape
    g = np.empty_like(a)
    h = np.zeros((n_rows, width), o.dtype)
    for i in prange(n_rows):
        top, total = a[i].max(), a.dtype.type(0)
        for m in range(n_experts):
            g[i, m] = np.exp(a[i, m] - top)
            total += g[i, m]
        for m in range(n_experts):
            g[i, m] /= total
            for k in range(width):
                h[i, k] += g[i, m] * o[i, m, k]
    return g, h


@kernel
def mix_scalars_backward(g: np.ndarray, o: np.ndarray, h: np.ndarray, dh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From the forward's g (B, M), o, h and dh (B, K): do (B, M, K) and da (B, M)."""
    do = g[:, :, None] * dh[:, None]
    return do, (do * (o - h[:, None])).sum(axis=2)


mix_scalars_backward.takes(g=real("B M"), o=real("B M K"), h=real("B K"), dh=real("B K"))


@mix_scalars_backward.numba
def mix_scalars_backward(g: np.ndarray, o: np.ndarray, h: np.ndarray, dh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_rows, n_experts, width = o.shape
    do, da = np.empty_like(o), np.zeros_like(g)
    for i in prange(n_rows):
        for m in range(n_experts):
            for k in range(width):
                do[i, m, k] = g[i, m] * dh[i, k]
                da[i, m] += do[i, m, k] * (o[i, m, k] - h[i, k])
    return do, da
