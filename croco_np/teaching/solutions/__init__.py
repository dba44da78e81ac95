"""Worked solutions of the exercises: what stands behind a second hint, a third one, and `solution("3.1")`.

lessonNN.py holds SOLUTIONS, {number: Solution}, of lesson NN.
"""

import functools
import importlib
import pkgutil
from typing import Any, NamedTuple


class Solution(NamedTuple):
    """The worked solution of one exercise.

    answer      the value, or a function under the name that the lesson's cell uses; its source is what a reader sees
    derivation  Markdown with formulas: the answer on paper
    hints       the second and the third, each of more help than the one before; neither is the answer
    worth       one sentence to take along after a right answer
    """

    answer: Any
    derivation: str
    hints: tuple[str, str]
    worth: str


@functools.cache
def every() -> dict[str, Solution]:
    """{number of the exercise: its `Solution`} of all lessons."""
    lessons = (importlib.import_module(f"{__name__}.{lesson.name}") for lesson in pkgutil.iter_modules(__path__))
    return {number: solved for lesson in lessons for number, solved in lesson.SOLUTIONS.items()}
