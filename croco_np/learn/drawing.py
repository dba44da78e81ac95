"""The model as a drawing, SVG: which lesson teaches which part, and what is done."""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 500, 466  # as narrow as JupyterLab shows it beside its files in a window of 900 px: text keeps its size
SHOWN = 600  # px, where there is room
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #22303c; }
.small { font-size: 11px; fill: #51606d; }
.part { fill: #eaf1f8; stroke: #3f6a9a; stroke-width: 1.5; }
.done { fill: #dff1e2; stroke: #2b7a3d; stroke-width: 2; }
.whole { fill: none; stroke-dasharray: 6 4; }
.arrow { fill: none; stroke: #51606d; stroke-width: 1.5; marker-end: url(#head); }
.back { stroke: #a8482f; marker-end: url(#back); }
.badge { fill: #3f6a9a; } .badge-done { fill: #2b7a3d; }
.number { font-size: 12px; fill: white; font-weight: 600; text-anchor: middle; }
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
    Part(5, 14, 22, 472, 262, "The whole model", "Fig. 3, Eq. (4) and (7)"),
    Part(2, 76, 126, 108, 58, "Embeddings", "rows of tables"),
    Part(4, 208, 44, 106, 54, "CovLoss", "experts apart"),
    Part(3, 340, 126, 134, 58, "Gates", "mix the experts"),
    Part(1, 340, 214, 134, 58, "Linear, towers", "a tower a domain"),
    Part(7, 76, 230, 138, 42, "Inside the tables", ""),
    Part(6, 340, 314, 146, 58, "Training", "real clicks, AUC"),
    Part(8, 14, 400, 140, 58, "Other systems", "STEM, STAR, PLE"),
    Part(9, 180, 400, 140, 58, "Speed", "operations and bytes"),
    Part(10, 346, 400, 140, 58, "Teaching", "find the wrong line"),
)
ARROWS = (
    "M 60 155 H 74",
    "M 184 155 H 206",
    "M 314 155 H 338",
    "M 425 184 V 212",
    "M 425 272 V 312",
    "M 261 126 V 100",
    "M 150 184 V 203 H 375 V 186",
)
BACK = "M 340 343 H 145 V 286"


def drawing(done: Mapping[int, tuple[int, int]]) -> str:
    """The drawing as an SVG document.

    done  {lesson: (exercises that are right, exercises in all)}
    """
    parts = "\n".join(_part(part, *done.get(part.lesson, (0, 0))) for part in PARTS)
    arrows = "\n".join(f'<path class="arrow" d="{d}"/>' for d in ARROWS)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{SHOWN}" role="img">
<title>The model, and the lesson that teaches each part</title>
<style>{STYLE}</style>
<defs>{_head("head", "#51606d")}{_head("back", "#a8482f")}</defs>
<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#fdfdfb" stroke="#d5dbe0"/>
{parts}
<rect x="208" y="126" width="106" height="58" rx="6" fill="white" stroke="#51606d"/>
<text x="220" y="151">Experts</text><text class="small" x="220" y="170">layers as in 1</text>
<text class="small" x="24" y="151">ids of</text><text class="small" x="24" y="166">a row</text>
<text class="small" x="222" y="198">prior embeddings</text>
{arrows}
<path class="arrow back" d="{BACK}"/>
<text class="small" x="156" y="334">gradients, layer by layer,</text>
<text class="small" x="156" y="360">back to the tables</text>
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
    x, y = part.x + 12, part.y + 25
    line = f'<text class="small" x="{x}" y="{y + 19}">{escape(part.line)}</text>' if part.line else ""
    return f"""<g><rect class="{kind}" x="{part.x}" y="{part.y}" width="{part.width}" height="{part.height}" rx="6"/>
<text x="{x}" y="{y}">{escape(part.name)}</text>{line}
<circle class="{"badge-done" if done else "badge"}" cx="{part.x}" cy="{part.y}" r="12"/>
<text class="number" x="{part.x}" y="{part.y + 4}">{part.lesson}</text>
<text class="small" x="{part.x + part.width - 4}" y="{part.y - 5}" text-anchor="end">{mark}</text></g>"""
