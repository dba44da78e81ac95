"""The training loop."""

import time
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..batch import make_batch
from ..command.interrupts import stop_if_asked
from ..command.progress import bar
from ..config import Config
from ..datasets.splits import Splits
from ..diagnostics import covariance_map
from ..errors import InputError
from ..metrics import evaluate
from ..models import MODELS
from ..objective import Objective
from ..optim import OPTIMISERS, Adam
from ..predict import Predictor
from ..tree import not_finite, tree_map

EVALUATION_ROWS = 8192  # rows scored at a time
MAP_ROWS = 4096  # validation rows of a covariance map


@dataclass
class State:
    """All that changes while training.

    params   parameters now
    moments  state of the optimiser
    rng      draws the rows of a sampled loss
    facts    plain numbers: where training stands, and its history
    best     parameters at the best validation AUC so far; None before the first validation
    """

    params: dict
    moments: dict
    rng: np.random.Generator
    facts: dict
    best: dict | None = None


@dataclass(frozen=True)
class Setup:
    """What does not change while training: config and data, and the model, objective and optimiser they ask for."""

    config: Config
    splits: Splits
    model: Any = field(init=False)
    objective: Objective = field(init=False)
    optimiser: Adam = field(init=False)

    def __post_init__(self):
        c, schema = self.config, self.splits.schema
        rows = np.bincount(np.asarray(self.splits.train.domains), minlength=len(schema.domains))
        objective = Objective(c.reduction, tuple(rows), c.alpha, c.loss, c.loss_options, c.cov_rows)
        object.__setattr__(self, "model", MODELS[c.model](schema, c))
        object.__setattr__(self, "objective", objective)
        object.__setattr__(self, "optimiser", Adam(c.lr, lazy=OPTIMISERS[c.optimiser], l2=c.l2))

    def start(self):
        """The state before the first step."""
        init, sample = np.random.default_rng(self.config.seed).spawn(2)
        params = self.model.init(init)
        if self.objective.has_parameters:
            out, _ = self.outputs(params, self.splits.valid, np.arange(0))  # of no rows, for the shapes of its taps
            params["loss"] = self.objective.init(init, out)
        params = tree_map(lambda w: w.astype(self.config.dtype), params)
        facts = {
            "epoch": 1,  # the epoch under way
            "position": 0,  # rows of it that are done
            "step": 0,
            "sums": {"bce": 0.0, "cov": 0.0},  # over the rows of this epoch
            "best_auc": None,
            "best_epoch": None,
            "best_checksum": None,  # of the file of the best weights
            "epochs_without_better": 0,
            "train_rows": 0,
            "train_seconds": 0.0,
            "seconds": 0.0,
            "history": [],
        }
        return State(params, self.optimiser.init(params), sample, facts)

    def step(self, state, batch, defer=False):
        """One training step; returns the parts of the loss before it.

        With `defer`, the tables' idle rows wait until a later step needs them or `settle` is called.
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

    def settle(self, state):
        """Bring all parameters up to date: they may now be read outside of `step`."""
        self.optimiser.settle(state.params, state.moments)

    def settled(self, state):
        """The parameters up to date, as a copy: whoever only looks must not change the rounding of what follows."""
        params, moments = deepcopy((state.params, state.moments))
        self.optimiser.settle(params, moments)
        return params

    def batches(self, epoch, position=0):
        """The batches of an epoch from a position on. Their order depends on the seed and the epoch alone."""
        order = np.random.default_rng([self.config.seed, epoch]).permutation(self.splits.train.n)
        for start in range(position, len(order), self.config.batch_size):
            at = order[start : start + self.config.batch_size]
            yield make_batch(self.splits.train, at, self.splits.schema, self.config.dtype)[0]

    def outputs(self, params, rows, at):
        """The model's output for some rows, and these rows' positions in the order of the output."""
        batch, at = make_batch(rows, at, self.splits.schema, self.config.dtype, training=False)
        return self.model.forward(params, batch)[0], at

    def logits(self, params, rows):
        """Click logits of all rows, (N,) float64."""
        return Predictor(self.model, params, self.splits.schema, self.config.dtype).logits(rows)

    def covariance(self, params):
        """Covariance map of the experts on the first validation rows; None for a model without the tap `experts`."""
        out, _ = self.outputs(params, self.splits.valid, np.arange(min(MAP_ROWS, self.splits.valid.n)))
        return None if out.experts is None else covariance_map(out.experts)


@np.errstate(all="ignore")  # what comes of it is looked for below
def fit(setup, state, folder, interrupted=lambda: False, say=print):
    """Train until the last epoch or early stopping -> True; after an interrupt -> False.

    folder       a `RunFolder`: gets a checkpoint every `checkpoint_steps` and at the end of every epoch
    interrupted  asked after each step

    Raises InputError when training diverges: the checkpoint and the best weights from before stay.
    """
    c, facts = setup.config, state.facts
    while facts["epoch"] <= c.epochs and facts["epochs_without_better"] < c.patience:
        with bar(setup.splits.train.n, f"epoch {facts['epoch']}", initial=facts["position"]) as progress:
            for batch in setup.batches(facts["epoch"], facts["position"]):
                stop_if_asked()
                started = time.perf_counter()
                parts = setup.step(state, batch, defer=True)
                facts["train_seconds"] += time.perf_counter() - started
                _count(facts, parts, len(batch.labels))
                if not np.isfinite(parts["total"]):
                    raise diverged(facts["step"], f"the loss is {parts['total']}", folder)
                if facts["step"] == c.compare_steps and (cov := setup.covariance(setup.settled(state))) is not None:
                    folder.save_map(setup, cov, facts["step"])
                progress.set_postfix(loss=f"{facts['sums']['bce'] / facts['position']:.4f}", refresh=False)
                progress.update(len(batch.labels))
                if interrupted():
                    _save(setup, state, folder)
                    return False
                if facts["step"] % c.checkpoint_steps == 0:
                    _save(setup, state, folder)
        end_epoch(setup, state, folder, say)
    return True


def diverged(step, what, folder):
    """The `InputError` of numbers that are no longer finite."""
    return InputError(
        f"step {step}: {what}; try a smaller --lr or --alpha (the last checkpoint in {folder.path} is from before)"
    )


def _save(setup, state, folder):
    """A checkpoint, but never of weights that nobody could go on from."""
    _require_finite(state, folder)
    folder.save(setup, state)


def _require_finite(state, folder):
    if path := not_finite(state.params):
        raise diverged(state.facts["step"], f"{path} holds NaN or infinity", folder)


def _count(facts, parts, rows):
    facts["position"] += rows
    facts["train_rows"] += rows
    facts["step"] += 1
    for name in facts["sums"]:
        facts["sums"][name] += float(parts[name]) * rows


def end_epoch(setup, state, folder, say):
    """Validate, keep the best weights, note the epoch in the history, save; then say so."""
    facts, valid = state.facts, setup.splits.valid
    started = time.perf_counter()
    setup.settle(state)
    facts["train_seconds"] += time.perf_counter() - started
    _require_finite(state, folder)
    z = setup.logits(state.params, valid)
    if not np.isfinite(z).all():
        raise diverged(facts["step"], "scores of validation rows are NaN or infinite", folder)
    measures = evaluate(z, np.asarray(valid.labels), np.asarray(valid.users))
    means = {name: total / facts["position"] for name, total in facts["sums"].items()}
    entry = {"epoch": facts["epoch"], "step": facts["step"], **means, "valid": measures}
    facts["history"].append(entry | {"simulated": setup.splits.simulated})
    # An undefined AUC (a validation set of one class) cannot rank epochs: the latest is then as good as any.
    better = measures["auc"] is None or facts["best_auc"] is None or measures["auc"] > facts["best_auc"]
    if better:
        state.best = tree_map(np.copy, state.params)
        facts["best_auc"], facts["best_epoch"] = measures["auc"], facts["epoch"]
        folder.save_model(setup, state)
    facts["epochs_without_better"] = 0 if better else facts["epochs_without_better"] + 1
    facts["epoch"] += 1
    facts["position"], facts["sums"] = 0, dict.fromkeys(facts["sums"], 0.0)
    folder.save(setup, state)
    auc, gauc = ("undefined" if measures[k] is None else f"{measures[k]:.4f}" for k in ("auc", "gauc"))
    loss = f"{setup.objective.title} {entry['cov']:.4g}, " if setup.objective.active else ""
    say(
        f"epoch {entry['epoch']}: training loss {entry['bce']:.4f}, {loss}validation AUC {auc}, gAUC {gauc}"
        f"{' (best so far)' if better else ''}"
    )
