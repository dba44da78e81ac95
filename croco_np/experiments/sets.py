"""Table 6: the number of embedding tables, and of experts, that are shared by all domains."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..report import Figure, Section
from ..report.svg import CYCLE, drawing
from . import published
from .compare import compare, in_words, table_of
from .experiment import Results
from .frames import runs_frame
from .learnt import learnt_table
from .study import Study
from .systems import NAMES, TITLES, of_the_paper, tuning_section
from .tuning import Candidate, tune

SYSTEMS = ("me_pg", "crocodile")
NUMBERS = {"small": (2, 3, 5, 8), "full": (2, 3, 4, 5, 6, 7, 8, 9, 10)}


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Tune each system at its usual number of tables, then train with every number -> frames "runs" and "tuning"."""
    tuned = tune(study, {s: Candidate(s, {}, study.settings()) for s in SYSTEMS}, "sets, tuning")
    runs = {
        (s, n, seed): study.run(s, seed, n_experts=n, **tuned.settings[s])
        for n in reversed(NUMBERS[study.budget])
        for s in SYSTEMS
        for seed in study.seeds
    }
    records = study.make(runs.values(), "sets")
    entries = [
        ({"row": f"{s} {n}", "system": s, "tables": n, "seed": seed}, records.get(run.key))
        for (s, n, seed), run in runs.items()
    ]
    return {"runs": runs_frame(entries).sort_values(["system", "tables", "seed"]), "tuning": tuned.tried}


def present(results: Results) -> list[Section]:
    """The sections of Table 6."""
    frame = results.frames["runs"]
    rows = list(dict.fromkeys(frame["row"]))
    names = {row: f"{NAMES[row.split()[0]]}, {row.split()[1]} tables" for row in rows}
    reference = next((row for row in rows if row == "crocodile 5"), rows[-1])
    compared = [compare(frame, "row", rows, reference, measure) for measure in TITLES]
    text = [in_words(c, names, TITLES[c.measure]) for c in compared] + [of_the_paper(results.about)]
    text.append("Learning rate and l2 are those that the system's usual number of tables chose, for every number.")
    caption = f"Test measures over all domains, and the difference to {names[reference]}."
    tables = [table_of(compared, list(TITLES.values()), caption, "row", names)]
    if published.is_the_papers(results.about["dataset"], results.about["rows"]):
        said = [
            f"{names.get(row, row)}: {TITLES[m]} {n.value:.5f} ({n.source})" for (row, m), n in published.SETS.items()
        ]
        text.append(f"The paper's: {'; '.join(said)}.")
    learnt = learnt_table(frame, "row", rows, names, "What they learnt, means over the seeds.")
    return [
        Section("Number of tables", text, [*tables, learnt], [_figure(frame, compared)]),
        tuning_section(results.frames["tuning"]),
    ]


def _figure(frame, compared):
    with drawing(7.2, 2.8) as new:
        for axes, c in zip(new.figure.subplots(1, 2), compared, strict=True):
            for system, colour in zip(SYSTEMS, CYCLE, strict=False):
                rows = [row for row in c.values if row.split()[0] == system]
                n = [int(row.split()[1]) for row in rows]
                means = np.array([c.means[row].mean for row in rows])
                half = np.nan_to_num(np.array([c.means[row].half for row in rows]))
                axes.errorbar(n, means, half, color=colour, marker="o", capsize=3)
                axes.annotate(
                    NAMES[system], (n[-1], means[-1]), (6, 0), textcoords="offset points", color=colour, va="center"
                )
            axes.set_xlabel("embedding tables")
            axes.set_ylabel(TITLES[c.measure])
            axes.margins(x=0.25)
    return Figure(
        "Test AUC and gAUC against the number of embedding tables; bars are 95 % intervals of the mean.", new.svg
    )
