"""Shapes and texts of one SVG drawing, in a coordinate system whose unit is a pixel at full size.

Colours are classes (`ink`, `soft`, `blue`, `orange`, `green`, `purple`, `sky`, `red`; `line` and `fill` say what of a
shape has the colour), which the style sheet scene.css sets for a light and for a dark page. A drawing is at most 360
units wide, the width of a phone's page, so that its text of 12 units is read there, too.
"""

import re
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

WIDTH = 360


class Drawing:
    """An SVG picture to add shapes to; x runs to the right and y downwards from the upper left corner.

    `title` of a shape is what a reader sees who points at it. `goes` ({name of a control: index of its value}) makes a
    shape something to point at or click: the scene then shows that setting. `opens` names the text that a click opens.
    """

    def __init__(self, height: float, width: float = WIDTH) -> None:
        self.width, self.height = width, height
        self.root = Element("svg", viewBox=f"0 0 {number(width)} {number(height)}")

    def add(
        self,
        tag: str,
        classes: str = "",
        *,
        title: str | None = None,
        goes: dict[str, int] | None = None,
        opens: str = "",
        hidden: bool = False,
        text: str = "",
        **attributes: Any,
    ) -> Element:
        """Append an element. A trailing or inner underscore of an attribute's name stands for a hyphen."""
        made = SubElement(self.root, tag)
        made.text = text
        for name, value in attributes.items():
            made.set(name.strip("_").replace("_", "-"), number(value))
        if hidden:
            classes += " hidden"
        if classes:
            made.set("class", classes.strip())
        if goes is not None:
            made.set("data-goes", ";".join(f"{name}={index}" for name, index in goes.items()))
        if opens:
            made.set("data-opens", opens)
        if title is not None:
            SubElement(made, "title").text = minus(title)
        return made

    def rect(self, x: float, y: float, width: float, height: float, classes: str = "", **more: Any) -> Element:
        """A rectangle with slightly round corners."""
        return self.add("rect", classes, x=x, y=y, width=width, height=height, rx=more.pop("rx", 2), **more)

    def circle(self, x: float, y: float, r: float, classes: str = "", **more: Any) -> Element:
        """A disc."""
        return self.add("circle", classes, cx=x, cy=y, r=r, **more)

    def line(self, x1: float, y1: float, x2: float, y2: float, classes: str = "line ink", **more: Any) -> Element:
        """A straight line."""
        return self.add("path", classes, d=f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", **more)

    def path(self, points: Sequence[tuple[float, float]], classes: str = "line ink", **more: Any) -> Element:
        """A line through points."""
        return self.add("path", classes, d="M" + "L".join(f"{number(x)} {number(y)}" for x, y in points), **more)

    def arrow(self, x1: float, y1: float, x2: float, y2: float, classes: str = "line ink", **more: Any) -> Element:
        """A straight line with a head at its second end."""
        length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1e-9)
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        head = min(6.0, length)
        wings = [(x2 - head * ux - s * head / 2 * uy, y2 - head * uy + s * head / 2 * ux) for s in (1, -1)]
        (ax, ay), (bx, by) = wings
        d = (
            f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}"
            f"M{number(ax)} {number(ay)}L{number(x2)} {number(y2)}L{number(bx)} {number(by)}"
        )
        return self.add("path", classes, d=d, **more)

    def text(self, x: float, y: float, text: str, classes: str = "", *, anchor: str = "start", **more: Any) -> Element:
        """A line of text whose base line begins (or, by `anchor`, has its "middle" or "end") at x, y."""
        return self.add("text", classes, text=text, x=x, y=y, text_anchor=anchor, **more)

    def svg(self) -> str:
        """The drawing as text."""
        return tostring(self.root, encoding="unicode")


def minus(text: str) -> str:
    """A text whose negative numbers have a minus sign where Python writes a hyphen."""
    return re.sub(r"(?<![\w)\]])-(?=[\d.])", "\N{MINUS SIGN}", text)


def number(value: Any) -> str:
    """A coordinate in as few characters as a pixel needs; a text as it is."""
    if isinstance(value, str):
        return value
    return f"{round(float(value), 2):g}"
