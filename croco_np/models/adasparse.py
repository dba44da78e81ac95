"""AdaSparse: one network, of which each domain uses a part."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..layers import MLP, Embeddings, Linear, Pruner, domain_ids
from ..layers.domain import check_domains
from ..layers.embedding import EmbeddingCache
from ..layers.linear import LinearCache
from ..layers.prune import MODES, PruneCache
from ..options import Option
from ..tree import in_row
from .assembly import Assembly
from .output import Output
from .sizes import checked


class AdaSparseCache(NamedTuple):
    embeddings: EmbeddingCache
    domain: EmbeddingCache
    hidden: list
    pruners: list[PruneCache]
    logit: LinearCache
    step: np.ndarray
    ramp: np.ndarray


@dataclass(frozen=True)
class AdaSparse(Assembly):
    """AdaSparse (Yang et al. 2022): one network for all domains, and a pruner after each hidden layer.

        h_0 = embeddings(ids),  e = row s of the domain table
        h_l = pruner_l(e, relu(h_{l-1} W_l + b_l)),  z = h_L w + b
        R = 1/L sum_l lambda_l |r_l - r|,  lambda_l = 0 if low <= r_l <= high, else lambda |r_l - r|

    R is the sparsity control, the tap `penalty`, and r_l the share of neurons that pruner l cut, to be brought to
    r = (low + high) / 2. The lambda_l are a controller: no gradient through them, so dR/dr_l = lambda_l sgn(r_l - r)/L,
    which the pruner passes straight through its step. No control where nothing is pruned (scaling) or `penalty` is 0.

    Our choice: over the first `prune_epochs` epochs, alpha grows linearly from 0.1 to 5 and lambda from a hundredth of
    `penalty` to all of it; then both stay. Epochs are the unit, since a run is stopped after a number of epochs that
    nobody knows beforehand, and its best one is chosen from their ends: by one epoch, all of them are compared at the
    final sharpness. The steps of an epoch are told by `paced`. "step" counts training steps, and "ramp" keeps how many
    the ramp has, for whoever loads the parameters: both are tracked, not trained, so that evaluation cannot move them.

    Where we follow the paper and not the usual code: the step prunes to zero, where code has a sign function that
    negates; the schedules move with training steps, not with forward passes.
    """

    embeddings: Embeddings
    domain: Embeddings
    hidden: MLP
    pruners: tuple[Pruner, ...]
    logit: Linear
    penalty: float
    epochs: float
    epoch_steps: int = 1000  # until `paced` says better
    alphas: tuple[float, float] = (0.1, 5.0)
    low: float = 0.15
    high: float = 0.25

    options = {
        "prune_mode": Option("how neurons are weighed", choices=MODES),
        "prune_epsilon": Option("neurons weighed lower than this are pruned", low=0),
        "prune_penalty": Option("final weight of the sparsity control; 0 switches it off", low=0),
        "prune_epochs": Option("epochs until pruning is at its sharpest", low=0),
    }
    blackboard = {
        "prune_epsilon": 1.0,  # about half of the neurons
        "prune_penalty": 0.0,  # its gradient is not the derivative of its value: it goes straight through a step
        "prune_epochs": 0.1,
    }
    variants = ({"prune_mode": "scaling"},)  # binarization learns straight through a step, whose gradient is 0
    running = ("step", "ramp")

    @classmethod
    @checked
    def build(
        cls,
        schema: Schema,
        *,
        embedding_width: int = 16,
        embedding_std: float = 0.01,
        expert_sizes: tuple[int, ...] = (64,),
        prune_mode: str = "fusion",
        prune_epsilon: float = 0.25,
        prune_penalty: float = 1.0,
        prune_epochs: float = 1.0,
    ) -> Self:
        width = embedding_width
        return cls(
            embeddings=Embeddings(schema.vocabulary, 1, width, embedding_std),
            domain=Embeddings((len(schema.domains),), 1, width, embedding_std),
            hidden=MLP((len(schema.fields) * width, *expert_sizes)),
            pruners=tuple(Pruner(width, n, prune_mode, prune_epsilon) for n in expert_sizes),
            logit=Linear(expert_sizes[-1], 1),
            penalty=0.0 if prune_mode == "scaling" else prune_penalty,
            epochs=prune_epochs,
        )

    def init(self, rng: np.random.Generator) -> dict:
        return super().init(rng) | {"step": np.zeros(1), "ramp": np.full(1, max(self.epochs * self.epoch_steps, 1.0))}

    def paced(self, epoch_steps: int) -> Self:
        return replace(self, epoch_steps=epoch_steps)

    def schedule(self, step: np.ndarray, ramp: np.ndarray) -> tuple[float, float]:
        """alpha and lambda at a training step."""
        done = min(float(step[0] / ramp[0]), 1.0)
        first, last = self.alphas
        return first + (last - first) * done, self.penalty * (0.01 + 0.99 * done)

    def control(self, caches: list[PruneCache], lambda_: float) -> tuple[np.ndarray, np.ndarray]:
        """Distances r_l - r, and lambda_l, both (L,), given lambda."""
        shares = np.array([c.share for c in caches])
        gap = shares - (self.low + self.high) / 2
        outside = (shares < self.low) | (shares > self.high)
        return gap, outside * lambda_ * abs(gap)

    def looks_up(self, batch: Batch) -> dict[str, np.ndarray]:
        return {"embeddings": batch.ids, "domain": domain_ids(batch.domains, batch.ids)}

    def forward(self, p: dict, batch: Batch) -> tuple[Output, AdaSparseCache]:
        check_domains(batch.domains, self.domain.vocabulary[0], len(batch.ids))
        h, embeddings = self.embeddings.forward(p["embeddings"], batch.ids)  # (B, 1, F E)
        e, domain = self.domain.forward(p["domain"], domain_ids(batch.domains, batch.ids))  # (B, 1, E)
        h, e = h[:, 0], e[:, 0]
        alpha, lambda_ = self.schedule(p["step"], p["ramp"])
        hidden, pruners = [], []
        p_hidden, p_pruners = (in_row(p[name], len(self.pruners)) for name in ("hidden", "pruners"))
        upwards = zip(self.hidden.layers, self.pruners, p_hidden, p_pruners, strict=True)
        for dense, pruner, p_dense, p_pruner in upwards:
            h, of_dense = dense.forward(p_dense, h)
            hidden.append(of_dense)
            h, of_pruner = pruner.forward(p_pruner, e, h, alpha)  # (B, n_l)
            pruners.append(of_pruner)
        z, logit = self.logit.forward(p["logit"], h)  # (B, 1)
        gap, weights = self.control(pruners, lambda_)
        penalty = float((weights * abs(gap)).mean()) if self.penalty else None
        cache = AdaSparseCache(embeddings, domain, hidden, pruners, logit, p["step"], p["ramp"])
        return Output(z[:, 0], penalty=penalty), cache

    def backward(self, c: AdaSparseCache, d: Output) -> dict:
        gap, weights = self.control(c.pruners, self.schedule(c.step, c.ramp)[1])
        dshares = (d.penalty or 0.0) * weights * np.sign(gap) / len(gap)
        dh, logit = self.logit.backward(c.logit, d.logits[:, None])
        de: np.ndarray | int = 0
        hidden, pruners = [], []
        for i in reversed(range(len(self.pruners))):
            (de_i, dh), pruner = self.pruners[i].backward(c.pruners[i], dh, float(dshares[i]))
            dh, dense = self.hidden.layers[i].backward(c.hidden[i], dh)
            pruners.append(pruner)
            hidden.append(dense)
            de = de + de_i  # every pruner reads e
        _, domain = self.domain.backward(c.domain, np.copy(de)[:, None])
        _, embeddings = self.embeddings.backward(c.embeddings, dh[:, None])
        grads = {"embeddings": embeddings, "domain": domain, "hidden": hidden[::-1]}
        return grads | {"pruners": pruners[::-1], "logit": logit}

    def tracked(self, c: AdaSparseCache) -> dict[str, np.ndarray]:
        return {"step": c.step + 1, "ramp": c.ramp.copy()}

    def stand_in(self, c: AdaSparseCache, s: int) -> np.ndarray:
        return c.logit.x
