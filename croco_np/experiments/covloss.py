"""Is CovLoss a regulariser? Its change of regret beside that of weight decay, where domains agree and where not.

The phase diagram looks at many worlds with few seeds, this at two with many: ME + PEG under every pair of a weight
decay l2 of the embedding tables and a weight alpha of CovLoss, in a world whose domains agree and in one whose domains
half conflict, the smallest domain with 2 % of the rows. Nothing is tuned: all pairs are shown.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError
from ..report import Cell, Figure, Section, Table
from ..report.svg import CYCLE, drawing
from .compare import UNIT
from .experiment import Results
from .frames import provenance
from .statistics import LEVEL, Paired, holm, paired
from .study import DRAWN, Study

CONFLICTS, TAIL = (0.0, 0.5), 0.02
L2, ALPHA = (0.0, 1e-4, 1e-3), (0.0, 5e-4, 2e-3)
MEASURES = {"regret": "mean of the domains", "regret_tail": "smallest domain"}
SEEDS = 20


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Train every pair in both worlds -> frame "runs"."""
    if study.base["dataset"] != DRAWN:
        raise InputError(f"covloss: is about worlds with dials; --dataset {DRAWN}")
    runs = {
        (c, l2, alpha, seed): study.run(
            "crocodile", seed, (), conflict=c, tail_share=TAIL, l2=l2, alpha=alpha, loss="covariance"
        )
        for c, seed, l2, alpha in product(CONFLICTS, study.seeds, L2, ALPHA)
    }
    records = study.make(runs.values(), "covloss")
    rows = [
        {"conflict": c, "l2": l2, "alpha": alpha, "seed": seed} | _regrets(records.get(run.key))
        for (c, l2, alpha, seed), run in runs.items()
    ]
    return {"cells": pd.DataFrame(rows)}


def _regrets(record: dict[str, Any] | None) -> dict[str, Any]:
    """The regret of a run: mean over the domains, and of the smallest; where it comes from."""
    if record is None:
        return {"regret": np.nan, "regret_tail": np.nan}
    each = [m["regret"] for m in record["test"]["domains"].values()]
    return {"regret": float(np.mean(each)), "regret_tail": each[-1]} | provenance(record)


def present(results: Results) -> list[Section]:
    """What CovLoss changes at each l2, and what l2 changes by itself."""
    frame = results.frames["cells"]
    sections = [_world(frame[frame["conflict"] == c], c) for c in sorted(frame["conflict"].unique())]
    return [*sections, Section("Both worlds", "", figures=[_figure(frame)])]


def _world(frame, conflict):
    """Differences to no CovLoss at the same l2, and to neither, in one world."""
    tests: dict[tuple, Paired] = {}
    for measure in MEASURES:
        for l2 in L2:
            for alpha in ALPHA[1:]:
                tests[measure, l2, alpha] = _against(frame, measure, (l2, alpha), (l2, 0.0))
            if l2:
                tests[measure, l2, 0.0] = _against(frame, measure, (l2, 0.0), (0.0, 0.0))
    corrected = dict(zip(tests, holm([t.p for t in tests.values()]), strict=True))
    rows = []
    for l2, alpha in product(L2, ALPHA):
        level = _values(frame, "regret", (l2, alpha)).mean() / UNIT
        line: list[Any] = [f"{l2:g}", f"{alpha:g}", Cell(level, f"{level:.0f}") if np.isfinite(level) else Cell(None)]
        line += [_cell(tests.get((m, l2, alpha)), corrected.get((m, l2, alpha), np.nan)) for m in MEASURES]
        rows.append(line)
    head = ["l2", "alpha", "regret, 1e-4", *(f"change, {what}" for what in MEASURES.values())]
    caption = (
        "Change of regret in 1e-4 with its 95 % interval, lower is better: of CovLoss against alpha = 0 at equal l2; "
        "of l2 alone (alpha 0) against no l2. * significant by Holm over the table."
    )
    said = [_in_words(tests, corrected, measure) for measure in MEASURES]
    return Section(f"Conflict {conflict:g}", said, [Table(caption, head, rows)])


def _values(frame, measure, pair):
    part = frame[(frame["l2"] == pair[0]) & (frame["alpha"] == pair[1])]
    return part.set_index("seed")[measure].astype(float)


def _against(frame, measure, pair, other):
    a, b = _values(frame, measure, pair), _values(frame, measure, other)
    seeds = a.index.intersection(b.index)
    return paired(a[seeds], b[seeds])


def _cell(test, corrected):
    if test is None:
        return Cell(None, "reference")
    if not np.isfinite(test.half):
        return Cell(None, note="not tested")
    star = " *" if corrected < LEVEL else ""
    text = f"{test.difference / UNIT:+.1f} ± {test.half / UNIT:.1f}{star}"
    return Cell(test.difference / UNIT, text, f"t = {test.t:.1f}, p by Holm {corrected:.2g}", bool(star))


def _in_words(tests, corrected, measure):
    """Where CovLoss changes regret significantly, by how many standard errors; what it could have shown."""
    mine = {key: t for key, t in tests.items() if key[0] == measure and key[2] and np.isfinite(t.half)}
    if not mine:
        return f"{MEASURES[measure].capitalize()}: nothing was tested."
    parts = []
    for better, word in ((True, "lowers"), (False, "raises")):
        found = [(key, t) for key, t in mine.items() if corrected[key] < LEVEL and (t.difference < 0) is better]
        said = ", ".join(
            f"{t.difference / UNIT:+.1f} ({abs(t.t):.1f} standard errors) at l2 {key[1]:g}, alpha {key[2]:g}"
            for key, t in found
        )
        parts.append(
            f"CovLoss {word} regret significantly in {len(found)} of {len(mine)} pairs{': ' + said if said else ''}"
        )
    least = min(t.smallest for t in mine.values()) / UNIT
    return f"{MEASURES[measure].capitalize()}: {'; '.join(parts)}. One test could have shown {least:.0f} at best."


def _figure(frame):
    with drawing(9, 3.2) as new:
        for axes, c in zip(new.figure.subplots(1, len(CONFLICTS), sharey=True), CONFLICTS, strict=True):
            world = frame[frame["conflict"] == c]
            for i, l2 in enumerate(L2):
                tests = [_against(world, "regret", (l2, alpha), (0.0, 0.0)) for alpha in ALPHA]
                at = np.arange(len(ALPHA)) + 0.08 * (i - 1)
                size = [0.0 if not np.isfinite(t.difference) else t.difference / UNIT for t in tests]
                half = [0.0 if not np.isfinite(t.half) else t.half / UNIT for t in tests]
                axes.errorbar(at, size, half, color=CYCLE[i], marker="o", capsize=2, label=f"l2 {l2:g}")
            axes.axhline(0, color=CYCLE[-1], linewidth=0.8, linestyle="--")
            axes.set_xticks(range(len(ALPHA)), [f"{alpha:g}" for alpha in ALPHA])
            axes.set_xlabel("alpha of CovLoss")
            axes.set_title(f"conflict {c:g}")
        new.figure.axes[0].set_ylabel("change of regret, 1e-4")
        new.figure.axes[0].legend(frameon=False)
    caption = "Regret minus that of neither l2 nor CovLoss: below 0 is better. Bars are 95 % intervals over seeds."
    return Figure(caption, new.svg)
