"""What `python -m croco_np.gradcheck` checks: every layer, loss and model, at blackboard sizes.

A case draws a layer, its parameters and its inputs from a generator. Batches hold a domain of one row, an absent domain
and repeated ids: where hand-written gradients go wrong.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..kernels.mix import softmax
from ..layers import (
    MLP,
    ElementGate,
    Embeddings,
    Experts,
    GateLogits,
    GateUnit,
    Linear,
    LookUpExperts,
    PartitionedNorm,
    PerDomain,
    Pruner,
    ScalarGate,
    ScenarioAttention,
    Star,
    Tower,
)
from ..losses import LOSSES, Loss, bce
from ..models import MODELS, System
from ..models.sizes import COMMON
from ..models.twins import forms
from ..objective import Objective
from ..tree import Tree, tree_map

Draw = Callable[[np.random.Generator], tuple[Any, Tree, tuple]]  # -> (layer, params, inputs)

SCHEMA = Schema(
    fields=("user", "item", "category", "domain"),
    vocabulary=(6, 5, 3, 5),
    user="user",
    item="item",
    domain="domain",
    domains=("a", "b", "c", "d"),
    context=("category",),
)
SIZES = {  # those of `models.sizes.COMMON`; a system says its own, `System.blackboard`
    "n_experts": 4,
    "embedding_width": 2,
    "embedding_std": 1.0,
    "expert_sizes": (5, 3),
    "tower_sizes": (4,),
    "prior_width": 2,
}
DOMAINS = (slice(0, 6), slice(6, 7), slice(7, 7), slice(7, 12))  # one row in b, none in c
N_ROWS, N_EXPERTS, WIDTH = 12, 3, 4
REAL_ONLY = {"ole, nuclear": "singular values are no analytic function of a complex matrix"}
OTHER_LOSSES = ("importance", "trans5")  # beside CovLoss under each model: on the gates, and with own parameters


def draw_batch(rng: np.random.Generator) -> Batch:
    """A batch of 12 rows over four domains, one absent; far more rows than ids, so ids repeat."""
    ids = np.stack([rng.integers(0, n, N_ROWS) for n in SCHEMA.vocabulary], axis=1)
    ids[:, 3] = np.repeat([1, 2, 4], [6, 1, 5])
    labels = rng.integers(0, 2, N_ROWS).astype(float)
    return Batch(ids, ids[:, SCHEMA.prior_fields], DOMAINS, labels)


@dataclass(frozen=True)
class LossOf:
    """A loss function as a layer: forward keeps the gradients as cache, backward scales them."""

    loss: Any
    arguments: dict = field(default_factory=dict)

    def forward(self, p: dict, x: np.ndarray) -> tuple[float, tuple]:
        value, *gradients = self.loss(x, **p, **self.arguments)
        return value, (list(p), gradients)

    def backward(self, c: tuple, dvalue: float) -> tuple[np.ndarray, dict]:
        names, (dx, *own) = c
        return dvalue * dx, {name: dvalue * d for name, d in zip(names, own, strict=True)}


@dataclass(frozen=True)
class Training:
    """A model under the objective, as a layer from parameters to the training loss (Eq. 7)."""

    model: Any
    objective: Objective

    def forward(self, p: dict, batch: Batch) -> tuple[float, tuple]:
        out, cache = self.model.forward(p, batch)
        own = p["loss"] if self.objective.has_parameters else None
        parts, d, own = self.objective(out, batch, np.random.default_rng(0), own)
        return parts["total"], (cache, d, own)

    def backward(self, c: tuple, dvalue: float) -> dict:
        cache, d, own = c
        grads = self.model.backward(cache, type(d)(*(None if x is None else dvalue * x for x in d)))
        return grads | {"loss": {name: dvalue * g for name, g in own.items()}} if own else grads

    def tracked(self, c: tuple) -> dict[str, Any]:
        return self.model.tracked(c[0])


def layer_cases() -> dict[str, Draw]:
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
        "LookUpExperts": case(
            LookUpExperts(Embeddings((4, 2), N_EXPERTS, 3, std=1.0), Experts(N_EXPERTS, (6, 4, 3)), few=2), repeated_ids
        ),
        "PerDomain": case(PerDomain(Tower((5, 4)), 4), DOMAINS, e),
        "ScalarGate (PG)": case(ScalarGate(5, N_EXPERTS, 4), DOMAINS, e, o),
        "ScalarGate (MMoE)": case(ScalarGate(5, N_EXPERTS, 4, bias=True), DOMAINS, e, o),
        "ScalarGate, hidden layers": case(ScalarGate(5, N_EXPERTS, 4, bias=True, hidden=(4, 3)), DOMAINS, e, o),
        "GateLogits": case(GateLogits((5, 4, 3), 2), e),
        "ElementGate (PEG)": case(ElementGate(5, N_EXPERTS, WIDTH, 4), DOMAINS, e, o),
        "PartitionedNorm": case(PartitionedNorm(5, 4), DOMAINS, e),
        "PartitionedNorm, evaluation": case(PartitionedNorm(5, 4), DOMAINS, e, False),
        "Star": case(Star(Tower((5, 4)), 4), DOMAINS, e),
        "Pruner": case(Pruner(5, WIDTH, epsilon=1.0), e, (N_ROWS, WIDTH), 2.0),
        "Pruner, scaling": case(Pruner(5, WIDTH, "scaling"), e, (N_ROWS, WIDTH), 2.0),
        "GateUnit": case(GateUnit(5, 4, 3, 4), DOMAINS, e),
        **{
            f"ScenarioAttention, {kind}": case(ScenarioAttention(5, 4, kind), DOMAINS, e, (N_ROWS, 4, WIDTH))
            for kind in ("official", "renorm", "with_self")
        },
        "ScenarioAttention, hidden layers": case(
            ScenarioAttention(5, 4, hidden=(4, 3)), DOMAINS, e, (N_ROWS, 4, WIDTH)
        ),
    }


def loss_cases(name: str) -> dict[str, Draw]:
    """The variants of one loss of `LOSSES`, or of "bce"."""

    def experts(rng):
        """Non-negative, as ReLUs leave them, and dependent on each other, so that there is something to lower."""
        return np.abs(rng.standard_normal((N_ROWS, N_EXPERTS, WIDTH)) + rng.standard_normal((N_ROWS, 1, 1)))

    def gates(*shape):
        return lambda rng: softmax(rng.standard_normal((N_ROWS, N_EXPERTS, *shape)))

    def draw(label, tap, spec):
        def case(rng):
            own = spec.init(rng, N_EXPERTS, WIDTH) if spec.init else {}
            return LossOf(spec.loss, spec.variants[label]), _bend(own, rng), (tap(rng),)

        return case

    if name == "bce":
        y, w = np.arange(N_ROWS) % 2, np.linspace(0.5, 2, N_ROWS)
        spec = Loss(lambda z: bce(z, np.asarray(y, like=z), np.asarray(w, like=z)), {"": {}}, tap="logits")
    else:
        spec = LOSSES[name]
    taps = {
        "logits": {"": lambda rng: rng.standard_normal(N_ROWS)},
        "experts": {"": experts},
        "gates": {"": gates(), "element-wise": gates(WIDTH)},
    }[spec.tap]
    return {
        ", ".join(filter(None, (name, label, shape))): draw(label, tap, spec)
        for label in spec.variants
        for shape, tap in taps.items()
    }


def blackboard_sizes(system: type[System], **change: Any) -> dict[str, Any]:
    """The keywords to build a system at blackboard size, with some changed.

    A common size that the system does not have is left out: a change may be meant for several systems.
    """
    wanted = SIZES | system.blackboard | change
    return {name: value for name, value in wanted.items() if name not in COMMON or name in system.keywords()}


def at_blackboard(name: str, schema: Schema = SCHEMA, **change: Any) -> Any:
    """The system `name` at blackboard size, with some sizes changed."""
    return MODELS[name].build(schema, **blackboard_sizes(MODELS[name], **change))


def _forms(name, changes):
    """label -> model: one system at blackboard sizes with each of the changes, and its twin if it has one."""
    found = {}
    for change in changes:
        label = name + "".join(f", {key} {value}" for key, value in change.items())
        for form, model in forms(at_blackboard(name, **change)).items():
            found[f"{label}, {form}" if form else label] = model
    return found


def model_cases(name: str, changes: Iterable[dict[str, Any]] | None = None) -> dict[str, Draw]:
    """One model, its variants and twins: the taps under random cotangents, and the whole training loss.

    changes  of its blackboard sizes; by default none, and each of the system's `variants`
    """
    cases: dict[str, Draw] = {}
    for label, model in _forms(name, ({}, *MODELS[name].variants) if changes is None else changes).items():
        if hasattr(model, "stop"):  # closed, its backward is not the derivative of its forward; see `stops`
            model, label = replace(model, stop=False), label + ", stop-gradients open"

        def taps(rng, model=model):
            return model, _bend(model.init(rng), rng), (draw_batch(rng),)

        def training(rng, model=model, **objective):
            objective, params, batch = Objective(**objective), model.init(rng), draw_batch(rng)
            own = objective.init(rng, model.forward(params, batch)[0])
            return Training(model, objective), _bend(params | {"loss": own} if own else params, rng), (batch,)

        cases[label] = taps
        cases[f"{label}, objective"] = partial(training, alpha=0.1, reduction="domain_mean")
        cases[f"{label}, objective sampled"] = partial(training, alpha=0.1, rows=7)
        for loss in (loss for loss in OTHER_LOSSES if LOSSES[loss].tap in MODELS[name].taps):
            cases[f"{label}, objective {loss}"] = partial(training, alpha=0.1, loss=loss)
    return cases


def _bend(params, rng):
    """Add noise to every parameter: biases at 0 and dead experts would hide mistakes."""
    return tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), params)
