"""How fast training is, against its floor (the matrix products alone) and, with --peer torch, against PyTorch.

Sizes are those of known data sets; ids are made up. Contenders take turns, figures are medians, ratios hold within one
report. PyTorch runs in a process of its own and need not be installed here: --peer-python names an interpreter that
has it.

With --backend cupy both run on the GPU and are timed by its events. Written for CUDA GPUs; run on the stand-in only.
"""

import sys
from pathlib import Path

from ..backend import NAMES, PRECISIONS, load
from ..command import Parser, status
from ..config.flags import check_threads
from ..errors import InputError
from ..kernels.pools import set_threads
from ..machine import cpu
from ..models import MODELS
from ..optim import OPTIMISERS
from ..storage.files import making_way, write_report
from . import report
from .place import facts, line, marked
from .single import bench
from .sweeps import SWEEPS, points, sweep
from .workloads import WORKLOADS


def run(argv: list[str] | None) -> int:
    """The command; returns the exit status."""
    args = _parser().parse_args(argv)
    for flag, value, low in (
        ("--repeats", args.repeats, 1),
        ("--batch-size", args.batch_size, 1),
    ):
        if value is not None and value < low:
            raise InputError(f"{flag} {value}: must be at least {low}")
    if args.peer_python and not args.peer:
        raise InputError("--peer-python: goes with --peer torch")
    for flag, value, sweeps in (
        ("--model", args.model, ("systems", "twins")),
        ("--batch-size", args.batch_size, ("batch",)),
    ):
        if value is not None and args.sweep in sweeps:
            raise InputError(f"{flag}: --sweep {args.sweep} goes through all of them")
    if args.json and not Path(args.json).absolute().parent.is_dir():
        raise InputError(f"--json {args.json}: no such folder; make it first")
    check_threads(args.threads)
    threads = args.threads or cpu.cores()
    if args.precision == "tf32" and args.backend == "numpy":
        raise InputError("--precision tf32: goes with --backend cupy; a processor multiplies float32 in full")
    load(args.backend)  # refused now, if at all
    chosen = {"model": args.model, "optimiser": args.optimiser, "batch_size": args.batch_size}
    chosen |= {"backend": args.backend, "precision": args.precision}
    options = {name: value for name, value in chosen.items() if value is not None} | {"threads": args.threads}
    workload = WORKLOADS[args.workload].with_options(**options)
    _ = workload.config  # refused now, if at all
    python = (args.peer_python or sys.executable) if args.peer else None
    set_threads(threads)
    with making_way(args.json):
        if args.sweep:
            found = _sweep(args, workload, threads, python)
        else:
            found = bench(workload, threads, args.repeats, args.predict, python)
            print("\n".join(report.single(found)))
    if args.json:
        write_report(args.json, found)
    return 0


def _sweep(args, workload, threads, python):
    """Run and print a sweep -> JSON object."""
    mode, config = "inference" if args.predict else "training", workload.config
    where = facts(load(config.backend), config.precision, threads)

    def say(*lines):
        print("\n".join(marked(lines, where["standin"])), flush=True)

    say(f"{args.sweep}, {args.workload} (made-up ids), {mode}; {line(where)}")
    tables = {}
    for title, workloads in points(args.sweep, workload, args.optimiser):
        rows = sweep(title, workloads, threads, args.repeats, args.predict, python)
        tables[title] = report.rows_json(rows)
        say("", *report.table(title, rows))
    found = {"workload": args.workload, "simulated": True, "mode": "predict" if args.predict else "train"}
    return found | {"model": config.model, "sweep": args.sweep, **where, "tables": tables}


def _parser():
    parser = Parser(prog="python -m croco_np.bench", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add(
        "--workload", default="aliccp", choices=tuple(WORKLOADS), help="data set that gives the sizes (default: aliccp)"
    )
    add("--model", choices=tuple(MODELS), help="which system (default: crocodile)")
    add("--optimiser", choices=OPTIMISERS, help="default: lazy_adam for aliccp, adam for the others")
    add("--batch-size", type=int, help="rows a step (default: 4096 for aliccp)")
    add("--backend", choices=NAMES, default="numpy", help="on the processor (numpy, default) or on a GPU (cupy)")
    add("--precision", choices=PRECISIONS, default="float32", help="cupy: products in full (default) or tf32")
    add("--threads", type=int, default=0, help="threads of Numba, BLAS and the peer; 0 = all cores (default)")
    add("--repeats", type=int, default=15, help="timed steps of each contender (default: 15)")
    add("--predict", action="store_true", help="time inference instead of training")
    add("--peer", choices=("torch",), help="also time the same steps in PyTorch")
    add("--peer-python", metavar="PATH", help="interpreter that has PyTorch (default: this one)")
    add("--sweep", choices=SWEEPS, help="vary one size: a table of times, with ratios to its first row")
    add("--json", metavar="FILE", help="also write all measurements to FILE, as JSON")
    return parser


def main(argv: list[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
