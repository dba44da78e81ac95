"""Shares while two gates learn a task whose answer is known."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..grids import grid
from ..scene import Control, Scene
from ..svg import WIDTH, Drawing


def learning(
    frames: Sequence[int], losses: Mapping[str, Sequence[float]], shares: Mapping[str, np.ndarray], wanted: np.ndarray
) -> Scene:
    """Two gates while they learn: the shares of each domain at some steps, and both losses with a point that moves.

    frames  the steps that can be shown
    losses  {gate: the loss at the start and after each step}, and shares the same, (steps, S, M) and (steps, S, M, K)
    wanted  (S, K) the expert that a domain wants for a dimension: framed
    """
    steps, n_domains, n_experts, _ = shares["element-wise"].shape
    right = np.arange(n_experts)[:, None] == wanted[:, None]  # (S, M, K)
    cell, tall = 32, 32 * n_experts + 26
    below = 22 + n_domains * tall

    def draw(at):
        drawing = Drawing(below + 132)
        drawing.text(74, 14, "scalar", "name")
        drawing.text(136, 14, f"element-wise, dimensions 0 to {right.shape[2] - 1}", "name")
        for s in range(n_domains):
            top = 40 + s * tall
            drawing.text(6, top - 6, f"domain {s}", "soft")
            for m in range(n_experts):
                drawing.text(6, top + cell * (m + 0.5) + 4, f"expert {m}")
            grid(drawing, 74, top, shares["scalar"][frames[at], s][:, None], cell=cell, largest=1)
            grid(drawing, 136, top, shares["element-wise"][frames[at], s], cell=cell, largest=1, lit=right[s])
        _curves(drawing, losses, frames[at], below + 24)
        return drawing

    def say(at):
        told = " and ".join(f"{values[frames[at]]:.2f} ({name} gate)" for name, values in losses.items())
        return f"After {frames[at]} of {steps - 1} steps: loss {told}. Framed is what the domain wants."

    return Scene(
        "shares of three experts in two domains, by a scalar and by an element-wise gate, and the loss of both over the"
        " steps: the element-wise shares become the wanted pattern, the scalar gate keeps a compromise",
        [Control("steps done", [str(step) for step in frames], start=len(frames) - 1, kind="steps")],
        draw,
        say,
    )


def _curves(drawing, losses, step, top):
    """The losses over the steps from 0 upwards, each with a point at one step."""
    left, wide, high = 40, WIDTH - 56, 72
    largest = max(max(values) for values in losses.values())
    drawing.line(left, top, left, top + high, "line faint")
    drawing.line(left, top + high, left + wide, top + high, "line faint")
    drawing.text(left - 5, top + 8, f"{largest:.0f}", "soft", anchor="end")
    drawing.text(left - 5, top + high, "0", "soft", anchor="end")
    last = len(next(iter(losses.values()))) - 1
    drawing.text(left, top - 8, "loss", "name")
    for tick in (0, last / 3, 2 * last / 3, last):
        drawing.text(left + wide * tick / last, top + high + 16, f"{tick:.0f}", "soft", anchor="middle")
    drawing.text(left + wide / 2, top + high + 30, "step", "soft", anchor="middle")
    for (name, values), colour in zip(losses.items(), ("purple", "green"), strict=True):
        points = [
            (left + wide * t / (len(values) - 1), top + high * (1 - values[t] / largest)) for t in range(len(values))
        ]
        drawing.path(points[:40] + points[40::10], f"line {colour}")
        drawing.circle(*points[step], 5, f"fill {colour}")
        drawing.text(left + wide, points[-1][1] - 8, name, colour, anchor="end")
