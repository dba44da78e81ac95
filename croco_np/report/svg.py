"""A Matplotlib figure as SVG inside a page: it takes the page's font and colours, and asks for no other file.

Text stays text, so that it can be searched and read aloud. Black and the colours of the series become CSS variables,
which the style sheet sets for a light and for a dark screen.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..canvas import BLUE, GREEN, GREY, ORANGE, Figure, canvas

INK = "#010203"  # of axes and text: the page's own
PURPLE, SKY = "#cc79a7", "#56b4e9"  # Okabe & Ito, beside those of `canvas`
SERIES = {BLUE: "blue", ORANGE: "orange", GREEN: "green", PURPLE: "purple", SKY: "sky", GREY: "grey"}
WIDE = 600  # pt: a wider picture is scrolled on a small screen, where its text would be too small to read
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, GREY)  # for things that follow on each other
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "croco_np",  # the same figure, the same ids
    "text.parse_math": False,  # a domain may be called $a$
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
_DROPPED = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)


class Drawing:
    """A figure to draw on, and its SVG when the `with` block of `drawing` has ended."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.svg = ""


@contextmanager
def drawing(width: float, height: float, **settings: Any) -> Iterator[Drawing]:
    """A Matplotlib figure of this size in inches, in the page's style; when the block ends, `.svg` holds its SVG.

    settings  of Matplotlib, beside or instead of those of the page
    """
    with canvas(width, height, **SETTINGS | settings) as figure:
        new = Drawing(figure)
        yield new
        text = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    new.svg = _for_a_page(text.getvalue())


def _for_a_page(text):
    """What Matplotlib wrote, without the parts of a file of its own, and in the page's colours."""
    text = _DROPPED.sub("", text).strip()
    head, rest = text.split(">", 1)
    size = {side: float(re.search(rf'{side}="([\d.]+)pt"', head)[1]) for side in ("width", "height")}
    wide = 'class="wide" ' if size["width"] > WIDE else ""
    box = f'{wide}viewBox="0 0 {size["width"]:g} {size["height"]:g}" style="max-width: {size["width"]:g}pt"'
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    for colour, name in SERIES.items():
        rest = re.sub(colour, f"var(--{name})", rest, flags=re.IGNORECASE)
    rest = rest.replace(INK, "currentColor")
    return f"<svg {names} {box}>{rest}"


def with_own_ids(svg: str, prefix: str) -> str:
    """The SVG with a prefix before each id and each reference to one, so that two on a page do not clash."""
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", svg)
