"""AUC as pairs: rows on a line by their score, and what each pair of a clicked row and another one counts."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ....metrics import auc
from ..scene import Control, Scene
from ..svg import Drawing

LEFT, RIGHT = 30, 330  # the line from score 0 to score 1
STEPS = 10  # scores are tenths, so that ties are exact
COUNTS = {1: "1", 0: "\u00bd", -1: "0"}


def pairs_that_flip(names: Sequence[str], tenths: Sequence[int], labels: Sequence[int]) -> Scene:
    """A few rows on a strip of scores; the score of one moves, and pairs turn right, tied or wrong.

    names   of the rows, a letter each
    tenths  their scores, in tenths from 0 to 10
    labels  1 clicked, 0 not; both occur
    """
    clicked = [i for i, y in enumerate(labels) if y]
    others = [i for i, y in enumerate(labels) if not y]

    def scores(row, score):
        return np.where(np.arange(len(names)) == row, score, tenths)

    def draw(row, score):
        z = scores(row, score)
        drawing = Drawing(160 + 44 * len(clicked))
        _strip(drawing, names, z, labels, row)
        top, left = 154, 90
        drawing.text(4, top - 8, "clicked row", "soft")
        for n, j in enumerate(others):
            drawing.text(left + 86 * n + 40, top - 8, f"over {names[j]}", "soft", anchor="middle")
        for m, i in enumerate(clicked):
            y = top + 44 * m
            drawing.text(66, y + 25, names[i], "name", anchor="end")
            for n, j in enumerate(others):
                order = int(np.sign(z[i] - z[j]))
                fill = {1: "fill blue", 0: "fill grey", -1: "fill orange"}[order]
                x = left + 86 * n
                drawing.rect(x, y, 80, 38, fill + " cell", fill_opacity=0.22 if order else 0.08)
                said = {1: "right", 0: "tie", -1: "wrong"}[order]
                drawing.text(x + 40, y + 24, f"{said}: {COUNTS[order]}", anchor="middle")
        return drawing

    def say(row, score):
        z = scores(row, score)
        orders = [int(np.sign(z[i] - z[j])) for i in clicked for j in others]
        terms = " + ".join(COUNTS[order] for order in orders)
        value = auc(z, np.asarray(labels)).value
        half = Fraction(sum(order + 1 for order in orders), 2 * len(orders))
        if value is None or half != Fraction(value).limit_denominator(10_000):
            raise AssertionError(f"auc says {value}, the pairs {half}")
        return f"Row {names[row]} has the score {score / STEPS:g}: AUC = ({terms}) / {len(orders)} = {value:.4g}."

    moved = others[-1] if len(clicked) < 2 else clicked[-1]
    return Scene(
        "rows on a line by their scores, clicked ones above it and others below; a table of all pairs of a clicked row"
        " and another one says which are ranked right",
        [
            Control("row", list(names), moved, kind="choice"),
            Control("score", [f"{k / STEPS:g}" for k in range(STEPS + 1)], tenths[moved]),
        ],
        draw,
        say,
    )


def _strip(drawing, names, z, labels, moved):
    """The line of scores; a letter that would cover another one of its side stands further out."""
    drawing.line(LEFT, 62, RIGHT, 62, "line soft")
    for k in (0, 5, 10):
        x = LEFT + (RIGHT - LEFT) * k / STEPS
        drawing.line(x, 58, x, 66, "line soft")
    drawing.text(LEFT - 8, 67, "0", "number", anchor="end")
    drawing.text(RIGHT + 8, 67, "1", "number")
    drawing.text(4, 14, "clicked", "blue")
    drawing.text(4, 112, "not clicked", "orange")
    for i, name in enumerate(names):
        x = LEFT + (RIGHT - LEFT) * z[i] / STEPS
        below = sum(z[k] == z[i] and labels[k] == labels[i] for k in range(i))
        away = 20 + 24 * below
        y = 62 - away if labels[i] else 62 + away
        frame = " lit" if i == moved else ""
        if labels[i]:
            drawing.circle(x, y, 11, "fill blue" + frame, fill_opacity=0.4)
        else:
            drawing.rect(x - 11, y - 11, 22, 22, "fill orange" + frame, fill_opacity=0.4)
        drawing.text(x, y + 4, name, "name", anchor="middle")
