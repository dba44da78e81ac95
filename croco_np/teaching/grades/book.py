"""The grade book of a class: students, their notebooks, a row for each exercise, a CSV file and a summary."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ...storage.files import writing
from .. import notebook as nb
from ..grading import EXERCISES, _load
from .answering import Limits
from .marking import MARKS, Mark, mark

COLUMNS = ("student", "lesson", "exercise", "mark", "hint")


class Row(NamedTuple):
    """One exercise of one student; the exercise is empty where a file is no notebook."""

    student: str
    lesson: str
    exercise: str
    mark: str
    hint: str


class Notebook(NamedTuple):
    """A file that a student handed in."""

    student: str
    path: Path


def handed_in(folders: Sequence[str | Path]) -> list[Notebook]:
    """The notebooks below some folders.

    A folder in which notebooks lie is that of one student, by its name. Any other is a class: each folder in it is a
    student's, and all notebooks below that are theirs. InputError if a folder is not there or holds no notebook.
    """
    found: list[Notebook] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; name a student's, or one that holds the students'")
        if own := notebooks(folder, deep=False):
            new = [Notebook(folder.resolve().name, path) for path in own]
        else:
            students = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
            new = [Notebook(student.name, path) for student in students for path in notebooks(student, deep=True)]
        if not new:
            raise InputError(f"{folder}: no notebook there, nor in the folders in it; students hand in .ipynb files")
        found += new
    return found


def notebooks(folder: Path, deep: bool) -> list[Path]:
    """The notebooks in a folder, or also below it; without the checkpoints that Jupyter makes."""
    found = folder.rglob("*.ipynb") if deep else folder.glob("*.ipynb")
    hidden = (path for path in found if not any(p.startswith(".") for p in path.relative_to(folder).parts))
    return sorted(hidden)


def tasks(found: Notebook) -> tuple[list[str], list[str], str]:
    """(code cells, exercises to mark, why there are none) of a notebook.

    The exercises are those that it grades, and the others of the lesson that its name begins with.
    """
    known = exercises()
    try:
        notebook = nb.read(found.path)
    except InputError as error:
        return [], [], str(error).partition(": ")[2]
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    lesson = lesson_of(found.path)
    numbers = [n for n in known if n in nb.exercises(notebook) or n.partition(".")[0] == lesson]
    return cells, numbers, ""


def lesson_of(path: Path) -> str:
    """The lesson that a file's name begins with, "3" of 03_mix.ipynb; "" if it begins with no number."""
    digits = re.match(r"(\d\d)_", path.name)
    return str(int(digits[1])) if digits else ""


def exercises() -> list[str]:
    """The numbers of all exercises, in order."""
    _load()
    numbers = [number for number in EXERCISES if re.fullmatch(r"\d+\.\d+", number)]
    return sorted(numbers, key=lambda number: tuple(map(int, number.split("."))))


def rows(
    found: Sequence[Notebook], limits: Limits, closed: Sequence[Path] = (), done: Callable[[], object] = lambda: None
) -> list[Row]:
    """Mark all notebooks -> a row for each student and exercise, the best where a student has several notebooks.

    done  called after each exercise
    """
    best: dict[tuple[str, str, str], Row] = {}
    for row in _all_rows(found, limits, closed, done):
        key = (row.student, row.lesson, row.exercise or row.hint)
        if key not in best or MARKS.index(row.mark) < MARKS.index(best[key].mark):
            best[key] = row
    return sorted(best.values(), key=lambda row: (row.student, *(_number(n) for n in (row.lesson, row.exercise))))


def _all_rows(found: Sequence[Notebook], limits: Limits, closed: Sequence[Path], done: Callable) -> Iterator[Row]:
    for one in found:
        cells, numbers, wrong = tasks(one)
        if wrong:
            yield Row(one.student, lesson_of(one.path), "", "failed", f"{one.path.name}: {wrong}")
        for number in numbers:
            given: Mark = mark(cells, number, limits, closed)
            yield Row(one.student, number.partition(".")[0], number, *given)
            done()


def _number(text):
    """What to sort "10.2" by, after "9.3"."""
    return tuple(int(part) for part in text.split(".") if part)


def write(table: Sequence[Row], out: str | Path) -> None:
    """Write rows as CSV."""
    with writing(out, newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([[harmless(entry) for entry in row] for row in table])


def harmless(entry: str) -> str:
    """A text as spreadsheets show it: one that begins like a formula, which they would compute, gets a quote before."""
    line = " ".join(entry.split())
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def summary(table: Sequence[Row]) -> str:
    """A line for each student: right exercises of those handed in, lesson by lesson, and of all."""
    graded = [row for row in table if row.exercise]
    lessons = sorted({row.lesson for row in graded}, key=int)
    students = sorted({row.student for row in table})
    wide = max([len("student"), *map(len, students)])
    lines = [f"{'student':<{wide}} " + "".join(f"{lesson:>6}" for lesson in lessons) + "   right"]
    for student in students:
        own = [row for row in graded if row.student == student]
        counts = [_count([row for row in own if row.lesson == lesson]) for lesson in lessons]
        lines.append(f"{student:<{wide}} " + "".join(f"{count:>6}" for count in counts) + f"{_count(own):>8}")
    return "\n".join(lines)


def _count(some):
    """ "2/3": right, and handed in; "-" for none."""
    return f"{sum(row.mark == 'right' for row in some)}/{len(some)}" if some else "-"
