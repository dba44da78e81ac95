"""Pictures of lesson 8: what a row of each domain reads, what it teaches, and where a road is cut."""

from collections.abc import Sequence

import numpy as np

from .scene import Control, Scene
from .svg import Drawing

WIDE, TALL = 64, 30  # of a box
READS, TEACHES = 0, 1


def _box(drawing: Drawing, x: float, y: float, name: str, state: str, wide: float = WIDE) -> None:
    drawing.rect(x - wide / 2, y, wide, TALL, f"box {state}".strip(), rx=4)
    drawing.text(x, y + 20, name, anchor="middle")


def _road(drawing: Drawing, low: tuple[float, float], high: tuple[float, float], way: int, open_: bool) -> None:
    """A road between two boxes: an arrow upwards if it is read, downwards if it is taught; a cut where it is closed."""
    (x1, y1), (x2, y2) = low, high
    drawing.arrow(x1, y1, x2, y2, "line orange", hidden=way == TEACHES)
    drawing.arrow(x2, y2, x1, y1, "line blue", hidden=way == READS or not open_)
    cut = way == TEACHES and not open_
    drawing.line(x2, y2, (x1 + x2) / 2, (y1 + y2) / 2, "line blue dashed", hidden=not cut)
    mx, my = (x1 + x2) / 2, (y1 + y2) / 2
    drawing.line(mx - 9, my, mx + 9, my, "line red thick", hidden=not cut)


def stem_roads(teaches: np.ndarray, domains: Sequence[str] = ("A", "B", "C")) -> Scene:
    """STEM: rows of a domain read every expert and teach those that `teaches` (S, M) allows; the others are cut off."""
    experts = [*(f"{d}'s" for d in domains), "shared"]
    places = [45 + 90 * i for i in range(len(experts))]
    middle = 180

    def draw(s, way):
        drawing = Drawing(250)
        _box(drawing, middle, 6, f"tower {domains[s]}", "now" if way == READS else "now back")
        _box(drawing, middle, 76, f"gate {domains[s]}", "now" if way == READS else "now back")
        _road(drawing, (middle, 76), (middle, 36), way, True)
        for m, name in enumerate(experts):
            taught = bool(teaches[s, m])
            state = "now" if way == READS else "now back" if taught else ""
            _box(drawing, places[m], 150, name, state)
            _road(drawing, (places[m], 150), (middle + 8 * (m - 1.5), 106), way, taught)
            _box(drawing, places[m], 206, "table", state)
            drawing.arrow(places[m], 206, places[m], 180, "line orange", hidden=way == TEACHES)
            drawing.arrow(places[m], 180, places[m], 206, "line blue", hidden=way == READS or not taught)
        return drawing

    def say(s, way):
        if way == READS:
            return f"Forward: a row of domain {domains[s]} runs through all {len(experts)} experts and their tables."
        taught = [name for name, open_ in zip(experts, teaches[s], strict=True) if open_]
        cut = [name for name, open_ in zip(experts, teaches[s], strict=True) if not open_]
        return (
            f"Backward: it teaches {' and '.join(taught)} only. The roads to {' and '.join(cut)} are cut (red) behind "
            "the gate, which itself sees all experts."
        )

    return Scene(
        "STEM for rows of one domain: tower, gate, experts and tables, which of them are read and which are taught",
        [Control("rows of", list(domains), kind="choice"), Control("way", ["forward", "backward"], 1, kind="choice")],
        draw,
        say,
    )


def ple_roads(first: Sequence[np.ndarray], last: np.ndarray, domains: Sequence[str] = ("A", "B", "C")) -> Scene:
    """PLE with two levels: which experts the rows of a domain teach, by the norms that were measured.

    first  (S, E) norms at the first level, for the shared gate over all experts and for that over the shared ones only
    last   (S, E) norms at the last level
    """
    experts = [*(f"{d}'s" for d in domains), "shared"]
    shared = len(experts) - 1
    places = [45 + 90 * i for i in range(len(experts))]
    floors = {"tower": 6, "last": 82, "first": 176}

    def draw(s, gate):
        drawing = Drawing(230)
        _box(drawing, places[s], floors["tower"], f"tower {domains[s]}", "now back")
        for level, norms in (("last", last[s]), ("first", first[gate][s])):
            for e, name in enumerate(experts):
                _box(drawing, places[e], floors[level], name, "now back" if norms[e] > 0 else "")
        for e in range(len(experts)):
            used = e in (s, shared)
            x = places[e]
            drawing.arrow(places[s], floors["tower"] + TALL, x, floors["last"], "line blue", hidden=not used)
            down = floors["last"] + TALL, floors["first"]
            drawing.arrow(places[s], down[0], x - 6, down[1], "line blue", hidden=not used)
            through = gate == 0 or e == shared
            drawing.arrow(places[shared], down[0], x + 6, down[1], "line purple", hidden=not through)
        drawing.text(356, floors["last"] - 8, "last level", "soft", anchor="end")
        drawing.text(4, floors["first"] + 50, "first level", "soft")
        return drawing

    def say(s, gate):
        taught = [name for name, norm in zip(experts, first[gate][s], strict=True) if norm > 0]
        over = ("all experts", "the shared expert only")[gate]
        return (
            f"Rows of {domains[s]}, shared gate over {over}: the last level's own and shared expert are taught, "
            f"and in the first level {', '.join(taught)}."
        )

    return Scene(
        "PLE with two levels: the roads of the gradient from a tower down to the experts; those it reaches are framed",
        [
            Control("rows of", list(domains), kind="choice"),
            Control("shared gate", ["all", "shared_only"], kind="choice"),
        ],
        draw,
        say,
    )


def star_product(shared: float = 2.0, b: float = 0.5) -> Scene:
    """STAR: y = x (W W_s) for domains A and B with x = 1, dy = 1; what each factor is taught while W_A moves."""
    own = [k / 2 for k in range(0, 9)]

    def draw(at):
        a = own[at]
        drawing = Drawing(170)
        for column, (name, factor) in enumerate((("A", a), ("B", b))):
            x = 75 + 210 * column
            _box(drawing, x, 4, f"y = {shared * factor:g}", "")
            _box(drawing, x, 70, f"W \u00b7 W_{name} = {shared * factor:g}", "", 100)
            drawing.line(x, 34, x, 70, "line soft")
            _box(drawing, x, 136, f"W_{name} = {factor:g}", "now" if name == "A" else "", 76)
            drawing.arrow(x, 100, x, 136, "line blue")
            beside = (x - 8, "end") if name == "A" else (x + 8, "start")
            drawing.text(beside[0], 122, f"dW_{name} = {shared:g}", "blue", anchor=beside[1])
        _box(drawing, 180, 136, f"W = {shared:g}", "")
        drawing.arrow(100, 100, 160, 136, "line orange")
        drawing.arrow(260, 100, 200, 136, "line orange")
        return drawing

    def say(at):
        a = own[at]
        return (
            f"dW = {a:g} + {b:g} = {a + b:g}: each domain teaches the shared weight in proportion to its own factor. "
            f"dW_A = dW_B = W = {shared:g}."
        )

    return Scene(
        "STAR on one weight: the joint weights of two domains, and the gradients of the shared and the own factors",
        [Control("W_A", [f"{w:g}" for w in own], start=6)],
        draw,
        say,
    )
