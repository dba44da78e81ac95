"""Exercises with checks that the notebook does not show, and hints that grow with every wrong try."""

import ast
import importlib
import pkgutil
import textwrap
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from ..errors import InputError
from ..kernels.twin import using
from . import solutions
from .guard import Refused, guarded
from .said import in_words
from .stops import stopped
from .tries import count_miss


class Exercise(NamedTuple):
    """One question.

    number  "LESSON.N"
    task    what the answer has to be, in one line
    check   function(answer) -> None if it is right, else a hint that does not give the answer away
    writes  places of the arguments that the answer is asked to write into; it leaves all others as they are
    wants   "array" or "number" if the answer is a function that returns one of it; "" where the check looks itself
    """

    number: str
    task: str
    check: Callable[[Any], str | None]
    writes: tuple[int, ...] = ()
    wants: str = ""


EXERCISES: dict[str, Exercise] = {}  # by number
IMPORT = "(from croco_np.teaching import solution)"


def exercise(
    number: str, task: str, writes: tuple[int, ...] = (), wants: Literal["", "array", "number"] = ""
) -> Callable[[Callable], Callable]:
    """Register a check, a function of the answer, as exercise `number`; see `Exercise`."""

    def register(check):
        if number in EXERCISES:
            raise ValueError(f"exercise {number} exists already")
        EXERCISES[number] = Exercise(number, task, check, writes, wants)
        return check

    return register


def verdict(number: str | float, answer: Any) -> tuple[bool, str]:
    """(whether it is right, what to tell the student): never raises for what an answer does.

    Checks run on the NumPy definitions of the kernels, whose messages name shapes; those of a compiler name its types.
    """
    found = find(number)
    opening = f"Exercise {found.number}"
    if answer is None or answer is ...:
        return False, _is_open(found)
    try:
        with using("numpy"):
            hint = found.check(guarded(answer, found.writes, found.wants))
    except Refused as refused:
        return False, f"{opening}: not yet. {refused}"
    except NotImplementedError:
        return False, _is_open(found)
    except KeyboardInterrupt:  # of whom waits for an answer that does not end
        raise
    except BaseException as error:  # whatever an answer does wrong is told, not thrown
        return False, f"{opening}: not yet. {stopped(error, answer)}"
    return (
        hint is None,
        f"Exercise {found.number}: right." if hint is None else f"Exercise {found.number}: not yet. {hint}",
    )


def grade(number: str | float, answer: Any) -> None:
    """Print whether the answer to an exercise is right, or a hint; an answer still open (None or ...) is named so.

    Every further wrong answer, if it is another one than before, gets a further hint, the fourth the way to the worked
    solution. A right answer gets a sentence to take along.
    """
    right, told = verdict(number, answer)
    found = find(number)
    for line in (told, *_more(found, answer, right, told)):
        print(textwrap.fill(line, 80, break_long_words=False, break_on_hyphens=False))


def _more(found, answer, right, told):
    """What `grade` says after the verdict."""
    solved = solutions.every().get(found.number)
    if solved is None or told == _is_open(found):
        return []
    if right:
        return [solved.worth]
    tries = count_miss(found.number, answer)
    if tries <= len(solved.hints) + 1:
        return [f"Hint {tries}: {solved.hints[tries - 2]}"] if tries > 1 else []
    return [f"Stuck? {_call(found.number, answer)} shows it worked out, beside yours. {IMPORT}"]


def _call(number, answer):
    """The line that shows the worked solution beside this answer, as a student would write it."""
    if isinstance(answer, (int, float, str)):
        name = in_words(answer)
        runs = _is_literal(name)
    else:
        name = str(getattr(answer, "__name__", ""))
        runs = name.isidentifier()  # that of a lambda is none
    return f'solution("{number}", {name if runs else "my_answer"})'


def _is_literal(text):
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def find(number: str | float) -> Exercise:
    """The exercise of a number; `InputError` if there is none."""
    _load()
    number = str(number) if isinstance(number, (str, float)) else ""  # 1.1 is as clear as "1.1"
    if number not in EXERCISES:
        raise InputError(f"exercise {number[:40]!r}: there is none; choose one of {', '.join(EXERCISES)}")
    return EXERCISES[number]


def _is_open(found):
    return f"Exercise {found.number} is open: {found.task}"


def _load():
    """Import the lessons' checks, which register themselves."""
    from . import exercises

    for lesson in pkgutil.iter_modules(exercises.__path__):
        importlib.import_module(f"{exercises.__name__}.{lesson.name}")
