"""What training needs, in one place, and one step of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..batch import Batch, make_batch
from ..command.interrupts import stop_if_asked
from ..datasets.splits import Splits
from ..models import MODELS, fastest
from ..objective import Objective
from ..optim import Adam
from ..predict import Predictor
from ..runs.state import State
from ..tree import Tree, tree_map

if TYPE_CHECKING:
    from ..config import Config


@dataclass(frozen=True)
class Trainer:
    """A model, an objective and an optimiser on the rows of a data set.

    model       a system of `croco_np.models`
    objective   Eq. (7)
    optimiser   writes to the parameters; nothing else does
    splits      training and validation rows, and the schema that the model was built for
    batch_size  rows of a step
    seed        of the initial parameters and of the order of the rows
    dtype       precision of parameters and activations, "float32" or "float64"
    each_domain_stops
                whether each domain stops by its own validation AUC; for a model of separate parts, one a domain

    A training step is four lines:

        out, cache  = model.forward(params, batch)
        parts, d, _ = objective(out, batch, rng)
        grads       = model.backward(cache, d)
        optimiser.step(params, grads, moments)

    and `step` is those, with the three things that make them fast and general: rows of tables that no batch used are
    brought up to date when they are next read; a loss may have parameters of its own; and a model may have parameters
    that are tracked, not trained, such as running means.
    """

    model: Any
    objective: Objective
    optimiser: Adam
    splits: Splits
    batch_size: int = 1024
    seed: int = 0
    dtype: str = "float32"
    each_domain_stops: bool = False

    @classmethod
    def from_config(cls, config: Config, splits: Splits) -> Trainer:
        """The trainer that a config asks for; of a model that has a twin, the twin is trained (`models.twins`)."""
        c, schema = config, splits.schema
        rows = np.bincount(np.asarray(splits.train.domains), minlength=len(schema.domains))
        objective = Objective(c.reduction, tuple(rows), c.resolved_alpha, c.resolved_loss, c.loss_options, c.cov_rows)
        optimiser = Adam(c.lr, lazy=c.optimiser == "lazy_adam", l2=c.l2)
        epoch_steps = -(-splits.train.n // c.batch_size)
        model = fastest(MODELS[c.model].build(schema, **c.sizes).paced(epoch_steps))
        apart = model.separate and c.stop_by == "domain"
        return cls(model, objective, optimiser, splits, c.batch_size, c.seed, c.dtype, apart)

    def without_loss(self) -> Trainer:
        """The same trainer, but for the loss beside the cross-entropy: alpha = 0."""
        return replace(self, objective=replace(self.objective, alpha=0.0))

    def start(self) -> State:
        """The state before the first step."""
        init, sample = np.random.default_rng(self.seed).spawn(2)
        params = self.model.init(init)
        if self.objective.has_parameters:
            no_rows, _ = make_batch(self.splits.valid, np.arange(0), self.splits.schema)
            out, _ = self.model.forward(params, no_rows)  # for the shapes of its taps
            params["loss"] = self.objective.init(init, out)
        params = tree_map(lambda w: w.astype(self.dtype), params)
        facts = {
            "epoch": 1,  # the epoch under way
            "position": 0,  # rows of it that are done
            "step": 0,
            "sums": {"bce": 0.0, "cov": 0.0},  # over the rows of this epoch
            "best_auc": None,
            "best_epoch": None,
            "best_of_domains": {},  # {domain: its best AUC, its epoch, epochs without better}, if each stops by itself
            "best_checksum": None,  # of the file of the best weights
            "epochs_without_better": 0,
            "train_rows": 0,
            "train_seconds": 0.0,
            "seconds": 0.0,
            "history": [],
        }
        return State(params, self.optimiser.init(params), sample, facts)

    def step(self, state: State, batch: Batch, defer: bool = False) -> dict:
        """One training step; returns the parts of the loss before it.

        defer  leave rows of tables that the batch does not use as they are, until a later step reads them or `settle`
               is called
        """
        self.optimiser.catch_up(state.params, self.model.reads(batch), state.moments)
        out, cache = self.model.forward(state.params, batch)
        of_loss = state.params["loss"] if self.objective.has_parameters else None
        parts, d, own = self.objective(out, batch, state.rng, of_loss)  # Eq. 7, at every tap
        grads = self.model.backward(cache, d)
        if self.objective.has_parameters:
            grads["loss"] = own
        self.optimiser.step(state.params, grads, state.moments, defer, self.model.tracked(cache))
        return parts

    def steps(self, state: State) -> Iterator[tuple[Batch, dict]]:
        """Take the steps of the rest of the epoch under way; yield each batch with the parts of its loss."""
        facts = state.facts
        for batch in self.batches(facts["epoch"], facts["position"]):
            stop_if_asked()
            started = time.perf_counter()
            parts = self.step(state, batch, defer=True)
            facts["train_seconds"] += time.perf_counter() - started
            facts["position"] += len(batch.labels)
            facts["train_rows"] += len(batch.labels)
            facts["step"] += 1
            for name in facts["sums"]:
                facts["sums"][name] += float(parts[name]) * len(batch.labels)
            yield batch, parts

    def settle(self, state: State) -> None:
        """Apply all deferred updates of tables in place: the parameters may then be read by anybody."""
        self.optimiser.settle(state.params, state.moments)

    def settled(self, state: State) -> Tree:
        """A copy of the parameters with all deferred updates applied.

        A copy, because applying them in place would change the rounding of later steps.
        """
        params, moments = deepcopy((state.params, state.moments))
        self.optimiser.settle(params, moments)
        return params

    def batches(self, epoch: int, position: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from a row on. Their order depends on the seed and the epoch alone."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.splits.train.n)
        for start in range(position, len(order), self.batch_size):
            at = order[start : start + self.batch_size]
            yield make_batch(self.splits.train, at, self.splits.schema, self.dtype)[0]

    def predictor(self, params: Tree) -> Predictor:
        """The model with these parameters, ready to score rows."""
        return Predictor(self.model, params, self.splits.schema, encoder=self.splits.encoder)
