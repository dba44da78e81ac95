"""The folder that JupyterLab takes for its root: lessons at depth one, and all that they link to.

Lessons link to `../croco_np/...` and `../tests/...`. Wherever the learner's folder is, the desk shows it as `learning`
beside these, by symbolic links in a temporary folder. A learner can make notebooks on the desk itself, one level above
their folder: what is no link of ours moves to their folder at the end, or, if we were killed, when `learn` runs again.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..command.interrupts import uninterrupted
from ..errors import InputError
from ..storage.locks import hold

NAME = "learning"
HIDDEN = {"learning", "site", "runs", "experiments", "build"}  # made, not linked to by lessons
PREFIX = "croco_np-desk-"
LINKS = "links.json"  # beside the root: {name: what our link of this name leads to}


class Desk(NamedTuple):
    """Two temporary folders: the root that JupyterLab shows, and one for its settings, which it does not show."""

    root: Path
    settings: Path


@contextmanager
def desk(repository: Path, folder: Path, tell: Callable[[str], object] = print) -> Iterator[Desk]:
    """Links to what stands in the repository and, as `learning`, to `folder`; afterwards they are gone.

    tell  is called with a line for each file that moved from the desk to a learner's folder
    """
    rescue(tell)
    made = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    with _held(made):
        try:
            yield _furnish(made, repository, folder)
        finally:
            with uninterrupted:
                _clear(made, tell)


def rescue(tell: Callable[[str], object]) -> None:
    """Clear the desks of processes that were killed: those of this user that nobody holds."""
    for made in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with suppress(OSError):  # somebody else's, or gone by now
            if made.is_symlink() or (hasattr(os, "geteuid") and made.stat().st_uid != os.geteuid()):
                continue
            with _held(made) as ours:
                if ours and (made / LINKS).is_file():  # without locks nobody knows whether it is in use
                    with uninterrupted:
                        _clear(made.resolve(), tell)


@contextmanager
def _held(made):
    """Hold the lock on a desk -> whether it is ours; None where there are no locks."""
    try:
        descriptor = os.open(made, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        yield None
        return
    try:
        yield hold(descriptor)
    finally:
        os.close(descriptor)


def _furnish(made, repository, folder):
    """Make the two folders, and the links in the root."""
    place = Desk(made / "root", made / "settings")
    shown = [p for p in sorted(repository.iterdir()) if not p.name.startswith(".") and p.suffix != ".egg-info"]
    links = {path.name: path for path in shown if path.name not in HIDDEN} | {NAME: folder.resolve()}
    (made / LINKS).write_text(json.dumps({name: str(path) for name, path in links.items()}), encoding="utf-8")
    place.root.mkdir()
    place.settings.mkdir()
    try:
        for name, path in links.items():
            (place.root / name).symlink_to(path, target_is_directory=path.is_dir())
    except (OSError, NotImplementedError) as error:
        raise InputError(
            f"symbolic links cannot be made here ({error}), and without them links between lessons and library "
            f"would be dead; use --only-copy, and open {folder} yourself"
        ) from None
    return place


def _clear(made, tell):
    """Remove our links, move what else is there to the learner's folder, and remove the desk once it is empty."""
    root, links = made / "root", {}
    with suppress(OSError, ValueError):
        links = json.loads((made / LINKS).read_text(encoding="utf-8"))
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if path.is_symlink() and os.readlink(path) in links.values():
            path.unlink()
        elif NAME in links:
            _move(path, Path(links[NAME]), tell)
    shutil.rmtree(made / "settings", ignore_errors=True)
    with suppress(OSError):  # not empty: something could not be moved, and stays
        if root.is_dir():
            root.rmdir()
        (made / LINKS).unlink(missing_ok=True)
        made.rmdir()


def _move(path, folder, tell):
    """Move a file or folder of the learner's, under a name that is free there."""
    names = [path.name, *(f"{path.stem} ({i}){path.suffix}" for i in range(2, 1000))]
    goal = next(folder / name for name in names if not os.path.lexists(folder / name))
    try:
        shutil.move(path, goal)
        tell(f"{path.name} was made above {NAME}/, and is now {goal}")
    except OSError as error:
        tell(f"{path}: cannot be moved to {folder} ({error.strerror or error}); it stays where it is, move it yourself")
