"""What the first cell of a tutorial promises, and the table of all tutorials in tutorials/index.md."""

import re
from pathlib import Path
from typing import NamedTuple

from croco_np.errors import InputError

from .minutes import minutes

HEADINGS = ("What you will do", "What you will learn", "What you need", "Equations:")
BEGIN, END = "<!-- tutorials: written by python -m tutorials.publish -->", "<!-- end of tutorials -->"


class Lesson(NamedTuple):
    """The promise of a tutorial: number, title, and what stands under each heading of its first cell, on one line."""

    number: int
    title: str
    do: str
    learn: str
    need: str
    equations: str


def sources(folder):
    """The files NN_name.py in a folder, by number."""
    return sorted(Path(folder).glob("[0-9][0-9]_*.py"))


def first_cell(path):
    """The Markdown of a percent file's first cell."""
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^# %% \[markdown\].*\n((?:#.*\n?)+)", text, re.MULTILINE)
    if found is None:
        raise InputError(f"{path.name}: no cell of Markdown; the first cell starts with # %% [markdown]")
    return "".join(line[2:] if line.startswith("# ") else line[1:] for line in found[1].splitlines(keepends=True))


def lesson(path):
    """What tutorials/NN_name.py promises -> Lesson; InputError names the heading that is missing."""
    text = first_cell(path)
    title = re.match(r"# (\d+)\. (.+)\n", text)
    if title is None:
        raise InputError(f"{path.name}: the first cell starts with '# N. Title'")
    parts = [_under(heading, text, path) for heading in HEADINGS]
    return Lesson(int(title[1]), title[2].strip(), *parts)


def _under(heading, text, path):
    others = "|".join(re.escape(h) for h in HEADINGS)
    found = re.search(
        rf"\*\*{re.escape(heading)}[.:]?\*\*[.:]?\s*(.+?)\s*(?=\n\s*[-*]? ?\*\*(?:{others})|\n#|\Z)", text, re.S
    )
    if found is None:
        raise InputError(f"{path.name}: the first cell has no text under **{heading}**")
    said = found[1].partition("\n\n")[0] if heading == "Equations:" else found[1]
    return " ".join(said.split())


def table(folder):
    """The table of tutorials, and a sentence that says what they take in all, in Markdown."""
    rows = ["| | tutorial | what you will do | equations | minutes |", "|---|---|---|---|---|"]
    total = 0
    for path in sources(folder):
        one = lesson(path)
        sentence = re.match(r".+?[.!?](?=\s+[A-Z]|$)|.+", one.do)[0]  # "Eq. (6)" goes on
        do = (sentence[0].upper() + sentence[1:]).replace("|", r"\|")
        equations, takes = one.equations.rstrip("."), minutes(path)
        total += takes
        rows.append(f"| {one.number} | [{one.title}]({path.stem}.ipynb) | {do} | {equations} | {takes:.0f} |")
    said = f"Minutes of reading, {total / 60:.1f} hours in all; exercises and folded parts come on top."
    return "\n".join([*rows, "", said])


def with_table(text, folder):
    """The text of index.md with the table as it should be."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"index.md: it needs the lines {BEGIN} and {END}, between which the table goes")
    return f"{before}{BEGIN}\n{table(folder)}\n{END}{after}"
