"""PEPNet: domains scale the embedding, persons scale the layers of the towers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..layers import Dense, Embeddings, GateUnit, Linear, PerDomain, domain_ids
from ..layers.domain import DomainCache
from ..layers.embedding import EmbeddingCache
from ..layers.scale import GateUnitCache
from ..options import Option
from ..tree import flatten, in_row, tree_map
from .assembly import Assembly
from .output import Output
from .sizes import WIDEST, checked
from .system import Place

EVERYONE = (slice(None),)  # all rows as one domain: EPNet's gate has a single block


class PEPNetCache(NamedTuple):
    embeddings: EmbeddingCache
    domain: EmbeddingCache
    prior: EmbeddingCache
    epnet: GateUnitCache
    x: np.ndarray
    layers: list
    logit: DomainCache


@dataclass(frozen=True)
class PEPNet(Assembly):
    """PEPNet (Chang et al. 2023): EPNet's gate on the embedding, then PPNet's gates on the layers of S towers.

        EPNet   delta = U([e ; sg(x)]),  o = delta * x                        e: embedding of the row's domain
        PPNet   delta_l = U_l([r ; sg(o)])                                    r: own embeddings of user, item, author
                h_0 = o,  h_{l+1} = relu((delta_l * h_l) W_l^s + b_l^s)       gate_at = "input"
                          h_{l+1} = delta_l * relu(h_l W_l^s + b_l^s)         gate_at = "output", as most public code
                z = h_L w^s + b^s
        U, U_l  gate units (`GateUnit`); W2 of U_l has a column block for each domain

    sg is a stop-gradient: the gates read x and o, but do not teach them. In backward it is an absence: the part of
    the gradient that belongs to x or o is cut off and dropped. With `stop=False` it is added where the value forked.

    Backward of a product delta * h, given dy: ddelta = dy * h, dh = dy * delta.

    Where we follow the paper and not the usual code: the towers read o (so the embeddings are trained, through o only),
    every domain has weights of its own, and the gates stand at the layers' inputs.
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
    gate_at: str = "input"
    stop: bool = True

    options = {
        "gate_at": Option("which end of a layer is scaled", choices=("input", "output")),
        "gate_width": Option("hidden width of a gate unit", low=1, high=WIDEST),
    }
    blackboard = {"gate_width": 4}
    variants = ({"gate_at": "output"},)

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
        gate_at: str = "input",
        gate_width: int = 64,
    ) -> Self:
        n_domains, width, fields = len(schema.domains), embedding_width, schema.personal_fields
        n_in, n_prior = len(schema.fields) * width, len(fields) * prior_width
        steps = tuple(pairwise((n_in, *expert_sizes, *tower_sizes)))
        gated = [n if gate_at == "input" else m for n, m in steps]  # widths of what is scaled
        personal = tuple(schema.vocabulary[f] for f in fields)
        return cls(
            embeddings=Embeddings(schema.vocabulary, 1, width, embedding_std),
            domain=Embeddings((n_domains,), 1, width, embedding_std),
            prior=Embeddings(personal, 1, prior_width, embedding_std),
            epnet=GateUnit(width + n_in, gate_width, n_in),
            gates=tuple(GateUnit(n_prior + n_in, gate_width, n, n_domains) for n in gated),
            layers=tuple(PerDomain(Dense(a, b), n_domains) for a, b in steps),
            logit=PerDomain(Linear(steps[-1][1], 1), n_domains),
            personal_fields=fields,
            gate_at=gate_at,
        )

    def looks_up(self, batch: Batch) -> dict[str, np.ndarray]:
        personal = batch.ids[:, self.personal_fields]
        return {"embeddings": batch.ids, "domain": domain_ids(batch.domains), "prior": personal}

    def forward(self, p: dict, batch: Batch) -> tuple[Output, PEPNetCache]:
        x, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, 1, F E)
        e, domain = self.domain.forward(p["domain"], domain_ids(batch.domains))  # (B, 1, E)
        r, prior = self.prior.forward(p["prior"], batch.ids[:, self.personal_fields])  # (B, 1, 3 P)
        x, e, r = x[:, 0], e[:, 0], r[:, 0]
        delta, epnet = self.epnet.forward(p["epnet"], EVERYONE, np.concatenate([e, x], axis=1))  # (B, F E)
        h = delta * x
        seen, layers = np.concatenate([r, h], axis=1), []  # what every gate of PPNet reads
        p_gates, p_layers = (in_row(p[name], len(self.layers)) for name in ("gates", "layers"))
        for gate, layer, p_gate, p_layer in zip(self.gates, self.layers, p_gates, p_layers, strict=True):
            delta, gate_cache = gate.forward(p_gate, batch.domains, seen)
            if self.gate_at == "input":
                scaled = h
                h, cache = layer.forward(p_layer, batch.domains, delta * scaled)
            else:
                scaled, cache = layer.forward(p_layer, batch.domains, h)
                h = delta * scaled
            layers.append((gate_cache, cache, scaled))
        z, logit = self.logit.forward(p["logit"], batch.domains, h)  # (B, 1)
        return Output(z[:, 0]), PEPNetCache(embeddings, domain, prior, epnet, x, layers, logit)

    def backward(self, c: PEPNetCache, d: Output) -> dict:
        dh, logit = self.logit.backward(c.logit, d.logits[:, None])
        dseen: np.ndarray | int = 0
        gates, layers = [], []
        downwards = zip(reversed(self.gates), reversed(self.layers), reversed(c.layers), strict=True)
        for gate, layer, (gate_cache, cache, scaled) in downwards:
            if self.gate_at == "input":
                dh, dlayer = layer.backward(cache, dh)
            ddelta, dh = dh * scaled, dh * gate_cache.delta
            if self.gate_at == "output":
                dh, dlayer = layer.backward(cache, dh)
            dread, dgate = gate.backward(gate_cache, ddelta)
            layers.append(dlayer)
            gates.append(dgate)
            dseen = dseen + dread
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
        return c.logit.parts[s].x

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
