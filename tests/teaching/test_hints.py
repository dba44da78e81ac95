"""Hints grow with the tries, and none gives the answer away."""

import inspect
import re
import subprocess
import sys

import numpy as np
import pytest

from croco_np.teaching import grade
from croco_np.teaching.grading import EXERCISES, verdict
from croco_np.teaching.solutions import every
from croco_np.teaching.tries import count_miss, fingerprint, forget

from .answers import every as answers

ANSWERS = answers()
SOLUTIONS = every()


@pytest.fixture(autouse=True)
def anew():
    forget()
    yield
    forget()


def printed(capsys, number, answer):
    """What `grade` says, on one line."""
    grade(number, answer)
    return " ".join(capsys.readouterr().out.split())


def words(text):
    return " ".join(text.split())


def test_every_exercise_has_a_solution():
    assert set(SOLUTIONS) == {number for number in EXERCISES if not number.endswith("example")}


@pytest.mark.parametrize("number", sorted(SOLUTIONS))
def test_each_further_wrong_answer_gets_a_further_hint(number, capsys):
    wrong = list(ANSWERS[number].wrong.values())[:4]
    wrong += [f"nonsense {n}" for n in range(4 - len(wrong))]
    said = [printed(capsys, number, answer) for answer in wrong]
    solved = SOLUTIONS[number]
    for text in said:
        assert text.startswith(f"Exercise {number}: not yet. ")
    assert "Hint" not in said[0]
    assert said[1].endswith(f"Hint 2: {words(solved.hints[0])}")
    assert said[2].endswith(f"Hint 3: {words(solved.hints[1])}")
    assert re.search(r'Stuck\? solution\("' + number + r'", .+\) shows it worked out, beside yours\.$', said[3])
    assert printed(capsys, number, solved.answer) == f"Exercise {number}: right. {words(solved.worth)}"


def test_the_same_answer_again_is_the_same_try(capsys):
    def product(g, dg):
        return g * dg

    first = printed(capsys, "3.1", product)
    assert printed(capsys, "3.1", product) == first
    assert printed(capsys, "3.1", lambda g, dg: g * dg).startswith(first)
    assert "Hint 2" not in printed(capsys, "3.1", product)  # compiled to the same lines
    assert "Hint 2" in printed(capsys, "3.1", lambda g, dg: 2 * g * dg)
    assert printed(capsys, "4.3", 1e-4) == printed(capsys, "4.3", 1e-4)


def test_an_open_answer_is_no_try(capsys):
    def still_open(g, dg):
        raise NotImplementedError

    for answer in (None, ..., still_open) * 3:
        assert printed(capsys, "3.1", answer) == f"Exercise 3.1 is open: {EXERCISES['3.1'].task}"
    assert count_miss("3.1", 0) == 1


def test_the_way_to_the_solution_runs_as_it_is_printed(capsys):
    def my_softmax_backward(g, dg):
        return g

    for n in range(3):
        count_miss("3.1", n)
        count_miss("4.3", n)
    assert 'solution("3.1", my_softmax_backward)' in printed(capsys, "3.1", my_softmax_backward)
    assert 'solution("4.3", 0.5)' in printed(capsys, "4.3", 0.5)


def test_fingerprints_tell_answers_apart():
    def power(n):
        return lambda x: x**n

    def shifted(x, by=1):
        return x + by

    def shifted_by_two(x, by=2):
        return x + by

    assert fingerprint(power(2)) == fingerprint(power(2)) != fingerprint(power(3))
    assert fingerprint(shifted) != fingerprint(shifted_by_two)
    big = np.zeros(5000)
    other = big.copy()
    other[2500] = 1
    assert fingerprint(big) == fingerprint(big.copy()) != fingerprint(other)


@pytest.mark.parametrize("number", sorted(SOLUTIONS))
def test_the_first_hints_of_an_exercise_tell_its_mistakes_apart(number):
    told = [verdict(number, answer)[1] for answer in ANSWERS[number].wrong.values()]
    assert len(told) >= 3
    assert len(set(told)) >= max(3, 2 * len(told) / 3), "\n".join(told)


@pytest.mark.parametrize("number", sorted(SOLUTIONS))
def test_hints_do_not_hold_the_solution(number):
    """Neither a line of its code, nor the number that is asked for."""
    solved = SOLUTIONS[number]
    first = [verdict(number, answer)[1] for answer in ANSWERS[number].wrong.values()]
    for hint in (*solved.hints, *first):
        assert len(hint) > 40
        squeezed = re.sub(r"\s", "", hint)
        if callable(solved.answer):
            lines = inspect.getsource(solved.answer).splitlines()
            code = [re.sub(r"\s|#.*", "", line.split("=", 1)[-1].removeprefix("return")) for line in lines[1:]]
            for line in (line for line in code if len(line) > 16):
                assert line not in squeezed
        elif not str(number).startswith("10."):
            assert not re.search(rf"(?<![\d.e-]){re.escape(repr(solved.answer))}(?![\d.])", hint)
    assert len(set(solved.hints)) == 2


def test_grading_needs_no_compiler_no_table_and_no_thread():
    """In a process in which Numba and pandas cannot be imported, and no thread can be started."""
    code = """
import sys, threading
sys.modules["numba"] = sys.modules["pandas"] = None
def refuse(*_): raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
from croco_np.teaching import solutions
from croco_np.teaching.grading import verdict
for number, solved in solutions.every().items():
    right, told = verdict(number, solved.answer)
    assert right, (number, told)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
