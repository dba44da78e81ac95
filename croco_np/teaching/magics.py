"""Code cells as plain Python: IPython's own lines (%time, !ls, np.sum?) rewritten or left out; and a stand-in for it.

A cell that is Python already stays as it is: `% 4)` may continue an expression. Any other goes through IPython's own
rewriting where IPython is installed, and else loses these lines.
"""

import ast
import re
import warnings
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

TIMED_CELL = re.compile(r"\A\s*%%(?:time|timeit|capture|prun)\b[^\n]*")  # the rest of the cell is Python
TIMED = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)  # the rest of the line is
ASSIGNED = re.compile(r"^([ \t]*[^\W\d][\w, \t]*=[ \t]*)[!%].*$", re.MULTILINE)
LINE = re.compile(r"^[ \t]*(?:[%!?].*|[\w.*]+\?{1,2}[ \t]*)$", re.MULTILINE)


class Shell:
    """What `get_ipython()` gives where no IPython runs the cells: it takes every call, and does nothing."""

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        return []

    def run_line_magic(self, name: str, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(best=0.0, worst=0.0, average=0.0, stdev=0.0) if name == "timeit" else None

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@lru_cache(maxsize=4096)  # each cell of a notebook is asked for once per exercise below it
def plain(cell: str) -> str:
    """A code cell as Python; as it is where nothing makes Python of it."""
    if parsed(cell) is not None:
        return cell
    bare = TIMED.sub(r"\1", TIMED_CELL.sub("", cell))
    for text in (bare, _by_ipython(bare), LINE.sub("", ASSIGNED.sub(r"\1None", bare))):
        if parsed(text) is not None:
            return text
    return cell


def parsed(text: str) -> ast.Module | None:
    """The syntax tree of a text; None if it is no Python, or nested too deeply for Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a student's "\d", on our standard error
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _by_ipython(cell):
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return cell
    try:
        return TransformerManager().transform_cell(cell)
    except Exception:  # whatever a text that is no Python does to it
        return cell
