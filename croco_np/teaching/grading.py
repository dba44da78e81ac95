"""Exercises with checks that the notebook does not show."""

import importlib
import pkgutil
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import InputError
from .guard import Refused, guarded


class Exercise(NamedTuple):
    """One question.

    number  "LESSON.N"
    task    what the answer has to be, in one line
    check   function(answer) -> None if it is right, else a hint that does not give the answer away
    writes  places of the arguments that the answer is asked to write into; it leaves all others as they are
    """

    number: str
    task: str
    check: Callable[[Any], str | None]
    writes: tuple[int, ...] = ()


EXERCISES: dict[str, Exercise] = {}  # by number


def exercise(number: str, task: str, writes: tuple[int, ...] = ()) -> Callable[[Callable], Callable]:
    """Register a check, a function of the answer, as exercise `number`; see `Exercise`."""

    def register(check):
        if number in EXERCISES:
            raise ValueError(f"exercise {number} exists already")
        EXERCISES[number] = Exercise(number, task, check, writes)
        return check

    return register


def verdict(number: str | float, answer: Any) -> tuple[bool, str]:
    """(whether it is right, what to tell the student): never raises for what an answer does."""
    _load()
    number = str(number) if isinstance(number, (str, float)) else ""  # 1.1 is as clear as "1.1"
    if number not in EXERCISES:
        raise InputError(f"exercise {number[:40]!r}: there is none; choose one of {', '.join(EXERCISES)}")
    found = EXERCISES[number]
    if answer is None or answer is ...:
        return False, f"Exercise {number} is open: {found.task}"
    try:
        hint = found.check(guarded(answer, found.writes))
    except Refused as refused:
        return False, f"Exercise {number}: not yet. {refused}"
    except NotImplementedError:
        return False, f"Exercise {number} is open: {found.task}"
    except KeyboardInterrupt:  # of whom waits for an answer that does not end
        raise
    except BaseException as error:  # whatever an answer does wrong is told, not thrown
        return False, f"Exercise {number}: not yet. It stops with {_first_line(error)}"
    return hint is None, f"Exercise {number}: right." if hint is None else f"Exercise {number}: not yet. {hint}"


def _first_line(error):
    """The kind of an exception and the first line of what it says: some compilers write pages."""
    try:
        said = str(error)
    except Exception:  # an error of the answer's own, with a text that fails
        said = "its text cannot be read"
    return f"{type(error).__name__}: {said.partition(chr(10))[0]}"


def grade(number: str | float, answer: Any) -> None:
    """Print whether the answer to an exercise is right, or a hint; an answer still open (None or ...) is named so."""
    print(textwrap.fill(verdict(number, answer)[1], 80))


def _load():
    """Import the lessons' checks, which register themselves."""
    from . import exercises

    for lesson in pkgutil.iter_modules(exercises.__path__):
        importlib.import_module(f"{exercises.__name__}.{lesson.name}")
