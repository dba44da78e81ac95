"""What `python -m croco_np.gradcheck` checks: every layer, loss and model, at blackboard sizes.

A case draws a layer, its parameters and its inputs from a generator. Batches hold a domain of one row, an absent domain
and repeated ids: where hand-written gradients go wrong.
"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..layers import MLP, ElementGate, Embeddings, Experts, Linear, PerDomain, ScalarGate, Tower
from ..losses import LOSSES, bce
from ..models import MODELS
from ..objective import Objective

SCHEMA = Schema(
    fields=("user", "item", "category", "domain"),
    vocabulary=(6, 5, 3, 5),
    user="user",
    item="item",
    domain="domain",
    domains=("a", "b", "c", "d"),
)
SIZES = {
    "n_experts": 4,
    "embedding_width": 2,
    "embedding_std": 1.0,
    "expert_sizes": (5, 3),
    "tower_sizes": (4,),
    "prior_width": 2,
    "gate": "element",
}
DOMAINS = (slice(0, 6), slice(6, 7), slice(7, 7), slice(7, 12))  # one row in b, none in c
N_ROWS, N_EXPERTS, WIDTH = 12, 3, 4


def draw_batch(rng):
    """A batch of 12 rows over four domains, one absent; far more rows than ids, so ids repeat."""
    ids = np.stack([rng.integers(0, n, N_ROWS) for n in SCHEMA.vocabulary], axis=1)
    ids[:, 3] = np.repeat([1, 2, 4], [6, 1, 5])
    labels = rng.integers(0, 2, N_ROWS).astype(float)
    return Batch(ids, ids[:, SCHEMA.prior_fields], DOMAINS, labels)


@dataclass(frozen=True)
class LossOf:
    """A loss function as a layer: forward keeps the gradient as cache, backward scales it."""

    loss: Any
    arguments: dict = field(default_factory=dict)

    def forward(self, p, x):
        return self.loss(x, **self.arguments)

    def backward(self, gradient, dvalue):
        return dvalue * gradient, {}


@dataclass(frozen=True)
class Training:
    """A model under the objective, as a layer from parameters to the training loss (Eq. 7)."""

    model: Any
    objective: Objective

    def forward(self, p, batch):
        out, cache = self.model.forward(p, batch)
        parts, d = self.objective(out, batch, np.random.default_rng(0))
        return parts["total"], (cache, d)

    def backward(self, c, dvalue):
        cache, d = c
        return self.model.backward(cache, type(d)(*(None if x is None else dvalue * x for x in d)))


def layer_cases():
    """name -> draw(rng) -> (layer, params, inputs)."""
    o, e = (N_ROWS, N_EXPERTS, WIDTH), (N_ROWS, 5)

    def case(layer, *inputs):
        def draw(rng):
            drawn = (rng.standard_normal(x) if isinstance(x, tuple) and isinstance(x[0], int) else x for x in inputs)
            return layer, _bend(layer.init(rng), rng), tuple(x(rng) if callable(x) else x for x in drawn)

        return draw

    def repeated_ids(rng):
        return np.stack([rng.integers(0, 3, N_ROWS), rng.integers(0, 2, N_ROWS)], axis=1)

    return {
        "Linear": case(Linear(5, 3), e),
        "MLP": case(MLP((5, 4, 3)), e),
        "Tower": case(Tower((5, 4)), e),
        "Embeddings": case(Embeddings((4, 2), N_EXPERTS, 3, std=1.0), repeated_ids),
        "Experts": case(Experts(N_EXPERTS, (5, 4, 3)), (N_ROWS, N_EXPERTS, 5)),
        "Experts, one input": case(Experts(N_EXPERTS, (5, 4, 3)), (N_ROWS, 1, 5)),
        "PerDomain": case(PerDomain(Tower((5, 4)), 4), DOMAINS, e),
        "ScalarGate (PG)": case(ScalarGate(5, N_EXPERTS, 4), DOMAINS, e, o),
        "ScalarGate (MMoE)": case(ScalarGate(5, N_EXPERTS, 4, bias=True), DOMAINS, e, o),
        "ElementGate (PEG)": case(ElementGate(5, N_EXPERTS, WIDTH, 4), DOMAINS, e, o),
    }


def loss_cases(name):
    """The variants of one loss of `LOSSES`, or of "bce"."""

    def draw(loss, arguments, shape):
        return lambda rng: (LossOf(loss, arguments), {}, (rng.standard_normal(shape),))

    if name == "bce":
        y, w = np.arange(N_ROWS) % 2, np.linspace(0.5, 2, N_ROWS)
        return {"bce": draw(lambda z: bce(z, y, w), {}, (N_ROWS,))}
    variants = LOSSES[name].variants
    return {
        f"{name}{label and ', ' + label}": draw(LOSSES[name].loss, arguments, (N_ROWS, N_EXPERTS, WIDTH))
        for label, arguments in variants.items()
    }


def model_cases(name):
    """One model: its taps under random cotangents, and the whole training loss."""
    variants = {"": {}, ", gate scalar": {"gate": "scalar"}} if name == "crocodile" else {"": {}}
    cases = {}
    for label, change in variants.items():
        model = MODELS[name](SCHEMA, SimpleNamespace(**SIZES | change))

        def taps(rng, model=model):
            return model, _bend(model.init(rng), rng), (draw_batch(rng),)

        def training(rng, model=model, **objective):
            return Training(model, Objective(**objective)), _bend(model.init(rng), rng), (draw_batch(rng),)

        cases[f"{name}{label}"] = taps
        cases[f"{name}{label}, objective"] = lambda rng, draw=training: draw(rng, alpha=0.1, reduction="domain_mean")
        cases[f"{name}{label}, objective sampled"] = lambda rng, draw=training: draw(rng, alpha=0.1, cov_rows=7)
    return cases


def _bend(params, rng):
    """Add noise to every parameter: biases at 0 and dead experts would hide mistakes."""
    from ..tree import tree_map

    return tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), params)
