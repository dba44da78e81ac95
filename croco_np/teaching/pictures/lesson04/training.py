"""Covariances and outputs of experts while CovLoss drives them apart."""

from collections.abc import Mapping, Sequence

import numpy as np

from ....diagnostics import covariance_map
from ....diagnostics.covariance import between_experts
from ..grids import grid, signed
from ..scene import Control, Scene
from ..svg import WIDTH, Drawing


def fading(frames: Sequence[int], runs: Mapping[str, Sequence[np.ndarray]], n_points: int = 40) -> Scene:
    """Experts during training on CovLoss: |C| of all their outputs, two outputs against each other, and two curves.

    frames  the steps that can be shown
    runs    {reading of the index: outputs (B, M, K) at the start and after each step}
    """
    names = list(runs)
    start = runs[names[0]][0]
    _, n_experts, width = start.shape
    maps = {name: [covariance_map(o) for o in outputs] for name, outputs in runs.items()}
    strongest = np.abs(maps[names[0]][0][:width, width : 2 * width])
    i, j = np.unravel_index(int(strongest.argmax()), strongest.shape)  # the pair of experts 1 and 2 to look at
    largest = strongest.max()  # so that variances, which are larger, have the strongest colour, too
    reach = max(start[:n_points, 0, i].max(), start[:n_points, 1, j].max())
    between = {name: [between_experts(c, n_experts) for c in maps[name]] for name in names}
    curves = {
        name: ([b.covariance or 0 for b in between[name]], [np.diag(c).mean() for c in maps[name]]) for name in names
    }
    cell = 156 / (n_experts * width)

    def draw(at, reading):
        name, step = names[reading], frames[at]
        drawing = Drawing(340)
        drawing.text(16, 14, "|C| / B", "name")
        lit = np.zeros((n_experts * width,) * 2, bool)
        lit[i, width + j] = lit[width + j, i] = True
        grid(drawing, 16, 36, np.abs(maps[name][step]), cell=cell, largest=largest, numbers=False, lit=lit)
        for m in range(n_experts):
            middle = cell * width * (m + 0.5)
            drawing.text(16 + middle, 30, f"expert {m + 1}" if m == 0 else f"{m + 1}", "soft", anchor="middle")
            drawing.text(10, 36 + middle + 4, f"{m + 1}", "soft", anchor="end")
        for m in range(1, n_experts):
            edge = cell * width * m
            drawing.line(16 + edge, 36, 16 + edge, 192)
            drawing.line(16, 36 + edge, 172, 36 + edge)
        _scatter(drawing, runs[name][step][:n_points, 0, i], runs[name][step][:n_points, 1, j], reach, (i, j))
        _both_curves(drawing, curves[name], max(curves[names[0]][1][0], 1e-12), step)
        return drawing

    def say(at, reading):
        name, step = names[reading], frames[at]
        c, one = maps[name][step], between[name][step]
        spread = (c[i, i] * c[width + j, width + j]) ** 0.5
        pair = f"has correlation {signed(c[i, width + j] / spread)}" if spread > 0 else "holds a constant output"
        return (
            f"After {step} steps with {name}: between experts mean |covariance| {one.covariance:.5f} and |correlation| "
            f"{one.correlation or 0:.3f}; variance of an output {np.diag(c).mean():.3f}. The framed pair, drawn on the "
            f"right for {n_points} of {len(start)} rows, {pair}."
        )

    return Scene(
        "covariances of all outputs of the experts, two outputs as a scatter, and curves over the steps: with p > q the"
        " covariances between experts fade and variance is left, with p \u2265 q both go",
        [
            Control("steps done", [str(step) for step in frames], kind="steps"),
            Control("pairs", names, kind="choice"),
        ],
        draw,
        say,
    )


def _scatter(drawing, x, y, reach, units):
    """One output of expert 1 to the right, one of expert 2 upwards, a dot for each row."""
    left, bottom, side = 206, 192, 146
    drawing.arrow(left, bottom, left + side + 4, bottom, "line soft")
    drawing.arrow(left, bottom, left, bottom - side - 6, "line soft")
    drawing.text(left + side + 4, bottom + 30, f"output {units[0] + 1} of expert 1", "soft", anchor="end")
    drawing.text(left - 6, bottom - side - 14, f"output {units[1] + 1} of expert 2", "soft")
    for value in (0, reach):
        drawing.text(left + side * value / reach, bottom + 16, f"{value:.2g}", "soft", anchor="middle")
        drawing.text(left - 4, bottom - side * value / reach + 4, f"{value:.2g}", "soft", anchor="end")
    for a, b in zip(x, y, strict=True):
        across, up = np.minimum((a, b), reach) * side / reach
        drawing.circle(round(left + across, 1), round(bottom - up, 1), 3.5, "fill blue", fill_opacity=0.6)


def _both_curves(drawing, curves, largest, step):
    """The mean |covariance| between experts and the mean variance over the steps, with a point at one step."""
    left, top, wide, high = 40, 232, WIDTH - 56, 70
    drawing.line(left, top + high, left + wide, top + high, "line faint")
    drawing.line(left, top, left, top + high, "line faint")
    drawing.text(left - 5, top + 8, f"{largest:.2g}", "soft", anchor="end")
    drawing.text(left - 5, top + high, "0", "soft", anchor="end")
    last = len(curves[0]) - 1
    for tick in (0, last / 3, 2 * last / 3, last):
        drawing.text(left + wide * tick / last, top + high + 16, f"{tick:.0f}", "soft", anchor="middle")
    drawing.text(left + 8, top + high + 32, "variance of an output", "green")
    drawing.text(left + 146, top + high + 32, "|covariance|", "purple")
    drawing.text(left + wide, top + high + 32, "step", "soft", anchor="end")
    for values, colour in zip(curves, ("purple", "green"), strict=True):
        points = [
            (round(left + wide * t / last, 1), round(top + high * (1 - min(v / largest, 1)), 1))
            for t, v in enumerate(values)
        ]
        drawing.path(points[:12] + points[12:-1:6] + points[-1:], f"line {colour}")
        drawing.circle(*points[step], 4.5, f"fill {colour}")
