"""Work through the lessons: notebooks of your own, which nothing overwrites, opened in JupyterLab."""

import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from ..command import Parser, status
from ..errors import InputError
from . import copies, start
from .desk import NAME, desk
from .lab import lab, need, watch
from .lessons import lessons, repository


def run(argv: Sequence[str] | None) -> int:
    """The command; returns the exit status."""
    parser = Parser(prog="python -m croco_np.learn", description=__doc__, allow_abbrev=False)
    parser.add_argument("--folder", metavar="DIR", help="your notebooks (default: learning/ in the repository)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--only-copy", action="store_true", help="copy what is new, and do not start JupyterLab")
    args = parser.parse_args(argv)

    root = repository()
    if not args.only_copy:
        need()
    folder = Path(args.folder).expanduser().absolute() if args.folder else root / NAME
    refuse(folder, root)
    there = lessons(root)
    for line in copies.lay(there, folder):
        print(line)
    start.write(there, folder)
    if args.only_copy:
        print(f"your notebooks: {folder}")
        return 0
    kept = folder / ".ipynb_checkpoints"
    with desk(root, folder) as place, lab(place, f"{NAME}/{start.NAME}", kept) as running:
        print(f"your notebooks: {folder}\n{running.address}\nCtrl-C ends it", flush=True)
        if not args.no_browser:
            webbrowser.open(running.address)
        watch(running.process, lambda: start.times(folder), lambda: start.write(there, folder))
    return 0


def refuse(folder: Path, root: Path) -> None:
    """Raise InputError for a folder that cannot be the learner's."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--folder {folder}: is a file; name a folder")
    inside = folder.resolve()
    if inside == root or any(inside.is_relative_to(root / name) for name in ("tutorials", "croco_np", "tests")):
        raise InputError(f"--folder {folder}: belongs to the repository; name a folder of your own")


def main(argv: Sequence[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
