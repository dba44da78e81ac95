"""STEM: every row runs through everybody's experts, but teaches only its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..layers import Embeddings, Experts, PerDomain, ScalarGate, Tower, add_own, own
from ..tree import flatten
from .assembly import Assembly
from .mmoe import MMoECache
from .output import Output, merge
from .sizes import HIDDEN_OF_GATES, SPECIFIC_AND_SHARED, checked
from .system import Place


@dataclass(frozen=True)
class STEM(Assembly):
    """STEM-Net (Su et al. 2024): S + 1 embeddings, all-forward and task-specific backward.

        o_e = expert_e(x of the expert's own table)           all S n_specific + n_shared experts, every row
        h = sum_e softmax(gate_s(x_s + x_sh))_e  flow(o_e)    flow: identity forwards; backwards only to the experts of
                                                              the row's domain s and the shared ones
        z = tower_s(h)

    The stop-gradient is one multiplication by a 0/1 matrix, `teaches`: which domain's rows may teach which expert. The
    gate learns from the *values* of all experts, foreign ones included; only their weights and tables are closed. With
    `stop=False` all rows teach all experts.

    Where we follow the paper and not the usual code: the stop sits on the foreign experts' outputs; on the mixture,
    where it is easily put, it would close the gate's gradient too. Our choice: one level, one expert of each domain's
    own and one shared one, gates without hidden layers (the authors' settings have 8 shared ones
    and hidden layers of 128 and 64); a loss on the `experts` tap is stopped like the mixture.
    """

    embeddings: Embeddings
    experts: Experts
    gates: ScalarGate
    towers: PerDomain
    n_specific: int
    stop: bool = True

    taps = ("experts", "gates")
    options = SPECIFIC_AND_SHARED | HIDDEN_OF_GATES
    blackboard = {"n_specific": 2}
    variants = ({"gate_sizes": (6,)},)

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
    ) -> Self:
        n_domains, n_in = len(schema.domains), len(schema.fields) * embedding_width
        n_experts = n_domains * n_specific + n_shared
        return cls(
            embeddings=Embeddings(schema.vocabulary, n_domains + 1, embedding_width, embedding_std),
            experts=Experts(n_experts, (n_in, *expert_sizes)),
            gates=ScalarGate(n_in, n_experts, n_domains, bias=True, hidden=gate_sizes),
            towers=PerDomain(Tower((expert_sizes[-1], *tower_sizes)), n_domains),
            n_specific=n_specific,
        )

    @property
    def tables(self) -> np.ndarray:
        """(number of experts,) the table that each expert reads; S is the shared one."""
        return np.minimum(np.arange(self.experts.n_experts) // self.n_specific, self.gates.n_domains)

    @property
    def teaches(self) -> np.ndarray:
        """(S, number of experts) 1 where rows of the domain may teach the expert, else 0; all 1 without stop."""
        if not self.stop:
            return np.ones((self.gates.n_domains, self.experts.n_experts))
        s = np.arange(self.gates.n_domains)[:, None]
        return ((self.tables == s) | (self.tables == self.gates.n_domains)).astype(float)

    def forward(self, p: dict, batch: Batch) -> tuple[Output, MMoECache]:
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, S + 1, F E)
        o, experts = self.experts.forward(p["experts"], x[:, self.tables.tolist()])  # (B, n, K)
        e = own(x, batch.domains, range(self.gates.n_domains)) + x[:, -1]  # (B, F E)
        (h, g), gates = self.gates.forward(p["gates"], batch.domains, e, o)  # (B, K)
        z, towers = self.towers.forward(p["towers"], batch.domains, h)  # (B, 1)
        return Output(z[:, 0], experts=o, gates=g), MMoECache(embeddings, experts, gates, towers, batch.domains)

    def backward(self, c: MMoECache, d: Output) -> dict:
        dh, towers = self.towers.backward(c.towers, d.logits[:, None])
        (de, do), gates = self.gates.backward(c.gates, (dh, d.gates))
        do = merge(do, d.experts)
        for rows, flow in zip(c.domains, np.asarray(self.teaches.astype(do.dtype), like=do), strict=True):
            do[rows] *= flow[:, None]
        do_x, experts = self.experts.backward(c.experts, do)
        dx = np.zeros((len(do), self.embeddings.n_tables, do_x.shape[2]), do.dtype, like=do)
        for expert, table in enumerate(self.tables):
            dx[:, table] += do_x[:, expert]
        add_own(dx, c.domains, range(self.gates.n_domains), de)
        dx[:, -1] += de  # the gate reads the sum of both tables
        _, embeddings = self.embeddings.backward(c.embeddings, dx)
        return {"embeddings": embeddings, "experts": experts, "gates": gates, "towers": towers}

    def stop_settings(self, p: dict, batch: Batch, schema: Schema) -> Iterator[Place]:
        """Rows of one domain alone do not teach the others' experts and tables, though they run through all of them."""
        rows, n_domains = batch.domains[0], len(batch.domains)
        batch = batch.only(rows)._replace(domains=(rows, *[slice(rows.stop, rows.stop)] * (n_domains - 1)))
        foreign = np.s_[self.n_specific : n_domains * self.n_specific]
        places = {f"experts.{leaf}": foreign for leaf in flatten(p["experts"])}
        yield "foreign experts", p, batch, places | {"embeddings.table": np.s_[:, 1:n_domains]}
