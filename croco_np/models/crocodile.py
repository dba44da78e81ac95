"""Crocodile: Fig. 3 of the paper, upwards and downwards."""

from dataclasses import dataclass
from typing import NamedTuple, Self

from ..datasets.splits import Schema
from ..layers import ElementGate, Embeddings, Experts, LookUpExperts, PerDomain, ScalarGate, Tower
from ..layers.lookup import FEW
from ..options import Option
from .assembly import Assembly
from .output import Output, merge
from .sizes import checked


class CrocodileCache(NamedTuple):
    experts: NamedTuple
    prior: NamedTuple
    gates: NamedTuple
    towers: NamedTuple


@dataclass(frozen=True)
class Crocodile(Assembly):
    """Multi-embedding, experts, prior-informed gates and towers (Fig. 3; Eqs. 3, 4, 5, 8, 9, 10).

    Table m of every field feeds expert m; all tables and experts are shared by all domains, so a domain with little
    data learns from the others. What is a domain's own: the gate, driven by separate prior embeddings of user, item and
    domain, and the tower. CovLoss (Eq. 6) pulls on the expert outputs, the tap `experts` of the output.

    With `gate` an `ElementGate` it is the full model (PEG); with a `ScalarGate`, the ablation PG of Table 5.
    """

    embeddings: Embeddings
    experts: Experts
    prior: Embeddings
    gates: ElementGate | ScalarGate
    towers: PerDomain
    few: int = FEW

    taps = ("experts", "gates")
    options = {"gate": Option("gate; element = PEG, scalar = PG", choices=("element", "scalar"))}
    default_loss = "covariance"
    variants = ({"gate": "scalar"},)

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
    ) -> Self:
        """Crocodile for the columns of a data set, of these sizes."""
        n_domains, width = len(schema.domains), expert_sizes[-1]
        n_prior = len(schema.prior_fields) * prior_width
        if gate == "element":
            gates = ElementGate(n_prior, n_experts, width, n_domains)
        else:
            gates = ScalarGate(n_prior, n_experts, n_domains)
        return cls(
            embeddings=Embeddings(schema.vocabulary, n_experts, embedding_width, embedding_std),
            experts=Experts(n_experts, (len(schema.fields) * embedding_width, *expert_sizes)),
            prior=Embeddings(tuple(schema.vocabulary[f] for f in schema.prior_fields), 1, prior_width, embedding_std),
            gates=gates,
            towers=PerDomain(Tower((width, *tower_sizes)), n_domains),
        )

    @property
    def embedded_experts(self):
        """x = embeddings(ids), o = experts(x), as one layer, which is faster; with `few` = 0 it is just these two."""
        return LookUpExperts(self.embeddings, self.experts, self.few)

    def looks_up(self, batch):
        return {"embeddings": batch.ids, "prior": batch.prior_ids}

    def forward(self, p, batch):
        """p: the parameters, with the tree of `init`; returns an `Output` and the cache for `backward`."""
        o, experts = self.embedded_experts.forward(p, batch.ids)  # (B, M, K)                    Eqs. 3, 4
        e, prior = self.prior.forward(p["prior"], batch.prior_ids)  # (B, 1, P)                  Eq. 9
        (h, g), gates = self.gates.forward(p["gates"], batch.domains, e[:, 0], o)  # (B, K)      Eqs. 8, 10
        z, towers = self.towers.forward(p["towers"], batch.domains, h)  # (B, 1)                 Eq. 5
        return Output(z[:, 0], experts=o, gates=g), CrocodileCache(experts, prior, gates, towers)

    def backward(self, c, d):
        """c: the cache of `forward`; d: the gradient at each tap, an `Output` with None where no loss pulls."""
        dh, towers = self.towers.backward(c.towers, d.logits[:, None])  # (B, K)
        (de, do), gates = self.gates.backward(c.gates, (dh, d.gates))  # (B, P), (B, M, K)
        _, prior = self.prior.backward(c.prior, de[:, None])
        _, grads = self.embedded_experts.backward(c.experts, merge(do, d.experts))  # two roads meet: tower and CovLoss
        return grads | {"prior": prior, "gates": gates, "towers": towers}
