"""When does disentangling help? Regret of systems in worlds between full agreement and full conflict of the domains.

Every cell of the diagram is a world of the laboratory (`datasets.laboratory`): how far preferences conflict between
domains, and how small a share of the training rows the smallest domain has. A seed is a new world, new rows and a new
start, the same for all systems, so differences are paired. Regret is the best possible minus the reached expected AUC
under the true click probabilities: labels of test rows add no noise.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..errors import InputError
from ..report import Cell, Section, Table
from .compare import UNIT, shown, shown_with_half, untested
from .experiment import Results
from .frames import provenance
from .phase_figure import change_by_conflict, maps
from .statistics import LEVEL, Mean, holm, mean, paired
from .study import DRAWN, Study
from .tuning import Candidate, Settings, tune

CONFLICTS = {"small": (0.0, 0.25, 0.5, 0.75, 1.0), "full": (0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0)}
TAILS = (0.25, 0.1, 0.03, 0.01, 0.003)
TUNED_AT = {"small": ((0.0, 0.75), (0.25, 0.01)), "full": ((0.0, 0.5, 1.0), (0.25, 0.03, 0.003))}
LR, L2 = (1.0, 2.0), (1e-5, 1e-4, 1e-3)  # six settings: factors on the recipe's learning rate, and l2
ALPHA, L2_OF_COVLOSS = (1e-4, 1e-3, 1e-2), (1e-4, 1e-3)  # six of CovLoss
REFERENCE, TREATED = "me_peg", "crocodile"


class Contender(NamedTuple):
    """A system of the diagram: what it is built as, and the name of the group that it is compared in."""

    name: str
    system: str
    about: Settings
    group: str


def contenders(study: Study) -> list[Contender]:
    """The systems, and two controls as wide as all of Crocodile's tables together: one table is all they have."""
    config = study.config(TREATED, 0)
    wide = {"embedding_width": config.embedding_width * config.n_experts}
    return [
        Contender("single_domain", "single_domain", {}, "own tables"),
        Contender("stem", "stem", {}, "own tables"),
        Contender("shared_bottom", "shared_bottom", {}, "one table"),
        Contender("mmoe", "mmoe", {}, "one table"),
        Contender("me_mmoe", "me_mmoe", {}, "several tables"),
        Contender("mmoe, wide", "mmoe", wide, "wide single table"),
        Contender(
            "me_peg, one wide table", "me_peg", wide | {"n_tables": 1, "model": "crocodile"}, "wide single table"
        ),
        Contender(REFERENCE, REFERENCE, {}, "several tables"),
        Contender(TREATED, TREATED, {}, "CovLoss"),
    ]


NAMES = {
    "single_domain": "Single Domain",
    "stem": "STEM",
    "shared_bottom": "Shared Bottom",
    "mmoe": "MMoE",
    "me_mmoe": "ME-MMoE",
    "mmoe, wide": "MMoE, one wide table",
    "me_peg, one wide table": "PEG, one wide table",
    "me_peg": "ME + PEG",
    "crocodile": "Crocodile (ME + PEG + CovLoss)",
}


def collect(study: Study) -> dict[str, pd.DataFrame]:
    """Tune every system in some cells, train it in all -> frames "cells" (a row a run) and "tuning"."""
    if study.base["dataset"] != DRAWN:
        raise InputError(f"phase: is about worlds with dials; --dataset {DRAWN}")
    settings, tried = tuned(study)
    worlds = product(CONFLICTS[study.budget], TAILS, study.seeds)
    runs = {
        (who.name, c, tail, seed): study.run(
            who.system,
            seed,
            (),
            **settings[who.name][nearest(c, tail, TUNED_AT[study.budget])],
            conflict=c,
            tail_share=tail,
        )
        for c, tail, seed in worlds  # outside, so that a process draws a world once for many systems
        for who in contenders(study)
    }
    records = study.make(runs.values(), "phase")
    rows = [
        {"system": name, "conflict": c, "tail": tail, "seed": seed} | _regrets(records.get(run.key))
        for (name, c, tail, seed), run in runs.items()
    ]
    return {"cells": pd.DataFrame(rows), "tuning": tried}


def nearest(conflict: float, tail: float, grid: tuple[Iterable[float], Iterable[float]]) -> tuple[float, float]:
    """The cell in which a system was tuned that is nearest: by conflict, and by the logarithm of the tail's share."""
    conflicts, tails = grid
    return (
        min(conflicts, key=lambda c: abs(c - conflict)),
        min(tails, key=lambda t: abs(np.log(t) - np.log(tail))),
    )


def tuned(study: Study) -> tuple[dict[str, dict[tuple[float, float], Settings]], pd.DataFrame]:
    """Learning rate and l2 of every system in every tuning cell, by validation AUC; CovLoss tunes alpha and l2.

    Crocodile takes the learning rate that ME + PEG chose in that cell, so its number of settings is the same.
    """
    lr = study.base["lr"]
    grid: list[Settings] = [{"lr": float(f"{lr * a:.2g}"), "l2": l2} for a in LR for l2 in L2]
    cells = [(c, t) for c in TUNED_AT[study.budget][0] for t in TUNED_AT[study.budget][1]]

    def candidates(contender, cell, options):
        about = {**contender.about, "conflict": cell[0], "tail_share": cell[1]}
        return Candidate(contender.system, about, options)

    plain = [contender for contender in contenders(study) if contender.name != TREATED]
    first = {(c.name, cell): candidates(c, cell, grid) for c in plain for cell in cells}
    found = tune(study, {_label(*key): candidate for key, candidate in first.items()}, "phase, tuning")
    treated = next(contender for contender in contenders(study) if contender.name == TREATED)
    second = {
        (TREATED, cell): candidates(
            treated,
            cell,
            [
                {"lr": found.settings[_label(REFERENCE, cell)]["lr"], "l2": l2, "alpha": alpha}
                for alpha in ALPHA
                for l2 in L2_OF_COVLOSS
            ],
        )
        for cell in cells
    }
    also = tune(study, {_label(*key): candidate for key, candidate in second.items()}, "phase, tuning of CovLoss")
    chosen: dict[str, dict] = {}
    for (name, cell), label in {key: _label(*key) for key in [*first, *second]}.items():
        of_label = (found.settings | also.settings)[label]
        chosen.setdefault(name, {})[cell] = {k: v for k, v in of_label.items() if k not in ("conflict", "tail_share")}
    return chosen, pd.concat([found.tried, also.tried], ignore_index=True)


def _label(name, cell):
    return f"{name}; conflict {cell[0]:g}, tail {cell[1]:g}"


def _regrets(record: dict[str, Any] | None) -> dict[str, Any]:
    """The regret of a run: mean over the domains, and of the smallest; settings and key. Of a failed run, nothing."""
    if record is None:
        return {}
    domains = record["test"]["domains"]
    each = [m["regret"] for m in domains.values()]
    return {
        "regret": float(np.mean(each)),
        "regret_tail": each[-1],
        "best_possible": float(np.mean([m["best_expected_auc"] for m in domains.values()])),
        "valid_auc": record["valid"]["auc"],
        "best_epoch": record["best_epoch"],
        "seconds": round(record["seconds"], 2),
        **provenance(record),
    }


MEASURES = {"regret": "mean of the domains", "regret_tail": "smallest domain"}
PANELS = {
    "Own tables: the better of Single Domain and STEM": ("single_domain", "stem"),
    "One table: MMoE": ("mmoe",),
    "One wide table: the better of MMoE and PEG": ("mmoe, wide", "me_peg, one wide table"),
    "CovLoss: Crocodile": (TREATED,),
}


def differences(frame: pd.DataFrame, names: tuple[str, ...], measure: str) -> pd.DataFrame:
    """Regret of a system minus that of ME + PEG in each cell, paired over seeds -> frame with `Paired` and Holm's p.

    Of several systems, the one with the lower mean validation regret is not known, so the one with the higher mean
    validation AUC in the cell stands for them.
    """
    rows = []
    for (c, tail), cell in frame.groupby(["conflict", "tail"]):
        means = {name: cell[cell["system"] == name]["valid_auc"].mean() for name in names}
        name = max(means, key=lambda n: np.nan_to_num(means[n], nan=-1.0))
        a, b = (cell[cell["system"] == n].set_index("seed")[measure] for n in (name, REFERENCE))
        seeds = a.index.intersection(b.index)
        found = paired(a[seeds], b[seeds])
        rows.append({"conflict": c, "tail": tail, "system": name, **found._asdict()})
    result = pd.DataFrame(rows)
    result["holm"] = holm(result["p"])
    return result


def present(results: Results) -> list[Section]:
    """The diagram, in figures, tables and words."""
    frame = results.frames["cells"]
    found = {(title, m): differences(frame, names, m) for m in MEASURES for title, names in PANELS.items()}
    effect = {m: differences(frame, (TREATED,), m) for m in MEASURES}
    first = Section(
        "Who is better than ME + PEG, and where",
        [*_in_words(found), "A cell is named only where its test, by Holm over the cells of its map, is below 5 %."],
        [_winners(frame)],
        [maps(found, list(PANELS), MEASURES)],
    )
    second = Section(
        "CovLoss",
        _covloss_in_words(effect, frame),
        [_covloss_table(effect["regret"], effect["regret_tail"])],
        [change_by_conflict(effect, MEASURES)],
    )
    return [first, second, _regret_table(frame), _tuning(results.frames["tuning"])]


def _in_words(found):
    said = []
    for measure, what in MEASURES.items():
        parts = []
        for title in PANELS:
            cells = found[title, measure]
            worse = cells[(cells["holm"] < LEVEL) & (cells["difference"] > 0)]
            better = cells[(cells["holm"] < LEVEL) & (cells["difference"] < 0)]
            parts.append(f"{title}: better in {_where(better)}, worse in {_where(worse)} of {len(cells)} cells")
        p = np.concatenate([found[title, measure]["holm"] for title in PANELS])
        said.append(f"{what.capitalize()}, against ME + PEG. {'; '.join(parts)}.{untested(p)}")
    return said


def _where(cells):
    if not len(cells):
        return "none"
    least, most = cells["conflict"].min(), cells["conflict"].max()
    conflict = f"conflict {least:g}" + (f" to {most:g}" if most > least else "")
    return f"{len(cells)} ({conflict}, {cells['difference'].mean() / UNIT:+.0f} in the mean)"


def over_tails(frame: pd.DataFrame, measure: str) -> dict[float, Mean]:
    """{conflict: change of regret by CovLoss}, mean over the tail shares, with its interval over seeds.

    The worlds of a seed share users, items and rows in all cells, so the cells of a row are no sample: each seed gives
    one number. A seed that lacks a cell is left out.
    """
    a, b = (
        frame[frame["system"] == name].pivot_table(measure, ["conflict", "seed"], "tail", dropna=False)
        for name in (TREATED, REFERENCE)
    )
    change = (a - b).mean(axis=1, skipna=False)
    return {float(c): mean(change.loc[c]) for c in sorted(frame["conflict"].unique())}


def _covloss_in_words(effect, frame):
    said = []
    for measure, what in MEASURES.items():
        cells = effect[measure].dropna(subset="difference")
        if not len(cells):
            said.append(f"{what.capitalize()}: no pair of runs, so nothing can be said of CovLoss.")
            continue
        helps = cells[(cells["holm"] < LEVEL) & (cells["difference"] < 0)]
        harms = cells[(cells["holm"] < LEVEL) & (cells["difference"] > 0)]
        by_conflict = [
            f"{c:g}: {shown_with_half(m.mean / UNIT, m.half / UNIT, '+.1f', '.1f')}"
            for c, m in over_tails(frame, measure).items()
        ]
        best = cells.loc[cells["difference"].idxmin()]
        where = f"conflict {best['conflict']:g}, tail {best['tail']:.1%}"
        tested = f"{abs(best['t']):.1f} standard errors, p by Holm {best['holm']:.2g}"
        tested = tested if np.isfinite(best["t"]) else "not tested"
        said.append(
            f"{what.capitalize()}: CovLoss lowers regret significantly in {len(helps)} of {len(cells)} cells, "
            f"raises it in {len(harms)}.{untested(effect[measure]['holm'])} "
            f"The largest gain is {best['difference'] / UNIT:+.1f} ({where}; {tested}). "
            f"By conflict, mean over the tail shares with its 95 % interval over seeds: {'; '.join(by_conflict)}."
        )
    return said


def _covloss_table(overall, tail):
    rows = []
    for a, b in zip(overall.itertuples(), tail.itertuples(), strict=True):
        rows.append([a.conflict, _share(a.tail), *(_cell(x) for x in (a, b))])
    head = ["conflict", "tail share", *MEASURES.values()]
    return Table(
        "Regret of Crocodile minus ME + PEG in 1e-4, both tuned: below 0, CovLoss helps; * by Holm.", head, rows
    )


def _share(tail):
    """A tail's share as a cell: shown in percent, sorted as a number."""
    return Cell(tail, f"{tail:.1%}")


def _cell(x):
    if not np.isfinite(x.half):
        return Cell(x.difference / UNIT, shown(x.difference / UNIT, "+.1f"))
    star = " *" if x.holm < LEVEL else ""
    return Cell(
        x.difference / UNIT, f"{x.difference / UNIT:+.1f} ± {x.half / UNIT:.1f}{star}", f"t = {x.t:.1f}, {x.n} seeds"
    )


def _winners(frame):
    """The system with the lowest mean regret in each cell, if it beats the second significantly."""
    cells, tests = [], []
    for (c, tail), cell in frame.groupby(["conflict", "tail"]):
        means = cell.groupby("system")["regret"].mean().sort_values()
        a, b = (cell[cell["system"] == n].set_index("seed")["regret"] for n in means.index[:2])
        seeds = a.index.intersection(b.index)
        cells.append((c, tail, means.index[0], means.index[1], means.iloc[0]))
        tests.append(paired(a[seeds], b[seeds]))
    corrected = holm([t.p for t in tests])
    rows = [
        [
            c,
            _share(tail),
            NAMES[x] if q < LEVEL else f"not decided: {NAMES[x]} or {NAMES[y]}",
            Cell(regret / UNIT, shown(regret / UNIT, ".0f")),
            Cell(t.difference / UNIT, shown_with_half(t.difference / UNIT, t.half / UNIT, "+.1f", ".1f")),
            Cell(q, shown(q, ".2g")),
        ]
        for (c, tail, x, y, regret), t, q in zip(cells, tests, corrected, strict=True)
    ]
    head = ["conflict", "tail share", "lowest regret", "its regret, 1e-4", "minus the second", "p by Holm"]
    return Table(
        "The best system of each cell, mean of the domains. Choosing the two best by the same runs favours the first.",
        head,
        rows,
    )


def _regret_table(frame):
    names = [n for n in NAMES if n in set(frame["system"])]
    tables = []
    for measure, what in MEASURES.items():
        rows = []
        for (c, tail), cell in frame.groupby(["conflict", "tail"]):
            means = [mean(cell[cell["system"] == n][measure] / UNIT) for n in names]
            shown_means = (Cell(m.mean, shown_with_half(m.mean, m.half, ".0f", ".0f")) for m in means)
            rows.append([c, _share(tail), *shown_means])
        tables.append(
            Table(
                f"Regret in 1e-4, {what}: mean with its 95 % interval.",
                ["conflict", "tail share", *(NAMES[n] for n in names)],
                rows,
            )
        )
    return Section("Regret of every system", "", tables)


def _tuning(tried):
    chosen = tried[tried["chosen"].astype(bool)]
    rows = [
        [
            r.label,
            f"{r.lr:g}",
            f"{r.l2:g}",
            "" if pd.isna(r.alpha) else f"{r.alpha:g}",
            Cell(r.valid_auc, shown(r.valid_auc, ".4f")),
        ]
        for r in chosen.itertuples()
    ]
    text = (
        "Six settings a system and tuning cell, by validation AUC; a cell takes what the nearest tuning cell chose. "
        "Crocodile takes the learning rate of ME + PEG, and tries six pairs of l2 and alpha."
    )
    return Section(
        "Tuning",
        text,
        [Table("What was chosen.", ["system and cell", "learning rate", "l2", "alpha", "validation AUC"], rows)],
    )
