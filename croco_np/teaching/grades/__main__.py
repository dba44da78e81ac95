"""Mark the notebooks of a class, to a CSV file: a row for each student and exercise, and a summary."""

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from ...command import Parser, status
from ...command.progress import bar
from ...command.streams import one_line
from ...errors import InputError
from ...storage.files import require_file
from . import book
from .answering import Limits


def run(argv: Sequence[str] | None) -> int:
    """The command; returns the exit status."""
    parser = Parser(prog="python -m croco_np.teaching.grades", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="a student's folder of notebooks, or one that holds the students'"
    )
    parser.add_argument("--out", default="grades.csv", metavar="FILE", help="default: grades.csv")
    parser.add_argument("--exercises", metavar="FILE", help="exercises of your own: Python that registers them")
    parser.add_argument(
        "--seconds", type=int, default=Limits().seconds, metavar="N", help="for each exercise (default: 60)"
    )
    parser.add_argument(
        "--memory", type=int, default=Limits().memory // 2**20, metavar="MB", help="for each exercise (default: 4096)"
    )
    args = parser.parse_args(argv)
    if args.seconds < 1 or args.memory < 1024:
        raise InputError("--seconds must be 1 or more, --memory 1024 or more: loading NumPy takes some of each")

    if args.exercises:
        register(Path(args.exercises))
    found = book.handed_in(args.folders)
    total = sum(len(book.tasks(one)[1]) for one in found)
    with bar(total, "marking", "exercises") as progress:
        limits = Limits(args.seconds, args.memory * 2**20)
        table = book.rows(found, limits, [Path(f) for f in args.folders], lambda: progress.update(1))
    book.write(table, args.out)
    print(f"{book.summary(table)}\n{len(table)} rows: {args.out}")
    return 0


def register(path: Path) -> None:
    """Run a teacher's file, whose exercises register themselves; InputError, one line, if it fails."""
    require_file(path, "exercises of your own")
    book.exercises()  # those of the lessons first, so that a number given twice is this file's mistake
    try:
        runpy.run_path(str(path))
    except Exception as error:
        raise InputError(f"--exercises {path}: {type(error).__name__}: {one_line(error)}") from None


def main(argv: Sequence[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
