"""What a class handed in: folders -> students and their notebooks, none lost and no two students as one."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...command.streams import note, printable
from ...errors import InputError


class Notebook(NamedTuple):
    """A file that a student handed in; the path is None for a student who handed in none."""

    student: str
    path: Path | None


def handed_in(folders: Sequence[str | Path]) -> list[Notebook]:
    """The notebooks below some folders, student by student.

    A folder in which notebooks lie is that of one student, by its name, with all below it. Any other is a class, and so
    is one with notebooks in two or more of its folders: each folder in it is a student's. What may be meant otherwise
    is told on standard error. InputError if a folder is not there or holds no notebook.
    """
    students: dict[Path, list[Path]] = {}  # by their folders: two students may have one name
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; name a student's, or one that holds the students'")
        if not notebooks(folder):
            raise InputError(f"{folder}: no notebook there, nor in the folders in it; students hand in .ipynb files")
        for student in _students(folder):
            students.setdefault(student.resolve(), notebooks(student))
    names = _names(list(students))
    found = [Notebook(names[folder], path) for folder, paths in students.items() for path in paths]
    found += [Notebook(names[folder], None) for folder, paths in students.items() if not paths]
    return sorted(found, key=lambda one: (one.student, str(one.path)))


def notebooks(folder: Path) -> list[Path]:
    """The notebooks in and below a folder; without the checkpoints that Jupyter makes."""
    found = folder.rglob("*.ipynb")
    return sorted(path for path in found if not any(p.startswith(".") for p in path.relative_to(folder).parts))


def _students(folder):
    """The folders of the students in a folder: itself, or those in it."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    inner = [path for path in inner if path.suffix != ".ipynb"]
    stray = [path.name for path in notebooks(folder) if path.parent == folder]
    with_notebooks = [path.name for path in inner if notebooks(path)]
    where = printable(str(folder))
    if not stray:
        return inner
    if len(with_notebooks) > 1:
        note(f"{where}: taken for a class; not marked, as it lies in no student's folder: {_few(stray)}")
        return inner
    if with_notebooks:
        note(f"{where}: taken for one student's, since notebooks lie in it, with all in {_few(with_notebooks)}")
    return [folder]


def _names(folders):
    """{folder: name of its student}: with the folder it is in, or its whole path, where a name occurs twice."""
    names = {folder: printable(folder.name) for folder in folders}
    for longer in (lambda folder: printable(f"{folder.parent.name}/{folder.name}"), lambda f: printable(str(f))):
        twice = {name for name, n in Counter(names.values()).items() if n > 1}
        for name in sorted(twice):
            note(f"{name}: {sum(name == n for n in names.values())} students have this name; told apart by folders")
        names |= {folder: longer(folder) for folder, name in names.items() if name in twice}
    return names


def _few(names):
    """A few names in one line."""
    return printable(", ".join(names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
