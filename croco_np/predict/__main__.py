"""Click probabilities from a trained model, as a CSV file.

With --input: of new raw rows, from a CSV file or standard input (-). The columns are those that the model was trained
on, named as there; values that it does not know get id 0, and are counted. Each row is written as it came, with two
columns more: probability, simulated (1 = the model was trained on simulated clicks). The data of the run are not read.

Without: of the test or validation rows of the run, in the order of the data: user (raw id), item (its id in the model's
vocabulary, 0 = rare or unseen), domain (its name), label (1 = click), probability, simulated.
"""

import csv
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from os.path import expanduser
from pathlib import Path
from typing import IO

import numpy as np

from ..backend import NAMES, Backend, load
from ..command import Parser, status
from ..command.progress import bar
from ..config.flags import check_threads
from ..datasets.prepared import BLOCK_ROWS as WRITTEN_ROWS
from ..datasets.splits import Rows
from ..errors import InputError
from ..kernels.pools import set_threads
from ..losses.bce import sigmoid
from ..metrics import evaluate
from ..runs.folder import FILES
from ..runs.saved import MODEL, Saved, read_model
from ..storage.files import making_way, replacing, writing
from .predictor import BLOCK_ROWS, Predictor

COLUMNS = ("user", "item", "domain", "label", "probability", "simulated")


def run(argv: Sequence[str] | None) -> int:
    """The command; returns the exit status."""
    args = _flags().parse_args(argv)
    args.out = "/dev/stdout" if args.out == "-" else args.out
    place = load(args.backend)
    with making_way(args.out):
        try:
            return predict(args, place)
        except Exception as error:
            if not place.is_out_of_memory(error):
                raise
            memory = place.memory()
            assert memory, "only a device has such errors"
            total, free = memory.total / 1e9, memory.free / 1e9
            raise InputError(
                f"out of memory on {place.where}, {total:,.1f} GB, {free:,.1f} GB of it free: "
                f"the model's parameters or {BLOCK_ROWS:,} rows do not fit; --backend numpy runs in the host's memory"
            ) from error


def predict(args: Namespace, place: Backend) -> int:
    """What the flags ask for, in the memory of `place`; returns the exit status."""
    moved = {name: value for name in ("data_dir", "path", "threads") if (value := getattr(args, name))}
    check_threads(args.threads)
    saved = read_model(args.run, **moved)
    if args.threads:
        set_threads(args.threads)
    _keep(args, saved)
    if args.input:
        return predict_raw(args, saved, place)
    if saved.config.dataset == "table" and not saved.config.path:
        raise InputError(f"{saved.file}: knows of no file of rows; give some with --input FILE.csv --out FILE.csv")
    splits = saved.data(args.changed_data)
    rows = getattr(splits, args.rows)
    path = Path(args.out) if args.out else Path(args.run) / f"predictions-{args.rows}.csv"
    opened = writing if args.out else replacing
    predictor = Predictor(saved.model, saved.params, saved.schema, saved.encoder).brought(place.bring)
    predictor.logits(rows.part(slice(0, 1)))  # kernels are compiled or loaded here, not in the seconds below
    started = time.perf_counter()
    with opened(path, newline="") as file:
        z = write(predictor, rows, splits.simulated, file)
    seconds = time.perf_counter() - started
    marked = " (SIMULATED data)" if splits.simulated else ""
    print(f"{saved.config.system} on {saved.config.dataset}{marked}, {args.rows} rows")
    print(f"{rows.n:,} rows in {seconds:.1f} s, {rows.n / seconds:,.0f} rows/s, the writing included")
    print(_measures(evaluate(z, np.asarray(rows.labels), np.asarray(rows.users))))
    print(f"{path}: {', '.join(COLUMNS)}")
    return 0


def _keep(args, saved):
    """Raise InputError if the result would be written over what it is made from."""
    out = Path(args.out)
    if args.out and out.is_file():
        run = [path for path in saved.file.parent.iterdir() if path.name in FILES] if saved.file.name == MODEL else []
        for path in (Path(args.input), Path(saved.config.path), saved.file, *run):
            if path.is_file() and path.samefile(out):
                raise InputError(f"--out {out}: is read here, or is a file of the run; choose another name")


def predict_raw(args: Namespace, saved: Saved, place: Backend) -> int:
    """Score the raw rows of --input, in the memory of `place`; returns the exit status."""
    if saved.encoder is None:
        raise InputError(f"{saved.file}: holds no vocabularies, so it cannot read raw rows; train the run anew")
    if not args.out:
        raise InputError("--input needs --out FILE.csv (/dev/stdout for a pipe)")
    from .raw import score  # pandas, half a second that nobody else has to wait

    predictor = Predictor(saved.model, saved.params, saved.schema, saved.encoder).brought(place.bring)
    with writing(Path(args.out), newline="") as file:
        tally = score(predictor, args.input, file, saved.facts["simulated"])
    for line in (f"{tally.rows:,} rows scored", *tally.lines()):
        print(line, file=sys.stderr)
    return 0


def write(predictor: Predictor, rows: Rows, simulated: bool, file: IO[str]) -> np.ndarray:
    """Predict all rows and write them to an open file, some at a time -> their logits (N,)."""
    lines, z = csv.writer(file, lineterminator="\n"), np.empty(rows.n)
    lines.writerow(COLUMNS)
    schema, item = predictor.schema, predictor.schema.prior_fields[1]
    with bar(rows.n, "predicting") as progress:
        for start in range(0, rows.n, WRITTEN_ROWS):
            part = slice(start, min(start + WRITTEN_ROWS, rows.n))
            some, done = rows.part(part), start
            for block in predictor.blocks(some):
                z[done : done + len(block)] = block
                done += len(block)
                progress.update(len(block))
            names = [schema.domains[s] for s in some.domains]
            columns = some.users, some.ids[:, item], some.labels, sigmoid(z[part])
            users, items, labels, p = (column.tolist() for column in columns)
            lines.writerows(zip(users, items, names, labels, p, [int(simulated)] * len(p), strict=True))
    return z


def _measures(m):
    """A line on how well the rows were ranked."""
    auc, gauc = (f"{m[k]:.4f}" if m[k] is not None else f"undefined ({m['reasons'][k]})" for k in ("auc", "gauc"))
    return f"AUC {auc}, gAUC {gauc}, over users with clicks and non-clicks: {m['gauc_rows_share']:.0%} of the rows"


def _flags():
    parser = Parser(prog="python -m croco_np.predict", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "run", metavar="RUN", type=expanduser, help="folder of a run of croco_np.train, or a file of weights"
    )
    parser.add_argument(
        "--input", default="", metavar="FILE.csv", type=expanduser, help="new raw rows to score; - = standard input"
    )
    parser.add_argument("--rows", default="test", choices=("test", "valid"), help="which rows (default: test)")
    parser.add_argument(
        "--out",
        default="",
        metavar="FILE.csv",
        type=expanduser,
        help="default: RUN/predictions-ROWS.csv; - = standard output",
    )
    parser.add_argument(
        "--data-dir", default="", metavar="DIR", type=expanduser, help="folder of the raw files, if they have moved"
    )
    parser.add_argument(
        "--path",
        default="",
        metavar="FILE",
        type=expanduser,
        help="file of the clicks, if it has moved",
    )
    parser.add_argument(
        "--changed-data", action="store_true", help="go on though the data are others than the run was trained on"
    )
    parser.add_argument(
        "--backend", default=NAMES[0], choices=NAMES, help="cupy: on a GPU, wherever it was trained (default: numpy)"
    )
    parser.add_argument("--threads", default=0, type=int, metavar="N", help="threads of Numba and BLAS (default: all)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
