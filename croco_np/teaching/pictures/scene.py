"""One drawing at several settings: a page shows one at a time and lets the reader move between them.

Every setting is drawn beforehand, by the library's own computations; what differs between them, attribute by attribute,
goes with the picture, and static/scene.js of the site puts it in. So a page needs no mathematics of its own and no
network, and without JavaScript the setting at the start is a picture like any other. A notebook shows that still, too.
"""

import html
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from .svg import Drawing, minus

STYLE = files(__package__).joinpath("scene.css").read_text(encoding="utf-8")


class Control(NamedTuple):
    """What a reader can move.

    name    the word beside it
    values  what it can be set to, in order, as words
    start   index of the value of the still
    kind    "slider"; "steps", a slider with buttons for one step back, one step on, and all of them in turn;
            "choice", a button for each value; "point": shapes of the drawing that have `goes` are pointed at; or
            "click": they are clicked, which is a guess, and pointing at them shows nothing
    """

    name: str
    values: Sequence[str]
    start: int = 0
    kind: str = "slider"


class Scene:
    """A drawing that depends on the settings of controls.

        draw(i, j, ...)  -> Drawing, for the index of each control's value
        say(i, j, ...)   -> a sentence that says what is seen there, for those who look and for those who listen

    All drawings have the same elements in the same order: what is not there at a setting is `hidden=True`.
    `label` says what the picture shows, for those who cannot see it. `texts` ({name: (heading, HTML)}) are folded below
    it, and opened by a click on shapes whose `opens` is that name.
    """

    def __init__(
        self,
        label: str,
        controls: Sequence[Control],
        draw: Callable[..., Drawing],
        say: Callable[..., str],
        texts: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.label, self.texts = label, dict(texts or {})
        self.controls = tuple(c._replace(values=[minus(value) for value in c.values]) for c in controls)
        settings = list(itertools.product(*(range(len(c.values)) for c in self.controls)))
        drawings = [draw(*setting) for setting in settings]
        self.said = [minus(say(*setting)) for setting in settings]
        self.start = settings.index(tuple(c.start for c in self.controls))
        self.changes = list(changes([d.root for d in drawings]))
        self.still = drawings[self.start]

    def __repr__(self) -> str:
        return f"[picture: {self.label}]"

    def _repr_html_(self) -> str:
        return figure(
            self.still.svg(), self.label, self.said[self.start], self._moves() + self._folded(), len(self.controls)
        )

    def _moves(self):
        if len(self.said) < 2:
            return ""
        controls = [{"name": c.name, "values": list(c.values), "start": c.start, "kind": c.kind} for c in self.controls]
        data = {"controls": controls, "said": self.said, "changes": self.changes}
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        return f'<script type="application/json">{text}</script>'

    def _folded(self):
        return "".join(
            f'<details data-name="{html.escape(name)}"><summary>{html.escape(heading)}</summary>{text}</details>'
            for name, (heading, text) in self.texts.items()
        )


def figure(svg: str, label: str, said: str = "", more: str = "", controls: int = 0) -> str:
    """The HTML of a picture: the SVG under its label, a sentence below, and the style that both need."""
    named = svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)
    caption = f'<figcaption aria-live="polite">{html.escape(said)}</figcaption>' if said else ""
    if controls:
        caption += '<p class="still">A still: on the site of the lessons it moves.</p>'
    moves = f' data-controls="{controls}"' if controls else ""
    return f'<figure class="scene"{moves}><style>{STYLE}</style>{named}{caption}{more}</figure>'


def changes(roots: Sequence[Element]) -> Iterator[list[Any]]:
    """What differs between drawings: [place of the element in the document, attribute, values, which one at each].

    The attribute "" is the element's text. ValueError names the first element that is not the same in all.
    """
    trees = [list(root.iter()) for root in roots]
    for i, elements in enumerate(itertools.zip_longest(*trees)):
        tags = {None if e is None else e.tag for e in elements}
        if len(tags) > 1:
            raise ValueError(f"element {i} of the drawings is {' here and '.join(map(str, tags))} there: use hidden")
        for name in sorted({name for e in elements for name in e.keys()}):  # noqa: SIM118  # of an Element
            yield from _one(i, name, [e.get(name, "") for e in elements])
        yield from _one(i, "", [e.text or "" for e in elements])


def _one(i, name, values):
    different = list(dict.fromkeys(values))
    if len(different) > 1:
        place = {value: at for at, value in enumerate(different)}
        yield [i, name, different, [place[value] for value in values]]
