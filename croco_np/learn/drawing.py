"""The model as a drawing, SVG: which lesson teaches which part, and what is done."""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 960, 470
STYLE = """
text { font: 15px system-ui, sans-serif; fill: #22303c; }
.small { font-size: 13px; fill: #51606d; }
.part { fill: #eaf1f8; stroke: #3f6a9a; stroke-width: 1.5; }
.done { fill: #dff1e2; stroke: #2b7a3d; stroke-width: 2; }
.whole { fill: none; stroke-dasharray: 6 4; }
.arrow { fill: none; stroke: #51606d; stroke-width: 1.5; marker-end: url(#head); }
.back { stroke: #a8482f; marker-end: url(#back); }
.badge { fill: #3f6a9a; } .badge-done { fill: #2b7a3d; }
.number { fill: white; font-weight: 600; text-anchor: middle; }
"""


class Part(NamedTuple):
    """A box of the drawing: the lesson that teaches it, its place and size, its name and a line below."""

    lesson: int
    x: int
    y: int
    width: int
    height: int
    name: str
    line: str


PARTS = (
    Part(5, 20, 40, 710, 270, "The whole model", "Fig. 3, Eq. (4) and (7)"),
    Part(2, 100, 150, 130, 74, "Embeddings", "rows of tables"),
    Part(4, 265, 62, 120, 60, "CovLoss", "experts apart"),
    Part(3, 420, 150, 125, 74, "Gates", "mix the experts"),
    Part(1, 580, 150, 135, 74, "Linear, towers", "a tower a domain"),
    Part(7, 100, 250, 160, 46, "Inside the tables", ""),
    Part(6, 770, 150, 165, 74, "Training", "real clicks, AUC"),
    Part(8, 20, 380, 200, 66, "Other systems", "STEM, STAR, PLE"),
    Part(9, 378, 380, 200, 66, "Speed", "operations and bytes"),
    Part(10, 735, 380, 200, 66, "Teaching", "find the wrong line"),
)
ARROWS = (
    "M 74 187 H 98",
    "M 230 187 H 263",
    "M 385 187 H 418",
    "M 545 187 H 578",
    "M 715 187 H 768",
    "M 325 150 V 124",
    "M 230 212 H 246 V 236 H 482 V 226",
)
BACK = "M 852 224 V 348 H 325 V 312"


def drawing(done: Mapping[int, tuple[int, int]]) -> str:
    """The drawing as an SVG document.

    done  {lesson: (exercises that are right, exercises in all)}
    """
    parts = "\n".join(_part(part, *done.get(part.lesson, (0, 0))) for part in PARTS)
    arrows = "\n".join(f'<path class="arrow" d="{d}"/>' for d in ARROWS)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">
<title>The model, and the lesson that teaches each part</title>
<style>{STYLE}</style>
<defs>{_head("head", "#51606d")}{_head("back", "#a8482f")}</defs>
<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#fdfdfb" stroke="#d5dbe0"/>
{parts}
<rect x="265" y="150" width="120" height="74" rx="6" fill="white" stroke="#51606d"/>
<text x="277" y="180">Experts</text><text class="small" x="277" y="200">layers as in 1</text>
<text class="small" x="34" y="182">ids of</text><text class="small" x="34" y="200">a row</text>
<text class="small" x="330" y="253">prior embeddings</text>
{arrows}
<path class="arrow back" d="{BACK}"/>
<text class="small" x="420" y="338">gradients, layer by layer, back to the tables</text>
</svg>
"""


def _head(name, colour):
    """The head of an arrow."""
    return (
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path d="M 0 0 L 10 5 L 0 10 z" fill="{colour}"/></marker>'
    )


def _part(part, right, total):
    """A box with its lesson's number, and how many of its exercises are right; a tick once all are."""
    done = total > 0 and right == total
    kind = ("done" if done else "part") + (" whole" if part.lesson == 5 else "")
    mark = "\N{CHECK MARK}" if done else f"{right}/{total}" if right else ""
    x, y = part.x + 12, part.y + (30 if 40 < part.height < 100 else 26)
    line = f'<text class="small" x="{x}" y="{y + 20}">{escape(part.line)}</text>' if part.line else ""
    return f"""<g><rect class="{kind}" x="{part.x}" y="{part.y}" width="{part.width}" height="{part.height}" rx="6"/>
<text x="{x}" y="{y}">{escape(part.name)}</text>{line}
<circle class="{"badge-done" if done else "badge"}" cx="{part.x}" cy="{part.y}" r="14"/>
<text class="number" x="{part.x}" y="{part.y + 5}">{part.lesson}</text>
<text class="small" x="{part.x + part.width - 8}" y="{part.y + 18}" text-anchor="end">{mark}</text></g>"""
