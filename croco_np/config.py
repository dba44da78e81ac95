"""Every size and weight of a run, in one frozen dataclass; the command line is generated from it."""

import argparse
import difflib
import os
import sys
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import NamedTuple

import numpy as np

from .command import Parser
from .errors import InputError
from .losses import LOSSES
from .losses.orthogonal import FORMS
from .models import MODELS, TAPS
from .optim import OPTIMISERS

LARGEST = 2**31 - 1  # of a whole number in general: rows and steps beyond it are a slip of the finger
WIDEST = 2**16  # of a layer: with what can be multiplied by it here, an array still has less than 2^63 bytes
MOST_PARTS = 1000  # experts and the like: each is built and walked through one by one


def option(default, text, choices=None, low=None, high=LARGEST, only=(), empty=False):
    """A field of `Config`: default, help text, possible values, and the models or data sets that it is for (all).

    high   the largest whole number
    empty  whether a list may have no entry
    """
    text = f"{', '.join(only)}: {text}" if only else text
    limits = {"choices": choices, "low": low, "high": high, "only": only, "empty": empty}
    return field(default=default, metadata={"help": text, **limits})


@dataclass(frozen=True)
class Config:
    """What a run depends on. Two runs with equal configs, data and thread counts are equal bit for bit."""

    dataset: str = option(MISSING, "which data to train on", choices=("aliccp", "kuairand"))
    data_dir: str = option("", "folder of the raw files (default: data/DATASET)")
    model: str = option(
        "crocodile", "which system to train, or a row of Table 5: me, me_pg, me_peg, me_pg_cov", choices=tuple(MODELS)
    )
    seed: int = option(0, "seed of parameters and batch order", low=0, high=2**63 - 1)

    embedding_width: int = option(16, "width E of one field's embedding", low=1, high=WIDEST)
    embedding_std: float = option(0.01, "standard deviation of the initial embeddings", low=0)
    n_experts: int = option(5, "number M of experts, and of embedding tables", low=1, high=MOST_PARTS)
    expert_sizes: tuple[int, ...] = option((64,), "widths of an expert's layers; the last is K", low=1, high=WIDEST)
    tower_sizes: tuple[int, ...] = option((32,), "widths of a tower's hidden layers", low=1, high=WIDEST, empty=True)
    prior_width: int = option(16, "width of one prior embedding (Eq. 9)", low=1, high=WIDEST)
    n_specific: int = option(1, "experts of each domain's own", low=1, high=MOST_PARTS, only=("ple", "me_ple", "stem"))
    n_shared: int = option(1, "experts shared by all domains", low=1, high=MOST_PARTS, only=("ple", "me_ple", "stem"))
    n_levels: int = option(1, "extraction levels", low=1, high=MOST_PARTS, only=("ple",))
    shared_gate: str = option(
        "all", "what the shared gate of early levels mixes", choices=("all", "shared_only"), only=("ple",)
    )
    gate_at: str = option("input", "which end of a layer is scaled", choices=("input", "output"), only=("pepnet",))
    gate_width: int = option(64, "hidden width of a gate unit", low=1, high=WIDEST, only=("pepnet",))
    n_sub_experts: int = option(4, "experts of each domain, and shared ones", low=1, high=MOST_PARTS, only=("hinet",))
    attention: str = option(
        "official", "the own share, lost or not", choices=("official", "renorm", "with_self"), only=("hinet",)
    )
    gate: str = option(
        "element", "gate; element = PEG, scalar = PG", choices=("element", "scalar"), only=("crocodile",)
    )
    prune_mode: str = option(
        "fusion", "how neurons are weighed", choices=("fusion", "binarization", "scaling"), only=("adasparse",)
    )
    prune_epsilon: float = option(0.25, "neurons weighed lower than this are pruned", low=0, only=("adasparse",))
    prune_penalty: float = option(
        1.0, "final weight of the sparsity control; 0 switches it off", low=0, only=("adasparse",)
    )
    prune_steps: int = option(2000, "training steps until pruning is at its sharpest", low=1, only=("adasparse",))

    loss: str = option(
        "auto",
        "loss beside the cross-entropy; covariance = CovLoss; auto = covariance for crocodile, none for the others",
        choices=("auto", "none", *LOSSES),
    )
    alpha: float = option(1e-3, "weight of the loss (Eq. 7: of CovLoss); 0 switches it off", low=0)
    cov_reduction: str = option("sum", "covariance: scale of CovLoss", choices=("sum", "mean", "unbiased"))
    cov_within: bool = option(False, "covariance: each expert with itself, too (p >= q)")
    ole_form: str = option("soft", "ole: which reading of its F-norm form", choices=tuple(FORMS))
    cov_rows: int = option(
        0, "covariance, distance_correlation: compute the loss on this many sampled rows; 0 = all", low=0
    )
    reduction: str = option(
        "batch_mean", "what 1/N_s of Eq. 7 means in a batch", choices=("batch_mean", "domain_mean", "dataset_mean")
    )

    optimiser: str = option("adam", "adam: every row decays; lazy_adam: touched rows only", choices=OPTIMISERS)
    lr: float = option(1e-3, "learning rate", low=0)
    l2: float = option(0.0, "weight decay of the embedding rows that a batch touches", low=0)
    batch_size: int = option(1024, "rows a step", low=1)
    epochs: int = option(8, "passes over the training rows, at most", low=1)
    patience: int = option(1, "epochs without a better validation AUC before stopping", low=1)

    min_count: int = option(10, "values rarer than this in the training rows share id 0", low=1)
    train_until: int = option(
        0, "last date of the training rows, YYYYMMDD (0: all but four days)", low=0, only=("kuairand",)
    )
    valid_until: int = option(
        0, "last date of the validation rows, YYYYMMDD (0: all but two days)", low=0, only=("kuairand",)
    )
    simulated_rows: int = option(
        600_000, "rows of the simulated AliCCP, training and test together", low=2000, high=100_000_000
    )  # the genuine one has 85 million
    simulated_seed: int = option(0, "seed of the simulated AliCCP", low=0, high=2**63 - 1)

    dtype: str = option("float32", "precision of parameters and activations", choices=("float32", "float64"))
    threads: int = option(0, "threads of Numba and BLAS; 0 = all cores", low=0)
    checkpoint_steps: int = option(500, "steps between checkpoints inside an epoch", low=1)
    compare_steps: int = option(
        300, "train a twin without the loss for this many steps, to show what the loss does; 0 = no twin", low=0
    )

    def __post_init__(self):
        for f in fields(self):
            if isinstance(value := getattr(self, f.name), np.generic):
                object.__setattr__(self, f.name, value.item())  # a number of Python's, as a JSON file takes it
            _check(f, getattr(self, f.name))
        if self.loss == "auto":
            object.__setattr__(self, "loss", _auto_loss(self.model))
        _check_loss(self)

    @property
    def system(self):
        """The name of what is trained: of the row of Table 5 if it is one, else of the model."""
        loss = self.loss if self.alpha else "none"
        rows = (
            name for name, row in ABLATIONS.items() if row == {"model": self.model, "gate": self.gate, "loss": loss}
        )
        return next(rows, self.model)

    @property
    def loss_options(self):
        """The arguments of the loss."""
        options = {
            "covariance": {"reduction": self.cov_reduction, "within": self.cov_within},
            "ole": {"form": self.ole_form},
        }
        return options.get(self.loss, {})

    def json(self):
        """The config as a plain dict."""
        return asdict(self)

    @classmethod
    def from_json(cls, d):
        """The inverse of `json`: every entry must be there, as a default of today is none of the run's."""
        names = {f.name for f in fields(cls)}
        for what, wrong in (("unknown", d.keys() - names), ("no", names - d.keys())):
            if wrong:
                raise InputError(f"config: {what} entry {sorted(wrong)[0]!r:.80}; was it written by another version?")
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in d.items()})


# What differs from the defaults on a data set: one of several recipes of about equal validation AUC, see the README's
# ledger; for aliccp chosen on the simulated data.
RECIPES = {
    "kuairand": {"batch_size": 512, "lr": 5e-4, "alpha": 2e-3, "l2": 1e-5},
    "aliccp": {
        "n_experts": 3,
        "embedding_width": 8,
        "prior_width": 8,
        "embedding_std": 0.1,
        "lr": 2e-3,
        "l2": 1e-3,
        "patience": 2,
    },
}


# Rows of Table 5 that are Crocodile with a part left out.
ABLATIONS = {
    "me_pg": {"model": "crocodile", "gate": "scalar", "loss": "none"},
    "me_peg": {"model": "crocodile", "gate": "element", "loss": "none"},
    "me_pg_cov": {"model": "crocodile", "gate": "scalar", "loss": "covariance"},
    "me": {"model": "me_mmoe"},
}


def _flag(name):
    return "--" + name.replace("_", "-")


def _auto_loss(model):
    return "covariance" if model == "crocodile" else "none"


KINDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple[int, ...]: "whole numbers with commas, such as 128,64",
}


def _is_of(kind, value):
    """Whether a value is of the type of a field. True and False are no numbers, whole numbers are."""
    if kind == tuple[int, ...]:
        return type(value) is tuple and all(type(number) is int for number in value)
    return type(value) in ((int, float) if kind is float else (kind,))


def _check(f, value):
    choices, low, high = (f.metadata[name] for name in ("choices", "low", "high"))
    if not _is_of(f.type, value):
        raise InputError(f"{_flag(f.name)} {value!r:.60}: must be {KINDS[f.type]}")
    if choices and value not in choices:
        raise InputError(
            f"{_flag(f.name)} {value!s:.60}: choose one of {', '.join(choices)}{_did_you_mean(value, choices)}"
        )
    if isinstance(value, tuple) and not value and not f.metadata["empty"]:
        raise InputError(f"{_flag(f.name)}: must hold one whole number at least, such as 64")
    numbers = value if isinstance(value, tuple) else (value,)
    for number in numbers:
        if f.type is float and not abs(number) <= sys.float_info.max:
            raise InputError(f"{_flag(f.name)} {_shown(number)}: must be a finite number")
        if low is not None and number < low:
            raise InputError(f"{_flag(f.name)} {_shown(number)}: must be at least {low}")
        if type(number) is int and f.type is not float and number > high:
            raise InputError(f"{_flag(f.name)} {_shown(number)}: must be at most {high}")


def _shown(number):
    """A number in a message; Python does not write down whole numbers of thousands of digits."""
    if type(number) is int and abs(number) > 10**60:
        return f"(of more than 60 digits{', negative' if number < 0 else ''})"
    return str(number)


def _check_loss(c):
    """The loss and its flags: do they go together, and does the model have what the loss pulls on?"""
    users = {
        "cov_reduction": ("covariance",),
        "cov_within": ("covariance",),
        "ole_form": ("ole",),
        "cov_rows": tuple(name for name, loss in LOSSES.items() if loss.sampled),
    }
    for f in fields(c):
        if getattr(c, f.name) != f.default and c.loss not in users.get(f.name, (c.loss,)):
            raise InputError(f"{_flag(f.name)}: goes with --loss {' or '.join(users[f.name])}, not with {c.loss}")
    if c.loss == "trans5" and c.alpha and c.n_experts < 2 and c.model in ("mmoe", "me_mmoe", "crocodile"):
        raise InputError("--loss trans5: maps pairs of experts; choose --n-experts 2 or more")
    if c.alpha and not _has_tap(c.model, c.loss):
        tap = LOSSES[c.loss].tap
        others = ", ".join(model for model in MODELS if tap in TAPS[model])
        raise InputError(f"--loss {c.loss}: {c.model} has no {tap} for it to pull on; choose --model {others}")


def _has_tap(model, loss):
    """Whether the model has what the loss pulls on; a model that does not exist is left to the other checks."""
    return loss == "none" or LOSSES[loss].tap in TAPS.get(model, (LOSSES[loss].tap,))


def _did_you_mean(word, words):
    close = difflib.get_close_matches(str(word), words, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _convert(f):
    """Text of a flag -> value of the field, with a one-line error."""

    def sizes(text):
        return tuple(int(n) for n in text.split(",") if n.strip())

    convert = {tuple[int, ...]: sizes}.get(f.type, f.type)

    def parse(text):
        try:
            return convert(text)
        except ValueError:
            raise InputError(f"{_flag(f.name)} {text:.60}: must be {KINDS[f.type]}") from None

    return parse


class Command(NamedTuple):
    """What a command line of croco_np.train asks for.

    config        None with `resume`
    out           folder of a new run, or ""
    resume        folder of the run to go on with, or ""
    changed_data  whether that run may go on with other data
    given         {name: value} of the flags of `Config` that were given
    """

    config: Config | None
    out: str
    resume: str
    changed_data: bool
    given: dict


def parse(argv, prog, description):
    """The command line -> `Command`.

    With `--resume DIR` the config is DIR's, with some flags replaced if they are given (`resumed`): it is left to the
    caller, hence None.
    """
    recipes = (f"{name}: " + ", ".join(f"{_flag(k)} {v}" for k, v in r.items()) for name, r in RECIPES.items())
    epilog = f"Defaults that depend on the data set: {'; '.join(recipes)}."
    parser = Parser(prog=prog, description=description, epilog=epilog, allow_abbrev=False)
    for f in fields(Config):
        default = "" if f.default is MISSING else f.default
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        text = f.metadata["help"] + ("" if default == "" or default is False else f" (default: {shown})")
        if f.type is bool:
            parser.add_argument(_flag(f.name), action="store_true", default=argparse.SUPPRESS, help=text)
        else:
            metavar = "{" + ",".join(f.metadata["choices"]) + "}" if f.metadata["choices"] else f.name.upper()
            parser.add_argument(_flag(f.name), type=_convert(f), default=argparse.SUPPRESS, help=text, metavar=metavar)
    parser.add_argument(
        "--out",
        default="",
        type=os.path.expanduser,
        help="folder of the run (default: the first free of runs/DATASET-MODEL-seedSEED, ...-2, ...)",
    )
    parser.add_argument(
        "--resume",
        default="",
        metavar="DIR",
        type=os.path.expanduser,
        help="continue the run in DIR where it stopped; --epochs, --threads and --data-dir may change",
    )
    parser.add_argument(
        "--changed-data",
        action="store_true",
        help="with --resume: go on though the data are others than those the run was trained on so far",
    )
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        flags = [o for action in parser._actions for o in action.option_strings]
        raise InputError(f"unknown argument {unknown[0]:.60}{_did_you_mean(unknown[0].split('=')[0], flags)}")
    given = {k: v for k, v in vars(args).items() if k not in ("out", "resume", "changed_data")}
    if "threads" in given:
        check_threads(given["threads"])
    if "data_dir" in given:
        given["data_dir"] = os.path.expanduser(given["data_dir"])
    if args.resume:
        if args.out:
            raise InputError("--out does not go with --resume: a run stays in its folder")
        return Command(None, "", args.resume, args.changed_data, given)
    if args.changed_data:
        raise InputError("--changed-data goes with --resume")
    if "dataset" not in given:
        raise InputError("--dataset is needed: aliccp or kuairand")
    config = Config(**RECIPES.get(given["dataset"], {}) | _ablation(given))
    for f in fields(Config):
        only = f.metadata["only"]
        if f.name in given and only and not {config.model, config.dataset} & set(only):
            raise InputError(f"{_flag(f.name)}: is for {', '.join(only)} only, and would change nothing here")
    return Command(config, args.out, "", False, given)


def check_threads(n):
    """Raise InputError unless 0 <= n <= the cores of this machine."""
    cores = os.cpu_count() or 1
    if n < 0:
        raise InputError(f"--threads {n}: must be at least 0")
    if n > cores:
        raise InputError(f"--threads {n}: this machine has {cores} cores; more threads are slower")


def _ablation(given):
    """The flags given, with the name of a row of Table 5 for a model replaced by the flags it stands for."""
    row = ABLATIONS.get(given.get("model"), {})
    for name in row.keys() & given.keys() - {"model"}:
        if given[name] != row[name]:
            raise InputError(f"--model {given['model']} means {_flag(name)} {row[name]}, not {given[name]}")
    return given | row


MAY_CHANGE = ("epochs", "threads", "data_dir")  # with --resume


def resumed(config, given):
    """The config of a run that is taken up again: its own, but for the flags that may change."""
    asked = _ablation(given)
    if asked.get("loss") == "auto":
        asked |= {"loss": _auto_loss(config.model)}
    fixed = [name for name, value in asked.items() if name not in MAY_CHANGE and value != getattr(config, name)]
    if fixed:
        name, own = fixed[0], getattr(config, fixed[0])
        if name not in given:  # what a row of Table 5 stands for
            name, own = "model", config.system
        raise InputError(f"{_flag(name)} cannot change with --resume: the run's own is {own}")
    return replace(config, **asked)


def lasting(config):
    """The entries of a config (`Config.json`) that stay the same for all of a run, wherever it goes on."""
    return {name: value for name, value in config.items() if name not in MAY_CHANGE}
