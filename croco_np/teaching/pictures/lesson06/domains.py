"""The pooled AUC as an area: pairs inside a domain, and pairs between domains."""

from collections.abc import Sequence

import numpy as np

from ..scene import Control, Scene
from ..svg import Drawing

LEFT, TOP, SIDE = 84, 40, 220


def areas(
    control: str, parts: Sequence[tuple[str, np.ndarray, np.ndarray]], domains: Sequence[str], kind: str = "slider"
) -> Scene:
    """A square of all pairs: a stripe down for the clicks of each domain, one across for its non-clicks.

    control, kind  what the reader moves
    parts          (value of the control, weights pi_s nu_t (S, S), AUCs A_st (S, S)); the last one is the still

    A rectangle's size is the share of its pairs; it is filled as far as they are ranked right. So AUC is what is full.
    """
    n = len(domains)

    def draw(at):
        _, weight, A = parts[at]
        drawing = Drawing(TOP + SIDE + 8)
        rows = np.append(0, np.cumsum(weight.sum(axis=1)))
        columns = np.append(0, np.cumsum(weight.sum(axis=0)))
        drawing.text(LEFT, 14, "non-clicks of", "soft")
        drawing.text(4, TOP - 8, "clicks of", "soft")
        for s in range(n):
            tall, wide = rows[s + 1] - rows[s], columns[s + 1] - columns[s]
            drawing.text(LEFT - 8, TOP + SIDE * (rows[s] + tall / 2) + 4, domains[s], "name", anchor="end")
            middle = LEFT + SIDE * (columns[s] + wide / 2)
            drawing.text(middle, TOP - 8, domains[s], "name", anchor="middle")
            for t in range(n):
                _rectangle(drawing, rows[s : s + 2], columns[t : t + 2], A[s, t], s == t)
        return drawing

    def say(at):
        name, weight, A = parts[at]
        inside = ", ".join(f"inside {d} {A[s, s]:.2f}" for s, d in enumerate(domains))
        moved = f"{control[0].upper()}{control[1:]} {name}"
        own = f"Inside a domain (green) lie {np.trace(weight):.0%} of the pairs."
        return f"{moved}: {inside}; pooled {(weight * A).sum():.2f}. {own}"

    return Scene(
        "a square of all pairs of a click and a non-click, cut into rectangles for pairs of domains, each filled as far"
        " as its pairs are ranked right",
        [Control(control, [name for name, _, _ in parts], len(parts) - 1, kind=kind)],
        draw,
        say,
    )


def _rectangle(drawing, rows, columns, share, own):
    """Pairs of two domains: filled from below, framed, with A_st where there is room for it."""
    x, wide = LEFT + SIDE * columns[0], SIDE * (columns[1] - columns[0])
    y, tall = TOP + SIDE * rows[0], SIDE * (rows[1] - rows[0])
    drawing.rect(
        x, y + (1 - share) * tall, wide, share * tall, "fill green" if own else "fill blue", fill_opacity=0.35, rx=0
    )
    drawing.rect(x, y, wide, tall, "line green thick" if own else "line soft", rx=0)
    room = wide > 32 and tall > 16
    drawing.text(x + wide / 2, y + tall / 2 + 4, f"{share:.2f}", "number", anchor="middle", hidden=not room)
