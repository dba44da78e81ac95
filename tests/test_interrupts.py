"""Ctrl-C and SIGTERM: wherever they arrive, the command ends with their status."""

import ctypes
import os
import signal
import time

import pytest

from croco_np.command import status
from croco_np.command.interrupts import UNWINDING, stop_if_asked, uninterrupted


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)  # the handler has run by then


def in_a_destructor():
    class Deaf:
        def __del__(self):
            interrupt()

    Deaf()


def in_a_callback():
    ctypes.CFUNCTYPE(None)(interrupt)()


def work(seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.parametrize("arrives", [in_a_destructor, in_a_callback, lambda: [in_a_callback() for _ in range(5)]])
def test_a_stop_that_goes_nowhere_comes_again(arrives, capsys):
    def run(argv):
        arrives()
        work()
        return 0

    assert status(run, []) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_stop_that_was_swallowed_is_still_due():
    def run(argv):
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        stop_if_asked()
        return 0

    assert status(run, []) == 130
    assert status(lambda argv: stop_if_asked() or 0, []) == 0  # and is over with the command


def test_a_later_ctrl_c_works():
    """One right after the first leaves the cleaning up alone."""

    def run(argv):
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        interrupt()
        time.sleep(UNWINDING)
        interrupt()
        return 0

    assert status(run, []) == 130


def test_a_compiler_is_not_interrupted():
    done = []

    def run(argv):
        with uninterrupted:
            interrupt()
            done.append("compiled")
        done.append("went on")

    assert status(run, []) == 130
    assert done == ["compiled"]


def test_handlers_are_as_before():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert status(lambda argv: interrupt(), []) == 130
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
