"""HiNet: every row asks every domain's experts, and an attention weighs the foreign answers."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..kernels.mix import mix_scalars, mix_scalars_backward
from ..layers import Embeddings, Experts, Linear, PerDomain, ScenarioAttention, Tower, add_own, domain_ids, own
from ..layers.attention import KINDS, AttentionCache
from ..layers.domain import DomainCache
from ..layers.embedding import EmbeddingCache
from ..layers.linear import LinearCache
from ..options import Option
from .assembly import Assembly
from .output import Output, merge
from .sizes import HIDDEN_OF_GATES, MOST_PARTS, checked


class HiNetCache(NamedTuple):
    embeddings: EmbeddingCache
    domain: EmbeddingCache
    experts: list
    gates: LinearCache
    mixture: tuple[np.ndarray, np.ndarray, np.ndarray]
    attention: AttentionCache
    towers: DomainCache
    domains: tuple[slice, ...]


@dataclass(frozen=True)
class HiNet(Assembly):
    """HiNet (Zhou et al. 2023), scenario layer only: S + 1 small mixtures of experts (SEI) on every row.

        t_j = sum_r softmax(x W_j + b_j)_r f_jr(x)           SEI of each domain j, and a shared one, j = S
        h = attention of the row's domain s to the t_j of the others     (SAN, `ScenarioAttention`)
        z = tower_s([h ; t_s ; t_S])

    There is no stop-gradient: a row teaches every domain's experts, also those of domains absent from the batch. All
    (S + 1) n experts run on every row, which makes this the most expensive of the baselines.

    Where we follow the paper and not the usual code: no ReLU before any softmax, and softmax over axes of more than one
    entry. Our choice: a single linear layer gives SAN's shares, if `gate_sizes` does not
    say otherwise; one task a domain, so the task layer (CGC) is left out.
    """

    embeddings: Embeddings
    domain: Embeddings
    experts: Experts
    gates: Linear
    attention: ScenarioAttention
    towers: PerDomain

    taps = ("experts",)
    options = HIDDEN_OF_GATES | {
        "n_sub_experts": Option("experts of each domain, and shared ones", low=1, high=MOST_PARTS),
        "attention": Option(
            "a domain's own share of the attention. official: dropped; renorm: left out of the softmax; with_self: "
            "mixed in like the others",
            choices=KINDS,
        ),
    }
    blackboard = {"n_sub_experts": 2}
    variants = ({"attention": "renorm"}, {"attention": "with_self"}, {"gate_sizes": (6,)})

    @classmethod
    @checked
    def build(
        cls,
        schema: Schema,
        *,
        embedding_width: int = 16,
        embedding_std: float = 0.01,
        expert_sizes: tuple[int, ...] = (64,),
        tower_sizes: tuple[int, ...] = (32,),
        n_sub_experts: int = 4,
        attention: str = "official",
        gate_sizes: tuple[int, ...] = (),
    ) -> Self:
        n_domains, width = len(schema.domains), embedding_width
        n_in, n_experts = len(schema.fields) * width, (n_domains + 1) * n_sub_experts
        return cls(
            embeddings=Embeddings(schema.vocabulary, 1, width, embedding_std),
            domain=Embeddings((n_domains,), 1, width, embedding_std),
            experts=Experts(n_experts, (n_in, *expert_sizes)),
            gates=Linear(n_in, n_experts),  # a column block for each SEI
            attention=ScenarioAttention(width, n_domains, attention, gate_sizes),
            towers=PerDomain(Tower((3 * expert_sizes[-1], *tower_sizes)), n_domains),
        )

    def looks_up(self, batch: Batch) -> dict[str, np.ndarray]:
        return {"embeddings": batch.ids, "domain": domain_ids(batch.domains, batch.ids)}

    def forward(self, p: dict, batch: Batch) -> tuple[Output, HiNetCache]:
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, 1, F E)
        e, domain = self.domain.forward(p["domain"], domain_ids(batch.domains, batch.ids))  # (B, 1, E)
        o, experts = self.experts.forward(p["experts"], x)  # (B, (S + 1) n, K)
        a, gates = self.gates.forward(p["gates"], x[:, 0])  # (B, (S + 1) n)
        n_rows, n_mixtures, width = len(o), self.attention.n_domains + 1, o.shape[2]
        n = self.experts.n_experts // n_mixtures
        parts = o.reshape(n_rows * n_mixtures, n, width)  # one row for each SEI of each row
        g, t = mix_scalars(a.reshape(n_rows * n_mixtures, n), parts)
        sei = t.reshape(n_rows, n_mixtures, width)
        h, attention = self.attention.forward(p["attention"], batch.domains, e[:, 0], sei[:, :-1])  # (B, K)
        mine = own(sei, batch.domains, range(n_mixtures - 1))  # (B, K)
        z, towers = self.towers.forward(p["towers"], batch.domains, np.concatenate([h, mine, sei[:, -1]], axis=1))
        cache = HiNetCache(embeddings, domain, experts, gates, (g, parts, t), attention, towers, batch.domains)
        return Output(z[:, 0], experts=o), cache

    def compared(self, output: Output, c: HiNetCache) -> np.ndarray:
        """The S + 1 mixtures t_j (SEI): one answers for a domain, as an expert does elsewhere."""
        t = c.mixture[2]
        return t.reshape(-1, self.attention.n_domains + 1, t.shape[1])

    def backward(self, c: HiNetCache, d: Output) -> dict:
        dh, towers = self.towers.backward(c.towers, d.logits[:, None])
        dh, dmine, dshared = (part.copy() for part in np.split(dh, 3, axis=1))
        (de, dforeign), attention = self.attention.backward(c.attention, dh)
        dsei = np.concatenate([dforeign, dshared[:, None]], axis=1)  # (B, S + 1, K)
        add_own(dsei, c.domains, range(self.attention.n_domains), dmine)
        g, parts, t = c.mixture
        do, da = mix_scalars_backward(g, parts, t, dsei.reshape(t.shape))
        n_rows, n_experts = len(dsei), self.experts.n_experts
        do = merge(do.reshape(n_rows, n_experts, t.shape[1]), d.experts)
        dx, experts = self.experts.backward(c.experts, do)
        dx_gates, gates = self.gates.backward(c.gates, da.reshape(n_rows, n_experts))
        _, domain = self.domain.backward(c.domain, de[:, None])
        _, embeddings = self.embeddings.backward(c.embeddings, dx + dx_gates[:, None])
        grads = {"embeddings": embeddings, "domain": domain, "experts": experts, "gates": gates}
        return grads | {"attention": attention, "towers": towers}
