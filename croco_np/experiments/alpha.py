"""Section 5.5: the weight of CovLoss, from none to far too much."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..report import Figure, Section
from ..report.svg import CYCLE, drawing
from .compare import compare, in_words, table_of
from .experiment import Results
from .frames import runs_frame
from .learnt import learnt_table
from .study import Study
from .systems import OURS, TITLES, of_the_paper, tuning_section
from .tuning import Candidate, tune

FACTORS = {
    "small": (0.0, 0.01, 0.1, 1.0, 10.0, 100.0),
    "full": (0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0),
}
REFERENCE = 0.0


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Tune Crocodile at its usual alpha, then train with others -> frames "runs" and "tuning"."""
    usual = study.usual_alpha()
    tuned = tune(study, {OURS: Candidate(OURS, {}, study.settings())}, "alpha, tuning")
    runs = {
        (alpha, seed): study.run(OURS, seed, **tuned.settings[OURS] | {"alpha": alpha})
        for alpha in (float(f"{usual * factor:.2g}") for factor in FACTORS[study.budget])
        for seed in study.seeds
    }
    records = study.make(runs.values(), "alpha")
    entries = [({"alpha": alpha, "seed": seed}, records.get(run.key)) for (alpha, seed), run in runs.items()]
    return {"runs": runs_frame(entries), "tuning": tuned.tried}


def present(results: Results) -> list[Section]:
    """The sections on alpha."""
    frame = results.frames["runs"].astype({"alpha": float})  # whole numbers come from a CSV file as integers
    rows = [str(a) for a in sorted(frame["alpha"].unique())]
    names = {row: f"{float(row):g}" for row in rows}
    compared = [compare(frame, "alpha", rows, str(REFERENCE), measure) for measure in TITLES]
    text = [in_words(c, names, TITLES[c.measure]) for c in compared] + [of_the_paper(results.about)]
    text.append("Keep alpha times the batch size constant: CovLoss is a sum over the rows of a batch.")
    table = table_of(compared, list(TITLES.values()), "Test measures, and each alpha minus alpha = 0.", "alpha", names)
    learnt = learnt_table(frame, "alpha", rows, names, "What was learnt, means over the seeds.")
    return [
        Section("Weight of CovLoss", text, [table, learnt], [_figure(rows, compared)]),
        tuning_section(results.frames["tuning"]),
    ]


def _figure(rows, compared):
    alphas = np.array([float(row) for row in rows])
    places = np.where(alphas > 0, alphas, alphas[alphas > 0].min() / 10)
    with drawing(7.2, 2.8) as new:
        for axes, c in zip(new.figure.subplots(1, 2), compared, strict=True):
            half = np.nan_to_num([c.means[row].half for row in rows])
            axes.errorbar(places, [c.means[row].mean for row in rows], half, color=CYCLE[0], marker="o", capsize=3)
            axes.set_xscale("log")
            axes.set_xticks(places, [f"{a:g}" for a in alphas], rotation=45)
            axes.minorticks_off()
            axes.set_xlabel("alpha")
            axes.set_ylabel(TITLES[c.measure])
    return Figure("Test AUC and gAUC against the weight of CovLoss; bars are 95 % intervals of the mean.", new.svg)
