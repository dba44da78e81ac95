"""PLE and its multi-embedding version."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..layers import Embeddings, Experts, Extraction, PerDomain, ScalarGate, Tower, add_own, own
from ..layers.domain import DomainCache
from ..layers.embedding import EmbeddingCache
from ..layers.extraction import ExtractionCache
from ..layers.gate import GateCache
from ..options import Option
from ..tree import in_row
from .assembly import Assembly
from .output import Output
from .sizes import HIDDEN_OF_GATES, MOST_PARTS, SPECIFIC_AND_SHARED, checked


class PLECache(NamedTuple):
    embeddings: EmbeddingCache
    levels: list[ExtractionCache]
    specific: DomainCache
    shared: list
    gates: GateCache
    towers: DomainCache
    domains: tuple[slice, ...]
    tables: np.ndarray


@dataclass(frozen=True)
class PLE(Assembly):
    """Progressive layered extraction (Tang et al. 2020) with domains for tasks; ME-PLE with S + 1 tables.

        x -> levels (S domain paths and a shared one) -> last level -> tower of the row's domain
        last level: h = gate of domain s, on x_s, mixes the experts of s, on x_s, and the shared ones, on x_sh

    One embedding (PLE): all paths start as x. S + 1 embeddings (ME-PLE): path s starts as x_s and the shared path as
    x_sh, so the table of domain s is trained by rows of s alone. That holds for a single level, hence ME-PLE has one.

    Where we follow the paper and not the usual code: the last level runs a row through its own domain's experts only;
    the shared gate of earlier levels mixes *all* experts (`Extraction.shared_only` is the other reading).
    Our choice: one level, one expert of each domain's own and one shared one, gates without hidden layers.

    All tables of a value lie side by side, so a row of ME-PLE looks up foreign tables too. Their gradient is exactly 0,
    but they count as touched: `lazy_adam` and `l2` let them decay.
    """

    embeddings: Embeddings
    levels: tuple[Extraction, ...]
    specific: PerDomain
    shared: Experts
    gates: ScalarGate
    towers: PerDomain

    taps = ("gates",)  # a row runs through its own domain's experts and the shared ones only
    options = (
        SPECIFIC_AND_SHARED
        | HIDDEN_OF_GATES
        | {
            "n_levels": Option("extraction levels", low=1, high=MOST_PARTS),
            "shared_gate": Option("what the shared gate of early levels mixes", choices=("all", "shared_only")),
        }
    )
    blackboard = {"n_specific": 2}
    variants: ClassVar[tuple[dict[str, Any], ...]] = ({"gate_sizes": (6,)}, {"gate_sizes": (6,), "n_levels": 2})

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
        n_specific: int = 1,
        n_shared: int = 1,
        gate_sizes: tuple[int, ...] = (),
        n_levels: int = 1,
        shared_gate: str = "all",
    ) -> Self:
        n_domains, n_in = len(schema.domains), len(schema.fields) * embedding_width
        n_sp, n_sh, width = n_specific, n_shared, expert_sizes[-1]
        widths = [n_in] + [width] * (n_levels - 1)
        only = shared_gate == "shared_only"
        first = [Extraction(n_domains, n_sp, n_sh, (n, *expert_sizes), only, gate_sizes) for n in widths[:-1]]
        last = (widths[-1], *expert_sizes)
        return cls(
            embeddings=Embeddings(schema.vocabulary, 1, embedding_width, embedding_std),
            levels=tuple(first),
            specific=PerDomain(Experts(n_sp, last), n_domains),
            shared=Experts(n_sh, last),
            gates=ScalarGate(widths[-1], n_sp + n_sh, n_domains, bias=True, hidden=gate_sizes),
            towers=PerDomain(Tower((width, *tower_sizes)), n_domains),
        )

    def forward(self, p: dict, batch: Batch) -> tuple[Output, PLECache]:
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, 1 or S + 1, F E)
        n_domains, levels = self.gates.n_domains, []
        if self.levels:
            x = np.repeat(x, n_domains + 1, axis=1)  # all paths start alike
        for level, own_level in zip(self.levels, in_row(p["levels"], len(self.levels), "levels"), strict=True):
            x, cache = level.forward(own_level, x)  # (B, S + 1, K)
            levels.append(cache)
        tables = np.arange(n_domains) if x.shape[1] > 1 else np.zeros(n_domains, int)
        e = own(x, batch.domains, tables)  # (B, n)
        specific, spe = self.specific.forward(p["specific"], batch.domains, e[:, None])  # (B, n_sp, K)
        shared, sha = self.shared.forward(p["shared"], x[:, -1:])  # (B, n_sh, K)
        o = np.concatenate([specific, shared], axis=1)
        (h, g), gates = self.gates.forward(p["gates"], batch.domains, e, o)  # (B, K)
        z, towers = self.towers.forward(p["towers"], batch.domains, h)  # (B, 1)
        return Output(z[:, 0], gates=g), PLECache(embeddings, levels, spe, sha, gates, towers, batch.domains, tables)

    def backward(self, c: PLECache, d: Output) -> dict:
        n_sp = self.specific.layer.n_experts
        dh, towers = self.towers.backward(c.towers, d.logits[:, None])
        (de, do), gates = self.gates.backward(c.gates, (dh, d.gates))
        dspe, specific = self.specific.backward(c.specific, do[:, :n_sp].copy())
        dsha, shared = self.shared.backward(c.shared, do[:, n_sp:].copy())
        n_paths = self.gates.n_domains + 1 if self.levels else self.embeddings.n_tables
        dx = np.zeros((len(de), n_paths, de.shape[1]), de.dtype, like=de)
        add_own(dx, c.domains, c.tables, de + dspe[:, 0])  # x_s is read by the gate and the experts of s
        dx[:, -1:] += dsha
        levels = []
        for level, cache in zip(reversed(self.levels), reversed(c.levels), strict=True):
            dx, own_level = level.backward(cache, dx)
            levels.append(own_level)
        if self.levels:
            dx = dx.sum(axis=1, keepdims=True)
        _, embeddings = self.embeddings.backward(c.embeddings, dx)
        grads = {"embeddings": embeddings, "levels": levels[::-1], "specific": specific}
        return grads | {"shared": shared, "gates": gates, "towers": towers}

    def stand_in(self, c: PLECache, s: int) -> np.ndarray:
        return c.specific.parts[s][-1].y


class MEPLE(PLE):
    """ME-PLE: a `PLE` with S + 1 embedding tables and one level; with more, a domain's table would not be its own."""

    variants = ({"gate_sizes": (6,)},)

    @classmethod
    @checked
    def build(  # type: ignore[override]  # without the options of several levels
        cls,
        schema: Schema,
        *,
        embedding_width: int = 16,
        embedding_std: float = 0.01,
        expert_sizes: tuple[int, ...] = (64,),
        tower_sizes: tuple[int, ...] = (32,),
        n_specific: int = 1,
        n_shared: int = 1,
        gate_sizes: tuple[int, ...] = (),
    ) -> Self:
        one = super().build(
            schema,
            embedding_width=embedding_width,
            embedding_std=embedding_std,
            expert_sizes=expert_sizes,
            tower_sizes=tower_sizes,
            n_specific=n_specific,
            n_shared=n_shared,
            gate_sizes=gate_sizes,
        )
        return replace(one, embeddings=replace(one.embeddings, n_tables=len(schema.domains) + 1))
