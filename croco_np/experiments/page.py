"""Sections of results as files: Markdown, CSV, SVG, and one HTML page."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ..errors import InputError
from ..report import Figure, Page, Section, Table
from ..report.svg import SERIES
from ..storage.files import replacing

ABOUT = "about.json"
INK, GROUND = "#222222", '<rect width="100%" height="100%" fill="white"/>'  # of a picture in a file
FLOATS = "%.9g"  # in CSV files: all digits of a float32, and nearly all of a mean


class Results(NamedTuple):
    """What an experiment found.

    frames  {name: table of numbers}, each a CSV file; tables and figures are made of these alone
    about   what they are: data set, rows, seeds, budget, command
    """

    frames: dict[str, pd.DataFrame]
    about: dict[str, Any]


def write_frames(folder: Path, results: Results) -> None:
    """Write the CSV files, and about.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in results.frames.items():
        _write(folder / f"{name}.csv", csv_text(frame))
    _write(folder / ABOUT, json.dumps(results.about | {"frames": list(results.frames)}, indent=1) + "\n")


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV: plain commas, undefined values empty."""
    text = io.StringIO()
    frame.to_csv(text, index=False, float_format=FLOATS, lineterminator="\n")
    return text.getvalue()


def read_frames(folder: Path) -> Results:
    """What `write_frames` wrote."""
    try:
        about = json.loads((folder / ABOUT).read_text())
        frames = {name: _read_csv(folder / f"{name}.csv") for name in about["frames"]}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder}: no results of an experiment there ({error})") from error
    return Results(frames, about)


def _read_csv(path):
    return pd.read_csv(path, keep_default_na=False, na_values=[""])  # a domain may be called NA


def write_sections(folder: Path, title: str, lead: str, sections: Sequence[Section]) -> list[str]:
    """Write results.md and the figures, figure-1.svg and on -> names of the files."""
    names, number = ["results.md"], 0
    pictures: dict[int, str] = {}
    for section in sections:
        for figure in section.figures:
            number += 1
            names.append(f"figure-{number}.svg")
            pictures[id(figure)] = names[-1]
            _write(folder / names[-1], for_a_file(figure.svg))
    _write(folder / names[0], markdown(title, lead, sections, pictures))
    return names


def for_a_file(svg: str) -> str:
    """An SVG of a page with colours of its own and a white ground, for a file that no style sheet comes with."""
    for colour, name in SERIES.items():
        svg = svg.replace(f"var(--{name})", colour)
    head, rest = svg.replace("currentColor", INK).split(">", 1)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head} font-family="sans-serif">{GROUND}{rest}\n'


def markdown(title: str, lead: str, sections: Sequence[Section], pictures: dict[int, str], level: int = 1) -> str:
    """Sections as Markdown; `pictures` are the file names by id of their `Figure`."""
    parts = [f"{'#' * level} {title}", lead] if title else []
    for section in sections:
        parts += [f"{'#' * (level + 1)} {section.title}", *section.paragraphs()]
        parts += [_picture(figure, pictures) for figure in section.figures if id(figure) in pictures]
        for table in section.tables:
            parts += [table.caption, markdown_table(table)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _picture(figure: Figure, pictures: dict[int, str]) -> str:
    return f"![{figure.alt or figure.caption}]({pictures[id(figure)]})\n\n{figure.caption}"


def markdown_table(table: Table) -> str:
    """A table as Markdown; numbers are set to the right."""
    rows = [[_cell(cell["text"]) for cell in row] for row in table.shown()]
    rules = ["---:" if right else "---" for right in table.numeric()]
    lines = [list(map(_cell, table.head)), rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _write(path: Path, text: str) -> None:
    """Replace a file, unless it says the same already: a command that changes nothing leaves no trace."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, ValueError):
        pass
    with replacing(path, encoding="utf-8") as file:
        file.write(text)


def page(title: str, lead: str, sections: Sequence[Section], about: dict[str, Any]) -> Page:
    """The HTML page of an experiment."""
    config = {name: value for name, value in about.items() if name not in ("frames", "command", "versions")}
    notes = [f"{name} {value}" for name, value in about.get("versions", {}).items() if value]
    return Page(
        title, lead, sections, command=about["command"], config=config, notes=notes, simulated=about["simulated"]
    )
