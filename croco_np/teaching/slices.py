"""The part of a notebook that one exercise needs: a backward slice of its statements, by the names they set and use.

An exercise cell is the code cell that calls `grade("N.M", ...)`. It runs alone behind its preamble, the statements
above it that set what it uses, and what these use: in a page of the site, and in a process of its own for a grade book.

A statement at the top level uses a name as it is then, so the last statement that set it is taken, with all that
changed it since: `x[0] = 1`, `x.a = 1`, `x += 1`, `x.append(1)`. The body of a function uses names as they are when it
is called, which nobody knows here, so every statement that sets them is taken. A call of a module's function, such as
`np.set_printoptions(...)`, changes no name of the notebook and is left out. So is `f(x)`, which may write into `x`:
a slice may lack what an answer needs, and `is_certain` tells where it cannot.
"""

import ast
import builtins
import re
import symtable
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ..errors import InputError
from .magics import parsed, plain

GRADE = re.compile(r"""\bgrade\(\s*(?:"([^"\n]+)"|'([^'\n]+)'|(\d+\.\d+))""")
GIVEN = {*dir(builtins), "get_ipython", "display", "solution"}  # names that a notebook has without setting them
SETTING = (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
STAR = "*"  # of `from x import *`, which may set any name and is always taken
EVERY = -1  # in the place of a position: whichever statement sets the name
AT_ONCE = ("listcomp", "setcomp", "dictcomp", "genexpr")  # scopes of their own that run where they stand


class Statement(NamedTuple):
    """One statement at the top level, with the names in it.

    sets     names it gives a value, whatever it was before
    changes  names that it may set or change, and that keep what they had otherwise
    uses     names whose value it needs when it runs
    calls    names that functions defined in it need when they are called
    """

    source: str
    sets: frozenset[str]
    changes: frozenset[str]
    uses: frozenset[str]
    calls: frozenset[str]


@lru_cache(maxsize=4096)
def graded(cell: str) -> list[str]:
    """The numbers of the exercises that a code cell grades, in order, each once."""
    tree = parsed(plain(cell))
    if tree is None:  # half written
        code = "\n".join(line for line in cell.splitlines() if not line.lstrip().startswith("#"))
        return list(dict.fromkeys(next(filter(None, found)) for found in GRADE.findall(code)))
    numbers = [n.value for n in _asked(tree) if isinstance(n, ast.Constant) and isinstance(n.value, (str, float))]
    return list(dict.fromkeys(map(str, numbers)))


def computes_numbers(cell: str) -> bool:
    """Whether a cell grades an exercise whose number only running it tells: `grade(n, f)` in a loop."""
    tree = parsed(plain(cell))
    return tree is not None and any(not isinstance(number, ast.Constant) for number in _asked(tree))


def _asked(tree):
    """The expressions for the number in all calls of `grade`, in the order of their lines."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "grade"]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        named = [keyword.value for keyword in call.keywords if keyword.arg in ("number", None)]
        yield from (call.args or named)[:1]


def _called(call):
    """The name of the function of a call, the last part of it."""
    return getattr(call.func, "id", getattr(call.func, "attr", None))


def needed(cells: Sequence[str], number: str) -> tuple[str, str]:
    """The code cells of a notebook, and the number of an exercise -> (preamble, exercise cell), both Python.

    Of several cells that grade it, the last counts. A cell above it that is no Python, half written, gives nothing.
    InputError if no cell grades the exercise.
    """
    taken, _, cell = _slice(cells, number)
    return "\n".join(statement.source for statement in taken), cell


def is_certain(cells: Sequence[str], number: str) -> bool:
    """Whether the statements above an exercise cell can be no more to it than those that are `needed`.

    They are imports, and give all names that the cell uses; no statement can have changed these behind our back.
    """
    taken, known, cell = _slice(cells, number)
    if parsed(cell) is None:
        return True
    return all(s.source.startswith(("import ", "from ")) for s in taken) and _wanted(cell) <= known | GIVEN


def place(cells: Sequence[str], number: str) -> int:
    """The place of the last cell that grades an exercise; InputError if there is none."""
    at = max((i for i, cell in enumerate(cells) if number in graded(cell)), default=None)
    if at is None:
        raise InputError(f'exercise {number}: no cell calls grade("{number}", ...)')
    return at


def _slice(cells, number):
    """(the statements that the exercise cell needs, all names that statements above it set, the exercise cell)."""
    at = place(cells, number)
    cell = plain(cells[at])
    statements = _keep_imports([statement for above in cells[:at] for statement in _statements(plain(above))])
    taken: set[int] = set()
    todo = {(name, len(statements)) for name in _wanted(cell)} | {(STAR, EVERY)}
    done: set[tuple[str, int]] = set()
    while todo:
        name, before = todo.pop()
        done.add((name, before))
        for i in _setters(statements, name, before):
            taken.add(i)
            todo |= {(other, i) for other in statements[i].uses} | {(other, EVERY) for other in statements[i].calls}
        todo -= done
    future = [s for s in statements if s.source.startswith("from __future__")]  # holds for all cells below; comes first
    own = [statements[i] for i in sorted(taken) if statements[i] not in future]
    return [*future, *own], {name for s in statements for name in s.sets | s.changes}, cell


def _keep_imports(statements):
    """The statements, where none changes what is imported: `np.set_printoptions()` is no part of `np`."""
    imported = {name for s in statements if s.source.startswith(("import ", "from ")) for name in s.sets}
    return [s._replace(changes=s.changes - imported) for s in statements]


def _setters(statements, name, before):
    """The places of the statements that make up the value of a name before a place, the last first."""
    for i in range(len(statements) - 1 if before == EVERY else before - 1, -1, -1):
        if name in statements[i].changes:
            yield i
        elif name in statements[i].sets:
            yield i
            if before != EVERY:
                return


def _wanted(cell):
    """Names that an exercise cell uses before it sets them; of one that is no Python, whatever looks like a name."""
    statements = _statements(cell)
    if not statements:
        return set(re.findall(r"[^\W\d]\w*", cell))
    wanted, own = set(), set()
    for statement in statements:
        wanted |= statement.uses - own
        own |= statement.sets
    return wanted.union(*(statement.calls for statement in statements)) - (own - wanted)


def _statements(cell):
    """The statements of a cell; those that share a line are one. Nothing of a cell that is no Python."""
    tree = parsed(cell)
    lines, groups = cell.split("\n"), []
    for node in tree.body if tree else ():
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        if groups and first <= groups[-1][-1].end_lineno:
            groups[-1].append(node)
        else:
            groups.append([first, node])
    try:
        return [_statement("\n".join(lines[first - 1 : nodes[-1].end_lineno]), nodes) for first, *nodes in groups]
    except (SyntaxError, ValueError, RecursionError):  # what only a compiler sees, such as `global x` below x
        return []


def _statement(source, nodes):
    table = symtable.symtable(source, "<cell>", "exec")
    symbols = table.get_symbols()
    bound = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == STAR for node in nodes):
        bound.add(STAR)
    uses, calls = {s.get_name() for s in symbols if s.is_referenced()}, set()
    for scope in table.get_children():
        _outer_names(scope, uses, calls)
    changes = {name for node in nodes for name in _changed(node)}
    if not all(isinstance(node, SETTING) for node in nodes):
        changes |= bound
    return Statement(source, *map(frozenset, (bound - changes, changes, uses, calls)))


def _outer_names(scope, uses, calls):
    """Add the names that a scope takes from the top level: to `calls` what a function needs once it is called."""
    if scope.get_type() == "function" and scope.get_name() not in AT_ONCE:
        uses = calls
    uses |= {s.get_name() for s in scope.get_symbols() if s.is_global() and (s.is_referenced() or s.is_assigned())}
    for inner in scope.get_children():
        _outer_names(inner, uses, calls)


def _changed(node):
    """Names that a statement writes into: by an index, an attribute, or a method called for its effect."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return
    if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
        yield from _owner(node)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        yield from _owner(node.value.func)
    for inner in ast.iter_child_nodes(node):
        yield from _changed(inner)


def _owner(node):
    """The name at the beginning of x.a[0].b, if there is one."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return [node.id] if isinstance(node, ast.Name) else []
