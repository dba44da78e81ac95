"""Code cells run as a notebook runs them, where there is no notebook: in a page of the site, or in a grade book."""

import ast
import itertools
import linecache
from typing import Any

_count = itertools.count(1)


def run(source: str, names: dict[str, Any]) -> None:
    """Run a cell in the namespace `names`; what its last line is worth is printed.

    The lines are kept where `inspect` looks for them, so that `show` can show a function of the cell, and a traceback
    its line. Raises what the cell raises.
    """
    file = f"<cell {next(_count)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    tree = ast.parse(source, file)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, file, "exec"), names)
    if last is not None and (value := eval(compile(last, file, "eval"), names)) is not None:
        print(repr(value))
