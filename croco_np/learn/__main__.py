"""Work through the lessons: notebooks of your own, which nothing overwrites, opened in JupyterLab."""

import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from ..command import Parser, status
from ..errors import InputError
from ..storage.files import replacing
from . import copies, running, start
from .desk import NAME, desk
from .ending import hangup
from .lab import lab, need, watch
from .lessons import Lesson, lessons, repository


def run(argv: Sequence[str] | None) -> int:
    """The command; returns the exit status."""
    parser = Parser(prog="python -m croco_np.learn", description=__doc__, allow_abbrev=False)
    parser.add_argument("--folder", metavar="DIR", help="your notebooks (default: learning/ in the repository)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--only-copy", action="store_true", help="copy what is new, and do not start JupyterLab")
    parser.add_argument("--another", action="store_true", help="start a second JupyterLab on the same folder")
    args = parser.parse_args(argv)

    root = repository()
    if not args.only_copy:
        need()
    folder = chosen(args.folder, root)
    there = lessons(root)
    for line in copies.lay(there, folder):
        print(line)
    hide(folder, root)
    page = start.write(there, folder)
    if page.name != start.NAMES[0]:
        print(f"{start.NAMES[0]} is yours, and stays as it is: the page of the lessons is {page.name}")
    if args.only_copy:
        print(f"your notebooks: {folder}")
        return 0
    if not args.another and (address := running.address(folder)):
        print(f"your notebooks: {folder}\n{address}\nJupyterLab runs there already; --another starts a second one")
        if not args.no_browser:
            webbrowser.open(address)
        return 0
    with hangup():
        serve(there, root, page, not args.no_browser)
    return 0


def serve(there: list[Lesson], root: Path, page: Path, in_browser: bool) -> None:
    """JupyterLab on the learner's page until it ends; the page follows what is saved."""
    folder = page.parent
    with (
        desk(root, folder) as place,
        lab(place.root, f"{NAME}/{page.name}", folder / ".ipynb_checkpoints", place.settings) as (address, process),
        running.noted(address, folder),
    ):
        print(f"your notebooks: {folder}\n{address}\nCtrl-C ends it", flush=True)
        if in_browser:
            webbrowser.open(address)
        watch(process, lambda: start.times(folder), lambda: start.write(there, folder))


def chosen(name: str | None, root: Path) -> Path:
    """The learner's folder by `--folder`; InputError for one that cannot be the learner's."""
    if name is None:
        return root / NAME
    if not name.strip():
        raise InputError("--folder: its name is empty; name a folder, or leave the flag out for learning/")
    folder = Path(name).expanduser().absolute()
    if folder.is_symlink() and not folder.exists():
        raise InputError(f"--folder {folder}: is a link to {folder.readlink()}, which is not there; make that folder")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--folder {folder}: is a file; name a folder")
    inside = folder.resolve()
    if inside == root or any(inside.is_relative_to(root / name) for name in ("tutorials", "croco_np", "tests")):
        raise InputError(f"--folder {folder}: belongs to the repository; name a folder of your own")
    return folder


def hide(folder: Path, root: Path) -> None:
    """Have git overlook a learner's folder in the repository; one that is a repository itself is left as it is."""
    ignore = folder / ".gitignore"
    if folder.resolve().is_relative_to(root) and not os.path.lexists(ignore) and not (folder / ".git").exists():
        with replacing(ignore, encoding="utf-8") as file:
            file.write("*\n")


def main(argv: Sequence[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
