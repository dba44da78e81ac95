"""Learning rate and l2 of each system, chosen among the same settings by validation AUC. Test rows have no say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .study import Study

Settings = dict[str, Any]


class Candidate(NamedTuple):
    """Something to tune: a system with what it is about, such as `n_experts` or `loss`, and the settings to try."""

    system: str
    about: Settings
    settings: Sequence[Settings]


class Tuned(NamedTuple):
    """What was chosen.

    settings  {label: settings}, those of `about` among them
    tried     one row a label and setting: mean validation AUC over the tuning seeds, and whether it was chosen
    """

    settings: dict[str, Settings]
    tried: pd.DataFrame


def tune(study: Study, candidates: Mapping[str, Candidate], what: str = "tuning") -> Tuned:
    """Try every setting of every candidate with the tuning seeds; the best mean validation AUC is chosen.

    A setting of which a run failed counts as the worst. Where all failed, the first is chosen, so that the reported
    runs say what is wrong.
    """
    runs = {
        (label, i, seed): study.run(c.system, seed, looks=(), **c.about, **setting)
        for label, c in candidates.items()
        for i, setting in enumerate(c.settings)
        for seed in study.tuning_seeds
    }
    records = study.make(runs.values(), what)
    chosen, rows = {}, []
    for label, c in candidates.items():
        means = []
        for i, setting in enumerate(c.settings):
            found = [_valid_auc(records.get(runs[label, i, seed].key)) for seed in study.tuning_seeds]
            means.append(float(np.mean(found)))
            rows.append({"label": label, **setting, "seeds": len(found), "valid_auc": means[-1], "chosen": False})
        best = int(np.argmax([-np.inf if np.isnan(m) else m for m in means]))
        rows[best - len(c.settings)]["chosen"] = True
        chosen[label] = {**c.about, **c.settings[best]}
    return Tuned(chosen, pd.DataFrame(rows))


def _valid_auc(record):
    value = record and record["valid"]["auc"]
    return np.nan if value is None else value
