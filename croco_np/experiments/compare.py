"""Rows of a table against one of them, the reference: means with intervals, paired tests with Holm's correction.

Everything is computed from a frame of runs (`frames.runs_frame`), so a committed CSV gives the committed table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..report import Cell, Table
from ..report.page import UNDEFINED
from .frames import by_seed
from .statistics import LEVEL, Mean, Paired, holm, mean, paired

UNIT = 1e-4  # of differences, in tables and figures
LOWER_IS_BETTER = ("regret",)
A_STAR = "*: differs at 5 %, by Holm over the rows; an interval is of one test, so it may exclude 0 without a star."
COULD_HAVE_SHOWN = "“Could have shown”: the true difference that one test at 5 % finds with 80 % power, in 1e-4."
OF_THE_ROWS = "Mean ± standard deviation over seeds; difference with its 95 % interval."


@dataclass(frozen=True)
class Comparison:
    """A measure of all rows of a table, and their differences to the reference.

    label      column of the frame that names the rows
    values     {row: values, one a seed}
    means      {row: Mean}
    against    {row: Paired}, row minus reference, of all rows but that one
    corrected  {row: p by Holm over these rows}
    """

    label: str
    measure: str
    reference: str
    values: dict[str, list[float]]
    means: dict[str, Mean]
    against: dict[str, Paired]
    corrected: dict[str, float]

    def significant(self, row: str) -> bool:
        """Whether the row differs from the reference, at 5 % for all rows together."""
        return bool(self.corrected.get(row, np.nan) < LEVEL)

    def best_mean(self) -> float:
        """The best mean of all rows; NaN if there is none."""
        best = min if self.measure in LOWER_IS_BETTER else max
        return best((m.mean for m in self.means.values() if np.isfinite(m.mean)), default=np.nan)

    def best_other(self) -> str:
        """The row with the best mean, the reference left out."""
        others = {row: m.mean for row, m in self.means.items() if row != self.reference and np.isfinite(m.mean)}
        return max(others, key=lambda row: others[row]) if others else ""


def seeds_in(frame: pd.DataFrame) -> list[int]:
    """The seeds of a frame of runs."""
    return sorted(int(seed) for seed in frame["seed"].unique())


def compare(frame: pd.DataFrame, label: str, rows: Sequence[str], reference: str, measure: str) -> Comparison:
    """Compare the rows of a table by a measure; a row without runs has NaN."""
    seeds = seeds_in(frame)
    values = {row: by_seed(frame, label, row, measure, seeds) for row in rows}
    against = {row: paired(values[row], values[reference]) for row in rows if row != reference}
    corrected = dict(zip(against, holm([a.p for a in against.values()]), strict=True))
    means = {row: mean(v) for row, v in values.items()}
    return Comparison(label, measure, reference, values, means, against, corrected)


def untested(p: Sequence[float]) -> str:
    """What a sentence on tests must end with where some could not be made, such as those of one seed: "" or a note."""
    n, missing = len(p), int(np.sum(~np.isfinite(np.asarray(p, dtype=np.float64))))
    if not missing:
        return ""
    return (
        " Nothing was tested: that needs two seeds with different results."
        if missing == n
        else f" Not tested: {missing} of {n}."
    )


def shown(value: float, form: str) -> str:
    """A number in a format, or a dash."""
    return format(value, form) if np.isfinite(value) else UNDEFINED


def shown_with_half(value: float, half: float, form: str, form_of_half: str) -> str:
    """A number with half its interval, where it has one."""
    return shown(value, form) + (f" ± {half:{form_of_half}}" if np.isfinite(half) else "")


def cell_of_mean(m: Mean, strong: bool = False, digits: int = 4) -> Cell:
    """ "0.7190 ± 0.0005": mean and standard deviation over the seeds."""
    if not np.isfinite(m.mean):
        return Cell(None, note="no run, or undefined")
    spread = f" ± {m.deviation:.{digits}f}" if np.isfinite(m.deviation) else ""
    note = f"95 % interval of the mean ± {m.half:.{digits}f}, {m.n} seeds" if np.isfinite(m.half) else f"{m.n} seed"
    return Cell(m.mean, f"{m.mean:.{digits}f}{spread}", note, strong)


def cell_of_difference(p: Paired, corrected: float, unit: float = UNIT) -> Cell:
    """ "-4.1 ± 2.0 *": mean difference in units with half its 95 % interval; a star where Holm's p is below 5 %."""
    if not np.isfinite(p.difference):
        return Cell(None, note="no pair of runs")
    if not np.isfinite(p.half):
        why = "one seed: no test" if p.n < 2 else "equal in all seeds"
        return Cell(p.difference / unit, f"{p.difference / unit:+.1f}", why)
    star = " *" if corrected < LEVEL else ""
    note = f"t = {p.t:.2f}, p = {p.p:.2g}, by Holm {corrected:.2g}; would have shown {p.smallest / unit:.1f}"
    return Cell(p.difference / unit, f"{p.difference / unit:+.1f} ± {p.half / unit:.1f}{star}", note, bool(star))


def table_of(
    comparisons: Sequence[Comparison], titles: Sequence[str], caption: str, first: str, names: dict[str, str]
) -> Table:
    """Means of several measures, each followed by the difference to the reference in 1e-4 and what could have shown.

    names  {row: as it is shown}
    """
    head = [first]
    for title in titles:
        head += [title, f"{title} minus reference, 1e-4", "could have shown"]
    rows = []
    best = [c.best_mean() for c in comparisons]
    for row in comparisons[0].values:
        cells: list[Cell | str] = [names.get(row, row)]
        for c, top in zip(comparisons, best, strict=True):
            cells.append(cell_of_mean(c.means[row], c.means[row].mean == top))
            if row == c.reference:
                cells += [Cell(0.0, "reference"), Cell(None)]
            else:
                cells += [cell_of_difference(c.against[row], c.corrected[row]), could_have_shown(c.against[row])]
        rows.append(cells)
    return Table(f"{caption} {OF_THE_ROWS} {A_STAR} {COULD_HAVE_SHOWN}", head, rows)


def could_have_shown(p: Paired) -> Cell:
    """The smallest difference in 1e-4 that this many seeds find in four of five repetitions."""
    if not np.isfinite(p.smallest):
        return Cell(None, note="needs two seeds with different results")
    return Cell(p.smallest / UNIT, f"{p.smallest / UNIT:.1f}")


def in_words(c: Comparison, names: dict[str, str], title: str) -> str:
    """What the tests say: which rows differ from the reference, and how many cannot be told apart from it."""
    reference = names.get(c.reference, c.reference)
    if all(not np.isfinite(p) for p in c.corrected.values()):
        why = "with one seed" if len(c.values[c.reference]) == 1 else "with fewer than two pairs of runs"
        return f"{title}: {why} nothing is tested."
    better = [names.get(r, r) for r in c.against if c.significant(r) and c.against[r].difference > 0]
    worse = [names.get(r, r) for r in c.against if c.significant(r) and c.against[r].difference < 0]
    apart = []
    if better:
        apart.append(f"above {reference}: {', '.join(better)}")
    if worse:
        apart.append(f"below {reference}: {', '.join(worse)}")
    tested = sum(np.isfinite(p) for p in c.corrected.values())
    rest, untested = tested - len(better) - len(worse), len(c.against) - tested
    tail = f"; {rest} of {len(c.against)} cannot be told apart from {reference}" if rest else ""
    tail += f"; {untested} of {len(c.against)} could not be tested" if untested else ""
    return f"{title}, paired t-tests over seeds, Holm over the rows, 5 %: {'; '.join(apart) or 'no row differs'}{tail}."
