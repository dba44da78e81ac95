"""The worked solution, and where an answer departs from it."""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

from croco_np.errors import InputError
from croco_np.teaching import solution
from croco_np.teaching.grading import exercise
from croco_np.teaching.solutions import every

from .answers import every as answers

TUTORIALS = Path(__file__).parents[2] / "tutorials"
SOLUTIONS = every()
ANSWERS = answers()
SAME_NUMBERS = {
    ("1.1", "a list"),
    ("9.2", "+= over all rows"),
}  # wrong in what it writes to, not in what stands there in the end
FUNCTIONS = sorted(n for n, solved in SOLUTIONS.items() if callable(solved.answer))


@pytest.mark.parametrize("number", sorted(SOLUTIONS))
def test_it_shows_derivation_and_answer(number):
    worked, solved = solution(number), SOLUTIONS[number]
    shown = worked._repr_markdown_()
    assert inspect.cleandoc(solved.derivation) in shown
    assert (inspect.getsource(solved.answer).strip() if callable(solved.answer) else repr(solved.answer)) in shown
    assert shown.count("$") % 2 == 0
    assert "Yours" not in shown
    assert inspect.cleandoc(solved.derivation) in repr(worked)


def imported(number):
    """The names that the tutorial of an exercise imports."""
    source = next(TUTORIALS.glob(f"{int(number.split('.')[0]):02}_*.py")).read_text()
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {alias.asname or alias.name for node in nodes for alias in node.names}


@pytest.mark.parametrize("number", FUNCTIONS)
def test_it_stands_by_itself(number):
    """A reader may copy the listing into a cell: it needs what the tutorial imports, and its arguments, only."""
    right = SOLUTIONS[number].answer
    assert not right.__closure__
    assert {name for name in right.__code__.co_names if name in right.__globals__} <= imported(number)


@pytest.mark.parametrize("number", sorted(SOLUTIONS))
def test_the_right_answer_beside_itself(number):
    assert solution(number, SOLUTIONS[number].answer).beside == "Yours is right, too."


@pytest.mark.parametrize("number", FUNCTIONS)
def test_a_wrong_answer_is_placed(number):
    """Each wrong answer that runs departs somewhere on the examples that the checker draws."""
    for name, answer in ANSWERS[number].wrong.items():
        beside = solution(number, answer).beside
        assert beside.startswith("Yours: not yet. "), name
        assert ("On the checker's example" in beside) == ((number, name) not in SAME_NUMBERS), name


def test_an_entry_is_named_with_both_values():
    beside = solution("3.1", lambda g, dg: g * dg).beside
    assert "On the checker's example 1 (g (4, 3), dg (4, 3)) da[0, 0] is " in beside
    assert "(12 of 12 entries differ)" in beside
    assert "da has shape (4,) in yours, (4, 3) in the solution." in solution("3.1", lambda g, dg: g[:, 0]).beside


def test_one_wrong_entry_is_found():
    def my_softmax_backward(g, dg):
        da = SOLUTIONS["3.1"].answer(g, dg)
        da[1, 2] += 1
        return da

    assert "da[1, 2] is " in solution("3.1", my_softmax_backward).beside
    assert "(1 of 12 entries differ)" in solution("3.1", my_softmax_backward).beside


def test_an_error_is_named():
    assert "yours stops with IndexError" in solution("3.1", lambda g, dg: g[99]).beside


def test_lines_of_python_are_no_markdown():
    def my_softmax_backward(g, dg):
        return g**2 @ dg**2

    assert "g**2 @ dg**2" in repr(solution("3.1", my_softmax_backward))
    assert r"g\*\*2 @ dg\*\*2" in solution("3.1", my_softmax_backward)._repr_markdown_()


def test_a_value_is_set_beside_the_solution():
    assert "You say 0.0001, the solution says" in solution("4.3", 1e-4).beside


def test_open_answers_and_other_things():
    def still_open(g, dg):
        raise NotImplementedError

    assert solution("3.1", ...).beside == solution("3.1").beside == ""
    assert solution("3.1", still_open).beside == "Yours is still open."
    assert "A function is wanted" in solution("3.1", np.ones(3)).beside


def test_no_example_is_spoiled_by_an_answer_that_writes():
    def my_softmax_backward(g, dg):
        dg *= 0
        return dg

    assert "It writes into its argument dg" in solution("3.1", my_softmax_backward).beside
    assert solution("3.1", SOLUTIONS["3.1"].answer).beside == "Yours is right, too."


def test_an_exercise_of_ones_own_may_have_none():
    from croco_np.teaching.grading import EXERCISES

    exercise("99.1", "anything")(lambda answer: None)
    try:
        with pytest.raises(InputError, match="without a worked solution"):
            solution("99.1")
    finally:
        del EXERCISES["99.1"]


@pytest.mark.parametrize("number", FUNCTIONS)
@pytest.mark.parametrize(
    "change",
    [
        lambda returned: None,
        lambda returned: "a",
        lambda returned: [returned],
        lambda returned: np.full(np.shape(returned), None),
        lambda returned: np.asarray(returned).astype(object),
        lambda returned: np.asarray(returned) * 1j,
        lambda returned: np.asarray(returned, np.float32),
        lambda returned: np.asarray(returned) * np.nan,
    ],
    ids=["None", "text", "list", "array of None", "object", "complex", "float32", "NaN"],
)
def test_other_things_than_numbers_can_be_set_beside(number, change):
    """What a student may return by mistake has a place beside the solution, and no traceback."""
    right = SOLUTIONS[number].answer

    def first(returned):
        if isinstance(returned, tuple):
            return (change(returned[0]), *returned[1:])
        return change(returned) if returned is not None and not isinstance(returned, dict) else returned

    told = repr(solution(number, lambda *args: first(right(*args))))
    assert "Yours" in told
