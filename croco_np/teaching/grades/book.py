"""The grade book of a class: a row for each exercise of each notebook, a CSV file and a summary."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...command.streams import note, printable
from ...errors import InputError
from ...storage.files import require_file, writing
from .. import notebook as nb
from ..grading import EXERCISES, _load
from ..slices import computes_numbers
from .answering import Limits
from .handed_in import Notebook
from .marking import MARKS, MODULES, Mark, mark

COLUMNS = ("student", "lesson", "exercise", "mark", "hint")
UNKNOWN = "there is no such exercise; if it is one of your own, name its file: --exercises FILE"


class Row(NamedTuple):
    """One exercise of one student; the exercise is empty where there is none to mark."""

    student: str
    lesson: str
    exercise: str
    mark: str
    hint: str


def tasks(found: Notebook) -> tuple[list[str], list[str], Mark | None]:
    """(code cells, exercises to mark, the mark of the whole file where there are none) of a notebook.

    The exercises are those that it grades, known or not, and the others of the lesson that its name begins with.
    """
    if found.path is None:
        return [], [], Mark("open", "no notebook in the folder")
    try:
        require_file(found.path, "a notebook")
        notebook = nb.read(found.path)
    except InputError as error:
        return [], [], Mark("failed", str(error).removeprefix(str(found.path.parent)).lstrip("/\\"))
    except OSError as error:
        return [], [], Mark("failed", f"{found.path.name}: cannot be read ({error.strerror})")
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    lesson, asked = lesson_of(found.path), nb.exercises(notebook)
    if any(map(computes_numbers, cells)):  # grade(n, f), with n from a list, perhaps
        asked += [n for n in exercises() if any(f'"{n}"' in cell or f"'{n}'" in cell for cell in cells)]
    numbers = [n for n in exercises() if n in asked or n.partition(".")[0] == lesson]
    numbers += [n for n in dict.fromkeys(asked) if n not in numbers]
    return cells, numbers, None if numbers else Mark("open", f"{found.path.name}: it grades no exercise")


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
    found: Sequence[Notebook],
    limits: Limits,
    closed: Sequence[Path] = (),
    modules: Mapping[str, str] = MODULES,
    done: Callable[[], object] = lambda: None,
) -> Iterator[list[Row]]:
    """Mark all notebooks -> after each row the table so far: each exercise of a student, the best of several notebooks.

    modules  {name: text} of what answers may import besides
    done     called after each exercise
    """
    best: dict[tuple[str, str, str], Row] = {}
    for one in found:
        for row in _rows(one, limits, closed, modules, done):
            key = (row.student, row.lesson, row.exercise or row.hint)
            if key not in best or MARKS.index(row.mark) < MARKS.index(best[key].mark):
                best[key] = row
            yield sorted(best.values(), key=lambda row: (row.student, _number(row.lesson), _number(row.exercise)))


def _rows(one, limits, closed, modules, done):
    cells, numbers, whole = tasks(one)
    if whole:
        yield Row(one.student, lesson_of(one.path) if one.path else "", "", *whole)
    for number in numbers:
        if number in EXERCISES:
            given: Mark = mark(cells, number, limits, closed, modules)
        else:
            given = Mark("failed", UNKNOWN)
            note(f"exercise {number}: {UNKNOWN}")
        yield Row(one.student, number.partition(".")[0], number, *given)
        done()


def _number(text):
    """What to sort "10.2" by, after "9.3"."""
    return tuple(int(part) for part in text.split(".") if part)


def write(table: Sequence[Row], out: str | Path) -> None:
    """Write rows as CSV."""
    with writing(out, newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([[harmless(entry) for entry in row] for row in table])


def harmless(entry: str) -> str:
    """A text as one line that spreadsheets and terminals only show.

    What is no letter is escaped; one that begins like a formula, which a spreadsheet computes, gets a quote before.
    """
    line = printable(" ".join(entry.split()), 2000)
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
