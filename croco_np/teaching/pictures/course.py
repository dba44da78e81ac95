"""The course on one picture: the graph of Crocodile, and which lesson takes which part of it apart."""

from collections.abc import Callable
from xml.etree.ElementTree import SubElement

from .example import you_are_here
from .scene import STYLE, figure
from .svg import Drawing, number

EDGE = 10
OF_A_LAYER = {"embeddings": 2, "prior": 2, "experts": 1, "gates": 3, "towers": 1, "loss": 4}
OF_THE_WHOLE = (
    (5, "the whole model"),
    (6, "training it on clicks"),
    (7, "what its tables learn"),
    (8, "other systems"),
    (9, "its speed"),
    (10, "teaching it"),
)
DARK = """@media (prefers-color-scheme: dark) { .scene { --ink: #e6edf3; --soft: #9aa4af; --faint: #3d444d;
--paper: #0d1117; --blue: #58a6ff; } }"""


def course_map(address: Callable[[int], str] | None = None) -> Drawing:
    """The graph with a lesson's number at each layer it derives, and the lessons about the whole below.

    address  of a lesson's page: then its number is a link
    """
    drawing = you_are_here().still
    boxes = [e for e in drawing.root if e.get("data-node")]
    for box in boxes:
        lesson = OF_A_LAYER[box.get("data-node", "")]
        _badge(drawing, float(box.get("x", 0)), float(box.get("y", 0)) + 8, lesson, address)
    below = drawing.height + 22
    for i, (lesson, words) in enumerate(OF_THE_WHOLE):
        x, y = 14 + 180 * (i % 2), below + 30 * (i // 2)
        _badge(drawing, x, y, lesson, address)
        drawing.text(x + 16, y + 4, words)
    drawing.width, drawing.height = drawing.width + 2 * EDGE, below + 30 * 2 + 12 + 2 * EDGE
    drawing.root.set("viewBox", f"{-EDGE} {-EDGE} {number(drawing.width)} {number(drawing.height)}")
    return drawing


def _badge(drawing, x, y, lesson, address):
    """A lesson's number on a disc; a link, if its page has an address."""
    disc = drawing.circle(x, y, 11, "fill blue")
    name = drawing.text(x, y + 4, str(lesson), "name on", anchor="middle")
    if address is not None:
        link = SubElement(drawing.root, "a", {"href": address(lesson), "aria-label": f"lesson {lesson}"})
        for part in (disc, name):
            drawing.root.remove(part)
            link.append(part)


def course_figure(address: Callable[[int], str]) -> str:
    """The picture as HTML for a page, where its numbers are links to the lessons."""
    return figure(course_map(address).svg(), "the model, and the lesson that takes each part of it apart")


def course_file() -> str:
    """The picture as an SVG file of its own, in the colours of a light or a dark screen."""
    drawing = course_map()
    size = f'width="{number(drawing.width)}" height="{number(drawing.height)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="scene" {size} '
    paper = f"<rect x='{-EDGE}' y='{-EDGE}' width='100%' height='100%' style='fill: var(--paper)'/>"
    svg = drawing.svg().replace("<svg ", head, 1)
    before, mark, after = svg.partition(">")
    return f"{before}{mark}<style>{STYLE}{DARK}</style>{paper}{after}\n"
