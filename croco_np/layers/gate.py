"""Gates: how much of each expert goes to a domain's tower (Eqs. 8 and 10)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..kernels.mix import mix_elements, mix_elements_backward, mix_scalars, mix_scalars_backward, softmax_backward
from .domain import DomainCache, PerDomain
from .linear import Linear
from .logits import gate_logits
from .reading import Reading


class GateCache(NamedTuple):
    logits: DomainCache
    g: np.ndarray
    o: np.ndarray
    h: np.ndarray


def _pulled(da, g, dg):
    """The gradient of the gate logits, with that of a loss on the shares: dg is an array, a `Reading` or None."""
    if isinstance(dg, Reading):
        return dg.keep(da)
    return da if dg is None else da + softmax_backward(g, dg)


@dataclass(frozen=True)
class ScalarGate:
    """A gate with one share for each expert: MMoE's gate, and the prior-informed gate PG of Eq. (10).

        a = e W_s (+ b_s)                    gate logits, W_s of the row's domain s    (B, M)
        g = softmax(a) over m                                                          (B, M)
        h = sum_m g_m o_m                    mixture                                   (B, K)

    e (B, P), o (B, M, K) -> h (B, K), g (B, M). PG reads the prior embedding and has no bias; MMoE's gate reads the
    ordinary embedding and has one. With widths in `hidden`, a relu-MLP of the row's domain stands before W_s.

    Backward, given dh, and dg where a loss pulls on the shares themselves (else None):
        do_m = g_m dh                        an expert is taught in proportion to its share
        da_m = g_m <dh, o_m - h>             descent takes share where this is > 0: o_m raises L more than h
             + g_m (dg_m - sum_n g_n dg_n)   the loss on the shares, through the softmax
        dW_s = e_s^T da_s,  de = da W_s^T
    The da of a row add up to 0: shares can only be moved, not created.
    """

    n_prior: int
    n_experts: int
    n_domains: int
    bias: bool = False
    hidden: tuple[int, ...] = ()

    @property
    def logits(self) -> PerDomain:
        return PerDomain(gate_logits(self.n_prior, self.hidden, self.n_experts, self.bias), self.n_domains)

    def init(self, rng: np.random.Generator) -> list:
        return self.logits.init(rng)

    def forward(
        self, p: list, domains: tuple[slice, ...], e: np.ndarray, o: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], GateCache]:
        a, logits = self.logits.forward(p, domains, e)
        g, h = mix_scalars(a, o)
        return (h, g), GateCache(logits, g, o, h)

    def backward(
        self, c: GateCache, d: tuple[np.ndarray, np.ndarray | Reading | None]
    ) -> tuple[tuple[np.ndarray, np.ndarray], list]:
        dh, dg = d
        do, da = mix_scalars_backward(c.g, c.o, c.h, dh)
        da = _pulled(da, c.g, dg)
        de, grads = self.logits.backward(c.logits, da)
        return (de, do), grads


@dataclass(frozen=True)
class ElementGate:
    """Prior-informed element-wise gate (PEG), Eqs. (8) and (10): one share for each expert *and dimension*.

        a = e W_s                            gate logits, W_s of the row's domain s    (B, M, K)
        g = softmax(a) over m                for each of the K dimensions              (B, M, K)
        h = sum_m g_m * o_m                  mixture                                   (B, K)

    e (B, P), o (B, M, K) -> h (B, K), g (B, M, K).

    Backward, given dh, and dg where a loss pulls on the shares themselves (else None):
        do_m = g_m * dh                      an expert is taught in proportion to its share
        da_m = do_m * (o_m - h)              descent takes share where this is > 0: o_m raises L more than h
             + g_m * (dg_m - sum_n g_n dg_n) the loss on the shares, through the softmax
        dW_s = e_s^T da_s,  de = da W_s^T
    For each row and dimension the da add up to 0 over the experts.
    """

    n_prior: int
    n_experts: int
    width: int
    n_domains: int

    @property
    def logits(self) -> PerDomain:
        return PerDomain(Linear(self.n_prior, self.n_experts * self.width, bias=False), self.n_domains)

    def init(self, rng: np.random.Generator) -> list:
        return self.logits.init(rng)

    def forward(
        self, p: list, domains: tuple[slice, ...], e: np.ndarray, o: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], GateCache]:
        a, logits = self.logits.forward(p, domains, e)
        g, h = mix_elements(a.reshape(len(a), self.n_experts, self.width), o)
        return (h, g), GateCache(logits, g, o, h)

    def backward(
        self, c: GateCache, d: tuple[np.ndarray, np.ndarray | Reading | None]
    ) -> tuple[tuple[np.ndarray, np.ndarray], list]:
        dh, dg = d
        do, da = mix_elements_backward(c.g, c.o, c.h, dh)
        da = _pulled(da, c.g, dg)
        de, grads = self.logits.backward(c.logits, da.reshape(len(da), self.n_experts * self.width))
        return (de, do), grads
