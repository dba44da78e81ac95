"""Processes that run croco_np beside a test: forked, so that they start at once, and on the NumPy definitions, since
Numba's threads do not survive a fork."""

import os
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout

from croco_np.kernels.twin import using

WRITES = os.O_WRONLY | os.O_RDWR
EVENTS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "fcntl.flock"}


def start(run, output):
    """Fork a child that does run() with what it prints in the file `output`; its exit status is what run returns."""
    child = os.fork()
    if child:
        return child
    status = 99  # an exception
    try:
        with open(output, "w") as file, redirect_stdout(file), redirect_stderr(file), using("numpy"):
            try:
                status = run()
            except BaseException:
                traceback.print_exc(file=file)
    finally:
        os._exit(status or 0)


def finish(child):
    """Wait for a child: its exit status, negative after a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count_changes(act):
    """Call act(n) before the n-th time that this process changes the file system, n = 1, 2, ..."""
    n = 0

    def hook(event, arguments):
        nonlocal n
        if event in EVENTS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES):
            n += 1
            act(n)

    sys.addaudithook(hook)
