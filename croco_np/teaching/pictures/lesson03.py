"""Pictures of lesson 3: two shares and their mixture, what each gate can reach, gates that learn, broken backwards."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...kernels.mix import mix_scalars, mix_scalars_backward
from .grids import grid, signed
from .scene import Control, Scene
from .svg import WIDTH, Drawing

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
            f"da, takes weight from expert {less + 1} and gives it to expert {2 - less}."
        )

    words = [signed(value) for value in logits]
    start = [int(np.abs(logits - value).argmin()) for value in a[0]]
    return Scene(
        "two gate logits, their shares as bars, the mixture between the two outputs, and da as arrows of equal length",
        [Control("logit a\u2081", words, start[0]), Control("logit a\u2082", words, start[1])],
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
        drawing.text(8, y + 17, f"expert {m + 1}")
        drawing.rect(70, y, 110, 24, "fill faint")
        drawing.rect(70, y, max(110 * g[m], 0.5), 24, f"fill {colour}")
        drawing.text(186, y + 17, f"{g[m]:.2f}", "number")
        drawing.arrow(zero, y + 10, zero + unit * da[m], y + 10, f"line thick {colour}")
        drawing.text(zero, y + 30, signed(da[m]), "number", anchor="middle")
    drawing.text(zero, 124, "sum 0", "soft", anchor="middle")


def _mixture(drawing, g, h, outputs):
    """The outputs as discs whose areas are the shares, and h between them with the way that raises the objective."""
    left, right, y = 40, 310, 172
    low, high = min(outputs), max(outputs)

    def place(value):
        return left + (value - low) / (high - low) * (right - left)

    drawing.line(left, y, right, y, "line soft")
    for m, colour in enumerate(EXPERTS):
        drawing.circle(place(outputs[m]), y, 15 * g[m] ** 0.5, f"fill {colour}")
        drawing.text(place(outputs[m]), y - 20, f"o{chr(0x2081 + m)} = {outputs[m]:g}", "name", anchor="middle")
    drawing.line(place(h), y - 14, place(h), y + 14, "line thick ink")
    drawing.text(place(h), y + 28, f"h = {h:.2f}", "name", anchor="middle")
    drawing.arrow(place(h), y + 38, place(h) + 34, y + 38, "line soft")
    drawing.text(place(h) - 5, y + 42, "dh", "soft", anchor="end")


def reach(o: np.ndarray, wish: np.ndarray) -> Scene:
    """The mixtures of two experts in a plane: a scalar gate reaches the line between them, an element-wise one the box.

    o (1, 2, 2) outputs (1, 0) and (0, 1) of the experts, wish (2,) what the tower would like.
    """
    shares = np.linspace(0, 1, 11)
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
        drawing.text(left + unit + 34, bottom + 4, "h\u2081", "name")
        drawing.text(left - 8, bottom - unit - 18, "h\u2082", "name", anchor="end")
        for m, colour in enumerate(EXPERTS):
            drawing.circle(*place(o[0, m]), 6, f"fill {colour}")
        drawing.text(left + unit, bottom + 20, "expert 1", anchor="middle")
        drawing.text(left - 10, bottom - unit + 4, "expert 2", anchor="end")
        x, y = place(wish)
        drawing.circle(x, y, 10, "line soft dashed")
        drawing.text(x + 15, y + 4, "wish", "name")
        drawing.circle(*place(mixture(i, j)), 6, "fill ink")
        return drawing

    def say(i, j):
        h = mixture(i, j)
        told = f"h = ({h[0]:.1f}, {h[1]:.1f}), {np.linalg.norm(h - wish):.2f} away from the wish. "
        if i == j:
            return told + "Both dimensions use the same shares: a scalar gate can do this, and h stays on the line."
        return told + "The two dimensions use different shares: only an element-wise gate can do this."

    words = [f"{share:.1f}" for share in shares]
    names = [f"share of expert 1 in dimension {k}" for k in (1, 2)]
    return Scene(
        "the plane of mixtures of two experts: a line for a scalar gate, a box for an element-wise one; the wish is a"
        " corner of the box, away from the line",
        [Control(name, words, 5) for name in names],
        draw,
        say,
    )


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
        drawing = Drawing(below + 118)
        drawing.text(74, 14, "scalar", "name")
        drawing.text(136, 14, "element-wise, dimensions 1 to 6", "name")
        for s in range(n_domains):
            top = 40 + s * tall
            drawing.text(6, top - 6, f"domain {s}", "soft")
            for m in range(n_experts):
                drawing.text(6, top + cell * (m + 0.5) + 4, f"expert {m + 1}")
            grid(drawing, 74, top, shares["scalar"][frames[at], s][:, None], cell=cell, largest=1)
            grid(drawing, 136, top, shares["element-wise"][frames[at], s], cell=cell, largest=1, lit=right[s])
        _curves(drawing, losses, frames[at], below + 20)
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
    drawing.text(left, top + high + 16, "loss over the steps", "soft")
    for (name, values), colour in zip(losses.items(), ("purple", "green"), strict=True):
        points = [
            (left + wide * t / (len(values) - 1), top + high * (1 - values[t] / largest)) for t in range(len(values))
        ]
        drawing.path(points[:40] + points[40::10], f"line {colour}")
        drawing.circle(*points[step], 5, f"fill {colour}")
        drawing.text(left + wide, points[-1][1] - 8, name, colour, anchor="end")


def two_tests(
    layers: Sequence[Any], right: Any, a: np.ndarray, o: np.ndarray, upstream: Mapping[str, np.ndarray]
) -> Scene:
    """The da of broken backwards beside the right one, for several upstream gradients; what differs is framed.

    layers and right take a (B, M, K) and o to h; upstream {what it is: dh (B, K)}. Row 0 is drawn.
    """
    names, dhs = [type(layer).__name__ for layer in layers], list(upstream)

    def das(i, j):
        found = []
        for layer in (right, layers[i]):
            _, cache = layer.forward({}, a, o)
            (da, _), _ = layer.backward(cache, upstream[dhs[j]])
            found.append(da[0])
        return found

    cell, (n_experts, width) = 38, a.shape[1:]
    largest = max(np.abs(da).max() for i in range(len(layers)) for j in range(len(dhs)) for da in das(i, j))

    def draw(i, j):
        drawing = Drawing(24 + cell * n_experts + 30 + cell + 6)
        da, own = das(i, j)
        for x, values, name in ((8, da, "right da"), (24 + cell * width + 24, own, "this da")):
            off = ~np.isclose(values, da)
            grid(drawing, x, 24, values, name, cell=cell, largest=largest, lit=off)
            below = 24 + cell * n_experts + 26
            grid(
                drawing, x, below, values.sum(axis=0).round(12) + 0, "sum over the experts", cell=cell, largest=largest
            )
        return drawing

    def say(i, j):
        da, own = das(i, j)
        verdict = "equals the right one: this dh sees no bug" if np.allclose(own, da) else "is wrong where framed"
        sums = "add up to 0 over the experts" if np.allclose(own.sum(axis=0), 0) else "do not add up to 0"
        return f"{names[i]}, dh {dhs[j]}: da {verdict}. Its entries {sums}."

    return Scene(
        "the right da and that of a broken backward, experts downwards and dimensions across, and their sums below",
        [Control("backward", names, kind="choice"), Control("dh", dhs, kind="choice")],
        draw,
        say,
    )
