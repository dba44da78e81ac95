"""Whatever ends this process ends what it started: a closed terminal as Ctrl-C does, and on Linux also SIGKILL."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..command.interrupts import stop

PR_SET_PDEATHSIG = 1  # of prctl(2): the signal that a process gets when the thread that started it ends


@contextmanager
def hangup() -> Iterator[None]:
    """SIGHUP raises `Stopped` inside a `with` block, once: a terminal that closes may send it twice.

    It stays ignored where it was, as under nohup.
    """
    number = getattr(signal, "SIGHUP", None)
    main = threading.current_thread() is threading.main_thread()
    if number is None or not main or signal.getsignal(number) == signal.SIG_IGN:
        yield
        return

    def once(signum, frame):
        signal.signal(signum, signal.SIG_IGN)
        stop(signum, frame)

    before = signal.signal(number, once)
    try:
        yield
    finally:
        signal.signal(number, before)


def with_parent() -> Callable[[], None] | None:
    """For Popen's `preexec_fn`: the child gets SIGTERM when this process ends, however it ends; None off Linux."""
    if not sys.platform.startswith("linux"):
        return None
    parent, prctl = os.getpid(), ctypes.CDLL(None).prctl  # looked up before the fork

    def arrange():
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it ended before that
            os._exit(1)

    return arrange
