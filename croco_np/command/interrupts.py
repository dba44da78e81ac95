"""Ctrl-C and SIGTERM as an exception, raised at once where that is safe and otherwise as soon as it is.

Python runs a handler between any two of its instructions, also in the middle of a callback from compiled code or of a
__del__. An exception goes nowhere there ("Exception ignored in"), and a compiler that is left half-way may crash.
"""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

STOPS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C; a scheduler that wants its machine back
UNWINDING = 1.0  # seconds after `Stopped` in which it is not raised again: files are closed and locks released then
AGAIN = 0.05  # seconds after which a `Stopped` that was ignored is raised once more

_asked: tuple[int, str] | None = None  # (signal, line) of the stop under way
_raised = -UNWINDING  # when it was raised last


class _Here(threading.local):
    """Of each thread: depth of `uninterrupted`."""

    held = 0


_here = _Here()


class Stopped(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, and a line for the user."""

    def __init__(self, signum: int, line: str) -> None:
        super().__init__(line)
        self.signum = signum


def stop(signum: int, _: object = None, line: str = "stopped") -> None:
    """A signal handler: raise `Stopped`, or have it raised as soon as it may be."""
    global _asked
    _asked = _asked or (signum, line)
    if time.monotonic() - _raised >= UNWINDING:
        stop_if_asked()


def stop_if_asked() -> None:
    """Raise `Stopped` if a signal has come. Long work calls this, in case some code swallowed the first exception."""
    global _raised
    if _asked and not _here.held and threading.current_thread() is threading.main_thread():
        _raised = time.monotonic()
        raise Stopped(*_asked)


class _Uninterrupted:
    """A `with` block in which no `Stopped` is raised: one that is asked for meanwhile comes at its end."""

    def __enter__(self) -> None:
        _here.held += 1

    def __exit__(self, *_: object) -> None:
        _here.held -= 1
        if _asked:
            stop_if_asked()


uninterrupted = _Uninterrupted()


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise `Stopped` inside a `with` block."""
    global _asked, _raised
    ignored, sys.unraisablehook = sys.unraisablehook, _once_more
    try:
        with handled(stop):
            yield
    finally:
        sys.unraisablehook = ignored
        _asked, _raised = None, -UNWINDING


def _once_more(ignored):
    """Python tells of an exception that went nowhere. If it is `Stopped`, the signal comes again when that is over."""
    global _raised
    if not isinstance(ignored.exc_value, Stopped):
        sys.__unraisablehook__(ignored)
        return
    _raised = -UNWINDING
    timer = threading.Timer(AGAIN, _send_again)
    timer.daemon = True
    timer.start()


def _send_again():
    if _asked:
        _thread.interrupt_main(_asked[0])


@contextmanager
def handled(handler: Callable[[int, Any], Any]) -> Iterator[None]:
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
