"""python -m croco_np: the commands there are."""

import sys

from .command import status
from .errors import InputError

COMMANDS = """\
python -m croco_np.train --dataset {aliccp,kuairand}   train a system and measure it
python -m croco_np.diagnostics RUN                     report on what a trained model learnt
python -m croco_np.predict RUN                         click probabilities from a trained model
python -m croco_np.bench                               time a training step, phase by phase, and PyTorch's beside it
python -m croco_np.gradcheck                           check every gradient
python -m croco_np.costs                              list the systems, their sizes and costs
python -m tutorials.publish                                run the tutorials and build their pages
python -m croco_np.doctor                              say what is wrong or slow on this machine, and what to change
Each has --help."""
HELP = ("-h", "--help")


def run(argv):
    """The command; returns the exit status."""
    if argv and argv[0] not in HELP:
        raise InputError(f"python -m croco_np {argv[0]}: commands are modules; python -m croco_np lists them")
    print(COMMANDS)
    return 0


def main(argv=None):
    return status(run, sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
