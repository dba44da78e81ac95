"""Domain-aware pruning of neurons."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import expect
from ..kernels.sigmoid import scaled_sigmoid, scaled_sigmoid_backward
from .linear import Linear, LinearCache

MODES = ("fusion", "binarization", "scaling")


class PruneCache(NamedTuple):
    linear: LinearCache
    h: np.ndarray
    v: np.ndarray
    live: np.ndarray
    pi: np.ndarray
    slope: float

    @property
    def share(self) -> float:
        """Share r of the neurons that were pruned, over rows and neurons."""
        return float(1 - self.live.sum() / self.live.size) if self.live.size else 0.0


@dataclass(frozen=True)
class Pruner:
    """Weights for the neurons of a layer, made from the domain and from the neurons themselves (Yang et al. 2022).

        v = beta sigmoid(alpha ([e, h] W + b)),   live = 1[v > eps],   h' = h * pi
        fusion        pi = v live        soft weights, the small ones cut off
        binarization  pi = live          beta = 1
        scaling       pi = v             alpha = 1: nothing is pruned

    e (B, P) domain embedding, h (B, n) -> h' (B, n). The larger alpha, the closer v comes to a switch. A pruned neuron
    is 0: with the sign function in place of the step, as some public code has it, it would be -h.

    Backward, given dh' and drho, the gradient of the pruned share r = mean(1 - live):
        dv = dh' * h * live                   scaling: live = 1
           - drho / (B n)                     straight through
        da = dv alpha v (1 - v / beta),  (de, dh) = da W^T + (0, dh' * pi)
    The first line is exact wherever v != eps. r is a count, its true gradient 0 or infinite; our choice is to go
    straight through the step, as if dlive/dv = 1. Binarization, which otherwise could not learn, does so for h', too:
    dv = dh' * h.
    """

    n_prior: int
    width: int
    mode: str = "fusion"
    epsilon: float = 0.25
    beta: float = 2.0

    @property
    def linear(self) -> Linear:
        return Linear(self.n_prior + self.width, self.width)

    @property
    def top(self) -> float:
        """Upper bound of v."""
        return 1.0 if self.mode == "binarization" else self.beta

    def init(self, rng: np.random.Generator) -> dict:
        return self.linear.init(rng)

    def forward(self, p: dict, e: np.ndarray, h: np.ndarray, alpha: float) -> tuple[np.ndarray, PruneCache]:
        expect("e", e, len(h), self.n_prior)
        expect("h", h, len(e), self.width)
        a, linear = self.linear.forward(p, np.concatenate([e, h], axis=1))
        slope = 1.0 if self.mode == "scaling" else alpha
        v = scaled_sigmoid(a, slope, self.top)
        live = np.ones_like(v.real) if self.mode == "scaling" else (v.real > self.epsilon).astype(v.real.dtype)
        pi = live if self.mode == "binarization" else v * live
        return h * pi, PruneCache(linear, h, v, live, pi, slope)

    def backward(
        self, c: PruneCache, dy: np.ndarray, dshare: float = 0.0
    ) -> tuple[tuple[np.ndarray, np.ndarray], dict]:
        expect("dy", dy, *c.h.shape)
        dv = dy * c.h
        if self.mode != "binarization":
            dv = dv * c.live
        if self.mode != "scaling":
            dv -= dshare / max(dv.size, 1)
        da = scaled_sigmoid_backward(c.v, dv, c.slope, self.top)
        din, grads = self.linear.backward(c.linear, da)
        return (din[:, : self.n_prior], din[:, self.n_prior :] + dy * c.pi), grads
