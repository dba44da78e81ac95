"""PEPNet: domains scale the embedding, persons scale the layers of the tower."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..layers import Dense, Embeddings, GateUnit, Linear, PerDomain, domain_ids
from ..layers.domain import DomainCache, check_domains
from ..layers.embedding import EmbeddingCache
from ..layers.scale import GateUnitCache
from ..options import Option
from ..tree import flatten, in_row, tree_map
from .assembly import Assembly
from .output import Output
from .sizes import WIDEST, checked
from .system import Place

EVERYONE = (slice(None),)  # all rows as one domain: EPNet's gate and a shared tower have a single copy


class PEPNetCache(NamedTuple):
    embeddings: EmbeddingCache
    domain: EmbeddingCache
    prior: EmbeddingCache
    epnet: GateUnitCache
    x: np.ndarray
    gates: list[GateUnitCache]
    read: list[np.ndarray]
    tower: list[DomainCache]


@dataclass(frozen=True)
class PEPNet(Assembly):
    """PEPNet (Chang et al. 2023): EPNet's gate on the embedding, then PPNet's gates on the layers of the task's tower.

        EPNet   delta = U([e ; sg(x)]),  o = delta * x                        e: embedding of the row's domain
        PPNet   delta_l = U_l([r ; sg(o)])                                    r: own embeddings of user, item, author
                h_0 = o,  h_{l+1} = relu((delta_l * h_l) W_l + b_l)           hidden layers, l = 0 .. L - 2
                z = (delta_l * h_l) w + b                                     l = L - 1: the sigmoid layer is gated too
        U, U_l  gate units (`GateUnit`)

    sg is a stop-gradient: the gates read x and o, but do not teach them. In backward it is an absence: the part of
    the gradient that belongs to x or o is cut off and dropped. With `stop=False` it is added where the value forked.

    Backward of a product delta * h, given dy: ddelta = dy * h, dh = dy * delta.

    PEPNet has a tower for each task, shared by the domains, which differ by EPNet's gate (Section 3.2). Clicks are one
    task, so there is one tower (`task_towers="shared"`). With "domain" each domain has a tower of its own, and W2 of
    each U_l a column block for each: in the paper a baseline that loses (SpecificTop).
    With `gate_at="output"`, as in most public code, it is the outputs of hidden layers that are scaled, delta_l times
    relu(h_l W_l + b_l). Scaling a layer's output is scaling the next one's input, so only the gate on h_0 is absent.

    Where we follow the paper and not the usual code: the towers read o (so the embeddings are trained, through o only),
    and the gates stand at the inputs of all L layers (Eq. 9).
    Our choice: e as wide as one embedding, r from tables of its own, towers of the expert's and the tower's widths.
    """

    embeddings: Embeddings
    domain: Embeddings
    prior: Embeddings
    epnet: GateUnit
    gates: tuple[GateUnit, ...]
    layers: tuple[PerDomain, ...]
    logit: PerDomain
    personal_fields: tuple[int, ...]
    stop: bool = True

    options = {
        "task_towers": Option("one tower for all domains, or one for each domain", choices=("shared", "domain")),
        "gate_at": Option("which end of a layer is scaled", choices=("input", "output")),
        "gate_width": Option("hidden width of a gate unit", low=1, high=WIDEST),
    }
    blackboard = {"gate_width": 4}
    variants = ({"gate_at": "output"}, {"task_towers": "domain"}, {"task_towers": "domain", "gate_at": "output"})

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
        prior_width: int = 16,
        task_towers: str = "shared",
        gate_at: str = "input",
        gate_width: int = 64,
    ) -> Self:
        n_domains, width, fields = len(schema.domains), embedding_width, schema.personal_fields
        n_in, n_prior = len(schema.fields) * width, len(fields) * prior_width
        n_towers = n_domains if task_towers == "domain" else 1
        widths = (n_in, *expert_sizes, *tower_sizes)
        gated = widths if gate_at == "input" else widths[1:]
        personal = tuple(schema.vocabulary[f] for f in fields)
        return cls(
            embeddings=Embeddings(schema.vocabulary, 1, width, embedding_std),
            domain=Embeddings((n_domains,), 1, width, embedding_std),
            prior=Embeddings(personal, 1, prior_width, embedding_std),
            epnet=GateUnit(width + n_in, gate_width, n_in),
            gates=tuple(GateUnit(n_prior + n_in, gate_width, n, n_towers) for n in gated),
            layers=tuple(PerDomain(Dense(a, b), n_towers) for a, b in pairwise(widths)),
            logit=PerDomain(Linear(widths[-1], 1), n_towers),
            personal_fields=fields,
        )

    @property
    def tower(self) -> tuple[PerDomain, ...]:
        """The L layers: hidden ones, and that of the logit."""
        return *self.layers, self.logit

    @property
    def first_gated(self) -> int:
        """The first layer whose input is scaled: 0, or 1 where only the outputs of hidden layers are."""
        return len(self.tower) - len(self.gates)

    def looks_up(self, batch: Batch) -> dict[str, np.ndarray]:
        personal = batch.ids[:, self.personal_fields]
        return {"embeddings": batch.ids, "domain": domain_ids(batch.domains, batch.ids), "prior": personal}

    def forward(self, p: dict, batch: Batch) -> tuple[Output, PEPNetCache]:
        check_domains(batch.domains, self.domain.vocabulary[0], len(batch.ids))
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, 1, F E)
        e, domain = self.domain.forward(p["domain"], domain_ids(batch.domains, batch.ids))  # (B, 1, E)
        r, prior = self.prior.forward(p["prior"], batch.ids[:, self.personal_fields])  # (B, 1, 3 P)
        x, e, r = x[:, 0], e[:, 0], r[:, 0]
        delta, epnet = self.epnet.forward(p["epnet"], EVERYONE, np.concatenate([e, x], axis=1))  # (B, F E)
        h = delta * x
        seen = np.concatenate([r, h], axis=1)  # what every gate of PPNet reads
        rows = batch.domains if self.logit.n_domains > 1 else EVERYONE
        p_gates, p_layers = in_row(p["gates"], len(self.gates)), in_row(p["layers"], len(self.layers))
        gates = [gate.forward(own, rows, seen)[1] for gate, own in zip(self.gates, p_gates, strict=True)]
        read, tower = [], []
        for i, (layer, own) in enumerate(zip(self.tower, (*p_layers, p["logit"]), strict=True)):
            read.append(h)
            if i >= self.first_gated:
                h = gates[i - self.first_gated].delta * h
            h, cache = layer.forward(own, rows, h)
            tower.append(cache)
        return Output(h[:, 0]), PEPNetCache(embeddings, domain, prior, epnet, x, gates, read, tower)

    def backward(self, c: PEPNetCache, d: Output) -> dict:
        dh = d.logits[:, None]
        dseen: np.ndarray | int = 0
        gates, tower = [], []
        for i in reversed(range(len(self.tower))):
            dh, layer = self.tower[i].backward(c.tower[i], dh)
            tower.append(layer)
            if i >= self.first_gated:
                of_gate = c.gates[i - self.first_gated]
                ddelta, dh = dh * c.read[i], dh * of_gate.delta
                dread, gate = self.gates[i - self.first_gated].backward(of_gate, ddelta)
                gates.append(gate)
                dseen = dseen + dread
        logit, *layers = tower
        dr, do = np.split(dseen, [len(self.personal_fields) * self.prior.width], axis=1)
        dh = dh if self.stop else dh + do  # stopped: do is dropped
        dread, epnet = self.epnet.backward(c.epnet, dh * c.x)
        de, dx = np.split(dread, [self.domain.width], axis=1)
        dx = dh * c.epnet.delta + (0 if self.stop else dx)  # stopped: the gate's dx is dropped
        _, prior = self.prior.backward(c.prior, dr[:, None])
        _, domain = self.domain.backward(c.domain, de[:, None])
        _, embeddings = self.embeddings.backward(c.embeddings, dx[:, None])
        grads = {"embeddings": embeddings, "domain": domain, "prior": prior, "epnet": epnet}
        return grads | {"gates": gates[::-1], "layers": layers[::-1], "logit": logit}

    def stand_in(self, c: PEPNetCache, s: int) -> np.ndarray:
        parts = c.tower[-1].parts
        return parts[s if len(parts) > 1 else 0].x

    def stop_settings(self, p: dict, batch: Batch, schema: Schema) -> Iterator[Place]:
        """Whatever the towers do not read is read by gates only, and those do not teach it."""
        blind = tree_map(np.copy, p)
        for w in blind["layers"][0]:
            w["W"][:] = 0
            w["b"][:] = 1  # alive, so that there is something to scale
        places = dict.fromkeys(["embeddings.table", "domain.table"], np.s_[:])
        places |= {f"epnet.{leaf}": np.s_[:] for leaf in flatten(p["epnet"])}
        yield "PPNet's gates", blind, batch, places

        blind = tree_map(np.copy, p)
        item, width = schema.fields.index(schema.item), self.embeddings.width
        start = self.embeddings.offsets[item]
        for w in blind["layers"][0]:
            w["W"][item * width : (item + 1) * width] = 0
        yield "EPNet's gate", blind, batch, {"embeddings.table": np.s_[start : start + schema.vocabulary[item]]}
