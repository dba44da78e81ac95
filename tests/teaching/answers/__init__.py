"""Answers to the exercises, right and typically wrong; a module for each lesson."""

import importlib
import pkgutil
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """right: the reference answer. wrong: {what is wrong with it: an answer a student might give}, at least two."""

    right: Any
    wrong: dict[str, Any]


def every():
    """{number of the exercise: Answer} of all lessons."""
    lessons = (importlib.import_module(f"{__name__}.{lesson.name}") for lesson in pkgutil.iter_modules(__path__))
    return {number: answer for lesson in lessons for number, answer in lesson.ANSWERS.items()}
