"""A page of results: sections of tables and pictures, written as one HTML file that asks for no other.

Jinja2 fills in the templates and escapes all texts: a domain may be called <b>. Only the SVG of a `Figure` goes in as
it is.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from ..storage.files import writing
from .svg import with_own_ids

UNDEFINED = "–"  # shown for None


class Cell(NamedTuple):
    """A table cell whose text is not just its value in the format of the column.

    value   what it is sorted by: a number, a text or None
    text    what is shown; "": the value, in the format of the column
    note    more about it, shown when the pointer rests on the cell, such as why the value is None
    strong  whether it stands out: the best of its column, say
    """

    value: float | str | None
    text: str = ""
    note: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A table of numbers and texts.

    caption   what it shows, in a sentence
    head      names of the columns
    rows      a value a column: number, text, None (undefined) or `Cell`
    forms     format of the numbers of each column, such as ".4f" or ",d"; "": as they are. One text: for all columns
    sortable  whether a click on a column's head sorts the rows
    foot      how many of the last rows are totals: they stay at the bottom
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    forms: Sequence[str] | str = ""
    sortable: bool = True
    foot: int = 0

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"table {self.caption!r}: a row has {len(row)} cells, the head has {len(self.head)}")
        if not isinstance(self.forms, str) and len(self.forms) != len(self.head):
            raise ValueError(f"table {self.caption!r}: {len(self.forms)} forms for {len(self.head)} columns")

    def numeric(self) -> list[bool]:
        """Which columns hold numbers, and are set to the right."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.head)
        return [all(_is_number(_value(c)) or _value(c) is None for c in column) for column in columns]

    def shown(self) -> list[list[dict[str, Any]]]:
        """The cells of each row as the template wants them: text, key to sort by, note, strong."""
        forms = [self.forms] * len(self.head) if isinstance(self.forms, str) else self.forms
        return [[_shown(cell, form) for cell, form in zip(row, forms, strict=True)] for row in self.rows]


@dataclass(frozen=True)
class Figure:
    """A picture with its caption.

    caption  what it shows, in a sentence or two
    svg      the picture, from `svg.drawn`; it goes into the page as it is
    alt      what a reader who cannot see it should know; "": the caption
    """

    caption: str
    svg: str
    alt: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a page: title, paragraphs, figures, tables, in this order.

    text  a paragraph, or several of them
    """

    title: str
    text: str | Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()

    def paragraphs(self) -> list[str]:
        """The text as paragraphs."""
        return _paragraphs(self.text)


@dataclass(frozen=True)
class Page:
    """A page of results.

    title      of the page and of the browser's tab
    lead       what the page shows, and the main result: a paragraph, or several
    sections   its parts
    headline   the few numbers that matter most, (name, value as text), shown large at the top
    command    the command line that makes these results again
    config     every setting, by name
    notes      lines at the end: versions, fingerprints
    simulated  whether the data are simulated, which the page then says at the top
    """

    title: str
    lead: str | Sequence[str]
    sections: Sequence[Section]
    command: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    headline: Sequence[tuple[str, str]] = ()
    simulated: bool = False

    def html(self) -> str:
        """The page as text."""
        number = iter(range(1, 1 + sum(len(s.figures) for s in self.sections)))
        parts = [(s, [(f, with_own_ids(f.svg, f"f{next(number)}-")) for f in s.figures]) for s in self.sections]
        return _templates().get_template("page.html").render(page=self, lead=_paragraphs(self.lead), parts=parts)

    def write(self, path: Path | str) -> None:
        """Write the page to a file, whole or not at all; InputError if that cannot be."""
        with writing(os.path.expanduser(path), encoding="utf-8") as file:
            file.write(self.html())


@cache
def _templates():
    import jinja2  # for pages only: pictures of `svg` are drawn where there is no Jinja2, as in a browser

    return jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def _paragraphs(text: str | Iterable[str]) -> list[str]:
    return [p for p in ([text] if isinstance(text, str) else text) if p]


def _value(cell):
    return cell.value if isinstance(cell, Cell) else cell


def _is_number(value):
    return hasattr(value, "__float__") and not isinstance(value, bool)  # NumPy's too


def _shown(cell, form):
    """A cell for the template. Its key is the number or text that rows are sorted by, "" where there is none."""
    cell = cell if isinstance(cell, Cell) else Cell(cell)
    value = cell.value
    if _is_number(value) and not isfinite(value):
        value = None
    key = "" if value is None else repr(float(value)) if _is_number(value) else str(value)
    plain = UNDEFINED if value is None else format(value, form) if _is_number(value) else str(value)
    return {"text": cell.text or plain, "key": key, "note": cell.note, "strong": cell.strong}
