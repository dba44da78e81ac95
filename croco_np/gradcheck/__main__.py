"""python -m croco_np.gradcheck: is every gradient right? A table, and exit status 1 if one is not."""

import argparse
import json
import sys

import numpy as np

from ..losses import LOSSES
from ..models import MODELS
from . import METHODS, check, report
from .cases import REAL_ONLY, layer_cases, loss_cases, model_cases
from .stops import METHOD, stop_checks

REDRAWS = 8  # a case on a kink is drawn again, at most this often


def run(cases, seed):
    """All checks of `cases`; a case in which a direction crosses a kink is drawn anew."""
    checks = []
    for name, draw in cases.items():
        for attempt in range(REDRAWS):
            rng = np.random.default_rng([seed, attempt])
            methods = METHODS[1:] if name in REAL_ONLY else METHODS
            rows = check(*draw(rng), rng, name=name, methods=methods)
            if not any(c.kink for c in rows):
                break
        checks += rows
    return checks


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m croco_np.gradcheck", description=__doc__)
    parser.add_argument("--model", choices=[*MODELS, "all"], help="check one system, or all of them")
    parser.add_argument("--loss", choices=["bce", *LOSSES, "all"], help="check one loss, or all of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="also write the checks to FILE")
    args = parser.parse_args(argv)

    everything = args.model is None and args.loss is None
    cases = layer_cases() if everything else {}
    for name in ["bce", *LOSSES]:
        if everything or args.loss in (name, "all"):
            cases |= loss_cases(name)
    models = [name for name in MODELS if everything or args.model in (name, "all")]
    for name in models:
        cases |= model_cases(name)

    checks = run(cases, args.seed)
    for name in models:
        checks += stop_checks(name, args.seed)
    failed = sum(not c.ok for c in checks)
    print(report(checks))
    for name in REAL_ONLY.keys() & cases.keys():
        print(f"{name}: no complex step, since {REAL_ONLY[name]}")
    worst = {m: max((c.error for c in checks if c.method == m), default=0.0) for m in (*METHODS, METHOD)}
    print(f"\n{len(checks)} checks, {failed} failed; worst " + ", ".join(f"{m} {e:.1e}" for m, e in worst.items()))
    if args.json:
        rows = [{k: getattr(c, k) for k in ("name", "method", "error", "tolerance", "ok")} for c in checks]
        with open(args.json, "w") as file:
            json.dump({"checks": rows, "failed": failed}, file, indent=1)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
