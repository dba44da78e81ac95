"""Records as a table of numbers: one row a run, with everything that its place in an experiment's tables needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from .run import changed


def runs_frame(entries: Iterable[tuple[dict[str, Any], dict[str, Any] | None]]) -> pd.DataFrame:
    """(labels, record) of each run -> one row a run; of a run that failed, record None, the labels alone.

    labels  what the run is in the experiment, such as {"system": "ple"} or {"alpha": 0.001}: the first columns

    Then come the measures of the test rows, overall ("auc", "gauc", "logloss", on simulated data "regret") and of each
    domain ("auc 1" for domain 1), what the model learnt ("ia", "di", ...), and where the numbers come from: settings,
    fingerprint of the data, versions, key of the record. Undefined measures are empty.
    """
    return pd.DataFrame([labels | (_numbers(record) if record else {}) for labels, record in entries])


def _numbers(record):
    return measures(record) | learnt(record) | provenance(record)


MEASURES = ("auc", "gauc", "logloss", "expected_auc", "best_expected_auc", "regret", "best_possible_auc")


def measures(record: dict[str, Any]) -> dict[str, Any]:
    """Test measures, overall and by domain; the validation AUC that chose the epoch."""
    parts = {"": record["test"]["overall"]} | {f" {name}": m for name, m in record["test"]["domains"].items()}
    row = {f"{name}{part}": m[name] for part, m in parts.items() for name in MEASURES if name in m}
    return row | {
        "valid_auc": record["valid"]["auc"],
        "best_epoch": record["best_epoch"],
        "parameters": record["parameters"],
        "seconds": round(record["seconds"], 2),
    }


def learnt(record: dict[str, Any]) -> dict[str, Any]:
    """What was found in the trained model, where it was looked into: abundance, diversity, covariance, dead units."""
    found = record.get("learnt")
    if not found:
        return {}
    tables, experts, diversity = found["item_tables"], found["experts"], found["diversity"]
    row = {"ia": tables["mean"]["value"]}
    row |= {f"ia {name}": m["value"] for name, m in tables["by_domain"].items()}
    for column, name in EXPERTS.items():
        row[column] = (experts.get(name) or {}).get("value")
    row["di_chance"] = diversity.get("chance")
    for column, path in DIVERSITY.items():
        row[column] = _at(diversity, path)
    return row


EXPERTS = {
    "expert_ia": "mean_abundance",
    "covariance": "mean_abs_covariance",
    "correlation": "mean_abs_correlation",
    "dead": "dead_share",
}
DIVERSITY = {
    "di": ("per_expert", "value"),
    "di_pooled": ("pooled", "value"),
    "di_all_rows": ("all_rows", "per_expert", "value"),
    "conflict_rows": ("conflict_rows",),
}


def _at(entries, path):
    for name in path:
        if not isinstance(entries, dict):
            return None
        entries = entries.get(name)
    return entries


def provenance(record: dict[str, Any]) -> dict[str, Any]:
    """Where the numbers of a row come from."""
    return {
        "run_seed": record["config"]["seed"],
        "settings": json.dumps(changed(record["config"]), sort_keys=True),
        "fingerprint": record["fingerprint"],
        "versions": json.dumps(record["versions"], sort_keys=True),
        "key": record["key"],
    }


def domains_of(frame: pd.DataFrame) -> list[str]:
    """The names of the domains in a frame, from its columns "auc NAME"."""
    return [name.removeprefix("auc ") for name in frame.columns if name.startswith("auc ")]


def by_seed(frame: pd.DataFrame, label: str, value: str, measure: str, seeds: Sequence[int]) -> list[float]:
    """A measure of one row of a table, seed by seed; NaN where a run is missing or the measure undefined."""
    if measure not in frame:
        return [float("nan")] * len(seeds)
    found = (
        frame.loc[frame[label].astype(str) == str(value), ["seed", measure]].set_index("seed")[measure].astype(float)
    )
    return [float(found.get(seed, float("nan"))) for seed in seeds]
