"""Pictures of lesson 10: the law of the gradient check as a square, and broken passes with a wrong road to find."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .passes import PASSES, Pass
from .scene import Control, Scene
from .svg import Drawing

FLOOR, QUANTITY, LETTER = 84, 22, 6.6  # units: between floors, height of a quantity's box, width of a letter
PUSHES, STEP = 24, 1e-5  # directions of the push; length of the push that is measured


def broken_pass(number: str) -> Scene:
    """A layer's forward and its broken backward, operation by operation: a click on a road says whether it is wrong."""
    one = PASSES[number]
    roads = [f"{start} to {end}, {does}" for start, end, does in one.backward.roads]

    def say(at):
        if at:
            return one.answer(at - 1)
        return "Left, the forward; right, its backward. Which operation is the wrong one? On the site, click it."

    return Scene(
        f"forward and backward of {number} as graphs of their operations: {'; '.join(roads)}",
        [Control("road", ["none", *roads], kind="click")],
        lambda at: _two_flows(one, at),
        say,
    )


def _two_flows(one: Pass, at: int) -> Drawing:
    floors = max(floor for _, floor in one.backward.places.values())
    height = floors * FLOOR + 68
    drawing = Drawing(height)
    drawing.text(76, 14, "forward", "soft", anchor="middle")
    drawing.text(262, 14, "backward", "soft", anchor="middle")
    drawing.line(160, 24, 160, height - 8, "line faint")
    for flow, up in ((one.forward, True), (one.backward, False)):
        spots = {name: (x, 42 + (floors - floor) * FLOOR) for name, (x, floor) in flow.places.items()}
        clicked = at - 1 if at and not up else None
        spoiled = _spoiled(one, clicked) if clicked is not None else set()
        for i, (start, end, _) in enumerate(flow.roads):
            colour = "soft" if i not in spoiled else "red thick" if clicked in one.wrong else "blue thick"
            _road(drawing, spots[start], spots[end], colour, up)
        for i, (start, end, does) in enumerate(flow.roads):
            (x1, y1), (x2, y2), part = spots[start], spots[end], _apart(flow, start, end)
            spot = (x1 + part * (x2 - x1), y1 + part * (y2 - y1))
            _operation(drawing, spot, does, None if up else i, clicked, f"{start} to {end}: {does}")
        for name, (x, y) in spots.items():
            found = clicked in one.wrong and one.leaves.get(name) in one.wrong_leaves
            _quantity(drawing, x, y, name, found)
    return drawing


def _spoiled(one, road):
    """The roads that carry something wrong if this one does: itself, those of its line, and all below."""
    roads = one.backward.roads
    spoiled = set(one.wrong) if road in one.wrong else {road}
    for _ in roads:
        ends = {roads[i][1] for i in spoiled}
        spoiled |= {i for i, (start, _, _) in enumerate(roads) if start in ends}
    return spoiled


def _road(drawing, start, end, colour, up):
    (x1, y1), (x2, y2) = start, end
    half = QUANTITY / 2
    drawing.arrow(x1, y1 + (-half if up else half), x2, y2 + (half if up else -half), f"line {colour}")


def _apart(flow, start, end):
    """Which part of a road leads to the place where roads that begin or end together are well apart."""
    fork = sum(s == start for s, _, _ in flow.roads) > 1
    join = sum(e == end for _, e, _ in flow.roads) > 1
    return 0.5 + 0.12 * (fork - join)


def _operation(drawing, spot, does, road, clicked, title):
    """What a road does, written on it: of a backward, something to click."""
    x, y = spot
    width = max(len(does) * LETTER + 8, 28)
    if road is None:
        drawing.rect(x - width / 2, y - 9, width, 18, "fill paper")
    else:
        classes = "box lit" if road == clicked else "box"
        drawing.rect(x - width / 2, y - 14, width, 28, classes, rx=8, goes={"road": road + 1}, title=title)
    drawing.text(x, y + 4, does, "soft" if road is None else "", anchor="middle")


def _quantity(drawing, x, y, name, found):
    width = max(len(name) * 8, 20)
    drawing.rect(x - width / 2, y - QUANTITY / 2, width, QUANTITY, "wrong", data_node=name, hidden=not found)
    drawing.text(x, y + 4, name, "name", anchor="middle")
    drawing.text(x, y + 24, "wrong", "red", anchor="middle", hidden=not found)


def adjoint_square(layers: Mapping[str, Any], params: dict, x: np.ndarray, dy: np.ndarray) -> Scene:
    """<dy, J v> = <J^T dy, v> as a square: the push v turns, forward is measured, and backward is what a layer says.

    layers  {name: layer with two inputs and two outputs}; their forwards are the same
    x, dy   (1, 2), where the derivatives are taken and the gradient from above
    """
    names, first = list(layers), next(iter(layers.values()))
    angles = 2 * np.pi * np.arange(PUSHES) / PUSHES
    pushes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    claimed = [layer.backward(layer.forward(params, x)[1], dy)[0][0] for layer in layers.values()]
    arrived = [
        (first.forward(params, x + STEP * v)[0] - first.forward(params, x - STEP * v)[0])[0] / (2 * STEP)
        for v in pushes
    ]

    def draw(who, turn):
        v, Jv, dx = pushes[turn], arrived[turn], claimed[who]
        drawing = Drawing(304)
        _plane(drawing, 60, 78, "push v", v, "blue")
        _plane(drawing, 300, 78, "push Jv", Jv, "blue")
        _plane(drawing, 60, 234, "dx, says backward", dx, "orange", beside=v)
        _plane(drawing, 300, 234, "dy", dy[0], "orange", beside=Jv)
        drawing.arrow(132, 78, 228, 78, "line blue thick")
        drawing.text(180, 68, "forward,", "blue", anchor="middle")
        drawing.text(180, 98, "measured", "blue", anchor="middle")
        drawing.arrow(228, 234, 132, 234, "line orange thick")
        drawing.text(180, 224, "backward,", "orange", anchor="middle")
        drawing.text(180, 254, "claimed", "orange", anchor="middle")
        left, right = dx @ v, dy[0] @ Jv
        drawing.text(60, 156, f"\u27e8dx, v\u27e9 = {left:.3f}", "name", anchor="middle")
        drawing.text(300, 156, f"\u27e8dy, Jv\u27e9 = {right:.3f}", "name", anchor="middle")
        same = np.isclose(left, right, atol=5e-4)
        drawing.text(180, 158, "=" if same else "\u2260", "name" if same else "name red", anchor="middle")
        return drawing

    def say(who, turn):
        left, right = claimed[who] @ pushes[turn], dy[0] @ arrived[turn]
        if np.isclose(left, right, atol=5e-4):
            return f"{names[who]}: both products are {left:.3f}."
        return f"{names[who]}: backward claims {left:.3f}, the forward measures {right:.3f}. It is wrong."

    return Scene(
        "a square: above, forward takes a push v to Jv; below, backward takes a gradient dy to dx; "
        "the product of dx with v on the left is that of dy with Jv on the right",
        [
            Control("backward", names, kind="choice"),
            Control("push", [f"{360 * i // PUSHES}\u00b0" for i in range(PUSHES)], start=2),
        ],
        draw,
        say,
    )


def _plane(drawing, x, y, name, vector, colour, beside=None):
    """A vector from the middle of a square, and, dashed, the one that it is multiplied with."""
    size, unit = 50, 26
    drawing.rect(x - 60, y - size, 120, 2 * size, "box")
    drawing.line(x - 60, y, x + 60, y, "line faint")
    drawing.line(x, y - size, x, y + size, "line faint")
    if beside is not None:
        drawing.arrow(x, y, x + unit * beside[0], y - unit * beside[1], "line blue dashed")
    drawing.arrow(x, y, x + unit * vector[0], y - unit * vector[1], f"line {colour} thick")
    drawing.text(x, y - size - 6, name, "name", anchor="middle")
