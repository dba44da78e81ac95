"""What all commands do alike: flags and input that do not fit end in one line, not in a traceback."""

import argparse
import sys

from .errors import InputError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are an `InputError`, one line, in the place of a usage dump."""

    def error(self, message):
        raise InputError(f"{message}; {self.prog} --help lists the flags")


def status(run, argv):
    """The exit status of a command: what `run(argv)` returns, 2 after an InputError, 130 after Ctrl-C."""
    try:
        return run(argv)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
