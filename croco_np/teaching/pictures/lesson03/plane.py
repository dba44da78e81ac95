"""The plane of all mixtures of two experts."""

import numpy as np

from ..scene import Control, Scene
from ..svg import Drawing
from .shares import EXPERTS


def reach(o: np.ndarray, wish: np.ndarray) -> Scene:
    """The mixtures of two experts in a plane: a scalar gate reaches the line between them, an element-wise one the box.

    o (1, 2, 2) outputs (1, 0) and (0, 1) of the experts, wish (2,) what the tower would like.
    """
    shares = np.linspace(0, 1, 11)
    words = [f"{share:.1f}" for share in shares]
    left, bottom, unit = 90, 216, 180

    def mixture(i, j):
        g = np.array([shares[i], shares[j]])
        return g * o[0, 0] + (1 - g) * o[0, 1]

    def place(point):
        return left + unit * point[0], bottom - unit * point[1]

    def draw(i, j):
        drawing = Drawing(250)
        drawing.rect(left, bottom - unit, unit, unit, "fill green", fill_opacity=0.12)
        drawing.text(left + unit - 10, bottom - unit + 30, "element-wise gate:", "green", anchor="end")
        drawing.text(left + unit - 10, bottom - unit + 45, "the box", "green", anchor="end")
        drawing.line(*place(o[0, 0]), *place(o[0, 1]), "line thick purple")
        drawing.text(left + 10, bottom - 12, "scalar gate: the line", "purple")
        drawing.arrow(left, bottom, left + unit + 30, bottom, "line soft")
        drawing.arrow(left, bottom, left, bottom - unit - 24, "line soft")
        drawing.text(left + unit + 34, bottom + 4, "h\u2080", "name")
        drawing.text(left - 8, bottom - unit - 18, "h\u2081", "name", anchor="end")
        for m, colour in enumerate(EXPERTS):
            drawing.circle(*place(o[0, m]), 6, f"fill {colour}")
        drawing.text(left + unit, bottom + 20, "expert 0", anchor="middle")
        drawing.text(left - 10, bottom - unit + 4, "expert 1", anchor="end")
        x, y = place(wish)
        drawing.circle(x, y, 10, "line soft dashed")
        drawing.text(x + 15, y + 4, "wish", "name")
        drawing.circle(*place(mixture(i, j)), 6, "fill ink")
        return drawing

    def say(i, j):
        h = mixture(i, j)
        told = (
            f"Expert 0 has the shares {words[i]} and {words[j]}: h = ({h[0]:.1f}, {h[1]:.1f}), "
            f"{np.linalg.norm(h - wish):.2f} away from the wish. "
        )
        if i == j:
            return told + "Both dimensions use the same shares: a scalar gate can do this, and h stays on the line."
        return told + "The two dimensions use different shares: only an element-wise gate can do this."

    names = [f"share in dimension {k}" for k in (0, 1)]  # short: on a phone the slider needs the room
    return Scene(
        "the plane of mixtures of two experts: a line for a scalar gate, a box for an element-wise one; the wish is a"
        " corner of the box, away from the line",
        [Control(name, words, 5) for name in names],
        draw,
        say,
    )
