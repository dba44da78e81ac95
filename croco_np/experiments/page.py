"""Sections of results as files: Markdown, CSV, SVG, and one HTML page."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError
from ..report import Page, Section, Table
from ..report.svg import SERIES
from ..storage.files import replacing
from .experiment import Experiment, Results
from .study import DRAWN

ABOUT, RESULTS = "about.json", "results.md"
INK, GROUND = "#222222", '<rect width="100%" height="100%" fill="white"/>'  # of a picture in a file
FLOATS = "%.9g"  # in CSV files: all digits of a float32, and nearly all of a mean


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


def write_results(folder: Path, experiment: Experiment, results: Results, report: bool = False) -> list[str]:
    """Write results.md, the figures, figure-1.svg and on, and with `report` report.html -> names of the files."""
    sections = experiment.present(results)
    figures = [figure for section in sections for figure in section.figures]
    names = [RESULTS, *(f"figure-{i + 1}.svg" for i in range(len(figures)))]
    for name, figure in zip(names[1:], figures, strict=True):
        _write(folder / name, for_a_file(figure.svg))
    _write(folder / RESULTS, markdown(experiment.title, lead(results.about), sections))
    if report or (folder / "report.html").exists():  # one of other results would be left beside these
        names.append("report.html")
        _write(folder / names[-1], page(experiment.title, sections, results.about).html())
    return names


def lead(about: dict[str, Any]) -> str:
    """What results are of, in a line or two, and the command that makes them."""
    tuned = f"budget of tuning: {about['budget']}" if about.get("budget") else "nothing is tuned"
    worlds = ", each in a world of its own" if about["dataset"] == DRAWN else ""
    trained = f"; seeds: {about['seeds']}{worlds}; {tuned}" if about["seeds"] else ""
    return f"{about['data']}{trained}. Made by `{about['command']}`."


def for_a_file(svg: str) -> str:
    """An SVG of a page with colours of its own and a white ground, for a file that no style sheet comes with."""
    for colour, name in SERIES.items():
        svg = svg.replace(f"var(--{name})", colour)
    head, rest = svg.replace("currentColor", INK).split(">", 1)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head} font-family="sans-serif">{GROUND}{rest}\n'


def markdown(title: str, lead: str, sections: Sequence[Section]) -> str:
    """Sections as Markdown; the n-th picture is the file figure-n.svg beside it."""
    number, parts = itertools.count(1), [f"# {title}", lead]
    for section in sections:
        parts += [f"## {section.title}", *map(_plain, section.paragraphs())]
        for figure in section.figures:
            alt, caption = _plain(figure.alt or figure.caption), _plain(figure.caption)
            parts += [f"![{alt}](figure-{next(number)}.svg)", caption]
        for table in section.tables:
            parts += [_plain(table.caption), markdown_table(table)]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown_table(table: Table) -> str:
    """A table as Markdown; numbers are set to the right."""
    rows = [[f"**{_cell(c['text'])}**" if c["strong"] else _cell(c["text"]) for c in row] for row in table.shown()]
    rules = ["---:" if right else "---" for right in table.numeric()]
    lines = [list(map(_cell, table.head)), rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|").replace("\n", " ")


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: a domain may be called <b>, $x$ or a\\b."""
    return re.sub(r"[\\$*]|<(?=[A-Za-z/!?])", r"\\\g<0>", text)


def _write(path: Path, text: str) -> None:
    """Replace a file, unless it says the same already: a command that changes nothing leaves no trace."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, ValueError):
        pass
    with replacing(path, encoding="utf-8") as file:
        file.write(text)


def page(title: str, sections: Sequence[Section], about: dict[str, Any]) -> Page:
    """The HTML page of an experiment."""
    config = {name: value for name, value in about.items() if name not in ("frames", "command", "versions")}
    notes = [f"{name} {value}" for name, value in about["versions"].items() if value]
    told, command = lead(about).partition(" Made by ")[0], about["command"]
    return Page(title, told, sections, command=command, config=config, notes=notes, simulated=about["simulated"])
