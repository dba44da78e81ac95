"""Code cells run as a notebook runs them, where there is no notebook: in a page of the site, or in a grade book."""

import ast
import itertools
import linecache
import traceback
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from .magics import Shell
from .slices import needed
from .worked import solution

_count = itertools.count(1)


def run(source: str, names: dict[str, Any]) -> None:
    """Run a cell in the namespace `names`; what its last line is worth is printed.

    The lines are kept where `inspect` looks for them, so that `show` can show a function of the cell, and a traceback
    its line. Raises what the cell raises.
    """
    file = f"<cell {next(_count)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    *body, last = ast.parse(source, file).body or [ast.Pass()]
    if not isinstance(last, ast.Expr):
        exec(compile(source, file, "exec"), names)
        return
    exec(compile(ast.Module(body, []), file, "exec"), names)
    value = eval(compile(ast.Expression(last.value), file, "eval"), names)
    if value is not None:
        print(repr(value))


def attempt(above: Sequence[str], cell: str, number: str) -> None:
    """Run the cell of an exercise alone, behind what it needs of the code cells above; an error is printed, not raised.

    Of a traceback only what is in cells is printed: the rest is no line of the learner's.
    """
    names: dict[str, Any] = {"__name__": "__main__", "get_ipython": Shell}
    names["solution"] = solution  # which `grade` tells to call
    try:
        preamble, cell = needed([*above, cell], number)
        run(preamble, names)
        run(cell, names)
    except InputError as error:
        print(error)
    except (Exception, SystemExit) as error:
        told = traceback.TracebackException.from_exception(error)
        told.stack = traceback.StackSummary.from_list([f for f in told.stack if f.filename.startswith("<cell ")])
        print("".join(told.format(chain=False)), end="")
