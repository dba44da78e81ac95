"""The lessons of the repository: number, title, minutes and the notebook as built."""

import re
from pathlib import Path
from typing import NamedTuple

import croco_np

from ..errors import InputError

TITLE = re.compile(r"^\|\s*(\d+)\s*\|\s*\[([^\]]+)\]\((\d\d_\w+\.ipynb)\)\s*\|(.*)\|\s*$", re.MULTILINE)

CELLS = re.compile(r"(?<!\\)\|")  # between the cells of a row


class Lesson(NamedTuple):
    """A lesson as the table in tutorials/index.md has it.

    number   1, 2, ...
    title    its name
    path     the notebook as built; the copy has the same name
    minutes  how long it takes to read; None where the table has no such column
    """

    number: int
    title: str
    path: Path
    minutes: int | None

    @property
    def mend(self) -> str:
        """What to do about a notebook that cannot be read, in words."""
        return (
            "if you worked in it, keep a copy of it elsewhere; then run "
            f"git checkout HEAD -- {self.path} or python -m tutorials.publish --replace --only {self.number}"
        )


def repository() -> Path:
    """The folder that holds `croco_np` and `tutorials`; InputError if only the package was installed."""
    root = Path(croco_np.__file__).resolve().parents[1]
    if not ((root / "tutorials").is_dir() and (root / "pyproject.toml").is_file()):
        raise InputError(
            "the lessons are not here: this croco_np was installed without its repository; "
            "clone it, and run pip install -e '.[tutorials]' in it"
        )
    return root


def lessons(root: Path) -> list[Lesson]:
    """The lessons that the table in tutorials/index.md names, in order. Their notebooks may be absent or broken."""
    folder = root / "tutorials"
    mend = f"run git checkout HEAD -- {folder / 'index.md'}"
    try:
        index = (folder / "index.md").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise InputError(f"{folder / 'index.md'}: not there; it has the table of the lessons; {mend}") from None
    column = _column_of_minutes(index)
    found = [
        Lesson(int(number), title, folder / name, _minutes(CELLS.split(row), column))
        for number, title, name, row in TITLE.findall(index)
    ]
    if not found:
        raise InputError(f"{folder / 'index.md'}: its table names no notebook; {mend}")
    return list({lesson.number: lesson for lesson in reversed(found)}.values())[::-1]  # a merge may leave a row twice


def _column_of_minutes(index):
    """The place of the column "minutes" among those after the title; None if there is none."""
    head = re.search(r"^\|[^|\n]*\|\s*tutorial\s*\|(.*)\|\s*$", index, re.MULTILINE)
    names = [name.strip() for name in CELLS.split(head[1])] if head else []
    return names.index("minutes") if "minutes" in names else None


def _minutes(cells, column):
    """The number in a row's column of minutes."""
    found = re.search(r"\d+", cells[column]) if column is not None and column < len(cells) else None
    return int(found[0]) if found else None
