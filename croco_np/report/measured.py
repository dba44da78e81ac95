"""Sections of a run's page on how well it predicts: measures of the test rows by domain, and the course of training."""

from typing import Any

from . import pictures
from .page import Cell, Figure, Section, Table

BEST = "best_possible_auc"  # of the true probabilities, known where data are simulated


def headline(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """The measures of all test rows together, and what they took."""
    overall = metrics["overall"]
    shown = [("AUC", "auc", ".4f"), ("best possible AUC", BEST, ".4f"), ("gAUC", "gauc", ".4f")]
    shown += [("log loss", "logloss", ".4f")]
    numbers = [(name, format(overall[key], form)) for name, key, form in shown if overall.get(key) is not None]
    return [
        *numbers,
        ("parameters", f"{metrics['parameters']:,}"),
        ("rows/s in training", f"{metrics['train_rows_per_second']:,.0f}"),
    ]


def test_rows(metrics: dict[str, Any]) -> Section:
    """Test measures of each domain side by side."""
    every = [*metrics["domains"].items(), ("all domains", metrics["overall"])]
    known = metrics["overall"].get(BEST) is not None
    head = ["domain", "rows", "clicks", "click rate", "AUC", *(["best possible", "regret"] if known else [])]
    head += ["gAUC", "gAUC covers", "log loss"]
    forms = ["", ",d", ",d", ".2%", *[".4f"] * (1 + 2 * known), ".4f", ".0%", ".4f"]
    rows = [[name, *_numbers(m, known)] for name, m in every]
    table = Table("Measures of the test rows", head, rows, forms, foot=1)
    caption = "AUC of each domain with its 95 % interval (Hanley and McNeil 1982)."
    caption += " Orange: the best that is possible, the AUC of the true click probabilities." if known else ""
    text = "gAUC is the mean AUC of users, weighted by their rows; it covers users with clicks and non-clicks."
    if known:
        text += " Regret is what the model's expected AUC under the true click probabilities lacks of their own."
    picture = pictures.auc_by_domain(dict([every[-1], *every[:-1]]))
    return Section("Test rows", text, [table], [Figure(caption, picture)])


def _numbers(m, known):
    """The cells of a row; where a measure is undefined the cell says why."""
    reasons = m.get("reasons", {})
    auc, gauc, loss = (Cell(m[key], note=reasons.get(key, "")) for key in ("auc", "gauc", "logloss"))
    rate = m["positives"] / m["rows"] if m["rows"] else None
    ranked = [auc, *([m[BEST], Cell(m["regret"], note=reasons.get("expected_auc", ""))] if known else [])]
    return [m["rows"], m["positives"], rate, *ranked, gauc, m["gauc_rows_share"], loss]


def training(history: list[dict[str, Any]], best_epoch: int, loss: str) -> Section:
    """Loss and validation measures of each epoch.

    loss  the name of the loss beside the cross-entropy, "" if there is none
    """
    epochs = [h["epoch"] for h in history]
    losses = {"training": [h["bce"] for h in history], "validation": [h["valid"]["logloss"] for h in history]}
    ranking = {"AUC": [h["valid"]["auc"] for h in history], "gAUC": [h["valid"]["gauc"] for h in history]}
    ranking = {name: values for name, values in ranking.items() if any(v is not None for v in values)}
    figures = [
        Figure("Cross-entropy of each epoch.", pictures.curves(losses, epochs, "epoch", "cross-entropy (nats a row)")),
        Figure(
            f"Ranking of the validation rows; the weights of epoch {best_epoch} were kept.",
            pictures.curves(ranking, epochs, "epoch", "AUC or gAUC, validation rows"),
        ),
    ]
    head = ["epoch", "steps", "training loss", *([loss] if loss else []), "log loss", "AUC", "gAUC"]
    forms = ["d", ",d", ".4f", *([".4g"] if loss else []), ".4f", ".4f", ".4f"]
    rows = [_epoch(h, bool(loss), h["epoch"] == best_epoch) for h in history]
    table = Table("Training, and measures of the validation rows; bold: the epoch that was kept", head, rows, forms)
    return Section("Training", (), [table], figures + _during(history, epochs))


def _epoch(h, has_loss, kept):
    valid = h["valid"]
    ranked = [Cell(valid[key], strong=kept) for key in ("auc", "gauc")]
    return [h["epoch"], h["step"], h["bce"], *([h["cov"]] if has_loss else []), valid["logloss"], *ranked]


def _during(history, epochs):
    """Information abundance at the end of each epoch, if the run measured it (`diagnostics.abundance_during`)."""
    taken = [h["measured"] for h in history if "experts" in h.get("measured", {})]
    if not taken or len(taken) != len(history):
        return []
    experts = {"all rows": "all", f"rows of {taken[0]['smallest']}": "smallest"}
    experts = {name: [m["experts"][key]["value"] for m in taken] for name, key in experts.items()}
    fifths = {"least shown fifth": 0, "most shown fifth": -1}
    items = {name: [m["items"]["all"][group]["value"] for m in taken] for name, group in fifths.items()}
    parts = {
        "Mean information abundance of the experts' outputs, on test rows of all domains or of the smallest.": experts,
        "Mean information abundance of the item tables, for the items shown least and most often.": items,
    }
    return [
        Figure(caption, pictures.curves(lines, epochs, "epoch", "information abundance"))
        for caption, lines in parts.items()
        if any(v is not None for values in lines.values() for v in values)
    ]
