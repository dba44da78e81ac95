"""Do two pieces of HTML or SVG show the same? Structure has to be equal, coordinates agree to a twentieth of a unit.

Names that a drawing library makes up (ids, and what refers to them) may differ; texts and other attributes are compared
by whoever asks, as the words and numbers of any output are.
"""

import re
from collections.abc import Callable
from html.parser import HTMLParser

GEOMETRY = {
    *("d", "points", "transform", "viewbox", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy"),
    *("width", "height", "offset", "style", "stroke-width", "stroke-dasharray", "font-size", "opacity", "fill-opacity"),
}
NAMES = {"id", "href", "xlink:href", "clip-path", "mask", "for", "aria-labelledby", "aria-describedby"}
MADE_UP = re.compile(r"(url\(#)[^)]*(?=\))|#[\w-]+(?=[ ,{])")  # in styles and sheets, what refers to an id
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
UNITS = 0.05  # of coordinates: what nobody sees


class _Parts(HTMLParser):
    """The parts of a text of markup in order: ("tag", name, attributes), ("end", name) and ("text", words)."""

    def __init__(self, text):
        super().__init__()
        self.parts = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.parts.append(("tag", tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        self.parts.append(("end", tag))

    def handle_data(self, data):
        if data.strip():
            self.parts.append(("text", data))


def first_difference(one: str, other: str, same_text: Callable[[str, str], bool]) -> str | None:
    """What two pieces of markup show differently, at the first place; None if they show the same.

    same_text  whether two texts agree
    """
    a, b = (_Parts(text).parts for text in (one, other))
    for left, right in zip(a, b, strict=False):
        if said := _differ(left, right, same_text):
            return said
    if len(a) != len(b):
        return f"{len(a)} and {len(b)} parts of markup"
    return None


def _differ(one, other, same_text):
    """What is different in two parts; None if nothing is."""
    if one[:2] != other[:2] and (one[0] != "text" or other[0] != "text"):
        return f"{_short(one)} and {_short(other)}"
    if one[0] == "text":
        texts = [MADE_UP.sub(r"\1", part[1]) for part in (one, other)]
        return None if same_text(*texts) else f"{_short(one)} and {_short(other)}"
    if one[0] == "end":
        return None
    attributes = [{k: v for k, v in part[2].items() if k not in NAMES} for part in (one, other)]
    if attributes[0].keys() != attributes[1].keys():
        return f"<{one[1]}> with {' '.join(attributes[0])} and with {' '.join(attributes[1])}"
    for name, value in attributes[0].items():
        if not (_same_place if name in GEOMETRY else same_text)(value, attributes[1][name]):
            return f"<{one[1]} {name}={value[:60]!r}> and {attributes[1][name][:60]!r}"
    return None


def _same_place(one, other):
    """Whether two values hold the same words, and numbers that agree to `UNITS`."""
    if one == other:
        return True
    one, other = (MADE_UP.sub(r"\1", text) for text in (one, other))
    words = [" ".join(NUMBER.sub("0", text).replace(",", " ").split()) for text in (one, other)]
    if words[0] != words[1]:
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(abs(float(a) - float(b)) <= UNITS for a, b in pairs)


def _short(part):
    return f"<{part[1]}>" if part[0] == "tag" else f"</{part[1]}>" if part[0] == "end" else repr(part[1].strip()[:80])
