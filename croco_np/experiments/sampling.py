"""Section 5.6: CovLoss on 32 sampled rows, its value, its bias, the paper's test, and what it does to training."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from ..report import Cell, Figure, Section, Table
from ..report.svg import CYCLE, drawing
from .compare import compare, in_words, table_of
from .draws import MANY, PAPERS_DRAWS
from .experiment import Results
from .frames import runs_frame
from .learnt import learnt_table
from .study import Study
from .systems import OURS, TITLES, of_the_paper, tuning_section
from .tuning import Candidate, tune

FACTORS = (0.0, 0.1, 1.0, 10.0)  # of the usual alpha: the bias depends on how much covariance is left
PAPERS_LEVEL = 0.1  # of its test
TRAINED_ON = (0, 32, 128)  # rows; 0 = all of the batch


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Draw samples under models of several alphas, and train with sampled rows -> frames "draws", "runs", "tuning"."""
    usual = study.usual_alpha()
    tuned = tune(study, {OURS: Candidate(OURS, {}, study.settings())}, "sampling, tuning")
    settings = tuned.settings[OURS]
    drawn = {
        alpha: study.run(OURS, study.seeds[0], ("sampled",), **settings | {"alpha": alpha})
        for alpha in (float(f"{usual * factor:.2g}") for factor in FACTORS)
    }
    trained = {
        (rows, seed): study.run(OURS, seed, **settings | {"cov_rows": rows})
        for rows in TRAINED_ON
        for seed in study.seeds
    }
    records = study.make([*drawn.values(), *trained.values()], "sampling")
    draws = []
    for alpha, run in drawn.items():
        found = records.get(run.key, {}).get("sampled", {"many": None})
        if found["many"] is not None:
            about = {"alpha": alpha, "many": found["many"]}
            draws += [
                about | {"rows": int(n), "draw": i, "value": v}
                for n, vs in found["draws"].items()
                for i, v in enumerate(vs)
            ]
            draws += [about | {"rows": found["rows"], "draw": i, "value": v} for i, v in enumerate(found["again"])]
    entries = [({"rows": rows, "seed": seed}, records.get(run.key)) for (rows, seed), run in trained.items()]
    return {"draws": pd.DataFrame(draws), "runs": runs_frame(entries), "tuning": tuned.tried}


def present(results: Results) -> list[Section]:
    """The sections on sampling."""
    draws, frame = results.frames["draws"], results.frames["runs"]
    return [_values(draws), _training(frame, results.about), tuning_section(results.frames["tuning"])]


def _values(draws):
    """The value on few rows beside that on many, and the test whether they differ."""
    most, fewest = int(draws["rows"].max()), int(draws["rows"].min())
    rows, rejected = [], []
    for alpha in draws["alpha"].unique():
        part = draws[draws["alpha"] == alpha]
        many = part[part["rows"] == most]["value"].to_numpy()
        for n in sorted(set(part["rows"]) - {most}):
            values = part[part["rows"] == n]["value"].to_numpy()
            few, every = (
                float(stats.ttest_ind(v, many, equal_var=False).pvalue) for v in (values[:PAPERS_DRAWS], values)
            )
            bias, spread = values.mean() / many.mean(), values.std(ddof=1) / many.mean()
            rows.append(
                [Cell(alpha, f"{alpha:g}"), int(n), bias, spread, Cell(few, f"{few:.2g}"), Cell(every, f"{every:.2g}")]
            )
            if n == fewest and few < PAPERS_LEVEL:
                rejected.append(f"{alpha:g}")
    if not rejected:
        outcome = "holds at every alpha here"
    elif len(rejected) == draws["alpha"].nunique():
        outcome = "fails at every alpha here"
    else:
        outcome = f"fails at alpha {', '.join(rejected)} and holds at the others"
    said = (
        f"The paper finds no significant difference between 32 and {MANY:,} rows (p > {PAPERS_LEVEL}). With "
        f"{PAPERS_DRAWS} draws of {fewest} rows that {outcome}. So few draws find large differences only; the last "
        f"column has {int(draws['draw'].max()) + 1}. The l1 norm of a noisy estimate is biased upwards, the more "
        "so the less covariance there is."
    )
    head = ["alpha", "rows", f"mean over that of {most:,} rows", "deviation of a draw over it"]
    head += [f"p of {PAPERS_DRAWS} draws (Welch)", "p of all draws"]
    table = Table(
        "CovLoss of sampled rows of a trained model, scaled to all rows.", head, rows, ["", "", ".2f", ".2f", "", ""]
    )
    return Section("Value and bias", said, [table], [_figure(draws, most)])


def _training(frame, about):
    """What sampling does to the trained model."""
    labels = [str(r) for r in sorted(frame["rows"].unique())]
    names = {r: "all" if r == "0" else r for r in labels}
    compared = [compare(frame, "rows", labels, "0", measure) for measure in TITLES]
    text = [in_words(c, names, TITLES[c.measure]) for c in compared] + [of_the_paper(about)]
    caption = "Test measures when CovLoss is computed on sampled rows of each batch, and the difference to all rows."
    tables = [
        table_of(compared, list(TITLES.values()), caption, "rows", names),
        learnt_table(frame, "rows", labels, names, "What was learnt."),
    ]
    return Section("Training with sampled rows", text, tables)


def _figure(draws, most):
    with drawing(6.4, 3.2) as new:
        axes = new.figure.subplots()
        for colour, (alpha, part) in zip(CYCLE, draws.groupby("alpha"), strict=False):
            many = part[part["rows"] == most]["value"].mean()
            by_rows = part.groupby("rows")["value"]
            means, spread = by_rows.mean() / many, by_rows.std() / many
            axes.errorbar(means.index, means, spread, color=colour, marker="o", capsize=2, label=f"alpha {alpha:g}")
        axes.axhline(1, color=CYCLE[-1], linewidth=1)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(draws["rows"].unique()), [str(n) for n in sorted(draws["rows"].unique())])
        axes.set_xlabel("sampled rows")
        axes.set_ylabel(f"CovLoss over that of {most:,} rows")
        axes.legend(frameon=False)
    return Figure("Mean and standard deviation of CovLoss over 200 draws, over its value on many rows.", new.svg)
