"""What has to be right before the libraries of a command load: signals, streams, the choice of kernels, thread pools.

`python -m croco_np.train` imports this package before anything else, and all that training needs takes half a second.
A program that imports the package as a library never gets here with a command to prepare: it keeps what it has set.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import NoReturn

from ..machine.tuning import tune
from .streams import printable

KERNELS, SIDES = "CROCO_NP_KERNELS", ("numba", "numpy")


def is_command() -> bool:
    """Whether Python was started with `-m croco_np` or `-m croco_np.NAME`, and is looking for that module now.

    Meanwhile sys.argv[0] is "-m", and the module's name stands before the arguments: `-m NAME`, `-mNAME` or `-BmNAME`.
    """
    if sys.argv[:1] != ["-m"] or len(sys.argv) > len(sys.orig_argv):
        return False
    named = sys.orig_argv[-len(sys.argv)]
    module = named.partition("m")[2] if named.startswith("-") else named
    return module.partition(".")[0] == __package__.partition(".")[0]


def prepare() -> None:
    """Make a command ready, and its process fast; does nothing for a library."""
    if not is_command():
        return
    fill_closed_streams()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, leave)
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # Python's own end would die of it: no status
    if wrong := wrong_kernels(os.environ):
        if sys.stderr is not None:
            sys.stderr.write(f"error: {printable(wrong)}\n")
        sys.exit(2)
    tune()


def leave(signum: int, _: object) -> NoReturn:
    """End at once, without a traceback: nothing is under way while libraries load, and nothing any more at the end."""
    os._exit(128 + signum)


def fill_closed_streams() -> None:
    """Open /dev/null in the place of closed standard streams.

    Otherwise the next file that is opened, say a checkpoint, gets the number of standard error, and with it all that a
    library writes there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            taken = os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            os.set_inheritable(taken, True)


def wrong_kernels(environ: Mapping[str, str]) -> str | None:
    """What is wrong with CROCO_NP_KERNELS, or None."""
    asked = environ.get(KERNELS, SIDES[0])
    return None if asked in SIDES else f"{KERNELS}={asked}: must be {' or '.join(SIDES)}"
