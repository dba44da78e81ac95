"""The paper's tables and figures, each from one command, with the tests that its claims need.

Runs are kept in OUT/runs and made once: a command that is repeated, or was stopped, makes what is missing. Flags that
are not listed here go to every run, as python -m croco_np.train has them: --batch-size 256, --data-dir DIR.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..command import Parser, status
from ..config import RECIPES
from ..config.flags import parse
from ..doctor.facts import versions
from ..errors import InputError, flag
from ..machine import cpu
from ..machine.rates import blas
from .catalogue import EXPERIMENTS, MANY
from .page import RESULTS, Results, read_frames, write_frames, write_results
from .pool import span
from .store import Store
from .study import BUDGETS, DRAWN, Study, seeds_of

PROG = "python -m croco_np.experiments"
OF_THE_EXPERIMENT = ("model", "seed", "world_seed", "threads")  # flags of a run that an experiment sets itself


def run(argv: Sequence[str] | None) -> int:
    """The command; returns the exit status: 1 if some runs failed."""
    args, rest = _parser().parse_known_args(argv)
    experiment, started = EXPERIMENTS[args.experiment], time.monotonic()
    if args.dataset and not experiment.dataset:
        raise InputError(f"--dataset: {args.experiment} trains on no data")
    study = _study(args, experiment, rest)
    folder = Path(args.out) / (study.base["dataset"] if experiment.dataset else "") / args.experiment
    frames = experiment.collect(study)
    write_frames(folder, Results(frames, _about(args, experiment, study, rest)))
    results = read_frames(folder)  # tables and figures are made of what the files hold
    names = write_results(folder, experiment, results, args.report)
    print((folder / RESULTS).read_text(encoding="utf-8"), flush=True)
    print(f"{folder}: {', '.join([*names, *(f'{name}.csv' for name in frames)])}; {span(time.monotonic() - started)}")
    for title, wrong in study.failed.values():
        print(f"failed: {title}: {wrong}", file=sys.stderr)
    return 1 if study.failed else 0


def _study(args, experiment, rest):
    """The runs that the flags ask for. Flags of `croco_np.train` are checked as that command checks them."""
    cores = cpu.cores()
    jobs = args.jobs or max(1, cores // max(args.threads, 1))
    seeds = args.seeds if args.seeds is not None else experiment.seeds or 1
    for name, value in (("--jobs", jobs), ("--threads", args.threads)):
        if value < 1:
            raise InputError(f"{name} {value}: must be at least 1")
    if jobs * args.threads > cores:
        _say(f"{jobs} jobs of {args.threads} thread(s) on {cores} cores: fewer are faster")
    dataset = args.dataset or experiment.dataset or DRAWN
    given = parse(["--dataset", dataset, *rest], PROG, __doc__).given
    for name in (*OF_THE_EXPERIMENT, *experiment.sets):
        if name in given:
            raise InputError(f"{flag(name)}: the experiment sets it")
    base = RECIPES.get(dataset, {}) | given | {"threads": args.threads}
    return Study(base, seeds_of(seeds), args.budget, Store(Path(args.out) / "runs"), jobs, _say)


def _about(args, experiment, study, rest) -> dict[str, Any]:
    """What the results are, and the command that makes them again."""
    command = shlex.join(["python", "-m", "croco_np.experiments", *_without_places(args, rest)])
    about = {"experiment": args.experiment, "command": command, "versions": versions() | {"BLAS": blas()}}
    if not experiment.dataset:
        return about | {"dataset": "", "data": "Random numbers", "simulated": False, "rows": 0, "seeds": 0}
    splits = study.splits
    total = splits.train.n + splits.valid.n + splits.test.n
    return about | {
        "dataset": study.base["dataset"],
        "data": f"{splits.name}, {total:,} rows in all{', SIMULATED' if splits.simulated else ''}",
        "simulated": splits.simulated,
        "rows": total,
        "seeds": len(study.seeds) if experiment.seeds else 0,
        "budget": study.budget if experiment.tuned else "",
        "fingerprint": splits.fingerprint,
    }


def _without_places(args, rest):
    """The arguments that make these results again, on any machine: not how many jobs, nor where files lie."""
    words = [args.experiment]
    for name in ("dataset", "seeds"):
        if getattr(args, name):
            words += [f"--{name}", str(getattr(args, name))]
    words += ["--budget", args.budget] if args.budget != "small" else []
    words += ["--threads", str(args.threads)] if args.threads != 1 else []
    kept, skip = [], False
    for word in rest:
        if skip:
            skip = False
        elif word in ("--data-dir", "--path"):
            skip = True
        elif not word.startswith(("--data-dir=", "--path=")):
            kept.append(word)
    return [*words, *kept]


def _say(line):
    print(line, flush=True)


def _parser():
    listed = "\n".join(f"  {name:<12} {e.what}" for name, e in EXPERIMENTS.items())
    parser = Parser(prog=PROG, description=f"{__doc__}\n{listed}", allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("experiment", choices=tuple(EXPERIMENTS), metavar="EXPERIMENT", help="one of the list above")
    parser.add_argument("--dataset", default="", help="which data to train on (default: that of the paper's table)")
    others = ", ".join(f"{name} {e.seeds}" for name, e in EXPERIMENTS.items() if e.seeds not in (0, MANY))
    parser.add_argument("--seeds", type=int, help=f"runs of each row, seeds 0 and on (default: {MANY}; {others})")
    budgets = "; ".join(f"{name}, {budget.in_words}" for name, budget in BUDGETS.items())
    parser.add_argument(
        "--budget",
        choices=tuple(BUDGETS),
        default="small",
        help=f"what each row may try in tuning (default: small): {budgets}",
    )
    parser.add_argument(
        "--jobs", type=int, default=0, help="runs at a time (default: as many as the cores have threads for)"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of each run (default: 1)")
    parser.add_argument(
        "--out",
        default="experiments",
        type=os.path.expanduser,
        help="folder of runs and results (default: experiments): OUT/runs, OUT/DATASET/EXPERIMENT",
    )
    parser.add_argument("--report", action="store_true", help="also write report.html, one page with everything")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
