"""What a trained model learnt: abundance of its item tables and experts, diversity index, use of the gates.

Reads the folder of a run of croco_np.train and the data the run was trained on; writes diagnostics.json to the folder.
"""

import json
import sys
from os.path import expanduser

from ..command import Parser, status
from ..config import Config
from ..datasets.splits import Splits
from ..predict import Predictor
from ..runs.folder import RunFolder
from ..runs.saved import read_model
from .report import diagnose, text


def run(argv: list[str] | None) -> int:
    """The command; returns the exit status."""
    args = _flags().parse_args(argv)
    report = diagnose(*read_run(args.run, args.data_dir, args.changed_data, args.path))
    print(text(report), flush=True)  # first: the folder may be read-only
    folder = RunFolder(args.run)
    folder.write("diagnostics.json", json.dumps(report, indent=1) + "\n")
    print(f"\n{folder.path / 'diagnostics.json'}: the same, and each pair of domains")
    return 0


def read_run(
    run: str, data_dir: str = "", changed_data: bool = False, path: str = ""
) -> tuple[Predictor, Splits, Config]:
    """A run's `Predictor`, the data its config names or those in `data_dir` or the file `path`, and its config.

    changed_data  whether the data may be others than those the run was trained on
    """
    moved = {name: value for name, value in (("data_dir", data_dir), ("path", path)) if value}
    saved = read_model(run, **moved)
    return Predictor(saved.model, saved.params, saved.schema), saved.data(changed_data), saved.config


def _flags():
    parser = Parser(prog="python -m croco_np.diagnostics", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", metavar="RUN", type=expanduser, help="folder of a run of croco_np.train")
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
        "--changed-data", action="store_true", help="accept other rows than those the run was trained on"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
