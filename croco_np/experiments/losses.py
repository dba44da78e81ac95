"""Table 4: losses beside the cross-entropy, each on ME + PEG and at a strength that validation rows chose for it."""

from __future__ import annotations

import pandas as pd

from ..losses import LOSSES
from ..report import Section
from .compare import compare, in_words, table_of
from .experiment import Results
from .frames import runs_frame
from .learnt import learnt_table
from .study import Study
from .systems import TITLES, of_the_paper, tuning_section
from .tuning import Candidate, tune

BASE = "none"
FACTORS = {"small": (0.1, 1.0, 10.0), "full": (0.01, 0.1, 1.0, 10.0, 100.0)}  # of each loss's default alpha
NAMES = {
    BASE: "none (ME + PEG)",
    "covariance": "CovLoss",
    "dot": "Dot",
    "cosine": "Cos",
    "distance_correlation": "dCorr",
    "ole": "OLE",
    "importance": "Importance",
    "trans5": "Trans5",
    "vicreg": "VICReg (not in the paper's table)",
}


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Tune the base, then the alpha of every loss on top of it, then train -> frames "runs" and "tuning"."""
    tried = {loss: [{"alpha": a} for a in alphas(study, loss)] for loss in LOSSES}
    of_base = tune(study, {BASE: Candidate("me_peg", {}, study.settings())}, "losses, tuning of the base")
    chosen = of_base.settings[BASE]
    candidates = {loss: Candidate("crocodile", {**chosen, "loss": loss}, settings) for loss, settings in tried.items()}
    of_losses = tune(study, candidates, "losses, tuning of alpha")
    runs = {
        (loss, seed): study.run("me_peg" if loss == BASE else "crocodile", seed, **settings)
        for loss, settings in ({BASE: chosen} | of_losses.settings).items()
        for seed in study.seeds
    }
    records = study.make(runs.values(), "losses")
    entries = [
        ({"loss": loss, "seed": seed, "alpha": run.config.resolved_alpha}, records.get(run.key))
        for (loss, seed), run in runs.items()
    ]
    return {"runs": runs_frame(entries), "tuning": pd.concat([of_base.tried, of_losses.tried], ignore_index=True)}


def alphas(study: Study, loss: str) -> list[float]:
    """The strengths that a loss may try: factors on its default for the data set."""
    default = study.usual_alpha(loss=loss)
    return [float(f"{default * factor:.2g}") for factor in FACTORS[study.budget]]


def present(results: Results) -> list[Section]:
    """The sections of Table 4."""
    frame = results.frames["runs"]
    losses = [loss for loss in NAMES if loss in set(frame["loss"])]
    compared = [compare(frame, "loss", losses, BASE, measure) for measure in TITLES]
    text = [in_words(c, NAMES, TITLES[c.measure]) for c in compared] + [of_the_paper(results.about)]
    caption = "Test measures over all domains, and each loss minus the base without one."
    tables = [table_of(compared, list(TITLES.values()), caption, "loss", NAMES)]
    learnt = learnt_table(frame, "loss", losses, NAMES, "What the experts and tables learnt under each loss.")
    tuned = "The base tries learning rates and l2; every loss keeps those and tries equally many alphas"
    return [Section("Losses", text, [*tables, learnt]), tuning_section(results.frames["tuning"], NAMES, tuned)]
