"""No lesson shows the library's answer to an exercise before the exercise."""

import importlib
import re
from pathlib import Path

import pytest

from croco_np.teaching.grading import _load, verdict

_load()
LESSONS = sorted((Path(__file__).parents[2] / "tutorials").glob("[01][0-9]_*.py"))


def shown_before(source, number):
    """The library's functions that are named alone in a listing before the exercise, and imported by the lesson."""
    before, mark, _ = source.partition(f'grade("{number}", ')
    assert mark
    names = {name for listing in re.findall(r"^show\((.*)\)", before, re.M) for name in re.findall(r"[\w.]+", listing)}
    imports = re.findall(r"^from (croco_np[\w.]*) import (?:\(([^)]*)\)|([^(\n]*))$", source, re.M)
    found = (
        getattr(importlib.import_module(module), name)
        for module, many, few in imports
        for name in re.findall(r"\w+", many + few)
    )
    return [f for f in found if getattr(f, "__name__", "") in names]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_no_listing_above_an_exercise_is_its_answer(lesson):
    source = lesson.read_text(encoding="utf-8")
    for number in re.findall(r'^grade\("([\d.]+)"', source, re.M):
        for function in shown_before(source, number):
            right, _ = verdict(number, function)
            assert not right, f"{function.__name__} is shown above exercise {number} and answers it"


def test_a_listing_of_the_answer_is_found():
    source = (
        "from croco_np.kernels.mix import (\n    softmax,\n    softmax_backward,\n)\n"
        'show(softmax, softmax_backward)\ngrade("3.1", mine)\n'
    )
    found = shown_before(source, "3.1")
    assert [f.__name__ for f in found] == ["softmax", "softmax_backward"]
    assert [verdict("3.1", f)[0] for f in found] == [False, True]
