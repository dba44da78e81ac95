"""Answers to the exercises: the worked solution, which is right, and typically wrong ones; a module for each lesson.

lessonNN.py holds WRONG, {number: {what is wrong: an answer a student might give}}, at least three of each number.
"""

import importlib
import pkgutil
from typing import Any, NamedTuple

from croco_np.teaching import solutions


class Answer(NamedTuple):
    """right: the worked solution. wrong: {what is wrong with it: an answer a student might give}."""

    right: Any
    wrong: dict[str, Any]


def every():
    """{number of the exercise: Answer} of all lessons."""
    lessons = (importlib.import_module(f"{__name__}.{lesson.name}") for lesson in pkgutil.iter_modules(__path__))
    return {
        number: Answer(solutions.every()[number].answer, wrong)
        for lesson in lessons
        for number, wrong in lesson.WRONG.items()
    }
