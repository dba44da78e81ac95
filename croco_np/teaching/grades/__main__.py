"""Mark the notebooks of a class, to a CSV file: a row for each student and exercise, and a summary."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ...command import Parser, status
from ...command.progress import bar
from ...command.streams import printable
from ...errors import InputError
from ...storage.files import is_stdout
from . import book
from .answering import Limits
from .handed_in import handed_in
from .own import register


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

    modules = register(Path(args.exercises)) if args.exercises else {}
    closed = [Path(name) for name in (*args.folders, args.exercises) if name]
    found = handed_in(args.folders)
    total = sum(len(book.tasks(one)[1]) for one in found)
    table: list[book.Row] = []
    with bar(total, "marking", "exercises") as progress:
        limits = Limits(args.seconds, args.memory * 2**20)
        try:
            for table in book.rows(found, limits, closed, modules, lambda: progress.update(1)):
                if is_plain(args.out):  # whole after each row: whatever ends the run, what is marked is kept
                    book.write(table, args.out)
        except KeyboardInterrupt:
            print(f"{len(table)} rows so far: {args.out}" if is_plain(args.out) else "no rows written", file=sys.stderr)
            raise
    if not is_plain(args.out):
        book.write(table, args.out)
    print(f"{book.summary(table)}\n{len(table)} rows: {printable(args.out)}")
    return 0


def is_plain(out: str) -> bool:
    """Whether a path is that of a file, which can be written again; not a pipe or a terminal."""
    return not is_stdout(out) and (os.path.isfile(out) or not os.path.exists(out))


def main(argv: Sequence[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
