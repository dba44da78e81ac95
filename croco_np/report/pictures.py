"""Pictures for pages, from plain numbers to SVG: measures by domain, curves over epochs, spectra, maps, gates.

Lines carry their names at their ends, so nobody has to match colours with a legend.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..canvas import GREY, ORANGE, MaxNLocator, PowerNorm, matplotlib
from ..metrics import auc_error
from .svg import CYCLE, INK, drawing

WIDTH, HEIGHT = 4.8, 3.1  # inches: two beside each other on a screen, one below the other on a phone
MARKS = "osD^vP"
ON_CELL, ON_DARK_CELL = "#16181d", "#fafafa"  # of text on a coloured cell, on any screen
EMPTY = "#f4f4f4"
NAMED_LINES = 12  # more would be a tangle of labels
NOTHING = 1e-6  # of the largest singular value: below it float32 only holds rounding


def auc_by_domain(rows: Mapping[str, dict[str, Any]]) -> str:
    """AUC of each domain with its 95 % interval, and the best possible one where known, as in metrics.json."""
    known = {name: m for name, m in rows.items() if m["auc"] is not None}
    with drawing(WIDTH, 0.9 + 0.38 * max(len(known), 1)) as new:
        axis = new.figure.subplots()
        for y, m in enumerate(known.values()):
            half = 1.96 * auc_error(m["auc"], m["positives"], m["rows"] - m["positives"])
            ends = [[min(half, m["auc"])], [min(half, 1 - m["auc"])]]
            axis.errorbar(m["auc"], y, xerr=ends, fmt="o", color=CYCLE[0], capsize=3)
            if m.get("best_possible_auc") is not None:
                axis.plot(m["best_possible_auc"], y, "|", ms=14, mew=2.5, color=ORANGE)
        axis.axvline(0.5, color=GREY, lw=1, ls=":")
        axis.annotate("chance", (0.5, 0), (3, 3), xycoords=("data", "axes fraction"), textcoords="offset points")
        axis.texts[-1].set(color=GREY, fontsize=8.5, va="bottom")
        axis.set_yticks(range(len(known)), [*known])
        axis.set_ylim(len(known) - 0.4, -0.6)
        axis.set_xlabel("AUC on the test rows, 95 % interval")
    return new.svg


def curves(
    lines: Mapping[str, Sequence[float | None]], x: Sequence[float], xlabel: str, ylabel: str, log: bool = False
) -> str:
    """Lines over one axis, each named at its end: {name: values}, as many as x or fewer; None is a gap.

    log  a logarithmic axis of values
    """
    with drawing(WIDTH, HEIGHT) as new:
        axis = new.figure.subplots()
        ends = []
        for i, (name, values) in enumerate(lines.items()):
            y = np.array([np.nan if v is None else v for v in values], dtype=float)
            colour = CYCLE[i % len(CYCLE)]
            mark = MARKS[i % len(MARKS)] if len(y) <= 20 else ""
            axis.plot(x[: len(y)], y, f"{mark}-", ms=4, lw=1.6, color=colour)
            if np.isfinite(y).any() and len(lines) > 1:
                last = np.flatnonzero(np.isfinite(y))[-1]
                ends.append((x[last], y[last], name, colour))
        axis.set(xlabel=xlabel, ylabel=ylabel)
        if log:
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter("")
        axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axis.margins(x=0.03, y=0.08)
        _name_ends(new.figure, axis, ends)
    return new.svg


def spectra(values: Mapping[str, np.ndarray]) -> str:
    """Singular values by rank on a logarithmic axis: {name: descending, divided by the largest}.

    A curve ends where all further ones are rounding: that many directions are in use.
    """
    lines = {name: [v if v > NOTHING else None for v in sigma] for name, sigma in values.items()}
    ranks = range(1, 1 + max(map(len, lines.values())))
    return curves(lines, ranks, "rank", "singular value / largest", log=True)


def _name_ends(figure, axis, ends):
    """Write names to the right of the last points, moved apart where they would overlap."""
    figure.draw_without_rendering()
    gap, lower, right = 11.0, -np.inf, 1.0
    pixels = 72 / figure.dpi
    for x, y, name, colour in sorted(ends[:NAMED_LINES], key=lambda end: end[1]):
        height = axis.transData.transform((x, y))[1] * pixels
        lower = max(height, lower + gap)
        axis.annotate(
            name, (right, y), (6, lower - height), xycoords=("axes fraction", "data"), textcoords="offset points"
        ).set(color=colour, fontsize=9, va="center", annotation_clip=False)


def matrix(size: np.ndarray, n_experts: int, label: str, top: float | None = None) -> str:
    """A map of all expert outputs with each other, (M K, M K), in blocks of one expert; NaN is white.

    label  of the colours, with their unit
    top    value of the brightest colour; None: all but the largest hundredth lie below it
    """
    finite = size[np.isfinite(size)]
    top = top or (float(np.quantile(finite, 0.99)) if finite.size else 0.0) or 1.0
    with drawing(WIDTH, 4.0) as new:
        axis = new.figure.subplots()
        norm = PowerNorm(0.5, vmin=0, vmax=top)
        colours = matplotlib.colormaps["cividis"].with_extremes(bad=EMPTY)
        image = axis.imshow(size, cmap=colours, norm=norm, interpolation="none")
        width = len(size) // n_experts
        for edge in range(1, n_experts):
            axis.axhline(edge * width - 0.5, color="white", lw=1)
            axis.axvline(edge * width - 0.5, color="white", lw=1)
        middles = [(m + 0.5) * width - 0.5 for m in range(n_experts)]
        axis.set_xticks(middles, [str(m + 1) for m in range(n_experts)])
        axis.set_yticks(middles, [str(m + 1) for m in range(n_experts)])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        axis.set(xlabel="expert", ylabel="expert")
        new.figure.colorbar(image, ax=axis, label=label, shrink=0.85).outline.set_visible(False)
    return new.svg


def gates(shares: Mapping[str, Sequence[float]]) -> str:
    """Mean share of each expert in each domain, as cells around the equal share 1 / M: {domain: M shares}."""
    table = np.array([*shares.values()])
    n_domains, n_experts = table.shape
    with drawing(WIDTH, 1.2 + 0.36 * n_domains) as new:
        axis = new.figure.subplots()
        image = axis.imshow(table, cmap="PuOr_r", vmin=0, vmax=2 / n_experts, aspect="auto", interpolation="none")
        if n_experts <= 12:
            for (s, m), share in np.ndenumerate(table):
                far = abs(share * n_experts - 1) > 0.6
                axis.text(m, s, f"{share:.2f}", ha="center", va="center", color=ON_DARK_CELL if far else ON_CELL)
        axis.set_xticks(range(n_experts), [str(m + 1) for m in range(n_experts)])
        axis.set_yticks(range(n_domains), [*shares])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        axis.set_xlabel("expert")
        bar = new.figure.colorbar(image, ax=axis, label="mean share")
        bar.outline.set_visible(False)
        bar.set_ticks([0, 1 / n_experts, 2 / n_experts], labels=["0", f"1/{n_experts}", f"2/{n_experts}"])
    return new.svg


def bars(values: Mapping[str, float | None], xlabel: str, most: float | None = None) -> str:
    """Horizontal bars with their values beside them: {name: value}, None for an undefined one.

    most  the largest value that is possible: the end of the axis
    """
    with drawing(WIDTH, 0.9 + 0.3 * max(len(values), 1)) as new:
        axis = new.figure.subplots()
        for y, value in enumerate(values.values()):
            axis.barh(y, value or 0, height=0.62, color=CYCLE[0])
            text = "undefined" if value is None else f"{value:.2f}"
            axis.annotate(text, (value or 0, y), (4, 0), textcoords="offset points", va="center", color=INK, fontsize=9)
        axis.set_yticks(range(len(values)), [*values])
        axis.tick_params(axis="y", length=0)
        axis.set_ylim(len(values) - 0.4, -0.6)
        axis.set_xlim(0, most or 1.15 * max((v for v in values.values() if v), default=1))
        axis.set_xlabel(xlabel)
    return new.svg
