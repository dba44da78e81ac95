"""MMoE and its multi-embedding version: rows Base and ME of Table 5."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..errors import InputError
from ..layers import Embeddings, Experts, PerDomain, ScalarGate, Tower, add_own, own
from ..layers.domain import DomainCache
from ..layers.embedding import EmbeddingCache
from ..layers.gate import GateCache
from .assembly import Assembly
from .output import Output, merge
from .sizes import HIDDEN_OF_GATES, checked


class MMoECache(NamedTuple):
    embeddings: EmbeddingCache
    experts: list
    gates: GateCache
    towers: DomainCache
    domains: tuple[slice, ...]


@dataclass(frozen=True)
class MMoE(Assembly):
    """Multi-gate mixture of experts (Ma et al. 2018) with domains for tasks; ME-MMoE with one table an expert.

    One embedding (MMoE): all experts and gates read x. M embeddings (ME-MMoE): expert m reads x_m, and the gate of
    domain s reads x_s, which ties the number of tables to the number of domains (Section 4.4 of the paper): M >= S.

    Where we follow the paper and not the usual code: gates are linear layers with a bias and nothing else, if
    `gate_sizes` does not say otherwise, without batch normalisation before the softmax; each row runs through its own
    domain's gate and tower only.
    """

    embeddings: Embeddings
    experts: Experts
    gates: ScalarGate
    towers: PerDomain

    taps = ("experts", "gates")
    options = HIDDEN_OF_GATES
    variants = ({"gate_sizes": (6,)},)
    multi_embedding = False

    @classmethod
    @checked
    def build(
        cls,
        schema: Schema,
        *,
        n_experts: int = 5,
        embedding_width: int = 16,
        embedding_std: float = 0.01,
        expert_sizes: tuple[int, ...] = (64,),
        tower_sizes: tuple[int, ...] = (32,),
        gate_sizes: tuple[int, ...] = (),
    ) -> Self:
        n_domains, n_in = len(schema.domains), len(schema.fields) * embedding_width
        n_tables = n_experts if cls.multi_embedding else 1
        if cls.multi_embedding and n_tables < n_domains:
            raise InputError(f"me_mmoe: {n_tables} experts for {n_domains} domains: gate s reads table s, so M >= S")
        return cls(
            embeddings=Embeddings(schema.vocabulary, n_tables, embedding_width, embedding_std),
            experts=Experts(n_experts, (n_in, *expert_sizes)),
            gates=ScalarGate(n_in, n_experts, n_domains, bias=True, hidden=gate_sizes),
            towers=PerDomain(Tower((expert_sizes[-1], *tower_sizes)), n_domains),
        )

    @property
    def gate_tables(self) -> np.ndarray:
        """(S,) table that the gate of each domain reads."""
        return np.arange(self.gates.n_domains) if self.embeddings.n_tables > 1 else np.zeros(self.gates.n_domains, int)

    def forward(self, p: dict, batch: Batch) -> tuple[Output, MMoECache]:
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, 1 or M, F E)
        o, experts = self.experts.forward(p["experts"], x)  # (B, M, K)
        e = own(x, batch.domains, self.gate_tables)  # (B, F E)
        (h, g), gates = self.gates.forward(p["gates"], batch.domains, e, o)  # (B, K)
        z, towers = self.towers.forward(p["towers"], batch.domains, h)  # (B, 1)
        return Output(z[:, 0], experts=o, gates=g), MMoECache(embeddings, experts, gates, towers, batch.domains)

    def backward(self, c: MMoECache, d: Output) -> dict:
        dh, towers = self.towers.backward(c.towers, d.logits[:, None])
        (de, do), gates = self.gates.backward(c.gates, (dh, d.gates))
        dx, experts = self.experts.backward(c.experts, merge(do, d.experts))
        add_own(dx, c.domains, self.gate_tables, de)  # two readers of one table: its expert and the gate
        _, embeddings = self.embeddings.backward(c.embeddings, dx)
        return {"embeddings": embeddings, "experts": experts, "gates": gates, "towers": towers}


class MEMMoE(MMoE):
    """ME-MMoE: an `MMoE` with one embedding table an expert."""

    multi_embedding = True
