"""A table of width 2 as points of a plane, and the ellipse that its singular values span."""

import numpy as np

from ....diagnostics import information_abundance
from ..scene import Control, Scene
from ..svg import Drawing

N_ROWS = 8
SQUEEZES = (1, 0.8, 0.6, 0.4, 0.2, 0)
TURNS = (0, 30, 60, 90, 120, 150)  # degrees
ADDED = (0, 0.5)
MIDDLE, UNIT = (112, 112), 66  # of the plane, in units of the drawing; a circle of radius 1 has 66


def circle_table(squeeze: float, turn: float, added: float = 0) -> np.ndarray:
    """Eight rows evenly on a circle, its second direction squeezed, turned by so many degrees, a number added: (8, 2).

    Their singular values are 2 and 2 * squeeze as long as nothing is added.
    """
    angle = 2 * np.pi * (np.arange(N_ROWS) + 0.5) / N_ROWS
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    return np.c_[np.cos(angle), squeeze * np.sin(angle)] @ np.array([[c, s], [-s, c]]) + added


def ellipse() -> Scene:
    """Eight rows of width 2 on an ellipse: squeeze it, turn it, add a number; its spectrum and abundance are beside."""

    def table(squeeze, turn, added):
        return circle_table(SQUEEZES[squeeze], TURNS[turn], ADDED[added])

    def draw(squeeze, turn, added):
        X = table(squeeze, turn, added)
        _, sigma, Vt = np.linalg.svd(X, full_matrices=False)
        axes = sigma[:, None] * Vt / np.sqrt(N_ROWS / 2)  # eight rows evenly on the circle have sigma = 2
        drawing = Drawing(226)
        for end in ((212, 112), (112, 12)):
            drawing.line(*(2 * MIDDLE[k] - end[k] for k in (0, 1)), *end, "line faint")
        round_ = np.linspace(0, 2 * np.pi, 33)
        drawing.path(_placed(np.c_[np.cos(round_), np.sin(round_)] @ axes), "line soft dashed")
        for axis, colour in zip(axes, ("blue", "orange"), strict=True):
            drawing.arrow(*MIDDLE, *_placed(axis[None])[0], f"line {colour} thick")
        for x, y in _placed(X):
            drawing.circle(x, y, 5, "fill ink", fill_opacity=0.65)
        _bars(drawing, sigma, information_abundance(X).value)
        return drawing

    def say(squeeze, turn, added):
        X = table(squeeze, turn, added)
        sigma = np.linalg.svd(X, compute_uv=False)
        return (
            f"\u03c3 = ({sigma[0]:.2f}, {sigma[1]:.2f}), so IA = ({sigma[0]:.2f} + {sigma[1]:.2f}) / {sigma[0]:.2f} "
            f"= {information_abundance(X).value:.2f}."
        )

    return Scene(
        "eight rows of a table of width 2 as points; the ellipse of its two singular directions, as long as the"
        " singular values, and these as bars",
        [
            Control("squeeze to", [f"{q:g}" for q in SQUEEZES], 2),
            Control("turn", [f"{t}\u00b0" for t in TURNS], 1),
            Control("add to all", [f"{a}" for a in ADDED], kind="choice"),
        ],
        draw,
        say,
    )


def _placed(points):
    return [(MIDDLE[0] + UNIT * x, MIDDLE[1] - UNIT * y) for x, y in points]


def _bars(drawing, sigma, abundance):
    """The spectrum beside the plane, and the abundance below it."""
    base, tall = 164, 46
    for k, (value, colour) in enumerate(zip(sigma, ("blue", "orange"), strict=True)):
        name = ("\u03c3\u2081", "\u03c3\u2082")[k]
        x = 246 + 54 * k
        drawing.rect(x, base - tall * value, 34, tall * value, f"fill {colour}", fill_opacity=0.7)
        drawing.text(x + 17, base - tall * value - 6, f"{value:.2f}", "number", anchor="middle")
        drawing.text(x + 17, base + 18, name, anchor="middle")
    drawing.line(236, base, 344, base, "line soft")
    drawing.text(290, base + 46, f"IA = {abundance:.2f}", "name", anchor="middle")
