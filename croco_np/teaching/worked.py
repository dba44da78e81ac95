"""The worked solution of an exercise, and where an answer departs from it."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError
from ..gradcheck.snapshot import KEYS, contents
from ..kernels.twin import using
from . import solutions
from .compare import same
from .grading import Exercise, find, verdict
from .guard import guarded
from .said import in_words
from .stops import first_line


class Worked:
    """A derivation, its lines or value, and what is said of the reader's own answer; a notebook sets it as Markdown."""

    def __init__(self, number: str, derivation: str, listing: str, beside: str) -> None:
        self.number, self.derivation, self.listing, self.beside = number, derivation, listing, beside

    def __repr__(self) -> str:
        parts = (f"Exercise {self.number}, worked out", self.derivation, self.listing, self.beside)
        return "\n\n".join(part for part in parts if part)

    def _repr_markdown_(self):
        listing = f"```python\n{self.listing}\n```"
        beside = re.sub(r"([*_<`$\\])", r"\\\1", self.beside)  # as it stands: lines of Python may stand in it
        parts = (f"**Exercise {self.number}, worked out**", self.derivation, listing, beside)
        return "\n\n".join(part for part in parts if part)


def solution(number: str | float, answer: Any = None) -> Worked:
    """The worked solution of an exercise -> `Worked`, which a notebook shows.

    answer  the reader's own function or value: then it is said whether it is right, and where on the checker's own
            examples it first departs from the solution

    Raises InputError for a number of no exercise.
    """
    found = find(number)
    solved = solutions.every().get(found.number)
    if solved is None:
        raise InputError(f"exercise {found.number}: it comes without a worked solution")
    derivation = inspect.cleandoc(solved.derivation)
    return Worked(found.number, derivation, _listing(solved.answer), _beside(found, solved.answer, answer))


def _listing(right):
    return textwrap.dedent(inspect.getsource(right)).rstrip() if callable(right) else repr(right)


def _beside(found, right, answer):
    """What is said of the reader's answer; "" if there is none."""
    if answer is None or answer is ...:
        return ""
    is_right, told = verdict(found.number, answer)
    told = told.removeprefix(f"Exercise {found.number}")
    if is_right:
        return "Yours is right, too."
    if told.startswith(" is open"):
        return "Yours is still open."
    if not callable(right):
        return f"Yours{told} You say {in_words(answer)}, the solution says {right!r}."
    departs = first_difference(found, right, answer) if callable(answer) else ""
    return f"Yours{told}\n\n{departs}" if departs else f"Yours{told}"


def first_difference(found: Exercise, right: Callable, answer: Callable) -> str:
    """Where `answer` first departs from the solution on the examples that the check of the exercise draws; "" if
    nowhere."""
    names = _names_written(found, right) if found.writes else _names_returned(right)
    for n, (args, wanted) in enumerate(_examples(found, right)):
        place = f"On the checker's example {n + 1}{_sizes(right, args)}"
        args = copied(args)
        try:
            with using("numpy"):
                returned = answer(*args)
        except Exception as error:
            return f"{place} yours stops with {first_line(error)}"
        told = _departure(_outcome(found, args, returned), wanted, names)
        if told:
            return f"{place} {told}"
    return ""


def _examples(found, right):
    """The (arguments, outcome) of all calls in which the check of an exercise tries the solution."""
    calls = []

    def recorded(*args):
        before = copied(args)
        returned = right(*args)
        calls.append((before, copied(_outcome(found, args, returned))))
        return returned

    with using("numpy"):
        found.check(guarded(recorded, found.writes, found.wants))
    return calls


def _outcome(found, args, returned):
    """What an answer is judged by: what it returns, or the arguments it was asked to write into."""
    written = tuple(args[i] for i in found.writes)
    return returned if not written else written[0] if len(written) == 1 else written


def copied(thing: Any) -> Any:
    """`thing` with copies of the arrays in nested tuples, lists and dicts; anything else is handed on."""
    if isinstance(thing, np.ndarray):
        return thing.copy()
    if isinstance(thing, dict):
        return {key: copied(part) for key, part in thing.items()}
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        return type(thing)(*map(copied, thing))
    if isinstance(thing, (tuple, list)):
        return type(thing)(map(copied, thing))
    return thing


def _departure(said, wanted, names):
    """In words, where one outcome departs from the other; "" if nowhere."""
    ours, theirs = contents(said), contents(wanted)
    for path, value in theirs.items():
        if path[-1:] == (KEYS,):
            continue
        name = _name(path, names)
        if path not in ours:
            return f"the solution returns {name or 'something'}, of shape {np.shape(value)}, which is missing in yours."
        if np.shape(ours[path]) != np.shape(value):
            subject = name or "what it returns"
            return f"{subject} has shape {np.shape(ours[path])} in yours, {np.shape(value)} in the solution."
        if isinstance(value, (np.ndarray, np.number, int, float)) and not same(ours[path], value):
            return _entries(name, np.asarray(ours[path]), np.asarray(value))
    extra = [path for path in ours if path not in theirs and path[-1:] != (KEYS,)]
    return f"yours returns {_name(extra[0], names) or 'something'}, which the solution does not." if extra else ""


def _entries(name, ours, theirs):
    """The first of the entries that differ, and how many do."""
    if not theirs.ndim:
        return f"{name or 'the value'} is {_figure(ours[()])} in yours, {_figure(theirs[()])} in the solution."
    wrong = [at for at in np.ndindex(theirs.shape) if not same(ours[at], theirs[at])]
    if not wrong:
        return f"{name or 'the array'} holds {ours.dtype} in yours, {theirs.dtype} in the solution."
    at = wrong[0]
    where = f"{name or 'the array'}[{', '.join(map(str, at))}]"
    count = f"{len(wrong)} of {theirs.size} entries differ"
    return f"{where} is {_figure(ours[at])} in yours, {_figure(theirs[at])} in the solution ({count})."


def _figure(value):
    """An entry in six digits, or as it is if it is no number."""
    try:
        return f"{value + 0.0:.6g}"  # + 0.0 makes 0 of -0, with which a check may begin to see what is written to
    except (TypeError, ValueError, OverflowError):
        return in_words(value)


def _name(path, names):
    """What a reader calls a place of what is returned: the solution's own name for it, and the keys below."""
    if not path:
        return names[0] if len(names) == 1 else ""
    first, *rest = path
    if isinstance(first, int) and first < len(names) and len(names) > 1:
        first = names[first]
    else:
        first = f"value {first + 1}" if isinstance(first, int) else str(first)
    return ".".join([first, *map(str, rest)])


def _names_written(found, right):
    """The names of the arguments that an answer writes into."""
    names = list(inspect.signature(right).parameters)
    return [names[i] for i in found.writes]


def _names_returned(right):
    """The names in the last `return` of a function: ["dx", "da"] of `return dx, da`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(right)))
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    if not returned:
        return []
    last = returned[-1]
    if not isinstance(last, ast.Tuple):
        return [last.id] if isinstance(last, ast.Name) else []
    return [part.id if isinstance(part, ast.Name) else f"value {i + 1}" for i, part in enumerate(last.elts)]


def _sizes(right, args):
    """The shapes of the arrays in an example, by the names of the solution's arguments."""
    names = list(inspect.signature(right).parameters)
    shapes = [f"{name} {a.shape}" for name, a in zip(names, args, strict=False) if isinstance(a, np.ndarray)]
    return f" ({', '.join(shapes)})" if shapes else ""
