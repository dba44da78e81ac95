"""One level of progressive layered extraction in which every row runs through every expert."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import expect
from ..kernels.mix import mix_scalars, mix_scalars_backward
from ..tree import in_row
from .experts import Experts
from .linear import Linear
from .logits import GateLogits, gate_logits


class ExtractionCache(NamedTuple):
    experts: list
    gates: list
    mixtures: list
    o: np.ndarray


@dataclass(frozen=True)
class Extraction:
    """A level of PLE (Tang et al. 2020) that is not the last: S domain paths and a shared one, each with a gate.

        o_e = expert_e(x of the path the expert belongs to)
        x'_j = sum over the experts that path j may use of softmax(x_j W_j + b_j)_e o_e

    x (B, S + 1, n) -> (B, S + 1, K); path S is the shared one. Domain path s uses its own experts and the shared ones;
    the shared path uses all of them, or with `shared_only` only the shared ones, as some public code has it. With
    widths in `hidden`, each gate has a relu-MLP before its W_j.

    The next level's shared path depends on every domain's experts, so every row runs through all of them, and a row of
    one domain teaches the experts of another; not so with `shared_only`, where foreign experts reach nothing.

    Backward, given dx': the mixture's backward for each path, added up over the paths that used an expert.
    """

    n_domains: int
    n_specific: int
    n_shared: int
    sizes: tuple[int, ...]
    shared_only: bool = False
    hidden: tuple[int, ...] = ()

    @property
    def paths(self) -> np.ndarray:
        """(number of experts,) the path each expert belongs to: n_specific for each domain, then the shared ones."""
        return np.repeat(np.arange(self.n_domains + 1), [self.n_specific] * self.n_domains + [self.n_shared])

    @property
    def experts(self) -> Experts:
        return Experts(len(self.paths), self.sizes)

    def used(self, path: int) -> list[int]:
        """Positions of the experts that a path mixes."""
        if path == self.n_domains and not self.shared_only:
            return list(range(len(self.paths)))
        return np.flatnonzero((self.paths == path) | (self.paths == self.n_domains)).tolist()

    def gate(self, path: int) -> Linear | GateLogits:
        return gate_logits(self.sizes[0], self.hidden, len(self.used(path)))

    def init(self, rng: np.random.Generator) -> dict:
        gates = [self.gate(j).init(rng) for j in range(self.n_domains + 1)]
        return {"experts": self.experts.init(rng), "gates": gates}

    def forward(self, p: dict, x: np.ndarray) -> tuple[np.ndarray, ExtractionCache]:
        expect("x", x, None, self.n_domains + 1, self.sizes[0])
        o, experts = self.experts.forward(p["experts"], x[:, self.paths.tolist()])
        mixed, gates, mixtures = [], [], []
        for j, own in enumerate(in_row(p["gates"], self.n_domains + 1, "gates")):
            a, gate = self.gate(j).forward(own, x[:, j])
            g, h = mix_scalars(a, np.take(o, self.used(j), axis=1))
            mixed.append(h)
            gates.append(gate)
            mixtures.append((g, h))
        return np.stack(mixed, axis=1), ExtractionCache(experts, gates, mixtures, o)

    def backward(self, c: ExtractionCache, dmixed: np.ndarray) -> tuple[np.ndarray, dict]:
        expect("dmixed", dmixed, len(c.o), self.n_domains + 1, c.o.shape[2])
        do, gates = np.zeros_like(c.o), []
        dx = np.empty((len(dmixed), self.n_domains + 1, self.sizes[0]), dmixed.dtype, like=dmixed)
        for j, (g, h) in enumerate(c.mixtures):
            used = self.used(j)
            do_j, da = mix_scalars_backward(g, np.take(c.o, used, axis=1), h, dmixed[:, j].copy())
            do[:, used] += do_j
            dx[:, j], gate = self.gate(j).backward(c.gates[j], da)
            gates.append(gate)
        de, experts = self.experts.backward(c.experts, do)
        for e, j in enumerate(self.paths):
            dx[:, j] += de[:, e]
        return dx, {"experts": experts, "gates": gates}
