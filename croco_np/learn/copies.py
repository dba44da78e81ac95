"""Copies of the lessons in a learner's folder. What was worked in is never overwritten.

Each copy records of what it is one: in its metadata, `built` is the checksum of the lesson's cells and `laid` that of
the copy's cells and outputs. A copy whose cells and outputs are still those is untouched, and follows the lesson. Any
other is the learner's, also one that was only run: its outputs may say "right". If the lesson has changed since, the
newer one is laid beside the learner's, once for each version. A lesson of the repository in which somebody worked is
copied with the answers, and its copy is a learner's from the start.
"""

import copy
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..storage.files import replacing
from ..teaching import notebook as nb
from .lessons import Lesson

LEDGER = ".croco_np.json"  # in the folder: which newer versions were laid beside, and what the other files held
AT_LENGTH = re.compile(r"#+\s+At length:")
BESIDE = ("reference", "images")  # folders that lessons link to as their neighbours


def lay(lessons: list[Lesson], folder: Path) -> list[str]:
    """Copy what is new into `folder` -> lines that say what a learner should know."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = _ledger(folder)
    told = [line for lesson in lessons for line in _lay_one(lesson, folder, ledger["offered"])]
    _lay_beside(lessons[0].path.parent, folder, ledger["files"])
    with replacing(folder / LEDGER, encoding="utf-8") as file:
        json.dump(ledger, file, indent=1, sort_keys=True)
    return told


def _lay_one(lesson, folder, offered):
    """Lay one copy, renew it, or lay the newer one beside it -> lines to tell."""
    built = nb.read(lesson.path)
    version, path = nb.record(built).get("built", nb.digest(built)), folder / lesson.path.name
    if not path.exists() or is_untouched(path):
        if not path.exists() or _is_older(built, path):
            _write(built, version, path)
            if not nb.is_as_built(built):
                return [f"lesson {lesson.number}: somebody worked in {lesson.path}; {path.name} has those answers, too"]
        return []
    if _version(path) == version or offered.get(path.stem) == version:
        return []
    newer = _free(path)
    _write(built, version, newer)
    offered[path.stem] = version
    return [f"lesson {lesson.number} has a newer version: {newer.name} lies beside yours, which stays as it is"]


def is_untouched(path: Path) -> bool:
    """Whether a copy has the cells and outputs that were laid: nothing in it is the learner's."""
    try:
        notebook = nb.read(path)
    except InputError:
        return False  # whatever it is, we did not write it
    return nb.record(notebook).get("laid") == nb.digest_with_outputs(notebook)


def _version(path):
    """The version of the lesson that a copy was made from; None for what is no copy of ours."""
    try:
        return nb.record(nb.read(path)).get("built")
    except InputError:
        return None


def _is_older(built, path):
    """Whether an untouched copy is not that of the lesson as it is built now, outputs included."""
    return nb.record(nb.read(path))["laid"] != nb.digest_with_outputs(built)


def _free(path):
    """The name for a newer version beside `path`: no file, or one that nobody has worked in."""
    for i in range(1, 1000):
        beside = path.with_stem(f"{path.stem} (new)" if i == 1 else f"{path.stem} (new {i})")
        if not beside.exists() or is_untouched(beside):
            return beside
    raise InputError(f"{path.parent}: a thousand newer versions of {path.name}; remove some")


def _write(built, version, path):
    """Write the copy of a lesson: folded where it should be, recorded, and trusted, so that its pictures show."""
    notebook = folded(copy.deepcopy(built))
    laid = {"laid": nb.digest_with_outputs(built)} if nb.is_as_built(built) else {}
    notebook["metadata"][nb.OURS] = {"built": version, **laid}
    nb.write(notebook, path)
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


def _lay_beside(tutorials, folder, files):
    """Copy the pages and pictures that lessons link to; one that a learner changed stays."""
    for source in (path for name in BESIDE for path in sorted((tutorials / name).rglob("*")) if path.is_file()):
        name = source.relative_to(tutorials).as_posix()
        path, content = folder / name, source.read_bytes()
        if path.exists() and _checksum(path.read_bytes()) not in (files.get(name), _checksum(content)):
            continue
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, "wb") as file:
                file.write(content)
        files[name] = _checksum(content)


def _checksum(content):
    return hashlib.sha256(content).hexdigest()


def _ledger(folder):
    """What earlier calls noted about the folder; a ledger that cannot be read counts as empty, which loses nothing."""
    try:
        found = json.loads((folder / LEDGER).read_text(encoding="utf-8"))
        return {key: dict(found[key]) for key in ("offered", "files")}
    except (OSError, ValueError, KeyError, TypeError):
        return {"offered": {}, "files": {}}
