"""Two gate logits to move, and what follows from them, forward and backward."""

import numpy as np

from ....kernels.mix import mix_scalars, mix_scalars_backward
from ..grids import signed
from ..scene import Control, Scene
from ..svg import Drawing

EXPERTS = ("orange", "blue")  # the colours of two experts


def two_shares(a: np.ndarray, o: np.ndarray, dh: np.ndarray) -> Scene:
    """Two gate logits to move: the shares as bars, their mixture on a line between the outputs, da as two arrows.

    a (1, 2) logits at the start, o (1, 2, 1) outputs, dh (1, 1) gradient of the mixture.
    """
    logits = np.log(3) / 2 * np.arange(-6, 7)  # every second one makes the exponential a power of 3
    outputs = o.ravel()

    def mixed(i, j):
        g, h = mix_scalars(np.array([[logits[i], logits[j]]]), o)
        _, da = mix_scalars_backward(g, o, h, dh)
        return g[0], h.item(), da[0]

    def draw(i, j):
        g, h, da = mixed(i, j)
        drawing = Drawing(222)
        _bars(drawing, g, da)
        _mixture(drawing, g, h, outputs)
        return drawing

    def say(i, j):
        g, h, da = mixed(i, j)
        less = int(np.argmax(da))
        return (
            f"Shares {g[0]:.2f} and {g[1]:.2f} mix {outputs[0]:g} and {outputs[1]:g} into h = {h:.2f}. With dh = "
            f"{dh.item():g}, da = ({signed(da[0])}, {signed(da[1])}), which adds up to 0: descent, which moves against "
            f"da, takes weight from expert {less} and gives it to expert {1 - less}."
        )

    words = [signed(value) for value in logits]
    start = [int(np.abs(logits - value).argmin()) for value in a[0]]
    return Scene(
        "two gate logits, their shares as bars, the mixture between the two outputs, and da as arrows of equal length",
        [Control("logit a\u2080", words, start[0]), Control("logit a\u2081", words, start[1])],
        draw,
        say,
    )


def _bars(drawing, g, da):
    """For each expert its share as a bar and its da as an arrow from a line that stands for 0."""
    zero, unit = 292, 28
    drawing.text(70, 16, "share g", "name")
    drawing.text(zero, 16, "da", "name", anchor="middle")
    drawing.line(zero, 22, zero, 110, "line faint")
    for m, colour in enumerate(EXPERTS):
        y = 26 + 44 * m
        drawing.text(8, y + 17, f"expert {m}")
        drawing.rect(70, y, 110, 24, "fill faint")
        drawing.rect(70, y, max(110 * g[m], 0.5), 24, f"fill {colour}")
        drawing.text(186, y + 17, f"{g[m]:.2f}", "number")
        drawing.arrow(zero, y + 10, zero + unit * da[m], y + 10, f"line thick {colour}")
        side = 1 if da[m] < 0 else -1  # the number stands where the arrow does not go
        drawing.text(zero + 7 * side, y + 14, signed(da[m]), "number", anchor="start" if side > 0 else "end")
    drawing.text(352, 124, "sum 0; descent goes against the arrows", "soft", anchor="end")


def _mixture(drawing, g, h, outputs):
    """The outputs as discs whose areas are the shares, and h between them with the way that raises the objective."""
    left, right, y = 40, 310, 172
    low, high = min(outputs), max(outputs)

    def place(value):
        return left + (value - low) / (high - low) * (right - left)

    drawing.line(left, y, right, y, "line soft")
    for m, colour in enumerate(EXPERTS):
        drawing.circle(place(outputs[m]), y, 15 * g[m] ** 0.5, f"fill {colour}")
        drawing.text(place(outputs[m]), y - 20, f"o{chr(0x2080 + m)} = {outputs[m]:g}", "name", anchor="middle")
    drawing.line(place(h), y - 14, place(h), y + 14, "line thick ink")
    drawing.text(place(h), y + 28, f"h = {h:.2f}", "name", anchor="middle")
    drawing.arrow(place(h), y + 38, place(h) + 34, y + 38, "line soft")
    drawing.text(place(h) - 5, y + 42, "dh", "soft", anchor="end")
