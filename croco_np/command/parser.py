"""The parser and exit status of all commands. An error of the user or the machine is one line, not a traceback."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ..errors import InputError, in_flags
from .interrupts import Stopped, stoppable
from .streams import one_line, printable, steady


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are an `InputError`, one line, instead of the usage text."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; {self.prog} --help lists the flags")


def status(run: Callable[[Any], int], argv: Sequence[str] | None) -> int:
    """The exit status of a command: what `run(argv)` returns, or 2 after an error that it says in one line.

    Such errors are InputError and what systems refuse: files, memory, a library that cannot be loaded. Ctrl-C ends in
    130, SIGTERM in 143. Any other exception is a fault of this program and keeps its traceback. Output that nobody
    takes (a closed pipe, a full disk) changes nothing: what counts are the files a command writes and its status.
    """
    with steady(), stoppable():
        try:
            return run(argv)
        except KeyboardInterrupt as asked:
            print(printable(str(asked)) if isinstance(asked, Stopped) else "stopped", file=sys.stderr)
            return 128 + getattr(asked, "signum", signal.SIGINT)
        except InputError as error:
            line = in_flags(error)
        except MemoryError as error:
            line = f"out of memory ({one_line(error)}); a smaller --batch-size or model needs less"
        except OSError as error:
            line = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else one_line(error)
        except ImportError as error:
            library = (error.name or "").partition(".")[0]
            if library in ("", __package__.partition(".")[0]):
                raise
            line = f"{library} cannot be loaded ({one_line(error)}); python -m croco_np.doctor says more"
        print(f"error: {printable(line)}", file=sys.stderr)
        return 2
