"""Picture of lesson 1: the slope of a function measured with steps of every size, under a microscope."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .scene import Control, Scene
from .svg import Drawing

LEFT, RIGHT = 48, 348  # of both panels
MIDDLE, TALL = 84, 58  # centre and half height of the microscope
TOP, BOTTOM = 222, 366  # of the errors
LOWEST = -17.0  # logarithm of an error of 0
MINUS = "\N{MINUS SIGN}"
SEEN = np.linspace(-1.5, 1.5, 121)  # in steps


def slope_by_steps(phi: Callable[[Any], Any], slope: float, steps: Sequence[float]) -> Scene:
    """phi between -s and s with the chord through both points, and the error of the slope, for each step s.

    Above, the window is 3 s wide at every step, so a small step is a strong magnification: at first phi is bent, then
    straight, and in the end it is a staircase, since it is rounded. Below, the errors of central differences and of the
    complex step, both relative to `slope`, the derivative at 0. phi takes real and imaginary numbers; steps fall.
    """
    central = np.array([(phi(s) - phi(-s)) / (2 * s) for s in steps])
    imaginary = np.array([phi(1j * s).imag / s for s in steps])
    errors = [np.abs(measured / slope - 1) for measured in (central, imaginary)]
    best = int(errors[0].argmin())
    heights = [[np.real(phi(u * s)) - phi(0.0) for u in SEEN] for s in steps]

    def draw(at):
        drawing = Drawing(BOTTOM + 40)
        _microscope(drawing, np.array(heights[at]) / steps[at], slope, central[at])
        _errors(drawing, steps, errors, at)
        return drawing

    def say(at):
        why = "the least they reach"
        if at != best:
            why = "the curve bends between the points" if at < best else "rounding, divided by 2 s, has grown"
        return (
            f"s = {_power(steps[at])}: central differences give {central[at]:.10f}, a relative error of "
            f"{errors[0][at]:.0e}: {why}. The complex step gives {imaginary[at]:.10f}, one of {errors[1][at]:.0e}."
        ).replace("-", MINUS)

    return Scene(
        "above, the curve phi between minus s and s with a chord; below, the error of its slope over the step s: "
        "a V for central differences, a line that falls and stays at the bottom for the complex step",
        [Control("step s", [_power(s) for s in steps], start=1, kind="steps")],
        draw,
        say,
    )


def _microscope(drawing, heights, slope, chord):
    """The curve in units of the step, in both directions; the axis is as long as the curve needs."""
    largest = max(np.abs(heights).max(), 1.5 * abs(slope))

    def place(u, height):
        return (LEFT + RIGHT) / 2 + u / 1.5 * (RIGHT - LEFT) / 2, MIDDLE - height / largest * TALL

    drawing.text(LEFT, 14, "\u03c6 under the microscope", "name")
    drawing.line(LEFT, MIDDLE, RIGHT, MIDDLE, "line faint")
    drawing.path([place(u, slope * u) for u in (-1.5, 1.5)], "line green dashed")
    drawing.path([place(u, h) for u, h in zip(SEEN, heights, strict=True)], "line ink")
    ends = [place(u, heights[np.abs(SEEN - u).argmin()]) for u in (-1, 1)]
    (x1, y1), (x2, y2) = ends
    drawing.path([(x1, y1), (x2, y2)], "line orange thick", title=f"the chord: slope {chord:g}")
    for (x, y), name in zip(ends, (f"{MINUS}s", "s"), strict=True):
        drawing.circle(x, y, 5, "fill orange")
        drawing.line(x, MIDDLE - 3, x, MIDDLE + 3)
        drawing.text(x, MIDDLE + TALL + 18, name, "code", anchor="middle")
    drawing.text(RIGHT, MIDDLE + TALL + 36, "dashed: the true slope", "green", anchor="end")
    drawing.text(LEFT, MIDDLE + TALL + 36, "thick: the chord", "orange")


def _errors(drawing, steps, errors, at):
    """Both errors over the step, on logarithmic axes, and where we are."""
    logs = np.log10(steps)
    span = logs.max() - logs.min()

    def place(log_s, error):
        log = np.clip(np.log10(error) if error else LOWEST, LOWEST, 1)
        x = LEFT + (logs.max() - log_s) / span * (RIGHT - LEFT)
        return x, BOTTOM - (log - LOWEST) / (1 - LOWEST) * (BOTTOM - TOP)

    for tick in (0, -5, -10, -15):
        y = place(0, 10.0**tick)[1]
        drawing.line(LEFT, y, RIGHT, y, "line faint")
        drawing.text(LEFT - 5, y + 4, _power(10.0**tick), "soft", anchor="end")
        if logs.min() <= tick <= logs.max():
            x = place(tick, 1)[0]
            drawing.text(x, BOTTOM + 16, _power(10.0**tick), "soft", anchor="middle")
    drawing.text((LEFT + RIGHT) / 2, BOTTOM + 34, "step s, ever smaller", "soft", anchor="middle")
    here = place(logs[at], 1)[0]
    drawing.line(here, TOP, here, BOTTOM, "line soft")
    for error, colour in zip(errors, ("orange", "blue dashed"), strict=True):
        drawing.path([place(log, e) for log, e in zip(logs, error, strict=True)], f"line {colour}")
        drawing.circle(*place(logs[at], error[at]), 4.5, f"fill {colour.split()[0]}")
    drawing.text(*place(-3.6, 1e-3), "central differences", "orange")
    drawing.text(*place(-8.6, 1e-13), "complex step", "blue")
    drawing.text(LEFT - 46, TOP - 10, "error of the slope, relative to it", "name")


def _power(value):
    """A number of one digit, short: 1, 3e-1, 1e-16."""
    return f"{value:.0e}".replace("e+00", "").replace("e-0", "e-").replace("-", MINUS)
