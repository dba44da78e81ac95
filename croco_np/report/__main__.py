"""Make the page of a finished run, to read in a browser: measures by domain, training, and what the model learnt.

Reads the folder of a run of croco_np.train and the data the run was trained on; writes report.html to the folder.
"""

import sys
from os.path import expanduser

from ..command import Parser, status
from ..errors import InputError
from ..predict import Predictor
from ..runs.folder import RunFolder
from ..runs.saved import CONFIG, read_model
from ..storage.digest import read_json
from ..storage.files import making_way
from .run import REPORT, read_results, write


def run(argv: list[str] | None) -> int:
    """The command; returns the exit status."""
    args = _flags().parse_args(argv)
    folder = RunFolder(args.run)
    if not folder.path.is_dir():
        raise InputError(f"{args.run}: no such folder; it should be that of a run of croco_np.train")
    if (folder.path / "about.json").exists() and not (folder.path / CONFIG).exists():
        raise InputError(f"{args.run}: results of an experiment; repeat its command with --report to get their page")
    read_results(folder.path)  # now, not when the data have been read
    moved = {name: value for name, value in (("data_dir", args.data_dir), ("path", args.path)) if value}
    saved = read_model(args.run, **moved)
    folder.kept = read_json(folder.path / CONFIG, "the config of a run")
    with making_way(args.out):
        splits = saved.data(args.changed_data)
        predictor = Predictor(saved.model, saved.params, saved.schema)
        file = write(folder, predictor, splits, saved.config, args.out)
        print(f"{file}: open it in a browser")
    return 0


def _flags():
    parser = Parser(prog="python -m croco_np.report", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", metavar="RUN", type=expanduser, help="folder of a finished run of croco_np.train")
    parser.add_argument(
        "--out", default="", metavar="FILE", type=expanduser, help=f"file to write (default: RUN/{REPORT})"
    )
    parser.add_argument(
        "--data-dir", default="", metavar="DIR", type=expanduser, help="folder of the raw files, if they have moved"
    )
    parser.add_argument(
        "--path", default="", metavar="FILE", type=expanduser, help="file of the clicks, if it has moved"
    )
    parser.add_argument(
        "--changed-data", action="store_true", help="accept other rows than those the run was trained on"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
