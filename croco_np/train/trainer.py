"""What training needs, in one place, and one step of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import HOST, Backend, host, load, on_device
from ..batch import Batch, make_batch
from ..command.interrupts import stop_if_asked
from ..datasets.splits import Splits
from ..models import MODELS, fastest
from ..objective import Objective
from ..optim import Adam
from ..predict import Predictor
from ..runs.state import State
from ..tree import Tree, tree_map
from .ahead import arriving
from .memory import room_named

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
    backend     where parameters, moments and batches lie, and so where the steps are computed

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
    backend: Backend = HOST

    @classmethod
    def from_config(cls, config: Config, splits: Splits) -> Trainer:
        """The trainer that a config asks for; of a model that has a twin, the twin is trained (`models.twins`).

        Raises InputError where there is no GPU for a config that wants one.
        """
        c, schema, backend = config, splits.schema, load(config.backend)
        backend.multiply_in(c.precision)
        rows = np.bincount(np.asarray(splits.train.domains), minlength=len(schema.domains))
        objective = Objective(c.reduction, tuple(rows), c.resolved_alpha, c.resolved_loss, c.loss_options, c.cov_rows)
        optimiser = Adam(c.lr, lazy=c.optimiser == "lazy_adam", l2=c.l2)
        epoch_steps = -(-splits.train.n // c.batch_size)
        model = MODELS[c.model].build(schema, **c.sizes).paced(epoch_steps)
        # The twins save products by looking up narrow fields one by one. On a GPU products are cheap and launches are
        # not, so there the definition is trained.
        model = fastest(model) if backend is HOST else model
        apart = model.separate and c.stop_by == "domain"
        return cls(model, objective, optimiser, splits, c.batch_size, c.seed, c.dtype, apart, backend)

    def without_loss(self) -> Trainer:
        """The same trainer, but for the loss beside the cross-entropy: alpha = 0."""
        return replace(self, objective=replace(self.objective, alpha=0.0))

    def start(self) -> State:
        """The state before the first step.

        Parameters are drawn on the host, whichever the device: a seed means the same everywhere.
        """
        init, sample = np.random.default_rng(self.seed).spawn(2)
        params = self.model.init(init)
        if self.objective.has_parameters:
            no_rows, _ = make_batch(self.splits.valid, np.arange(0), self.splits.schema)
            out, _ = self.model.forward(params, no_rows)  # for the shapes of its taps
            params["loss"] = self.objective.init(init, out)
        with room_named(self.backend, self.batch_size):
            params = tree_map(lambda w: self.backend.bring(w.astype(self.dtype)), params)
            moments = self.optimiser.init(params)
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
        return State(params, moments, sample, facts)

    def step(self, state: State, batch: Batch, defer: bool = False) -> dict:
        """One training step; returns the parts of the loss before it.

        batch  lies where the parameters do: `batch.brought(trainer.backend.bring)`
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
        coming = arriving(self.batches(facts["epoch"], facts["position"]), self.backend)
        for batch in coming:
            stop_if_asked()
            started = time.perf_counter()
            parts = self.step(state, batch, defer=True)
            coming.look_ahead()
            parts = numbers(parts)
            facts["train_seconds"] += time.perf_counter() - started
            facts["position"] += len(batch.labels)
            facts["train_rows"] += len(batch.labels)
            facts["step"] += 1
            for name in facts["sums"]:
                facts["sums"][name] += parts[name] * len(batch.labels)
            yield batch, parts

    def settle(self, state: State) -> None:
        """Apply all deferred updates of tables in place: the parameters may then be read by anybody."""
        self.optimiser.settle(state.params, state.moments)
        self.backend.wait()

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


def numbers(parts: dict[str, Any]) -> dict[str, float]:
    """The parts of a loss as Python's numbers. Those on a device come in one copy: the host waits once a step."""
    there = [name for name, x in parts.items() if on_device(x)]
    came = host(np.stack([parts[name] for name in there])) if there else ()
    return {name: float(x) for name, x in (parts | dict(zip(there, came, strict=True))).items()}
