"""Picture of lesson 1: one weight is nudged, and the objective follows."""

from collections.abc import Callable

import numpy as np

from .scene import Control, Scene
from .svg import Drawing

NUDGES = (-1.0, -0.5, -0.2, -0.1, -0.01, 0.01, 0.1, 0.2, 0.5, 1.0)
LEFT, RIGHT, TOP, BOTTOM = 36, 324, 30, 200
MINUS = "\N{MINUS SIGN}"


def nudge_a_weight(objective: Callable[[np.ndarray], float], W: np.ndarray) -> Scene:
    """The objective over one weight, with the chord from where we are to where a nudge leads.

    objective(W) -> float; one weight is chosen, the others stay. As the nudge shrinks, the slope of the chord becomes
    that of the curve, which is this weight's number of dW.
    """
    weights = list(np.ndindex(W.shape))
    grid = np.linspace(-1, 1, 41)

    def at_nudge(weight, nudge):
        moved = W.copy()
        moved[weight] += nudge
        return float(objective(moved))

    here = float(objective(W))
    curves = [[at_nudge(weight, u) for u in grid] for weight in weights]
    highest = max(map(max, curves))

    def place(nudge, value):
        return (LEFT + RIGHT) / 2 + nudge * (RIGHT - LEFT) / 2, BOTTOM - value / highest * (BOTTOM - TOP)

    def draw(which, at):
        nudge, weight = NUDGES[at], weights[which]
        drawing = Drawing(BOTTOM + 58)
        drawing.text(LEFT, 16, "objective L", "name")
        for tick in np.arange(0, highest, _pitch(highest)):
            y = place(0, tick)[1]
            drawing.line(LEFT, y, RIGHT, y, "line faint")
            drawing.text(LEFT - 6, y + 4, f"{tick:g}", "soft", anchor="end")
        for u in (-1, 0, 1):
            x = place(u, 0)[0]
            drawing.line(x, BOTTOM, x, BOTTOM + 4)
            drawing.text(x, BOTTOM + 18, f"{W[weight] + u:g}".replace("-", MINUS), "soft", anchor="middle")
        drawing.text((LEFT + RIGHT) / 2, BOTTOM + 34, f"W[{weight[0]}, {weight[1]}]", "code", anchor="middle")
        drawing.path([place(u, L) for u, L in zip(grid, curves[which], strict=True)])
        (x1, y1), (x2, y2) = place(0, here), place(nudge, at_nudge(weight, nudge))
        slope = (y2 - y1) / (x2 - x1)
        drawing.path([(x, y1 + slope * (x - x1)) for x in (x1 - 120, x1 + 120)], "line orange dashed")
        drawing.path([(x1, y1), (x2, y2)], "line orange thick")
        drawing.text(LEFT, BOTTOM + 52, "thick: the chord", "orange")
        drawing.text(RIGHT, BOTTOM + 52, "dashed: the chord, prolonged", "orange", anchor="end")
        drawing.circle(x1, y1, 4.5, "fill ink", title="here")
        drawing.circle(x2, y2, 4.5, "fill orange", title="nudged")
        return drawing

    def say(which, at):
        nudge, (k, j) = NUDGES[at], weights[which]
        rise = at_nudge((k, j), nudge) - here
        return (
            f"W[{k}, {j}] {nudge:+g}: L changes by {rise:.4g}. Change divided by nudge: {rise / nudge:.4g}."
        ).replace("-", MINUS)

    return Scene(
        "the objective as a curve over one weight, with the line through the present weight and a nudged one",
        [
            Control("weight", [f"[{k}, {j}]" for k, j in weights], start=W.shape[1], kind="choice"),
            Control("nudge", [f"{u:+g}".replace("-", MINUS) for u in NUDGES], start=len(NUDGES) - 2),
        ],
        draw,
        say,
    )


def _pitch(highest):
    """1, 2 or 5 times a power of ten, of which three to seven are in `highest`."""
    power = 10.0 ** np.floor(np.log10(highest / 3))
    return next(n * power for n in (5, 2, 1) if n * power <= highest / 3)
