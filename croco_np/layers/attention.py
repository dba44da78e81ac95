"""HiNet's attention: how much a domain takes from the others."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arguments import expect
from ..kernels.mix import mix_scalars, mix_scalars_backward
from .domain import check_domains
from .linear import Linear
from .logits import GateLogits, gate_logits

KINDS = ("official", "renorm", "with_self")


class AttentionCache(NamedTuple):
    logits: Any
    seen: np.ndarray
    g: np.ndarray
    o: np.ndarray
    h: np.ndarray


@dataclass(frozen=True)
class ScenarioAttention:
    """SAN: how much a row of domain s takes from what the other domains' experts say.

        g = softmax(e_s W + b)               e_s: embedding of the row's domain    (B, S)
        h = sum over j != s of g_j o_j                                              (B, K)

    e (B, E), o (B, S, K) -> h (B, K). `kind` says what becomes of the own share g_s:
        "official"    it is lost: the shares in h add up to less than 1, as in the authors' released code
        "renorm"      the softmax is over j != s only
        "with_self"   o_s is mixed in
    With one domain there is nobody to listen to: h = 0, but for "with_self". With widths in `hidden`, a relu-MLP stands
    before W.

    Backward: that of a mixture (`kernels.mix`) in which o_s is 0, so nothing goes back to it.
    """

    n_in: int
    n_domains: int
    kind: str = "official"
    hidden: tuple[int, ...] = ()

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r}: choose one of {', '.join(KINDS)}")

    @property
    def logits(self) -> Linear | GateLogits:
        return gate_logits(self.n_in, self.hidden, self.n_domains)

    def init(self, rng: np.random.Generator) -> dict:
        return self.logits.init(rng)

    def forward(
        self, p: dict, domains: tuple[slice, ...], e: np.ndarray, o: np.ndarray
    ) -> tuple[np.ndarray, AttentionCache]:
        check_domains(domains, self.n_domains, len(e))
        expect("o", o, len(e), self.n_domains, None)
        a, logits = self.logits.forward(p, e)
        seen = np.ones_like(o, o.real.dtype, shape=(len(o), self.n_domains, 1))
        for s, rows in enumerate(domains):
            if self.kind != "with_self":
                seen[rows, s] = 0
            if self.kind == "renorm" and self.n_domains > 1:
                a[rows, s] = -np.inf
        o = seen * o
        g, h = mix_scalars(a, o)
        return h, AttentionCache(logits, seen, g, o, h)

    def backward(self, c: AttentionCache, dh: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], dict]:
        do, da = mix_scalars_backward(c.g, c.o, c.h, dh)
        de, grads = self.logits.backward(c.logits, da)
        return (de, c.seen * do), grads
