"""The paper's tables and figures, each from one command, with the tests that its claims need.

Runs are kept in OUT/runs and made once: a command that is repeated, or was stopped, makes what is missing. Flags that
are not listed here go to every run, as python -m croco_np.train has them: --batch-size 256, --data-dir DIR.
"""

from __future__ import annotations

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
from .catalogue import EXPERIMENTS
from .page import Results, page, read_frames, write_frames, write_sections
from .pool import span
from .store import Store
from .study import BUDGETS, DRAWN, Study, seeds_of

PROG = "python -m croco_np.experiments"
NO_DATA: dict[str, Any] = {"dataset": "", "data": "random numbers", "simulated": False, "rows": 0, "fingerprint": ""}
OF_THE_EXPERIMENT = ("model", "seed", "world_seed", "threads")  # flags of a run that an experiment sets itself


def run(argv: Sequence[str] | None) -> int:
    """The command; returns the exit status: 1 if some runs failed."""
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    experiment = EXPERIMENTS[args.experiment]
    dataset = args.dataset or experiment.dataset or DRAWN  # which needs no files
    study = _study(args, dataset, rest)
    started = time.monotonic()
    frames = experiment.collect(study)
    about = _about(args, study, rest) | (_data(study.splits) if experiment.dataset else NO_DATA)
    folder = Path(args.out) / about["dataset"] / args.experiment
    write_frames(folder, Results(frames, about))
    results = read_frames(folder)  # tables and figures are made of what the files hold
    sections = experiment.present(results)
    lead = _lead(results.about)
    names = write_sections(folder, experiment.title, lead, sections)
    if args.report:
        page(experiment.title, lead, sections, results.about).write(folder / "report.html")
        names.append("report.html")
    print((folder / "results.md").read_text(), flush=True)
    print(f"{folder}: {', '.join([*names, *(f'{name}.csv' for name in frames)])}; {span(time.monotonic() - started)}")
    for title, wrong in study.failed.values():
        print(f"failed: {title}: {wrong}", file=sys.stderr)
    return 1 if study.failed else 0


def _study(args, dataset, rest):
    jobs = args.jobs or cpu.cores()
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: must be at least 1")
    given = parse(["--dataset", dataset, *rest], PROG, __doc__).given
    for name in OF_THE_EXPERIMENT:
        if name in given:
            raise InputError(f"{flag(name)}: the experiment sets it")
    base = RECIPES.get(dataset, {}) | given | {"threads": args.threads}
    return Study(
        base,
        seeds_of(EXPERIMENTS[args.experiment].seeds if args.seeds is None else args.seeds),
        args.budget,
        Store(Path(args.out) / "runs"),
        jobs,
        _say,
    )


def _about(args, study, rest):
    command = shlex.join(["python", "-m", "croco_np.experiments", *_without_places(args, rest)])
    return {
        "experiment": args.experiment,
        "seeds": len(study.seeds),
        "budget": study.budget,
        "command": command,
        "versions": versions(),
    }


def _data(splits):
    total = splits.train.n + splits.valid.n + splits.test.n
    return {
        "dataset": splits.name,
        "data": f"{splits.name}, {total:,} rows{', SIMULATED' if splits.simulated else ''}",
        "simulated": splits.simulated,
        "rows": total,
        "fingerprint": splits.fingerprint,
    }


def _without_places(args, rest):
    """The arguments that make these results again, on any machine: not how many jobs, nor where files lie."""
    words = [args.experiment]
    for name in ("dataset", "seeds"):
        if getattr(args, name):
            words += [f"--{name}", str(getattr(args, name))]
    words += ["--budget", args.budget]
    kept, skip = [], False
    for word in rest:
        if skip:
            skip = False
        elif word in ("--data-dir", "--path"):
            skip = True
        elif not word.startswith(("--data-dir=", "--path=")):
            kept.append(word)
    return [*words, *kept]


def _lead(about):
    if not about["dataset"]:
        return "On random numbers: no data set, no training."
    simulated = " The data are SIMULATED." if about["simulated"] else ""
    return f"{about['data']}; {about['seeds']} seed(s), budget of tuning: {about['budget']}.{simulated}"


def _say(line):
    print(line, flush=True)


def _parser():
    listed = "\n".join(f"  {name:<12} {e.what}" for name, e in EXPERIMENTS.items())
    parser = Parser(prog=PROG, description=f"{__doc__}\n{listed}", allow_abbrev=False)
    import argparse

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("experiment", choices=tuple(EXPERIMENTS), metavar="EXPERIMENT", help="one of the list above")
    parser.add_argument("--dataset", default="", help="which data to train on (default: that of the paper's table)")
    parser.add_argument("--seeds", type=int, help="runs of each row, seeds 0 and on (default: 6, or 3)")
    parser.add_argument("--budget", choices=tuple(BUDGETS), default="small", help="what each row may try in tuning")
    parser.add_argument("--jobs", type=int, default=0, help="runs at a time (default: one a core)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each run (default: 1)")
    parser.add_argument("--out", default="experiments", type=os.path.expanduser, help="folder of runs and results")
    parser.add_argument("--report", action="store_true", help="also write report.html, one page with everything")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
