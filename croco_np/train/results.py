"""The results of a run: test measures, a table, and then three pictures."""

import json
import shlex
from collections.abc import Callable
from typing import Any

import numpy as np

from ..command.interrupts import stop_if_asked
from ..config import Config
from ..metrics import auc, evaluate_domains, expected_auc
from ..models.assembly import count_trained
from ..runs.folder import RunFolder
from ..runs.state import State
from .loop import Nowhere, diverged
from .pictures import draw
from .trainer import Trainer


def measure(trainer: Trainer, state: State, config: Config, folder: RunFolder | None = None) -> dict:
    """Measures of the chosen weights on the test rows -> dict for metrics.json; undefined ones are None with a reason.

    Raises InputError if the weights give scores that are NaN or infinite.
    """
    splits, facts, params = trainer.splits, state.facts, state.chosen
    with np.errstate(all="ignore"):  # what comes of it is looked for in the next lines
        z = trainer.predictor(params).logits(splits.test)
    if not np.isfinite(z).all():
        raise diverged(facts["step"], "scores of test rows are NaN or infinite", folder or Nowhere())
    stop_if_asked()
    measures = evaluate_domains(z, splits.test, splits.schema.domains)
    if splits.truth is not None:
        _add_truth(measures, z, splits)
    state.tick()
    best = facts["best_of_domains"]  # where each domain stopped by itself
    return {
        "dataset": splits.name,
        "simulated": splits.simulated,
        "model": config.system,
        "seed": config.seed,
        "split": "test",
        **measures,
        "best_epoch": facts["best_epoch"],
        **({"best_epochs": {name: own["epoch"] for name, own in best.items()}} if best else {}),
        "parameters": count_trained(trainer.model),
        "train_rows_per_second": facts["train_rows"] / facts["train_seconds"] if facts["train_seconds"] else 0.0,
        "seconds": facts["seconds"],
    }


def finish(
    trainer: Trainer, state: State, config: Config, folder: RunFolder, say: Callable[[str], Any] = print
) -> dict:
    """Measure, write metrics.json, show the table, draw the pictures, in this order: what counts comes first."""
    metrics = measure(trainer, state, config, folder)
    folder.write("metrics.json", json.dumps(metrics, indent=1) + "\n")
    try:
        say(table(metrics))
        say(f"{folder.path}: metrics.json, history.jsonl, model.safetensors")
        drawn = draw(trainer, state, config, folder, metrics, say)
    except KeyboardInterrupt:
        again = f"python -m croco_np.train --resume {shlex.quote(folder.where)}"
        say(f"the results are complete, a picture is missing: {again} draws it")
        raise
    if drawn:
        say(f"{folder.path}: {', '.join(drawn)}")
    run = shlex.quote(folder.where)
    say(f"next: python -m croco_np.diagnostics {run}, python -m croco_np.predict {run}")
    return metrics


def _add_truth(measures, z, splits):
    """Beside the model's AUC, what the true click probabilities say of it; z (N,) are the model's scores.

    best_possible_auc  AUC of these probabilities on the drawn labels, which no model can beat but by luck
    expected_auc, best_expected_auc, regret
                       expected AUC of the model and of the probabilities, and what the model lacks of it
    """
    truth, labels, domains = (np.asarray(a) for a in (splits.truth, splits.test.labels, splits.test.domains))
    parts = [(measures["overall"], slice(None))]
    parts += [(measures["domains"][name], domains == s) for s, name in enumerate(splits.schema.domains)]
    for m, at in parts:
        best, reached = expected_auc(truth[at], truth[at]), expected_auc(z[at], truth[at])
        m["best_possible_auc"] = auc(truth[at], labels[at]).value
        m["expected_auc"], m["best_expected_auc"] = reached.value, best.value
        m["regret"] = None if reached.value is None else best.value - reached.value
        if reached.reason:
            m["reasons"]["expected_auc"] = reached.reason


def table(metrics: dict) -> str:
    """The measures as text, a line for each domain and one for all."""
    known = metrics["overall"].get("best_possible_auc") is not None
    columns = "AUC", *(("best", "regret") if known else ()), "gAUC"
    head = f"{'test rows of':<14}{'rows':>10}{'clicks':>9}" + "".join(f"{name:>9}" for name in columns)
    lines = [f"{metrics['model']} on {metrics['dataset']}{' (SIMULATED data)' if metrics['simulated'] else ''}", ""]
    lines += [f"{head}{'logloss':>10}"]
    for name, m in [*metrics["domains"].items(), ("all domains", metrics["overall"])]:
        numbers = [m["auc"], *([m["best_possible_auc"], m["regret"]] if known else []), m["gauc"]]
        cells = "".join(f"{'-':>9}" if x is None else f"{x:9.4f}" for x in numbers)
        loss = f"{'-':>10}" if m["logloss"] is None else f" {m['logloss']:9.4f}"
        lines.append(f"{name:<14}{m['rows']:>10,}{m['positives']:>9,}{cells}{loss}")
    share = metrics["overall"]["gauc_rows_share"]
    lines.append(
        f"gAUC covers users with clicks and non-clicks: {share:.0%} of the rows. '-': undefined, see metrics.json."
    )
    if known:
        lines.append("best: AUC of the true click probabilities, the best any model could reach on these rows.")
        lines.append("regret: what the model's expected AUC under these probabilities lacks of their own.")
    lines.append(
        f"{metrics['parameters']:,} parameters, {metrics['train_rows_per_second']:,.0f} rows/s in training, "
        f"{metrics['seconds']:.0f} s in all"
    )
    return "\n" + "\n".join(lines)
