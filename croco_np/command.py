"""What all commands do alike: whatever a user or a machine does wrong ends in one line, not in a traceback."""

import argparse
import signal
import sys
import threading
from contextlib import contextmanager

from .errors import InputError
from .streams import one_line, steady

STOPS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C; a scheduler that wants its machine back


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are an `InputError`, one line, in the place of a usage dump."""

    def error(self, message):
        raise InputError(f"{message}; {self.prog} --help lists the flags")


class Stopped(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, and a line for the user."""

    def __init__(self, signum, line):
        super().__init__(line)
        self.signum = signum


def status(run, argv):
    """The exit status of a command: what `run(argv)` returns, or 2 after an error that it says in one line.

    Such errors are InputError and what systems refuse: files, memory, a library that cannot be loaded. Ctrl-C ends in
    130, SIGTERM in 143. Any other exception is a fault of this program and keeps its traceback. Output that nobody
    takes (a closed pipe, a full disk) changes nothing: what counts are the files a command writes and its status.
    """
    with steady(), handled(stop):
        try:
            return run(argv)
        except KeyboardInterrupt as asked:
            print(one_line(asked) if isinstance(asked, Stopped) else "stopped", file=sys.stderr)
            return 128 + getattr(asked, "signum", signal.SIGINT)
        except InputError as error:
            line = str(error)
        except MemoryError as error:
            line = f"out of memory ({one_line(error)}); a smaller --batch-size or model needs less"
        except OSError as error:
            line = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else one_line(error)
        except ImportError as error:
            library = (error.name or "").partition(".")[0]
            if library in ("", __package__):
                raise
            line = f"{library} cannot be loaded ({one_line(error)}); python -m croco_np.doctor says more"
        print(f"error: {line}", file=sys.stderr)
        return 2


def stop(signum, _=None, line="stopped"):
    """Raise `Stopped`. What unwinds then is not stopped a second time."""
    for other in STOPS:
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(signum, line)


@contextmanager
def handled(handler):
    """`handler(signum, frame)` takes Ctrl-C and SIGTERM inside a `with` block.

    Only the main thread may set handlers: in another one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.signal(signum, handler) for signum in STOPS}
    try:
        yield
    finally:
        for signum, was in before.items():
            signal.signal(signum, signal.SIG_DFL if was is None else was)
