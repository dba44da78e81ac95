"""What a trained model learnt: abundance of its item tables and experts, diversity index, use of the gates.

Reads the folder of a run of croco_np.train and the data the run was trained on; writes diagnostics.json to the folder.
"""

import json
import sys
from pathlib import Path

import numpy as np

from .. import checkpoint
from ..command import Parser, status
from ..config import Config
from ..datasets.load import load
from ..datasets.splits import Schema
from ..errors import InputError
from ..train.folder import MODEL, RunFolder
from ..train.loop import Setup
from ..tree import flatten, with_leaves
from .report import diagnose, text


def run(argv):
    """The command; returns the exit status."""
    args = _flags().parse_args(argv)
    setup, params = read_run(args.run, args.data_dir)
    report = diagnose(setup, params)
    folder = RunFolder(args.run)
    folder.write("diagnostics.json", json.dumps(report, indent=1) + "\n")
    print(f"{text(report)}\n\n{folder.path / 'diagnostics.json'}: the same, and each pair of domains")
    return 0


def read_run(path, data_dir=""):
    """The `Setup` of a run and its best weights, on the data its config names or on those in `data_dir`.

    The file of the weights says itself which config and columns they belong to.
    """
    file = Path(path) / MODEL
    if not file.exists():
        raise InputError(f"{path}: no {MODEL} there; give the folder of a run of croco_np.train, after its first epoch")
    arrays, facts = checkpoint.load(file)
    try:
        moved = {"data_dir": data_dir} if data_dir else {}
        config = Config.from_json(facts["config"] | {"threads": 0} | moved)  # this machine may have fewer cores
        schema = Schema(**{k: tuple(v) if isinstance(v, list) else v for k, v in facts["schema"].items()})
        simulated = facts["simulated"]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: not the model of a run ({error})") from error
    splits = load(config, say=lambda line: None)  # its line is about training; the report says what is simulated
    if simulated != splits.simulated:
        kind = "simulated" if simulated else "genuine"
        raise InputError(f"{file}: was trained on {kind} data, and these are not; --data-dir says where the data are")
    if schema != splits.schema:
        raise InputError(f"{file}: the data has other columns or vocabularies than those the model was trained on")
    setup = Setup(config, splits)
    drawn = setup.model.init(np.random.default_rng(0))
    if any(path not in arrays or arrays[path].shape != w.shape for path, w in flatten(drawn).items()):
        raise InputError(f"{file}: its arrays do not fit the model {config.model}; was it written by another version?")
    return setup, with_leaves(drawn, arrays)


def _flags():
    parser = Parser(prog="python -m croco_np.diagnostics", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", metavar="RUN", help="folder of a run of croco_np.train")
    parser.add_argument("--data-dir", default="", metavar="DIR", help="folder of the raw files, if they have moved")
    return parser


def main(argv=None):
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
