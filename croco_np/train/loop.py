"""The training loop: epochs of steps, each ending with a look at the validation rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import host
from ..command.progress import bar
from ..command.streams import note
from ..errors import InputError
from ..machine.tuning import hint
from ..metrics import evaluate
from ..predict import Predictor
from ..runs.state import State
from ..tree import not_finite
from .maps import covariance
from .memory import room_named
from .stopping import keep_best
from .trainer import Trainer


class Nowhere:
    """The place of a `RunFolder` where nothing is to be kept on disk."""

    where, has_checkpoint = "", False  # of the last checkpoint, for messages

    def save(self, state: State) -> None:
        """Keep a checkpoint."""

    def save_model(self, state: State) -> None:
        """Keep the best weights."""

    def save_map(self, cov: np.ndarray, step: int) -> None:
        """Keep the covariance map of the experts at a step."""


@np.errstate(all="ignore")  # what comes of it is looked for below
def fit(
    trainer: Trainer,
    state: State,
    folder: Any = None,
    *,
    epochs: int = 8,
    patience: int = 1,
    checkpoint_steps: int = 500,
    map_step: int = 0,
    interrupted: Callable[[], Any] = lambda: False,
    each_epoch: Callable[[Predictor], dict[str, Any]] | None = None,
    say: Callable[[str], Any] = print,
    progress: bool = True,
) -> bool:
    """Train until the last epoch or early stopping -> True; after an interrupt -> False.

    trainer           what to train, on which rows
    state             where to begin, `trainer.start()`; changed in place: `state.chosen` are the weights to use
    folder            a `RunFolder`: gets a checkpoint every `checkpoint_steps` and at the end of every epoch; None
                      keeps nothing on disk
    epochs            passes over the training rows, at most
    patience          epochs without a better validation AUC before stopping; where each domain stops by itself
                      (`Trainer.each_domain_stops`), of each domain
    map_step          step after which the folder also gets the covariance map of the experts; 0 = none
    interrupted       asked after each step
    each_epoch        a measure of the model at the end of an epoch, such as `diagnostics.abundance_during`; what it
                      returns, plain numbers for JSON, is kept in the history as "measured". It must not write to the
                      parameters, which are those that training goes on with
    say               gets a line an epoch
    progress          whether a bar shows the epoch under way, and a line says how this process could train faster

    Raises InputError when training diverges, or a device has no room: the checkpoint and the best weights from before
    stay.
    """
    folder, facts, n_rows = folder or Nowhere(), state.facts, trainer.splits.train.n
    if progress and (slow := hint()):
        note(slow)
    with room_named(trainer.backend, trainer.batch_size, state, folder):
        while facts["epoch"] <= epochs and facts["epochs_without_better"] < patience:
            with bar(n_rows, f"epoch {facts['epoch']}", initial=facts["position"], shown=progress) as shown:
                for batch, parts in trainer.steps(state):
                    if not np.isfinite(parts["total"]):
                        raise diverged(facts["step"], f"the loss is {parts['total']}", folder)
                    if facts["step"] == map_step and (cov := covariance(trainer, trainer.settled(state))) is not None:
                        folder.save_map(cov, facts["step"])
                    shown.set_postfix(loss=f"{facts['sums']['bce'] / facts['position']:.4f}", refresh=False)
                    shown.update(len(batch.labels))
                    stopped = interrupted()
                    if stopped or facts["step"] % checkpoint_steps == 0:
                        _save(state, folder)
                    if stopped:
                        return False
            end_epoch(trainer, state, folder, say, each_epoch, patience)
    return True


def diverged(step: int, what: str, folder: Any) -> InputError:
    """The `InputError` of numbers that are no longer finite."""
    before = f" (the last checkpoint in {folder.where} is from before)" if folder.where else ""
    return InputError(f"step {step}: {what}; try a smaller --lr or --alpha{before}")


def _save(state, folder):
    """A checkpoint, but never of weights that nobody could go on from."""
    _require_finite(state, folder)
    folder.save(state)


def _require_finite(state, folder):
    if path := not_finite(state.params):
        raise diverged(state.facts["step"], f"{path} holds NaN or infinity", folder)


def end_epoch(
    trainer: Trainer,
    state: State,
    folder: Any,
    say: Callable[[str], Any],
    each_epoch: Callable[[Predictor], dict[str, Any]] | None = None,
    patience: int = 1,
) -> None:
    """Validate, measure, keep the best weights, note the epoch in the history, save; then say so."""
    facts, valid = state.facts, trainer.splits.valid
    started = time.perf_counter()
    trainer.settle(state)
    facts["train_seconds"] += time.perf_counter() - started
    _require_finite(state, folder)
    predictor = trainer.predictor(state.params)
    z = predictor.logits(valid)
    if not np.isfinite(z).all():
        raise diverged(facts["step"], "scores of validation rows are NaN or infinite", folder)
    measures = evaluate(z, np.asarray(valid.labels), np.asarray(valid.users))
    means = {name: total / facts["position"] for name, total in facts["sums"].items()}
    entry = {"epoch": facts["epoch"], "step": facts["step"], **means, "valid": measures}
    if each_epoch:
        entry["measured"] = each_epoch(predictor.brought(host))  # its spectra are worked out on the host
    facts["history"].append(entry | {"simulated": trainer.splits.simulated})
    better = keep_best(trainer, state, z, measures["auc"], patience)
    if better:
        folder.save_model(state)
    state.next_epoch()
    folder.save(state)
    auc, gauc = ("undefined" if measures[k] is None else f"{measures[k]:.4f}" for k in ("auc", "gauc"))
    loss = f"{trainer.objective.title} {entry['cov']:.4g}, " if trainer.objective.active else ""
    say(f"epoch {entry['epoch']}: training loss {entry['bce']:.4f}, {loss}validation AUC {auc}, gAUC {gauc}{better}")
