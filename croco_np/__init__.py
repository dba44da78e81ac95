"""Crocodile (Lin et al., arXiv 2405.12706) in NumPy, with every backward pass written by hand.

From the paper to the code, each part a room of its own:

    layers        building blocks with forward and backward: embeddings, experts, gates, towers
    losses        cross-entropy, CovLoss and its rivals, with gradients
    models        Crocodile and the systems it is compared with, a file each
    kernels       the hot loops: a NumPy definition, and a compiled twin of it

One training step, from rows to new parameters:

    batch         rows sorted by domain, so that a domain is a slice
    objective     the sum of the losses, and where it pulls on a model
    optim         Adam, on the rows of a table that a batch used
    tree          parameters and gradients by name
    metrics       AUC, gAUC and log loss, by domain

From arrays to a trained model in three lines:

    recommender   `Recommender` with fit, predict and save, and `load`

One run, from raw files to results (a star: also a command, `python -m croco_np.NAME` or `python -m croco_np NAME`):

    datasets      readers, vocabularies, splits, simulated clicks
    config        all options of a run
    options       what an option may be, and the check that it is
    train *       `Trainer`, the loop, its pictures and results
    runs          what is saved of a run, and read back
    predict *     click probabilities from a trained model
    report *      a page of results, for a browser

The paper's claims, each from one command:

    experiments * tables and figures, with intervals and tests

Instruments:

    gradcheck *   is a backward pass right?
    diagnostics * what did a model learn?
    costs *       parameters and multiply-adds of each system
    bench *       how long does a step take, and why?
    doctor *      what is wrong or slow on this machine?
    teaching      exercises of the tutorials, graded; a grade book, `python -m croco_np.teaching.grades`
    learn *       the tutorials as notebooks of one's own, in JupyterLab

Foundations: backend (where arrays lie: NumPy on the host, CuPy on a GPU), standin (an array that plays CuPy's, for
tests), machine (processor, threads, heap), storage (files, locks, checkpoints), command (what commands share), canvas
(Matplotlib, and colours), errors (`InputError`, a mistake of the user's).

Public names, loaded when they are first used: Recommender, load, from_columns and Trainer; the systems Crocodile,
SingleDomain, SharedBottom, MMoE, PLE, STEM, PEPNet, HiNet, STAR, AdaSparse, and MODELS, all of them by the names of the
command line; Objective and Adam; Schema, Rows, Splits and make_batch, which take data in; Predictor and
evaluate_domains; check and assert_ok, the gradient checker; and tune, which makes a process's threads and heap fast.
Importing the package loads none of its libraries and changes nothing in the process.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .batch import make_batch
    from .datasets.splits import Rows, Schema, Splits
    from .datasets.table import from_columns
    from .gradcheck import assert_ok, check
    from .machine.tuning import tune
    from .metrics import evaluate_domains
    from .models import (
        MODELS,
        PLE,
        STAR,
        STEM,
        AdaSparse,
        Crocodile,
        HiNet,
        MMoE,
        PEPNet,
        SharedBottom,
        SingleDomain,
    )
    from .objective import Objective
    from .optim import Adam
    from .predict import Predictor
    from .recommender import Recommender, load
    from .train.trainer import Trainer

__version__ = "0.1.0"
__all__ = [  # each also stands above, for type checkers, and in `_HOME`
    "MODELS",
    "PLE",
    "STAR",
    "STEM",
    "AdaSparse",
    "Adam",
    "Crocodile",
    "HiNet",
    "MMoE",
    "Objective",
    "PEPNet",
    "Predictor",
    "Recommender",
    "Rows",
    "Schema",
    "SharedBottom",
    "SingleDomain",
    "Splits",
    "Trainer",
    "assert_ok",
    "check",
    "evaluate_domains",
    "from_columns",
    "load",
    "make_batch",
    "tune",
]

_HOME = {  # public name -> the module that defines it
    "make_batch": "batch",
    "Rows": "datasets.splits",
    "Schema": "datasets.splits",
    "Splits": "datasets.splits",
    "from_columns": "datasets.table",
    "assert_ok": "gradcheck",
    "check": "gradcheck",
    "tune": "machine.tuning",
    "evaluate_domains": "metrics",
    "MODELS": "models",
    "PLE": "models",
    "STAR": "models",
    "STEM": "models",
    "AdaSparse": "models",
    "Crocodile": "models",
    "HiNet": "models",
    "MMoE": "models",
    "PEPNet": "models",
    "SharedBottom": "models",
    "SingleDomain": "models",
    "Objective": "objective",
    "Adam": "optim",
    "Predictor": "predict",
    "Recommender": "recommender",
    "load": "recommender",
    "Trainer": "train.trainer",
}
_ROOMS: tuple[str, ...] = ("backend", "batch", "bench", "canvas", "command", "config", "costs", "datasets")
_ROOMS += ("diagnostics", "doctor", "errors", "experiments", "gradcheck", "kernels", "layers", "learn", "losses")
_ROOMS += ("machine", "metrics", "models", "objective", "optim", "options", "predict", "recommender", "report", "runs")
_ROOMS += ("standin", "storage", "teaching", "train", "tree")


def __getattr__(name: str) -> object:
    """A public name or a room, imported when it is first asked for (PEP 562)."""
    if name in _HOME:
        found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = found  # the next look-up does not come here
        return found
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})


if getattr(sys, "argv", None) and sys.argv[0] == "-m":  # Python looks for a module to run: it may be a command of ours
    from .command import start

    start.prepare()
