"""Early stopping: the weights that are kept at the end of an epoch, and how long ago they became better."""

from __future__ import annotations

import numpy as np

from ..metrics import auc
from ..runs.state import State
from ..tree import tree_map
from .trainer import Trainer


def keep_best(trainer: Trainer, state: State, z: np.ndarray, pooled: float | None, patience: int) -> str:
    """Keep the weights of now where they are the best so far; returns words on it for people, "" if nothing was kept.

    z       (N,) logits of the validation rows
    pooled  the AUC over all of them; None if it is undefined

    Writes state.best, and of the facts: best_auc, best_epoch, best_of_domains and epochs_without_better.
    """
    if trainer.each_domain_stops:
        return _of_each_domain(trainer, state, z, patience)
    facts = state.facts
    # An undefined AUC (a validation set of one class) cannot rank epochs: the latest is then as good as any.
    better = pooled is None or facts["best_auc"] is None or pooled > facts["best_auc"]
    facts["epochs_without_better"] = 0 if better else facts["epochs_without_better"] + 1
    if better:
        state.best = tree_map(np.copy, state.params)
        facts["best_auc"], facts["best_epoch"] = pooled, facts["epoch"]
    return " (best so far)" if better else ""


def _of_each_domain(trainer, state, z, patience):
    """The same for a model of separate parts, one a domain: each is kept by its own AUC, as if trained alone.

    A domain that has been `patience` epochs without a better AUC has stopped: what it learns while others go on is not
    looked at. Training ends when all have stopped. A domain whose AUC is undefined takes its latest weights and decides
    nothing.
    """
    facts, valid = state.facts, trainer.splits.valid
    labels, domains = np.asarray(valid.labels), np.asarray(valid.domains)
    best, kept = list(state.best or state.params), []
    for s, name in enumerate(trainer.splits.schema.domains):
        now, before = auc(z[domains == s], labels[domains == s]).value, facts["best_of_domains"].get(name)
        if before and before["epochs_without_better"] >= patience:
            continue
        if now is None or before is None or before["auc"] is None or now > before["auc"]:
            best[s] = tree_map(np.copy, state.params[s])
            facts["best_of_domains"][name] = {"auc": now, "epoch": facts["epoch"], "epochs_without_better": 0}
            kept.append(name)
        else:
            before["epochs_without_better"] += 1
    state.best = best
    defined = [own for own in facts["best_of_domains"].values() if own["auc"] is not None]
    facts["epochs_without_better"] = min((own["epochs_without_better"] for own in defined), default=0)
    if kept:
        facts["best_epoch"] = facts["epoch"]
    return f" (best so far of {', '.join(kept)})" if kept else ""
