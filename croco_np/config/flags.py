"""The command line of croco_np.train: a flag for each field of `Config`."""

import argparse
import os
import shlex
from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from typing import Any, NamedTuple

from ..command import Parser
from ..errors import InputError, flag
from ..models import MODELS
from ..models.sizes import COMMON
from ..options import KINDS, Auto, did_you_mean
from .config import ABLATIONS, DATASETS, MAY_CHANGE, RECIPES, Config


def _converted(f, text):
    """The value of a field from the text of its flag; `InputError` for a text that is none.

    Not a `type` of argparse, which has an error of its own for every ValueError, and says less.
    """
    try:
        if f.type == tuple[int, ...]:
            return tuple(int(n) for n in text.split(",") if n.strip())
        if f.type == Auto:
            return text if text == "auto" else float(text)
        return f.type(text)
    except ValueError:
        raise InputError(f"{flag(f.name)} {text:.60}: must be {KINDS[f.type]}") from None


def _text(value):
    """A value as its flag takes it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


class Command(NamedTuple):
    """What a command line of croco_np.train asks for.

    config        None with `resume`
    out           folder of a new run, or ""
    resume        folder of the run to go on with, or ""
    changed_data  whether that run may go on with other data
    report        whether to write report.html when the run has ended
    given         {name: value} of the flags of `Config` that were given
    """

    config: Config | None
    out: str
    resume: str
    changed_data: bool
    report: bool
    given: dict


def parse(argv: Sequence[str] | None, prog: str, description: str) -> Command:
    """Read a command line.

    With `--resume DIR` the config is DIR's, with some flags replaced if they are given (`resumed`): it is left to the
    caller, hence None.
    """
    recipes = (f"{name}: " + ", ".join(f"{flag(k)} {_text(v)}" for k, v in r.items()) for name, r in RECIPES.items())
    epilog = f"Defaults that depend on the data set: {'; '.join(recipes)}."
    parser = Parser(prog=prog, description=description, epilog=epilog, allow_abbrev=False)
    for f in fields(Config):
        default = "" if f.default is MISSING else f.default
        shown = _text(default)
        described, only = f.metadata["option"], f.metadata["only"]
        text = f"{', '.join(only)}: {described.text}" if only else described.text
        text += "" if default == "" or default is False else f" (default: {shown})"
        if f.type is bool:
            parser.add_argument(flag(f.name), action="store_true", default=argparse.SUPPRESS, help=text)
        else:
            metavar = "{" + ",".join(described.choices) + "}" if described.choices else f.name.upper()
            parser.add_argument(flag(f.name), default=argparse.SUPPRESS, help=text, metavar=metavar)
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
        help="continue the run in DIR where it stopped; --epochs, --threads, --backend, --precision, --data-dir and "
        "--path may change",
    )
    parser.add_argument(
        "--changed-data",
        action="store_true",
        help="with --resume: go on though the data are others than those the run was trained on so far",
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="at the end, write report.html into the folder of the run: its results and what the model learnt",
    )
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        flags = [o for action in parser._actions for o in action.option_strings]
        raise InputError(f"unknown argument {unknown[0]:.60}{did_you_mean(unknown[0].split('=')[0], flags)}")
    given = {f.name: _converted(f, vars(args)[f.name]) for f in fields(Config) if f.name in args}
    if "threads" in given:
        check_threads(given["threads"])
    for name in given.keys() & {"data_dir", "path"}:
        given[name] = os.path.expanduser(given[name])
    if args.resume:
        if args.out:
            raise InputError("--out does not go with --resume: a run stays in its folder")
        return Command(None, "", args.resume, args.changed_data, args.report, given)
    if args.changed_data:
        raise InputError("--changed-data goes with --resume")
    if "dataset" not in given:
        raise InputError(f"--dataset is needed: {', '.join(DATASETS[:-1])} or {DATASETS[-1]}")
    config = Config(**RECIPES.get(given["dataset"], {}) | _ablation(given))
    for f in fields(Config):
        only = f.metadata["only"]
        if f.name in given and only and not {config.model, config.dataset} & set(only):
            raise InputError(f"{flag(f.name)}: is for {', '.join(only)} only, and would change nothing here")
    return Command(config, args.out, "", False, args.report, given)


def without_effect(config: Config, given: dict[str, Any]) -> list[str]:
    """A line for each option that was given and that the system, or the backend, has no use for."""
    idle = [name for name in given if name in COMMON and name not in MODELS[config.model].keywords()]
    lines = [f"{flag(name)}: {config.model} has no use for it, so it changes nothing" for name in idle]
    if "precision" in given and config.backend == "numpy":
        lines.append(f"{flag('precision')}: --backend numpy multiplies in full, so it changes nothing")
    return lines


def check_threads(n: int) -> None:
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
            raise InputError(f"--model {given['model']} means {flag(name)} {row[name]}, not {given[name]}")
    return given | row


def resumed(config: Config, given: dict[str, Any]) -> Config:
    """The config of a run that is resumed: its own, but for the flags that may change."""
    asked = _ablation(given)
    own = {f.name: getattr(config, f.name) for f in fields(config)}
    own |= {"loss": config.resolved_loss, "alpha": config.resolved_alpha}
    if asked.get("loss") == "auto":
        asked |= {"loss": MODELS[config.model].default_loss}
    if asked.get("alpha") == "auto":
        asked |= {"alpha": replace(config, alpha="auto").resolved_alpha}
    fixed = [name for name, value in asked.items() if name not in MAY_CHANGE and value != own[name]]
    if fixed:
        name, value = fixed[0], own[fixed[0]]
        if name not in given:  # what a row of Table 5 stands for
            name, value = "model", config.system
        raise InputError(f"{flag(name)} cannot change with --resume: the run's own is {value}")
    return replace(config, **{name: value for name, value in asked.items() if name in MAY_CHANGE})


def command_line(config: Config) -> str:
    """The command that trains what a config says: the flags that differ from the defaults of its data set."""
    usual = Config(dataset=config.dataset, **RECIPES.get(config.dataset, {}))
    words = ["python", "-m", "croco_np.train", flag("dataset"), config.dataset]
    for f in fields(Config):
        value, only = getattr(config, f.name), f.metadata["only"]
        if value == getattr(usual, f.name) or (only and not {config.model, config.dataset} & set(only)):
            continue
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words += [flag(f.name)] if f.type is bool else [flag(f.name), shown]
    return shlex.join(words)
