"""Crocodile: Fig. 3 of the paper, upwards and downwards; below it, its twin, which multiplies fewer rows."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..errors import OptionError
from ..layers import ElementGate, Embeddings, Experts, LookUpExperts, PerDomain, ScalarGate, Tower
from ..layers.domain import DomainCache
from ..layers.embedding import EmbeddingCache
from ..layers.gate import GateCache
from ..layers.lookup import LookUpCache
from ..options import Option
from .assembly import Assembly
from .output import Output, merge
from .sizes import checked
from .twins import twin_of


class CrocodileCache(NamedTuple):
    embeddings: EmbeddingCache
    experts: list
    prior: EmbeddingCache
    gates: GateCache
    towers: DomainCache


@dataclass(frozen=True)
class Crocodile(Assembly):
    """Multi-embedding, experts, prior-informed gates and towers (Fig. 3; Eqs. 3, 4, 5, 8, 9, 10).

    Table m of every field feeds expert m; all tables and experts are shared by all domains, so a domain with little
    data learns from the others. What is a domain's own: the gate, driven by separate prior embeddings of user, item and
    domain, and the tower. CovLoss (Eq. 6) pulls on the expert outputs, the tap `experts` of the output.

    With `gate` an `ElementGate` it is the full model (PEG); with a `ScalarGate`, the ablation PG of Table 5.

    With one table, x_1 feeds all experts. This is no model of the paper but a control: at M E for `embedding_width` it
    tells what a wider embedding does from what its splitting into M tables does.
    """

    embeddings: Embeddings
    experts: Experts
    prior: Embeddings
    gates: ElementGate | ScalarGate
    towers: PerDomain

    taps = ("experts", "gates")
    options = {
        "gate": Option("gate; element = PEG, scalar = PG", choices=("element", "scalar")),
        "n_tables": Option("embedding tables; 0 = one for each expert, 1 = one that all experts read", low=0),
    }
    default_loss = "covariance"
    variants = ({"gate": "scalar"}, {"n_tables": 1})

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
        prior_width: int = 16,
        gate: str = "element",
        n_tables: int = 0,
    ) -> Self:
        """Crocodile for the columns of a data set, of these sizes."""
        n_tables = n_tables or n_experts
        if n_tables not in (1, n_experts):
            wrong = f"{n_tables}: must be 1, one for all experts, or 0, one for each of {n_experts}"
            raise OptionError(lambda called: f"{called('n_tables')} {wrong}")
        n_domains, width = len(schema.domains), expert_sizes[-1]
        n_prior = len(schema.prior_fields) * prior_width
        if gate == "element":
            gates: ElementGate | ScalarGate = ElementGate(n_prior, n_experts, width, n_domains)
        else:
            gates = ScalarGate(n_prior, n_experts, n_domains)
        return cls(
            embeddings=Embeddings(schema.vocabulary, n_tables, embedding_width, embedding_std),
            experts=Experts(n_experts, (len(schema.fields) * embedding_width, *expert_sizes)),
            prior=Embeddings(tuple(schema.vocabulary[f] for f in schema.prior_fields), 1, prior_width, embedding_std),
            gates=gates,
            towers=PerDomain(Tower((width, *tower_sizes)), n_domains),
        )

    def looks_up(self, batch: Batch) -> dict[str, np.ndarray]:
        return {"embeddings": batch.ids, "prior": batch.prior_ids}

    def forward(self, p: dict, batch: Batch) -> tuple[Output, CrocodileCache]:
        """p: the parameters, with the tree of `init`; returns an `Output` and the cache for `backward`."""
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, M or 1, F E)  Eq. 3
        o, experts = self.experts.forward(p["experts"], x)  # (B, M, K)                          Eq. 4
        e, prior = self.prior.forward(p["prior"], batch.prior_ids)  # (B, 1, P)                  Eq. 9
        (h, g), gates = self.gates.forward(p["gates"], batch.domains, e[:, 0], o)  # (B, K)      Eqs. 8, 10
        z, towers = self.towers.forward(p["towers"], batch.domains, h)  # (B, 1)                 Eq. 5
        return Output(z[:, 0], experts=o, gates=g), CrocodileCache(embeddings, experts, prior, gates, towers)

    def backward(self, c: CrocodileCache, d: Output) -> dict:
        """c: the cache of `forward`; d: the gradient at each tap, an `Output` with None where no loss pulls."""
        dh, towers = self.towers.backward(c.towers, d.logits[:, None])  # (B, K)
        (de, do), gates = self.gates.backward(c.gates, (dh, d.gates))  # (B, P), (B, M, K)
        _, prior = self.prior.backward(c.prior, de[:, None])
        dx, experts = self.experts.backward(c.experts, merge(do, d.experts))  # two roads meet: tower and CovLoss
        _, embeddings = self.embeddings.backward(c.embeddings, dx)
        return {"embeddings": embeddings, "experts": experts, "prior": prior, "gates": gates, "towers": towers}


class FusedCache(NamedTuple):
    embedded_experts: LookUpCache
    prior: EmbeddingCache
    gates: GateCache
    towers: DomainCache


@twin_of(Crocodile)
@dataclass(frozen=True)
class FusedCrocodile(Crocodile):
    """The twin of `Crocodile`: Eqs. (3) and (4) in one layer, `LookUpExperts`, which multiplies fewer rows.

    Fields, parameters and results are those of `Crocodile`, the results to rounding: the products of the fields are
    added up in another order.
    """

    label: ClassVar[str] = "fused"  # beside the system's name in reports

    @property
    def embedded_experts(self) -> LookUpExperts:
        return LookUpExperts(self.embeddings, self.experts)

    def forward(self, p: dict, batch: Batch) -> tuple[Output, FusedCache]:  # type: ignore[override]  # a cache of its own
        both = {"embeddings": p["embeddings"], "experts": p["experts"]}
        o, embedded_experts = self.embedded_experts.forward(both, batch.ids)  # (B, M, K)        Eqs. 3, 4
        e, prior = self.prior.forward(p["prior"], batch.prior_ids)
        (h, g), gates = self.gates.forward(p["gates"], batch.domains, e[:, 0], o)
        z, towers = self.towers.forward(p["towers"], batch.domains, h)
        return Output(z[:, 0], experts=o, gates=g), FusedCache(embedded_experts, prior, gates, towers)

    def backward(self, c: FusedCache, d: Output) -> dict:  # type: ignore[override]  # a cache of its own
        dh, towers = self.towers.backward(c.towers, d.logits[:, None])
        (de, do), gates = self.gates.backward(c.gates, (dh, d.gates))
        _, prior = self.prior.backward(c.prior, de[:, None])
        _, both = self.embedded_experts.backward(c.embedded_experts, merge(do, d.experts))
        return {**both, "prior": prior, "gates": gates, "towers": towers}
