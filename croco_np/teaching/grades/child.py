"""The process of one answer: limits first, then the statements that the exercise needs; then it waits to be called.

Its standard streams lead nowhere. Whatever the statements replace, they replace it here: the checks run elsewhere.
"""

import __future__

import ast
import builtins
import ctypes  # noqa: F401  # before the guard forbids to load libraries
import importlib.abc
import importlib.util
import inspect
import linecache
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np  # noqa: F401  # the same

from ...gradcheck.snapshot import changed, snapshot
from ..magics import Shell
from . import wire
from .confined import confine

CALLS = {"grade": "__croco_np_answer__", "solution": "__croco_np_nothing__"}  # what stands for these calls
AWAITED = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
FUTURE = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
EXERCISE = "<exercise>"  # the exercise cell in tracebacks; the cells above are <cell 1>, <cell 2>, ...


def main() -> None:
    """Read a job from standard input, run it, and answer calls until the grade book closes the pipe."""
    given, back = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    job = wire.pickle.loads(wire.received(given, wire.OURS))
    os.chdir(job["folder"])
    loop = _loop() if any("async" in text or "await" in text for text in (*job["above"], job["cell"])) else None
    confine(job["folder"], job["closed"], job["seconds"], job["memory"])
    sys.meta_path[:0] = [_Own(name, text) for name, text in job["modules"].items()]
    try:
        answer = captured(job["above"], job["cell"], job["number"], job["whole"], loop)
    except BaseException as error:  # whatever a student's statements raise
        wire.send(back, ("raised", *_told(error)))
        return
    try:
        wire.send(back, ("function", _names(answer)) if callable(answer) else ("value", answer))
    except Exception as error:
        wire.send(back, ("raised", *_no_data(error)))
        return
    _serve(answer, given, back)


class _Own(importlib.abc.InspectLoader):
    """Finds the module of a teacher's exercises, which lies in no file that an answer could read."""

    def __init__(self, name, text):
        self.name, self.text = name, text

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def get_source(self, fullname):
        return self.text

    def is_package(self, fullname):
        return False


def _loop():
    """What runs `await` at the top level, made before the guard: it has a socket."""
    import asyncio

    return asyncio.new_event_loop()


def captured(above: list[str], cell: str, number: str, whole: bool, loop: Any) -> Any:
    """Run the cells above an exercise and its own -> the answer that its last call of grade(number, ...) has.

    whole  whether these are all cells, of which one may fail and the next still run, as in a notebook
    loop   an event loop, if there is an `await`
    """
    answers: dict[str, Any] = {}

    def capture(number=None, answer=None, *_, **__):
        answers[str(number)] = answer

    module = ModuleType("__main__")  # where pickle and inspect look for what is defined here
    nothing = dict.fromkeys((CALLS["solution"], "display"), lambda *_, **__: None)
    vars(module).update({CALLS["grade"]: capture, "__builtins__": builtins, "get_ipython": Shell} | nothing)
    sys.modules["__main__"] = module
    run = _runner(vars(module), loop)
    names = [*(f"<cell {i + 1}>" for i in range(len(above))), EXERCISE]
    for name, text in zip(names, [*above, cell], strict=True):
        try:
            run(text, name)
        except BaseException:
            if number not in answers and (name == EXERCISE or not whole):
                raise
    if number not in answers:
        raise LookupError("its cell never comes to its line grade(...)")
    return answers[number]


def _runner(space: dict[str, Any], loop: Any) -> Callable[[str, str], None]:
    """A function(text, name) that runs a cell in `space`; what a cell imports from __future__ holds for the next ones.

    The lines are kept where `inspect` and tracebacks look for them.
    """
    future = 0

    def run(text, name):
        nonlocal future
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        tree = ast.fix_missing_locations(_Capturing().visit(ast.parse(text, name)))
        code = compile(tree, name, "exec", future | AWAITED, dont_inherit=True)
        future |= code.co_flags & FUTURE
        waits = eval(code, space)
        if inspect.iscoroutine(waits):
            loop.run_until_complete(waits)

    return run


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
        except Exception as error:  # whatever pickling what it returns raises
            wire.send(back, ("raised", *_no_data(error)))


def _told(error):
    """(name of an exception, what it says, the last line of a cell that ran)."""
    try:
        return type(error).__name__, str(error)[:500], _line_of(error)
    except Exception:  # an error of the answer's own, with a text that fails
        return "Exception", "its text cannot be read", _line_of(error)


def _no_data(error):
    return "TypeError", f"it returns what is no data: {type(error).__name__}", ""


def _line_of(error):
    """The last line of a cell that ran before an error."""
    ran = [(f.f_code.co_filename, number) for f, number in traceback.walk_tb(error.__traceback__)]
    cells = [(name, number) for name, number in ran if name == EXERCISE or name.startswith("<cell ")]
    return linecache.getline(*cells[-1]).strip() if cells else ""


def _names(answer):
    """The names of the parameters of an answer; None where it does not tell them."""
    try:
        return [name for name, p in inspect.signature(answer).parameters.items() if p.kind != p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        return None
