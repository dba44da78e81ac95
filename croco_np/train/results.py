"""What a finished run shows: test measures, a table, three pictures."""

import json
from dataclasses import replace
from itertools import chain, count, islice

import numpy as np

from ..diagnostics import between_experts
from ..metrics import evaluate_domains
from ..progress import bar
from ..tree import count as count_scalars
from .loop import Setup


def finish(setup, state, folder, say=print):
    """Measure the best weights on the test rows; write metrics.json and the pictures; show the table."""
    from .. import plots  # with it matplotlib: half a second, due when there is something to draw

    c, splits, facts = setup.config, setup.splits, state.facts
    params = state.params if state.best is None else state.best
    measures = evaluate_domains(setup.logits(params, splits.test), splits.test, splits.schema.domains)
    if splits.truth is not None:
        _add_best_possible(measures, splits)
    metrics = {
        "dataset": c.dataset,
        "simulated": splits.simulated,
        "model": c.system,
        "seed": c.seed,
        "split": "test",
        **measures,
        "best_epoch": facts["best_epoch"],
        "parameters": count_scalars({key: p for key, p in params.items() if key != "loss"}),  # the model's alone
    }
    plots.learning(facts["history"], folder.path / "learning.png", splits.simulated)
    plots.domains(metrics, folder.path / "domains.png", splits.simulated)
    maps = covariance_maps(setup, state, folder)
    if maps:
        plots.covariance(
            maps, _n_experts(c, next(iter(maps.values()))), folder.path / "covariance.png", splits.simulated
        )
    folder.tick(state)
    rate = facts["train_rows"] / facts["train_seconds"] if facts["train_seconds"] else 0.0
    metrics |= {"train_rows_per_second": rate, "seconds": facts["seconds"]}
    folder.write("metrics.json", json.dumps(metrics, indent=1) + "\n")
    say(table(metrics))
    pictures = "learning.png, domains.png" + (", covariance.png" if maps else "")
    say(f"{folder.path}: metrics.json, history.jsonl, model.safetensors, {pictures}")
    say(f"next: python -m croco_np.diagnostics {folder.path}, python -m croco_np.predict {folder.path}")
    return metrics


def _add_best_possible(measures, splits):
    """Beside the model's AUC that of the true click probabilities, which no model can beat but by luck."""
    best = evaluate_domains(np.asarray(splits.truth), splits.test, splits.schema.domains)
    measures["overall"]["best_possible_auc"] = best["overall"]["auc"]
    for name, m in measures["domains"].items():
        m["best_possible_auc"] = best["domains"][name]["auc"]


def covariance_maps(setup, state, folder):
    """Covariance maps after `compare_steps` steps, {title: map}: of this run, and of a twin without its loss.

    The twin has the same start, the same batches and alpha = 0, so what differs between the maps is the loss alone,
    CovLoss or another. No maps for a model without the tap `experts`.
    """
    c = setup.config
    if not c.compare_steps:
        return {}
    cov, steps = folder.load_map(setup) or (setup.covariance(state.params), state.facts["step"])
    if cov is None:
        return {}
    n_experts = _n_experts(c, cov)
    if not setup.objective.active:
        return {_title("no loss on the experts", cov, n_experts, steps): cov}
    twin = Setup(replace(c, alpha=0.0), setup.splits)
    other = twin.start()
    batches = chain.from_iterable(twin.batches(epoch) for epoch in count(1))
    with bar(steps, f"twin without {setup.objective.title}", unit="steps") as progress:
        for batch in islice(batches, steps):
            twin.step(other, batch, defer=True)
            progress.update(1)
    twin.settle(other)
    bare = twin.covariance(other.params)
    return {
        _title(f"without {setup.objective.title}", bare, n_experts, steps): bare,
        _title(f"with {setup.objective.title}, alpha = {c.alpha:g}", cov, n_experts, steps): cov,
    }


def _n_experts(c, cov):
    """Number of experts in a map: not always `--n-experts`."""
    return len(cov) // c.expert_sizes[-1]


def _title(what, cov, n_experts, steps):
    covariance, correlation = between_experts(cov, n_experts)
    return f"{what}, {steps} steps\nbetween experts\nmean |cov| {covariance:.2g}, |corr| {correlation:.2f}"


def table(metrics):
    """The measures as text, a line for each domain and one for all."""
    known = metrics["overall"].get("best_possible_auc") is not None
    head = (
        f"{'test rows of':<14}{'rows':>10}{'clicks':>9}{'AUC':>9}" + (f"{'best':>9}" if known else "") + f"{'gAUC':>9}"
    )
    lines = [f"{metrics['model']} on {metrics['dataset']}{' (SIMULATED data)' if metrics['simulated'] else ''}", ""]
    lines += [f"{head}{'logloss':>10}"]
    for name, m in [*metrics["domains"].items(), ("all domains", metrics["overall"])]:
        numbers = [m["auc"], *([m["best_possible_auc"]] if known else []), m["gauc"]]
        cells = "".join(f"{'-':>9}" if x is None else f"{x:9.4f}" for x in numbers)
        loss = f"{'-':>10}" if m["logloss"] is None else f" {m['logloss']:9.4f}"
        lines.append(f"{name:<14}{m['rows']:>10,}{m['positives']:>9,}{cells}{loss}")
    share = metrics["overall"]["gauc_rows_share"]
    lines.append(
        f"gAUC speaks of the users with both classes: {share:.0%} of the rows. '-': undefined, see metrics.json."
    )
    if known:
        lines.append("best: AUC of the true click probabilities, the best any model could reach on these rows.")
    lines.append(
        f"{metrics['parameters']:,} parameters, {metrics['train_rows_per_second']:,.0f} rows/s in training, "
        f"{metrics['seconds']:.0f} s in all"
    )
    return "\n" + "\n".join(lines)
