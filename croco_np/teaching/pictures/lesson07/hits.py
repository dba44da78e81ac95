"""The diversity index on a few rows: which outputs are large, which small, and which rows are hits."""

from collections.abc import Mapping

import numpy as np

from ....diagnostics import diversity_index
from ....diagnostics.diversity import LARGE, LEVELS, SMALL, Conflicts
from ..scene import Control, Scene
from ..svg import Drawing

CELL, LEFT, TOP = 33, 84, 56


def hits(cases: Mapping[str, np.ndarray]) -> Scene:
    """Lengths of experts' outputs as a grid, an expert a line and a row of the batch a column; hits are marked above.

    cases  {name: lengths (N, M)}; all rows are in conflict
    """
    names = list(cases)
    n_rows, most = max(len(a) for a in cases.values()), max(a.shape[1] for a in cases.values())

    def state(lengths, pooled):
        axis = None if pooled else 0
        large, small = lengths > np.quantile(lengths, LARGE, axis), lengths < np.quantile(lengths, SMALL, axis)
        return large, small, large.any(axis=1) & small.any(axis=1)

    def draw(case, pooled):
        lengths = cases[names[case]]
        large, small, hit = state(lengths, pooled)
        drawing = Drawing(TOP + CELL * most + 6)
        drawing.text(4, 20, "row", "soft")
        for i in range(n_rows):
            drawing.text(LEFT + CELL * (i + 0.5), 20, f"{i}", "soft", anchor="middle")
        for m in range(most):
            hidden = m >= lengths.shape[1]
            y = TOP + CELL * m
            drawing.text(4, y + 21, f"expert {m}", "name", hidden=hidden)
            for i in range(n_rows):
                length, big, little = (0, 0, 0) if hidden else (lengths[i, m], large[i, m], small[i, m])
                fill = "fill orange" if big else "fill blue" if little else "fill faint"
                x = LEFT + CELL * i
                drawing.rect(x + 1, y + 1, CELL - 2, CELL - 2, fill, fill_opacity=0.35, hidden=hidden)
                mark = "\u2191" if big else "\u2193" if little else ""
                drawing.text(x + CELL / 2, y + 21, f"{length:g}{mark}", "number", anchor="middle", hidden=hidden)
        drawing.text(4, TOP - 12, "hits", "name")
        for i in range(n_rows):
            drawing.text(LEFT + CELL * (i + 0.5), TOP - 12, "\u2605", anchor="middle", hidden=not hit[i])
        return drawing

    def say(case, pooled):
        lengths = cases[names[case]]
        n = len(lengths)
        value = diversity_index(lengths, Conflicts(LEVELS[0], {(0, 1): np.arange(n)}, {(0, 1): n}), bool(pooled))
        hit = np.flatnonzero(state(lengths, pooled)[2])
        if value["overall"]["hits"] != len(hit):
            raise AssertionError(f"diversity_index counts {value['overall']['hits']} hits, the picture {len(hit)}")
        told = f"rows {', '.join(map(str, hit))}" if len(hit) else "no row"
        which = "all experts pooled" if pooled else "each expert alone"
        return f"{names[case]}, quartiles of {which}: a large (\u2191) and a small (\u2193) output in {told}. " + (
            f"DI = {len(hit)}/{n} = {value['overall']['value']:g}."
        )

    return Scene(
        "lengths of the outputs of some experts for eight rows; large and small ones are marked, and the rows that have"
        " both",
        [Control("experts", names, kind="choice"), Control("quartiles", ["each expert", "pooled"], kind="choice")],
        draw,
        say,
    )
