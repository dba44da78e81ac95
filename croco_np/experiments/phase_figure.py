"""The pictures of the phase diagram: maps of differences with their numbers, and the change that CovLoss makes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..report import Figure
from ..report.svg import CYCLE, drawing
from .statistics import LEVEL, mean

UNIT = 1e-4
LARGEST = 300  # units, of the colour scale: beyond it numbers speak
UNDECIDED = "#dddddd"


def maps(found: dict[tuple[str, str], pd.DataFrame], titles: list[str], measures: dict[str, str]) -> Figure:
    """A row of maps for each measure, conflict upwards, tail share across; grey where no test decides."""
    with drawing(3.1 * len(titles), 3.0 * len(measures)) as new:
        grid = new.figure.subplots(len(measures), len(titles), sharex=True, sharey=True, squeeze=False)
        for axes, title in zip(grid[0], titles, strict=True):
            axes.set_title(title.replace(": ", ":\n"), fontsize=9)
        for line, (measure, what) in zip(grid, measures.items(), strict=True):
            for axes, title in zip(line, titles, strict=True):
                _map(axes, found[title, measure])
            line[0].set_ylabel(f"{what}\nconflict")
        for axes in grid[-1]:
            axes.set_xlabel("share of the smallest domain")
    caption = (
        "Regret minus that of ME + PEG, in 1e-4 of AUC: blue is better than ME + PEG, orange worse. Grey cells are not "
        "decided (paired t-tests over seeds, Holm over the cells of a map)."
    )
    return Figure(caption, new.svg)


def _map(axes, cells):
    conflicts, tails = sorted(cells["conflict"].unique()), sorted(cells["tail"].unique(), reverse=True)
    for r in cells.itertuples():
        x, y = tails.index(r.tail), conflicts.index(r.conflict)
        size = r.difference / UNIT
        colour, strength = (CYCLE[0] if size < 0 else CYCLE[1]), min(0.75, 0.15 + 0.6 * abs(size) / LARGEST)
        decided = r.holm < LEVEL
        axes.add_patch(_square(x, y, colour if decided else UNDECIDED, strength if decided else 0.5))
        axes.text(x, y, f"{size:+.0f}", ha="center", va="center", fontsize=8)
    axes.set_xlim(-0.5, len(tails) - 0.5)
    axes.set_ylim(-0.5, len(conflicts) - 0.5)
    axes.set_xticks(range(len(tails)), [f"{100 * t:g}%" for t in tails])
    axes.set_yticks(range(len(conflicts)), [f"{c:g}" for c in conflicts])
    axes.set_aspect("equal")


def _square(x, y, colour, strength):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, alpha=strength, edgecolor="white")


def change_by_conflict(effect: dict[str, pd.DataFrame], measures: dict[str, str]) -> Figure:
    """The change that CovLoss makes in each cell against conflict, and its mean over tail shares."""
    with drawing(4.2 * len(measures), 3.3) as new:
        for axes, (measure, what) in zip(new.figure.subplots(1, len(measures)), measures.items(), strict=True):
            cells = effect[measure]
            tails = sorted(cells["tail"].unique(), reverse=True)
            for i, tail in enumerate(tails):
                part = cells[cells["tail"] == tail].sort_values("conflict")
                at = part["conflict"] + 0.018 * (i - len(tails) / 2)
                half = np.nan_to_num(part["half"]) / UNIT
                axes.errorbar(
                    at,
                    part["difference"] / UNIT,
                    half,
                    fmt="o",
                    markersize=3,
                    color=CYCLE[i % len(CYCLE)],
                    label=f"tail {100 * tail:g}%",
                    linewidth=1,
                )
            means = [(c, mean(part["difference"]).mean / UNIT) for c, part in cells.groupby("conflict")]
            axes.plot(*zip(*means, strict=True), color=CYCLE[-1], linewidth=1)
            axes.axhline(0, color=CYCLE[-1], linewidth=0.8, linestyle="--")
            axes.set_xticks(sorted(cells["conflict"].unique()))
            axes.set_xlabel("conflict")
            axes.set_ylabel(f"change of regret by CovLoss, 1e-4\n({what})")
        handles, names = new.figure.axes[0].get_legend_handles_labels()
        new.figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    return Figure(
        "What CovLoss changes, both models tuned: below 0 it helps. Bars are 95 % intervals over seeds.", new.svg
    )
