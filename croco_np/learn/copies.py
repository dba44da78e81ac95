"""Copies of the lessons in a learner's folder. What was worked in is never overwritten.

Each copy records of what it is one: in its metadata, `built` is the checksum of the lesson's cells and `laid` that of
the copy's cells and outputs. A copy whose cells and outputs are still those is untouched, and follows the lesson. Any
other is the learner's, also one that was only run: its outputs may say "right". If the lesson has changed since, the
newer one is laid beside the learner's, once for each version. A lesson of the repository in which somebody worked is
copied with the answers, and its copy is a learner's from the start.
"""

import copy
import os
import re
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..teaching import notebook as nb
from . import ledger as ledgers
from .lessons import Lesson

AT_LENGTH = re.compile(r"#+\s+At length:")
BESIDE = ("reference", "images")  # folders that lessons link to as their neighbours


def lay(lessons: list[Lesson], folder: Path) -> list[str]:
    """Copy what is new into `folder` -> lines that say what a learner should know.

    A lesson of the repository that cannot be read is told of, and the others are copied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ledger = ledgers.load(folder)
    told = [line for lesson in lessons for line in _lay_one(lesson, folder, ledger["offered"])]
    _lay_beside(lessons[0].path.parent, folder, ledger)
    ledgers.save(ledger, folder)
    return told


def _lay_one(lesson, folder, offered):
    """Lay one copy, renew it, or lay the newer one beside it -> lines to tell."""
    try:
        built = nb.read(lesson.path)
    except (InputError, OSError) as error:
        return [f"lesson {lesson.number} cannot be copied: {error}; {lesson.mend}"]
    version, path = nb.record(built).get("built", nb.digest(built)), folder / lesson.path.name
    if not os.path.lexists(path) or is_untouched(path):
        if not path.exists() or _is_older(built, path):
            _write(built, version, path)
            if not nb.is_as_built(built):
                return [f"lesson {lesson.number}: somebody worked in {lesson.path}; {path.name} has those answers, too"]
        return []
    if (yours := _read(path)) is None:
        fresh = _lay_fresh(built, version, path)
        return [f"lesson {lesson.number}: your {path.name} cannot be read; a fresh copy lies beside it: {fresh.name}"]
    if nb.record(yours).get("built") == version or offered.get(path.stem) == version:
        return []
    newer = _free(path)
    _write(built, version, newer)
    offered[path.stem] = version
    return [f"lesson {lesson.number} has a newer version: {newer.name} lies beside yours, which stays as it is"]


def _lay_fresh(built, version, path):
    """A copy of this version beside one that cannot be read: laid unless it is there -> its path."""
    for there in _besides(path):
        if (found := _read(there)) and nb.record(found).get("built") == version:
            return there
    _write(built, version, fresh := _free(path))
    return fresh


def is_untouched(path: Path) -> bool:
    """Whether a copy has the cells and outputs that were laid: nothing in it is the learner's."""
    notebook = _read(path)  # None: whatever it is, we did not write it
    return notebook is not None and nb.record(notebook).get("laid") == nb.digest_with_outputs(notebook)


def _read(path):
    """A notebook of the learner's; None for what cannot be read as one: half-written, empty, a link to nothing."""
    try:
        return nb.read(path)
    except (InputError, OSError):
        return None


def _is_older(built, path):
    """Whether an untouched copy is not that of the lesson as it is built now, outputs included."""
    return nb.record(nb.read(path))["laid"] != nb.digest_with_outputs(built)


def _free(path):
    """The name for a newer version beside `path`: no file, or one that nobody has worked in."""
    for beside in _besides(path):
        if not os.path.lexists(beside) or is_untouched(beside):
            return beside
    raise InputError(f"{path.parent}: a thousand newer versions of {path.name}; remove some")


def _besides(path):
    """The names that newer versions beside `path` have, in order."""
    return (path.with_stem(f"{path.stem} (new)" if i == 1 else f"{path.stem} (new {i})") for i in range(1, 1000))


def _write(built, version, path):
    """Write the copy of a lesson: folded where it should be, recorded, and trusted, so that its pictures show."""
    notebook = folded(copy.deepcopy(built))
    laid = {"laid": nb.digest_with_outputs(built)} if nb.is_as_built(built) else {}
    notebook["metadata"][nb.OURS] = {"built": version, **laid}
    nb.write(notebook, path.resolve())  # a link of the learner's stays one
    _trust(path)


def folded(notebook: Any) -> Any:
    """Fold what is not for the first reading: the source of cells tagged hide-input, and sections "At length: ..."."""
    for cell in notebook["cells"]:
        if "hide-input" in cell["metadata"].get("tags", ()):
            cell["metadata"]["jupyter"] = cell["metadata"].get("jupyter", {}) | {"source_hidden": True}
        if cell["cell_type"] == "markdown" and AT_LENGTH.match(cell["source"]):
            cell["metadata"]["jp-MarkdownHeadingCollapsed"] = True
    return notebook


def _trust(path):
    """Sign a notebook for this user, as Jupyter does with what its user ran; nothing where Jupyter is not installed."""
    try:
        import nbformat
        from nbformat.sign import NotebookNotary
    except ImportError:
        return
    NotebookNotary().sign(nbformat.read(path, as_version=4))


def _lay_beside(tutorials, folder, ledger):
    """Copy the pages and pictures that lessons link to; one that a learner changed stays."""
    for source in (path for name in BESIDE for path in sorted((tutorials / name).rglob("*")) if path.is_file()):
        ledgers.put(source.read_bytes(), source.relative_to(tutorials).as_posix(), folder, ledger)
