"""An answer that lives in another process: it can be called from here, and ends when its time is up."""

import builtins
import inspect
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import croco_np

from ...command.streams import printable
from ...gradcheck.snapshot import contents
from ..guard import Refused
from ..stops import LINE
from . import wire

PASSED_ON = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")  # of our environment; nothing else that is in it
START = "import sys; sys.path.insert(0, sys.argv[1]); from croco_np.teaching.grades.child import main; main()"


class Limits(NamedTuple):
    """What an answer may take: seconds for its start and all its calls; bytes of memory."""

    seconds: int = 60
    memory: int = 4 * 2**30


class Gone(Exception):
    """The process of the answer ended, or was ended.

    timed_out  whether it was ended because its time was up
    """

    def __init__(self, timed_out: bool) -> None:
        super().__init__("its process ended")
        self.timed_out = timed_out


class Raised(Exception):
    """The statements of the notebook failed before there was an answer."""


class Answer:
    """The answer's process.

    value      what to grade: a value, or a function that calls the answer there
    timed_out  whether it was ended because its time was up
    gone       whether it ended before it was told to
    """

    def __init__(self, process: subprocess.Popen, seconds: float) -> None:
        assert process.stdin is not None  # it is a pipe
        assert process.stdout is not None
        self.given, self.back = process.stdin, process.stdout
        self.process, self.timed_out, self.gone = process, False, False
        self.value: Any = None
        self.left = seconds  # while we wait for it; what the checks take is not its own

    def _out_of_time(self):
        self.timed_out = True
        end(self.process)

    def ask(self, frame: bytes) -> tuple:
        """Send what is pickled, and wait for the reply; `Gone` if none comes."""
        started, timer = time.monotonic(), threading.Timer(self.left, self._out_of_time)
        timer.daemon = True
        timer.start()
        try:
            self.given.write(wire.HEAD.pack(len(frame)) + frame)
            self.given.flush()
            reply = wire.decoded(wire.received(self.back))
        except (EOFError, OSError, ValueError):
            self.gone = True
            raise Gone(self.timed_out) from None
        except wire.Undecodable as error:
            return "raised", "TypeError", str(error), ""
        finally:
            timer.cancel()
            self.left = max(self.left - (time.monotonic() - started), 0.0)
        return reply if isinstance(reply, tuple) and reply else ("raised", "TypeError", "no reply to read", "")

    def function(self, names: Sequence[str] | None) -> Any:
        """The answer as a function of this process, with the names of its parameters."""

        def call(*args):
            kind, *told = self.ask(pickle.dumps(args, protocol=5))
            if kind == "raised":
                raise exception(*map(str, told[:3]))
            returned, now = told  # what is forged in any other form raises here, and is no right answer
            if now is not None:
                _write_back(now, args)
            return returned

        if names and all(isinstance(name, str) and name.isidentifier() for name in names):
            with suppress(ValueError):
                kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
                signature = inspect.Signature([inspect.Parameter(name, kind) for name in names])
                call.__dict__["__signature__"] = signature
        return call


@contextmanager
def answering(job: dict, limits: Limits, closed: Sequence[Path] = ()) -> Iterator[Answer]:
    """Start a process, let it run the statements of a job, and give its answer; it ends with the block.

    job     {"above", "cell", "number", "whole", "modules"}: see `marking`
    closed  folders and files that it may not read
    Raises `Raised` if the statements fail, `Gone` if the process ends or is out of time.
    """
    with tempfile.TemporaryDirectory(prefix="croco_np-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", START, str(Path(croco_np.__file__).resolve().parents[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment(folder),
            start_new_session=True,
        )
        answer = Answer(process, limits.seconds)
        try:
            held = {**limits._asdict(), "folder": folder, "closed": [os.path.realpath(path) for path in closed]}
            kind, *told = answer.ask(pickle.dumps(job | held))
            if kind == "raised":
                raise Raised(": ".join(map(str, told[:2])))
            if len(told) != 1:
                raise Raised("its process does not answer as it should")
            answer.value = answer.function(told[0]) if kind == "function" else told[0]
            yield answer
        finally:
            end(process)
            answer.back.close()
            with suppress(OSError):
                answer.given.close()


def environment(folder: str) -> dict[str, str]:
    """What a process of an answer finds in its environment: its own folder, one thread, NumPy kernels, no display."""
    ours = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    places = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), folder)
    return ours | threads | places | {"CROCO_NP_KERNELS": "numpy", "MPLBACKEND": "Agg", "LANG": "C.UTF-8"}


def end(process: subprocess.Popen) -> None:
    """End a process and all that it started."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    process.wait()


def exception(name: str = "Exception", message: str = "", line: str = "") -> Exception:
    """An exception of this process with the name and the text of one in the other, and the line that raised it."""
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or kind is StopIteration:  # it would end a loop
        kind = Exception
    name = name if name.isidentifier() else "Exception"
    same_text = {"__str__": lambda self: message}  # that of a KeyError would be quoted once more
    try:
        made = type(name, (kind,), same_text)(message)
    except TypeError:  # one that wants other arguments
        made = type(name, (Exception,), same_text)(message)
    made.__dict__[LINE] = printable(line, 120)
    return made


def _write_back(now, args):
    """Write into our arguments what the answer wrote into its copies; `Refused` for what is no array's content."""
    ours, theirs = contents(args), contents(now)
    for path, leaf in ours.items():
        other = theirs.get(path)
        if isinstance(leaf, np.ndarray):
            if not isinstance(other, np.ndarray) or other.shape != leaf.shape or other.dtype != leaf.dtype:
                raise Refused("It replaces parts of its arguments: leave what you are given as it is.")
            if not np.array_equal(leaf, other, equal_nan=leaf.dtype.kind in "fc"):
                try:
                    leaf[...] = other
                except ValueError:  # ours is read-only: it was not to be written into
                    raise Refused("It writes into an argument: leave what you are given as it is.") from None
        elif path not in theirs:
            raise Refused("It takes away parts of its arguments: leave what you are given as it is.")
