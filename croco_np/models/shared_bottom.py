"""Shared bottom, and the single-domain baseline that is made of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..layers import MLP, Embeddings, PerDomain, Tower
from ..layers.domain import DomainCache, check_domains
from ..layers.embedding import EmbeddingCache
from ..tree import in_row
from .assembly import Assembly
from .output import Output
from .sizes import checked
from .system import System


class SharedBottomCache(NamedTuple):
    embeddings: EmbeddingCache
    bottom: list
    towers: DomainCache


@dataclass(frozen=True)
class SharedBottom(Assembly):
    """Shared bottom (Caruana 1997): one embedding and one MLP for all domains, a tower for each.

        x = embeddings(ids),  t = bottom(x),  z = tower_s(t)

    Where we follow the paper and not the usual code: each row runs through its own domain's tower only.
    """

    embeddings: Embeddings
    bottom: MLP
    towers: PerDomain

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
    ) -> Self:
        n_in = len(schema.fields) * embedding_width
        return cls(
            embeddings=Embeddings(schema.vocabulary, 1, embedding_width, embedding_std),
            bottom=MLP((n_in, *expert_sizes)),
            towers=PerDomain(Tower((expert_sizes[-1], *tower_sizes)), len(schema.domains)),
        )

    def forward(self, p: dict, batch: Batch) -> tuple[Output, SharedBottomCache]:
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, 1, F E)
        t, bottom = self.bottom.forward(p["bottom"], x[:, 0])  # (B, K)
        z, towers = self.towers.forward(p["towers"], batch.domains, t)  # (B, 1)
        return Output(z[:, 0]), SharedBottomCache(embeddings, bottom, towers)

    def backward(self, c: SharedBottomCache, d: Output) -> dict:
        dt, towers = self.towers.backward(c.towers, d.logits[:, None])
        dx, bottom = self.bottom.backward(c.bottom, dt)
        _, embeddings = self.embeddings.backward(c.embeddings, dx[:, None])
        return {"embeddings": embeddings, "bottom": bottom, "towers": towers}

    def stand_in(self, c: SharedBottomCache, s: int) -> np.ndarray:
        return c.towers.parts[s].logit.x


@dataclass(frozen=True)
class SingleDomain(System):
    """S models that know nothing of each other, one a domain: each a shared bottom with a single domain.

    Embeddings, bottom and tower of domain s see the rows of domain s only. The vocabulary is the joint one. Scores of
    different domains come from unrelated models, so an AUC over all domains pooled compares what was never made
    comparable; the paper leaves that cell empty.

    Where we follow the paper and not the usual code: embeddings are a domain's own too. The S models are trained side
    by side and share the optimiser's step count; each stops by its own validation AUC (`train.stopping`). Their
    parameters are a list, one entry a domain.
    """

    model: SharedBottom
    n_domains: int

    separate = True

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
    ) -> Self:
        one = SharedBottom.build(
            schema,
            embedding_width=embedding_width,
            embedding_std=embedding_std,
            expert_sizes=expert_sizes,
            tower_sizes=tower_sizes,
        )
        return cls(replace(one, towers=replace(one.towers, n_domains=1)), len(schema.domains))

    def init(self, rng: np.random.Generator) -> list[dict]:
        return [self.model.init(rng) for _ in range(self.n_domains)]

    def reads(self, batch: Batch) -> Iterator[tuple[str, np.ndarray]]:
        for s, rows in enumerate(batch.domains):
            for path, ids in self.model.reads(batch.only(rows)):
                yield f"{s}.{path}", ids

    def forward(self, p: list[dict], batch: Batch) -> tuple[Output, tuple]:
        check_domains(batch.domains, self.n_domains, len(batch.ids))
        own = zip(in_row(p, self.n_domains, "models"), batch.domains, strict=True)
        parts = [self.model.forward(p_s, batch.only(rows)) for p_s, rows in own]
        outputs, caches = zip(*parts, strict=True)
        return Output(np.concatenate([out.logits for out in outputs])), (batch.domains, caches)

    def backward(self, c: tuple, d: Output) -> list[dict]:
        domains, caches = c
        check_domains(domains, self.n_domains, len(d.logits))
        parts = zip(caches, domains, strict=True)
        return [self.model.backward(cache, Output(d.logits[rows])) for cache, rows in parts]

    def stand_in(self, c: tuple, s: int) -> np.ndarray:
        return c[1][s].towers.parts[0].logit.x
