"""STAR: shared weights times a domain's own."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..layers import Embeddings, PartitionedNorm, Star, Tower, domain_ids
from ..layers.embedding import EmbeddingCache
from ..layers.mlp import TowerCache
from ..layers.norm import NormCache
from ..layers.star import StarCache
from ..options import Option
from .assembly import Assembly
from .output import Output
from .sizes import checked


class STARCache(NamedTuple):
    embeddings: EmbeddingCache
    domain: EmbeddingCache
    norm: NormCache
    network: StarCache
    auxiliary: TowerCache


@dataclass(frozen=True)
class STAR(Assembly):
    """STAR (Sheng et al. 2021): partitioned normalisation, star topology, auxiliary network.

        x = embeddings(ids),  e = row s of the domain table
        z = network_s(norm_s(x)) + auxiliary([e, x])

    norm_s and network_s join a domain's own parameters with shared ones (`PartitionedNorm`, `Star`). The tables and the
    auxiliary network are shared; that one is told the domain. The logit has no ReLU.

    A field that is constant within a domain, such as the domain itself, is normalised away: only the auxiliary network
    sees it.

    Where we follow the paper and not the usual code: a domain is normalised by the moments of its own rows, in
    evaluation by running ones, and not by those of the whole mixed batch, on which a score would then depend; network
    and norm have a product of shared and own weights, not a sum; there is no further normalisation between the layers.
    Our choices: epsilon 1e-3, TensorFlow's default, which most TensorFlow code of STAR takes. With the variance of
    about 2e-4 that trained embeddings have, it decides how far the norm stretches them: to a spread of 0.4, with 1e-5
    (PyTorch's) to 1. The auxiliary network reads the domain and all fields, not the domain alone.
    """

    embeddings: Embeddings
    domain: Embeddings
    norm: PartitionedNorm
    network: Star
    auxiliary: Tower

    running = ("norm.mean", "norm.var")
    options = {"norm_epsilon": Option("what is added to the variances of the partitioned normalisation", low=0)}
    variants = ({"norm_epsilon": 1e-5},)

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
        norm_epsilon: float = 1e-3,
    ) -> Self:
        n_domains, width = len(schema.domains), embedding_width
        n_in = len(schema.fields) * width
        return cls(
            embeddings=Embeddings(schema.vocabulary, 1, width, embedding_std),
            domain=Embeddings((n_domains,), 1, width, embedding_std),
            norm=PartitionedNorm(n_in, n_domains, eps=norm_epsilon),
            network=Star(Tower((n_in, *expert_sizes)), n_domains),
            auxiliary=Tower((width + n_in, *tower_sizes)),
        )

    def looks_up(self, batch: Batch) -> dict[str, np.ndarray]:
        return {"embeddings": batch.ids, "domain": domain_ids(batch.domains, batch.ids)}

    def forward(self, p: dict, batch: Batch) -> tuple[Output, STARCache]:
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, 1, F E)
        e, domain = self.domain.forward(p["domain"], domain_ids(batch.domains, batch.ids))  # (B, 1, E)
        h, norm = self.norm.forward(p["norm"], batch.domains, x[:, 0], batch.training)  # (B, F E)
        z, network = self.network.forward(p["network"], batch.domains, h)  # (B, 1)
        extra, auxiliary = self.auxiliary.forward(p["auxiliary"], np.concatenate([e[:, 0], x[:, 0]], axis=1))  # (B, 1)
        return Output((z + extra)[:, 0]), STARCache(embeddings, domain, norm, network, auxiliary)

    def backward(self, c: STARCache, d: Output) -> dict:
        dz = d.logits[:, None]
        dex, auxiliary = self.auxiliary.backward(c.auxiliary, dz)
        dh, network = self.network.backward(c.network, dz)
        dx, norm = self.norm.backward(c.norm, dh)
        de, dx_aux = np.split(dex, [self.domain.width], axis=1)
        _, domain = self.domain.backward(c.domain, de[:, None].copy())
        _, embeddings = self.embeddings.backward(c.embeddings, (dx + dx_aux)[:, None])  # x is read twice
        return {"embeddings": embeddings, "domain": domain, "norm": norm, "network": network, "auxiliary": auxiliary}

    def tracked(self, c: STARCache) -> dict[str, np.ndarray]:
        return {f"norm.{name}": value for name, value in self.norm.tracked(c.norm).items()}

    def stand_in(self, c: STARCache, s: int) -> np.ndarray:
        return c.network.parts.parts[s].logit.x
