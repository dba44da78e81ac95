"""Shared bottom, and the single-domain baseline that is made of it."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from ..datasets.splits import Schema
from ..layers import MLP, Embeddings, PerDomain, Tower
from ..layers.domain import check_domains
from .assembly import Assembly
from .output import Output
from .sizes import checked
from .system import System


class SharedBottomCache(NamedTuple):
    embeddings: NamedTuple
    bottom: list
    towers: NamedTuple


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

    def forward(self, p, batch):
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, 1, F E)
        t, bottom = self.bottom.forward(p["bottom"], x[:, 0])  # (B, K)
        z, towers = self.towers.forward(p["towers"], batch.domains, t)  # (B, 1)
        return Output(z[:, 0]), SharedBottomCache(embeddings, bottom, towers)

    def backward(self, c, d):
        dt, towers = self.towers.backward(c.towers, d.logits[:, None])
        dx, bottom = self.bottom.backward(c.bottom, dt)
        _, embeddings = self.embeddings.backward(c.embeddings, dx[:, None])
        return {"embeddings": embeddings, "bottom": bottom, "towers": towers}

    def stand_in(self, c, s):
        return c.towers.parts[s].logit.x


@dataclass(frozen=True)
class SingleDomain(System):
    """S models that know nothing of each other, one a domain: each a shared bottom with a single domain.

    Embeddings, bottom and tower of domain s see the rows of domain s only. The vocabulary is the joint one. Scores of
    different domains come from unrelated models, so an AUC over all domains pooled compares what was never made
    comparable; the paper leaves that cell empty.

    Where we follow the paper and not the usual code: embeddings are a domain's own too. The S models are trained side
    by side: they share the optimiser's step count and the epoch that early stopping picks.
    """

    model: SharedBottom
    n_domains: int

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

    def init(self, rng):
        return {str(s): self.model.init(rng) for s in range(self.n_domains)}

    def reads(self, batch):
        for s, rows in enumerate(batch.domains):
            for path, ids in self.model.reads(batch.only(rows)):
                yield f"{s}.{path}", ids

    def forward(self, p, batch):
        check_domains(batch.domains, self.n_domains, len(batch.ids))
        parts = [self.model.forward(p[str(s)], batch.only(rows)) for s, rows in enumerate(batch.domains)]
        outputs, caches = zip(*parts, strict=True)
        return Output(np.concatenate([out.logits for out in outputs])), (batch.domains, caches)

    def backward(self, c, d):
        domains, caches = c
        check_domains(domains, self.n_domains, len(d.logits))
        parts = zip(caches, domains, strict=True)
        return {str(s): self.model.backward(cache, Output(d.logits[rows])) for s, (cache, rows) in enumerate(parts)}

    def stand_in(self, c, s):
        return c[1][s].towers.parts[0].logit.x
