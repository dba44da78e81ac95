"""The drawing of a model's graph: boxes with their leaves, roads between them, the numbers of a step below."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from .grids import grid
from .steps import LETTERS, SHOWN, Step
from .svg import Drawing

BOX, TALL, PITCH = 138, 52, 86  # units: width and height of a box, from one floor of the graph to the next
LANE = 24  # units between the roads of two experts
LETTER = 7.4  # units: width of a letter of a box's name; a name that would leave its box is squeezed
LEFT, CELL = 105, 42.5  # units: where the numbers of a step begin, and the width of each


class Node(NamedTuple):
    """A box: its name, what it is, the boxes it reads from, its leaves {path: shape}, its centre's x and its floor.

    copies  of which there are how many in it: ("expert", 3), ("domain", 2), or ("", 1)
    """

    name: str
    kind: str
    reads: list[str]
    leaves: dict[str, str]
    x: float
    floor: int
    copies: tuple[str, int] = ("", 1)


def graph(
    nodes: list[Node], step: Step | None, numbers: bool, here: Collection[str], wrong: Collection[str]
) -> Drawing:
    """The graph at one step, or without any; with room for `numbers` below it."""
    floors = max(node.floor for node in nodes) + 1
    bottom = floors * PITCH - (PITCH - TALL) + 8
    drawing = Drawing(bottom + (22 + SHOWN[0] * 30 if numbers else 4))
    at = {node.name: node for node in nodes}
    for node in nodes:
        for name in node.reads:
            _edge(drawing, at[name], node, bottom, step)
    for node in nodes:
        _box(drawing, node, bottom, step, here, wrong)
    if step is not None:
        _heads_of_columns(drawing, step, bottom + 16)
        _numbers(drawing, step, bottom + 20)
    return drawing


def _top(node, bottom):
    """y of the upper edge of a box."""
    return bottom - TALL - node.floor * PITCH


def _edge(drawing, low, high, bottom, step):
    """The roads between two boxes, one for each expert or domain: upwards, or downwards in a step of backward."""
    above, below = _top(high, bottom), _top(low, bottom)
    up = step is not None and step.way > 0 and step.name == high.name
    down = step is not None and step.way < 0 and (step.name == high.name or _meets(step, low, high))
    colour = "orange thick" if up else "blue thick" if down else "soft"
    letter = LETTERS.get(low.name, "")
    said = f"d{letter}" if down and letter else letter
    if high.floor - low.floor > 1 and low.x < high.x:  # past the boxes between, and into the side
        x = low.x - BOX / 2 + 10
        drawing.path([(x, below), (x, above + TALL / 2), (high.x - BOX / 2, above + TALL / 2)], f"line {colour}")
        _heads(drawing, (x, below), (high.x - BOX / 2, above + TALL / 2), colour, down, bent=True)
        drawing.text(x - 4, (below + above + TALL) / 2, said, "code", anchor="end")
        return
    kind, many = low.copies if low.copies[1] > 1 else high.copies
    inset = 6 + (many - 1) / 2 * LANE if low.copies[1] == 1 else 18  # all roads end under the box
    meet = min(max(low.x, high.x - BOX / 2 + inset), high.x + BOX / 2 - inset)
    for i in range(many):
        aside = (i - (many - 1) / 2) * LANE
        start = low.x + (aside if low.copies[1] > 1 else 0)
        end = meet + (aside if low.copies == high.copies or low.copies[1] == 1 else aside / 6)
        _heads(drawing, (start, below), (end, above + TALL), colour, down, title=f"{letter} of {kind} {i}".strip())
        if many > 1:
            _count(drawing, i, (start, below), (end, above + TALL), spread_below=low.copies[1] > 1)
    spread = (many - 1) / 2 * LANE
    if low.copies[1] > 1 and low.copies != high.copies:  # before the first number
        drawing.text(low.x - spread - 16, below - 4, said, "code", anchor="end")
    else:
        left = (low.x + meet) / 2 - (spread if low.copies == high.copies else spread / 2 + 8) - 6
        drawing.text(left, (below + above + TALL) / 2 + 2, said, "code", anchor="end")


def _count(drawing, i, low, high, spread_below):
    """The number of a road, beside that end of it at which the roads are apart, and where it does not lean to."""
    (x1, y1), (x2, y2) = low, high
    lean = x2 - x1 if spread_below else x1 - x2
    x, y = (x1, y1 - 4) if spread_below else (x2, y2 + 14)
    drawing.text(x - 4 if lean > 4 else x + 4, y, str(i), "soft", anchor="end" if lean > 4 else "start")


def _meets(step, low, high):
    """Whether this is one of the roads on which gradients come together at the box of the step."""
    return step.name == low.name and len(step.roads) > 1 and high.name in step.roads


def _heads(drawing, low, high, colour, down, bent=False, **more):
    """An arrow upwards and one downwards, of which one is seen; of a bent road, only its ends."""
    (x1, y1), (x2, y2) = low, high
    near_high = (x2 - 8, y2) if bent else low
    near_low = (x1, y1 - 8) if bent else high
    drawing.arrow(*near_high, x2, y2, f"line {colour}", hidden=down, **more)
    drawing.arrow(*near_low, x1, y1, f"line {colour}", hidden=not down, **more)


def _box(drawing, node, bottom, step, here, wrong):
    x, y = node.x - BOX / 2, _top(node, bottom)
    classes = "box"
    if any(leaf in wrong for leaf in node.leaves):
        classes += " wrong"
    elif node.name in here:
        classes += " here"
    elif step is not None and step.name == node.name:
        classes += " now" if step.way > 0 else " now back"
    shapes = ", ".join(f"{leaf} {shape}".strip() for leaf, shape in node.leaves.items())
    title = f"{node.name}. {len(node.leaves)} parameters: {shapes}" if shapes else f"{node.name}. {node.kind}"
    drawing.rect(x, y, BOX, TALL, classes, rx=5, opens=node.name, title=title, data_node=node.name)
    too_long = len(node.name) * LETTER > BOX - 12
    squeezed = {"textLength": BOX - 12, "lengthAdjust": "spacingAndGlyphs"} if too_long else {}
    drawing.text(node.x, y + 17, node.name, "name", anchor="middle", **squeezed)
    many = f" \u00d7 {node.copies[1]}" if node.copies[1] > 1 else ""
    drawing.text(node.x, y + 32, node.kind + many, "soft", anchor="middle")
    _leaves(drawing, node, y + 38, wrong)


def _leaves(drawing, node, y, wrong):
    """A small square for each leaf, with a gap where the next expert's or domain's begin."""
    copies = [path.split(".")[1] if path.count(".") > 1 else "" for path in node.leaves]
    gaps = [int(before != now) for before, now in zip(copies[:1] + copies, copies, strict=False)]
    pitch = min(13.0, (BOX - 12) / max(len(copies) + 0.5 * sum(gaps), 1))
    x = node.x - pitch * (len(copies) + 0.5 * sum(gaps)) / 2
    for (leaf, shape), gap in zip(node.leaves.items(), gaps, strict=True):
        x += pitch * 0.5 * gap
        colour = "fill red" if leaf in wrong else "fill faint"
        drawing.rect(x, y, pitch - 3, 9, colour, title=f"{leaf} {shape}".strip(), data_leaf=leaf)
        x += pitch


def _heads_of_columns(drawing, step, y):
    """What the columns of numbers belong to, each head over the middle of its own; where there are none, nothing."""
    across = max((len(values) for _, values in step.rows), default=0) / max(len(step.heads), 1)
    for i in range(SHOWN[1]):
        head = step.heads[i] if i < len(step.heads) else ""
        middle = LEFT + (i + 0.5) * across * CELL if head else LEFT
        drawing.text(middle, y, head, "soft", anchor="middle", hidden=not head)


def _numbers(drawing, step, top):
    """The rows of a step, as far as they fit: the same cells in each step, hidden where there is nothing."""
    strongest = max((np.abs(values).max(initial=0) for _, values in step.rows), default=1.0) or 1.0
    for i in range(SHOWN[0]):
        said, values = step.rows[i] if i < len(step.rows) else ("", np.zeros(0))
        shown = np.zeros(SHOWN[1])
        shown[: len(values)] = values[: SHOWN[1]] * step.scale
        drawing.text(4, top + i * 30 + 19, said, "name")
        before = len(drawing.root)
        grid(drawing, LEFT, top + i * 30, shown, cell=CELL, tall=28, largest=strongest * step.scale)
        for j, element in enumerate(list(drawing.root)[before:]):
            if j // 2 >= len(values):
                element.set("class", f"{element.get('class')} hidden")
