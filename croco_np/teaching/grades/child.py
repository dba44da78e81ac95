"""The process of one answer: limits first, then the statements that the exercise needs; then it waits to be called.

Its standard streams lead nowhere. Whatever the statements replace, they replace it here: the checks run elsewhere.
"""

import ast
import builtins
import ctypes  # noqa: F401  # before the guard forbids to load libraries
import inspect
import linecache
import os
import sys
from types import ModuleType
from typing import Any

import numpy as np  # noqa: F401  # the same

from ... import teaching
from ...gradcheck.snapshot import changed, snapshot
from ..slices import MAGIC
from . import wire

CALLS = {"grade": "__croco_np_answer__", "solution": "__croco_np_nothing__"}  # what stands for these calls
STARTS = {  # what starts other programs, reaches other processes or the network, or calls into C
    *("os.system", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn"),
    *("subprocess.Popen", "os.kill", "os.killpg", "signal.pthread_kill", "sys.addaudithook"),
    *("socket.__new__", "socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"),
    *("ctypes.dlopen", "ctypes.dlsym", "ctypes.call_function", "ctypes.cdata", "ctypes.cdata/buffer"),
}
CHANGES = {
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("os.utime", "os.chflags", "os.mkfifo", "os.mknod", "os.setxattr", "os.removexattr", "shutil.rmtree"),
}
LOOKS = {"os.listdir", "os.scandir"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main() -> None:
    """Read a job from standard input, run it, and answer calls until the grade book closes the pipe."""
    given, back = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    job = wire.decoded(wire.received(given))
    os.chdir(job["folder"])
    _without_solutions()
    _limit(job["seconds"], job["memory"])
    sys.addaudithook(_guard(job["folder"], job["closed"]))
    try:
        answer = captured(job["preamble"], job["cell"], job["number"])
    except BaseException as error:  # whatever a student's statements raise
        wire.send(back, ("raised", *_told(error)))
        return
    wire.send(back, ("function", _names(answer)) if callable(answer) else ("value", answer))
    _serve(answer, given, back)


def captured(preamble: str, cell: str, number: str) -> Any:
    """Run the statements above an exercise and its cell -> the answer that its last call of grade(number, ...) has."""
    answers: dict[str, Any] = {}

    def capture(asked=None, answer=None, *_, **__):
        answers[str(asked)] = answer

    module = ModuleType("__main__")  # where pickle and inspect look for what is defined here
    space = vars(module)
    nothing = dict.fromkeys((CALLS["solution"], "display"), lambda *_, **__: None)
    space.update({CALLS["grade"]: capture, "__builtins__": builtins} | nothing)
    sys.modules["__main__"] = module
    for name, text in (("<above>", preamble), ("<exercise>", cell)):
        text = MAGIC.sub("", text)
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        tree = ast.fix_missing_locations(_Capturing().visit(ast.parse(text, name)))
        try:
            exec(compile(tree, name, "exec"), space)
        except BaseException:
            if number not in answers:
                raise
    if number not in answers:
        raise LookupError("its cell never comes to its line grade(...)")
    return answers[number]


class _Capturing(ast.NodeTransformer):
    """`grade(...)`, by whatever way it was imported or defined, keeps the answer; `solution(...)` does nothing."""

    def visit_Call(self, node):
        self.generic_visit(node)
        name = getattr(node.func, "id", getattr(node.func, "attr", None))
        if name in CALLS:
            node.func = ast.copy_location(ast.Name(CALLS[name], ast.Load()), node.func)
        return node


def _serve(answer, given, back):
    """Call the answer with what is sent, until nothing is."""
    while True:
        try:
            args = wire.pickle.loads(wire.received(given))
        except EOFError:
            return
        before = snapshot(args)
        try:
            returned = answer(*args)
            reply = ("returned", returned, args if changed(args, before) else None)
        except BaseException as error:  # the grade book decides what it means
            reply = ("raised", *_told(error))
        try:
            wire.send(back, reply)
        except (wire.pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            wire.send(back, ("raised", "TypeError", f"it returns what is no data: {str(error)[:200]}"))


def _told(error):
    """(name of an exception, what it says)."""
    try:
        return type(error).__name__, str(error)[:500]
    except Exception:  # an error of the answer's own, with a text that fails
        return "Exception", "its text cannot be read"


def _names(answer):
    """The names of the parameters of an answer; None where it does not tell them."""
    try:
        return [name for name, p in inspect.signature(answer).parameters.items() if p.kind != p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        return None


def _without_solutions():
    """Leave no worked solutions and no checks to import here."""
    for name in ("solutions", "exercises"):
        whole = f"{teaching.__name__}.{name}"
        for module in [m for m in sys.modules if m.startswith(f"{whole}.")]:
            del sys.modules[module]
        empty = ModuleType(whole)
        vars(empty)["every"] = dict
        sys.modules[whole] = empty
        for holder in (teaching, *vars(teaching).values()):
            if isinstance(holder, ModuleType) and isinstance(getattr(holder, name, None), ModuleType):
                setattr(holder, name, empty)


def _limit(seconds, memory):
    """Hold the process to some seconds of processor time and bytes of memory, and to small files, where that exists."""
    try:
        import resource
    except ImportError:  # not a Unix: the grade book's clock is the only limit
        return
    wanted = {"RLIMIT_CPU": seconds + 5, "RLIMIT_AS": memory, "RLIMIT_FSIZE": 2**20, "RLIMIT_CORE": 0}
    for name, most in wanted.items():
        if hasattr(resource, name):
            _, hard = resource.getrlimit(getattr(resource, name))
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(getattr(resource, name), (most, most))


def _guard(folder, closed):
    """An audit hook that refuses other programs, the network, and files but in `folder`; `closed` cannot be read."""
    inside = os.path.realpath(folder)
    shut = [os.path.realpath(path) for path in closed]
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    library = [os.path.realpath(path) for path in (f"{package}/croco_np", sys.prefix, sys.base_prefix)]

    def below(path, folders):
        path = os.path.realpath(os.fsdecode(path))
        return any(path == f or path.startswith(f + os.sep) for f in folders)

    def guard(event, args):
        if event in STARTS:
            raise PermissionError(f"{event} is not allowed while answers are marked")
        if event == "open" and isinstance(args[0], (str, bytes)):
            path, mode, flags = args
            writes = bool(flags & WRITING) if isinstance(flags, int) else any(c in (mode or "") for c in "wax+")
            if writes and not below(path, [inside, os.devnull]):
                raise PermissionError("files are not written while answers are marked")
            if below(path, shut) and not below(path, [inside, *library]):
                raise PermissionError("the notebooks of the class are not read while answers are marked")
        elif event in LOOKS and isinstance(args[0], (str, bytes)) and below(args[0], shut):
            raise PermissionError("the notebooks of the class are not read while answers are marked")
        elif event in CHANGES:
            paths = [arg for arg in args if isinstance(arg, (str, bytes))]
            if not all(below(path, [inside]) for path in paths):
                raise PermissionError("files are not changed while answers are marked")

    return guard
