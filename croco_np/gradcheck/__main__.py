"""python -m croco_np.gradcheck: is every gradient right? A table, and exit status 1 if one is not."""

import argparse
import math
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import NAMES, load
from ..command import Parser, status
from ..config import ABLATIONS, named
from ..errors import InputError
from ..losses import LOSSES
from ..models import MODELS
from ..storage.files import making_way, write_report
from . import METHODS, Check, OnDevice, check, report
from .cases import REAL_ONLY, Draw, layer_cases, loss_cases, model_cases
from .report import passed
from .stops import METHOD, stop_checks

REDRAWS = 8  # a case on a kink is drawn again, at most this often


def run(cases: dict[str, Draw], seed: int, place: Callable[[Any], Any] = lambda layer: layer) -> list[Check]:
    """All checks of `cases`; a case in which a direction crosses a kink is drawn anew.

    place  what is done to a layer before it is checked, such as `OnDevice`
    """
    checks: list[Check] = []
    for name, draw in cases.items():
        for attempt in range(REDRAWS):
            rng = np.random.default_rng([seed, attempt])
            methods = METHODS[1:] if name in REAL_ONLY else METHODS
            layer, params, inputs = draw(rng)
            rows = check(place(layer), params, inputs, rng, name=name, methods=methods)
            if not any(c.kink for c in rows) or any(not (c.ok or c.kink) for c in rows):  # what is wrong stays wrong
                break
        checks += rows
    return checks


def command(argv: list[str] | None) -> int:
    """The command; returns the exit status."""
    parser = Parser(prog="python -m croco_np.gradcheck", description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", choices=[*MODELS, *ABLATIONS, "all"], help="check one system, or all of them")
    parser.add_argument("--loss", choices=["bce", *LOSSES, "all"], help="check one loss, or all of them")
    parser.add_argument("--seed", type=whole_number, default=0, help="a whole number from 0 (default: 0)")
    parser.add_argument("--json", metavar="FILE", help="also write the checks to FILE")
    parser.add_argument(
        "--backend", choices=NAMES, default="numpy", help="where the layers compute; cupy: on a GPU (default: numpy)"
    )
    args = parser.parse_args(argv)
    if args.json and (os.path.isdir(args.json) or not os.path.isdir(os.path.dirname(args.json) or ".")):
        raise InputError(f"--json {args.json}: name a file in a folder that exists")
    backend = load(args.backend)
    place: Callable[[Any], Any] = OnDevice if args.backend == "cupy" else lambda layer: layer

    everything = args.model is None and args.loss is None
    cases = layer_cases() if everything else {}
    for name in ["bce", *LOSSES]:
        if everything or args.loss in (name, "all"):
            cases |= loss_cases(name)
    models: dict[str, list | None]  # None: all variants of the system
    models = {name: None for name in MODELS if everything or args.model in (name, "all")}
    if args.model in ABLATIONS:
        model, change = named(args.model)
        models = {model: [change]}
    for name, changes in models.items():
        cases |= model_cases(name, changes)

    checks = run(cases, args.seed, place)
    for name, changes in models.items():
        checks += stop_checks(name, args.seed, changes, place)
    failed = sum(not passed(c) for c in checks)
    with making_way(args.json):
        print(report(checks))
        for name in REAL_ONLY.keys() & cases.keys():
            print(f"{name}: no complex step, since {REAL_ONLY[name]}")
        worst = {m: max((c.error for c in checks if c.method == m), default=0.0) for m in (*METHODS, METHOD)}
        print(f"\nby {backend.name} on {backend.where}" if args.backend == "cupy" else "")
        print(f"{len(checks)} checks, {failed} failed; worst " + ", ".join(f"{m} {e:.1e}" for m, e in worst.items()))
    if args.json:
        write_json(args.json, checks, failed)
    return 1 if failed else 0


def whole_number(text: str) -> int:
    """A seed, from its flag."""
    if not (text.isascii() and text.isdigit()) or len(text) > 40:
        raise argparse.ArgumentTypeError(f"a whole number from 0 is wanted, not {text[:40]!r}")
    return int(text)


def write_json(path: str, checks: list[Check], failed: int) -> None:
    """The checks as JSON; an error or a bound that is not finite is null."""
    rows = [
        {"name": c.name, "method": c.method, "error": _finite(c.error), "tolerance": _finite(c.tolerance)}
        | {"ok": passed(c)}
        for c in checks
    ]
    write_report(path, {"checks": rows, "failed": failed})


def _finite(number):
    return float(number) if math.isfinite(number) else None


def main(argv: list[str] | None = None) -> int:
    return status(command, argv)


if __name__ == "__main__":
    sys.exit(main())
