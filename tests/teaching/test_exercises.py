"""The grader is graded: each exercise takes its right answer and refuses typical wrong ones, with a hint."""

import pytest

from croco_np.teaching.grading import EXERCISES, _load, verdict

from .answers import every

_load()
ANSWERS = every()
WRONG = [(number, name) for number, answer in ANSWERS.items() for name in answer.wrong]


def test_every_exercise_has_a_right_and_three_wrong_answers():
    assert set(ANSWERS) == set(EXERCISES)
    assert all(len(answer.wrong) >= 3 for answer in ANSWERS.values())


@pytest.mark.parametrize("number", sorted(ANSWERS))
def test_the_right_answer_passes(number):
    right, told = verdict(number, ANSWERS[number].right)
    assert right, told


@pytest.mark.parametrize(("number", "name"), WRONG)
def test_a_wrong_answer_gets_a_hint(number, name):
    right, told = verdict(number, ANSWERS[number].wrong[name])
    assert not right
    assert told.startswith(f"Exercise {number}: not yet. ")
    assert len(told) > 40


@pytest.mark.parametrize("number", sorted(ANSWERS))
@pytest.mark.parametrize("open_answer", [None, ...])
def test_an_open_answer_is_no_mistake(number, open_answer):
    right, told = verdict(number, open_answer)
    assert not right
    assert told == f"Exercise {number} is open: {EXERCISES[number].task}"
