"""python -m croco_np: the commands there are; python -m croco_np NAME ... runs one."""

import sys
from collections.abc import Sequence
from importlib import import_module

from . import __version__
from .command import status
from .errors import InputError

COMMANDS = {
    "train": "train a system on clicks and measure it",
    "diagnostics": "report on what a trained model learnt",
    "report": "make the page of a run, to read in a browser",
    "predict": "click probabilities from a trained model",
    "experiments": "make the paper's tables and figures",
    "bench": "time a training step, phase by phase, and PyTorch's beside it",
    "gradcheck": "check every gradient",
    "costs": "list the systems, their sizes and costs",
    "learn": "open the tutorials as notebooks of your own",
    "doctor": "say what is wrong or slow on this machine, and what to change",
}
HELP = ("-h", "--help")


def run(argv: Sequence[str] | None) -> int:
    """List the commands, or refuse one that does not exist; returns the exit status."""
    if argv and argv[0] == "--version":
        print(f"croco_np {__version__}")
        return 0
    if argv and argv[0] not in HELP:
        raise InputError(f"python -m croco_np {argv[0]!r:.60}: no such command; there are {', '.join(COMMANDS)}")
    print("\n".join(f"python -m croco_np {name:<12} {what}" for name, what in COMMANDS.items()))
    print("Each has --help.")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv and argv[0] in COMMANDS:
        return import_module(f"{__package__}.{argv[0]}.__main__").main(argv[1:])
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
