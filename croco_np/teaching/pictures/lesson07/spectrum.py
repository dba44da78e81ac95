"""The singular spectrum of a table while its items are seen more and more often."""

from collections.abc import Sequence
from math import log10

import numpy as np

from ..scene import Control, Scene
from ..svg import Drawing

LEFT, RIGHT, TOP, BOTTOM = 46, 340, 16, 190
LOWEST = 0.005


def growing_spectrum(exposures: Sequence[int], found: np.ndarray, formula: np.ndarray) -> Scene:
    """A scrubber over exposures: the spectrum of the learnt table as discs, that of the formula as a line.

    exposures       how often each item has been seen, ascending, (T,)
    found, formula  spectra divided by their largest value, (T, E); IA is their sum
    """
    width = found.shape[1]

    def x(k):
        return LEFT + (RIGHT - LEFT) * k / (width - 1)

    def y(share):
        return BOTTOM - (BOTTOM - TOP) * (1 - log10(max(share, LOWEST)) / log10(LOWEST))

    def draw(at):
        drawing = Drawing(BOTTOM + 42)
        for mark in (1, 0.1, 0.01):
            drawing.line(LEFT, y(mark), RIGHT, y(mark), "line faint")
            drawing.text(LEFT - 10, y(mark) + 4, f"{mark:g}", "number", anchor="end")
        drawing.path([(x(k), y(share)) for k, share in enumerate(formula[at])], "line ink dashed")
        for k, share in enumerate(found[at]):
            drawing.circle(x(k), y(share), 6, "fill orange", fill_opacity=0.8)
            drawing.text(x(k), BOTTOM + 18, f"{k + 1}", "number", anchor="middle")
        drawing.text(RIGHT, BOTTOM + 36, "number of the singular value", "soft", anchor="end")
        drawing.text(LEFT + 4, BOTTOM - 6, "divided by the largest", "soft")
        return drawing

    def say(at):
        times = "exposure" if exposures[at] == 1 else "exposures"
        return (
            f"{exposures[at]:,} {times} an item: IA {found[at].sum():.2f} of {width} "
            f"(discs; the formula says {formula[at].sum():.2f}, dashed)."
        )

    return Scene(
        "singular values of a table on a logarithmic axis, falling steeply after few exposures and nearly level after"
        " many",
        [Control("exposures", [f"{n:,}" for n in exposures], kind="steps")],
        draw,
        say,
    )
